"""Bundles of rendered apps: made by `uv run bundle.py`, started where there is nothing but glibc."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import commit_all, run, uv
from .conftest import Render
from .projects import replace
from .pythons import PATCHELF, environment, relocate, replace_bytes, sync, unactivated

pytestmark = pytest.mark.build

ADA = '{"username": "ada", "group": {"name": "analysts"}, "friends": []}'

# Takes the place of python/my_app/summary.py: uses what programs use.
PROBE = """
import asyncio, bz2, ctypes, curses, datetime, decimal, hashlib, importlib.metadata
import importlib.resources, json, lzma, math, multiprocessing, os, sqlite3, ssl, subprocess, sys
import sysconfig, traceback, uuid, xml.etree.ElementTree, zlib, zoneinfo
import jsonschema_specifications, numpy, prettytable


def child(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


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
        "trace": "obj, end = self.raw_decode(s" in trace,
        "pools": pools,
        "child": child(sys.executable, "-c", "import numpy, ssl, sys; print(sys.prefix)"),
        "suffix": sysconfig.get_config_var("EXT_SUFFIX").startswith(".cpython-"),
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
}

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


def bundle(app: Path, env: dict[str, str]) -> tuple[Path, str]:
    """Run bundle.py; return the bundle's folder, and what is printed."""
    output = run([uv(), "run", "--quiet", "bundle.py"], app, env).output
    [folder] = (path for path in (app / "dist").iterdir() if path.is_dir())
    return folder, output


def error(app: Path, env: dict[str, str]) -> str:
    """Run bundle.py; return the one line that it prints when it fails."""
    done = run([uv(), "run", "--quiet", "bundle.py"], app, env, check=False)
    lines = done.output.splitlines()
    assert done.code == 1, done.output
    assert lines[-1].startswith("error: ") and "Traceback" not in done.output, done.output
    assert not any((app / "dist").glob(".*")), "nothing half-made is left"
    return lines[-1]


@pytest.fixture(scope="module")
def bundled(
    shared_project: Render, middle: Interpreter, target: Path
) -> tuple[Path, Interpreter, dict[str, str], Path, str]:
    """Return an app with PROBE, its Python, the environment, the bundle and what was printed.

    tests/test_app_release.py has bundles of a relocated Python.
    """
    python = middle
    env = environment(target, python)
    app = make_app(shared_project, python, env)
    (app / "python/my_app/summary.py").write_text(PROBE)
    run([uv(), "add", "--quiet", "numpy", "jsonschema-specifications"], app, env)
    commit_all(app)
    return app, python, env, *bundle(app, env)


Bundled = tuple[Path, Interpreter, dict[str, str], Path, str]


@pytest.mark.slow
def test_bundle_where_there_is_nothing(bundled: Bundled, root: Root) -> None:
    """From any folder and in any environment, with all that programs use."""
    _, _, _, made, _ = bundled
    run(["tar", "-xzf", f"{made}.tar.gz", "-C", root.opt], root.folder)
    folder = root.opt / made.name
    paths = sorted(folder.rglob("*"))

    def check(place: str, *args: str, **env: str) -> None:
        done = root.start(f"/opt/{place}/my-app", *args, **env)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        prefix = seen.pop("prefix")
        assert seen.pop("child") == prefix
        entries = seen.pop("path")
        assert all(entry.startswith(f"{prefix}/lib/") for entry in entries), entries
        assert seen == EXPECTED
        assert done.stderr == ""

    check(folder.name)
    check(folder.name, PATH="/usr/bin:/bin", HOME="/root", SHELL="/bin/sh", LOGNAME="root")  # cron
    evil = root.opt / "evil"
    evil.mkdir()
    for library in (folder / "python/lib").glob("*.so*"):
        (evil / library.name).write_text("not a library")
    hostile = {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/opt/evil", "VIRTUAL_ENV": "/nowhere"}
    (evil / "json.py").write_text("raise SystemExit('the wrong json')")
    check(folder.name, LD_LIBRARY_PATH="/opt/evil", PYTHONSAFEPATH="", **hostile)

    # Moved after it was started; a second version beside it
    other = folder.rename(root.opt / "with space and ü")
    check(other.name)
    run(["cp", "-al", other, root.opt / "my-app-0.2.0"], root.folder)
    check("my-app-0.2.0")
    (root.opt / "link").symlink_to(other.name)
    check("link")
    long = root.opt.joinpath(*["long" * 50] * 10)
    long.mkdir(parents=True)
    other.rename(long / "here")
    check(str((long / "here").relative_to(root.opt)))
    assert (
        sorted(folder / path.relative_to(long / "here") for path in (long / "here").rglob("*"))
        == paths
    )


@pytest.mark.slow
def test_bundle_names_no_folder_of_this_machine(bundled: Bundled) -> None:
    app, python, env, made, output = bundled
    names = {str(app), str(python.base_prefix), env["CARGO_TARGET_DIR"]}
    cargo = str(Path(env.get("CARGO_HOME", Path.home() / ".cargo"), "registry"))
    assert cargo.encode() not in (made / "my-app").read_bytes()
    found = set()
    for path in made.rglob("*"):
        if path.is_symlink():
            assert not os.path.isabs(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
            assert path.stat().st_mode & 0o777 in (0o644, 0o755)
            if any(name.encode() in content for name in names):
                found.add(path.relative_to(made).as_posix())
    # The prefix that was compiled in
    assert found == {f"python/lib/libpython{python.minor}.so.1.0"}
    assert all(f"note: {name} has the path {python.base_prefix} in it" in output for name in found)


@pytest.mark.slow
def test_bundle_report(bundled: Bundled) -> None:
    """Sizes, the oldest glibc, copied libraries, licences; the checksum fits."""
    _, python, _, made, output = bundled
    run(["sha256sum", "--check", f"{made.name}.tar.gz.sha256"], made.parent)
    assert re.search(r"runs with glibc 2\.\d+ or newer, which \S+ needs", output)
    assert re.search(r" \d+\.\d MB  python: packages\n", output)
    assert f"MB  dist/{made.name}\n" in output and f"MB  dist/{made.name}.tar.gz\n" in output
    assert "not one of uv's" in output
    for library in ("libz.so.1", "libssl.so.3", "libffi.so.8", "libstdc++.so.6"):
        assert library in output and (made / "python/lib" / library).is_file()
    # GPL
    assert not list(made.rglob("*readline*.so*")) and not list(made.rglob("*gdbm*.so*"))
    crates = (made / "licenses/crates.txt").read_text()
    assert re.search(r"^pyo3 0\.\d+\.\d+: MIT OR Apache-2\.0 https://", crates, re.MULTILINE)
    assert "serde_derive" in crates and "pyo3-build-config" not in crates.replace("my-app", "")
    assert list(made.glob("licenses/crates/serde_json-*/LICENSE-MIT"))
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in (made / "licenses/python.txt").read_text()
    assert list(
        made.glob("python/lib/python*/site-packages/numpy-*.dist-info/licenses/**/LICENSE*")
    )
    assert (made / "LICENSE").is_file()
    compiled = {path.parents[1] / f"{path.name.split('.')[0]}.py" for path in made.rglob("*.pyc")}
    assert made / f"python/lib/python{python.minor}/json/decoder.py" in compiled


@pytest.mark.slow
def test_bundle_is_the_same_again(bundled: Bundled) -> None:
    app, _, env, made, _ = bundled
    archive = Path(f"{made}.tar.gz")
    first = archive.read_bytes()
    shutil.rmtree(app / "dist")
    for path in [*app.rglob("*.py"), *app.rglob("*.rs")]:
        path.touch()
    again, _ = bundle(app, env)
    assert archive.read_bytes() == first
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    date = int(run(["git", "log", "-1", "--format=%ct"], app).output)
    assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", date)}
    assert {int(path.stat().st_mtime) for path in again.rglob("*") if path.is_file()} == {date}


@pytest.mark.slow
def test_environment_instead_of_the_bundle(bundled: Bundled, tmp_path: Path) -> None:
    """MY_APP_VENV wins; a bundle that lost files says so, and takes no other Python."""
    app, python, _, made, _ = bundled

    def start(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [folder / "my-app"],
            cwd=app,
            env=env,
            input=ADA,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    done = start(made, MY_APP_VENV=str(app / ".venv"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prefix"] == str(app / ".venv")
    assert "no Python environment in /nowhere" in start(made, MY_APP_VENV="/nowhere").stderr

    copy = tmp_path / "copy"
    shutil.copytree(made, copy, symlinks=True)
    shutil.rmtree(copy / f"python/lib/python{python.minor}/encodings")
    done = start(copy)
    message = f"error: the bundle's {copy}/python is incomplete; unpack its archive again\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


@pytest.mark.slow
def test_library_that_cannot_be_copied(bundled: Bundled, tmp_path: Path) -> None:
    """It is named, with the file that needs it."""
    app, python, env, _, _ = bundled
    folder = python.base_prefix / f"lib/python{python.minor}/lib-dynload"
    module = folder / "_needy.so"
    shutil.copy(next(folder.glob("_struct.*.so")), module)
    try:
        run([PATCHELF, "--add-needed", "libabsent.so.9", module], app)
        _, output = bundle(app, env)
    finally:
        module.unlink()
    name = module.relative_to(python.base_prefix).as_posix()
    assert f"note: libabsent.so.9 is not on this system; needed by python/{name}\n" in output


@pytest.mark.slow
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
    assert run([made / "my-app"], tmp_path, {}).output.startswith(f"Python {middle.minor}")


@pytest.mark.slow
def test_full_disk_and_interruption(bundled: Bundled, root: Root) -> None:
    app, _, env, _, _ = bundled
    before = {path: path.stat().st_ino for path in (app / "dist").iterdir()}
    script = 'mount -t tmpfs -o size=30m none dist && "$0" run --quiet bundle.py; ls -A dist'
    done = run([*NAMESPACE, "sh", "-c", script, uv()], app, env, check=False)
    [message] = done.output.splitlines()[-1:]
    assert message.startswith("error: [Errno 28] No space left on device")
    assert message.endswith("; make room and repeat")

    for number in (signal.SIGTERM, signal.SIGINT):
        # A shell's background jobs ignore Ctrl-C, and so do their children, unless told otherwise.
        process = subprocess.Popen(
            ["env", "--default-signal=INT", uv(), "run", "--quiet", "bundle.py"],
            cwd=app,
            env=env,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        assert process.stdout
        while "Byte code" not in process.stdout.readline():
            assert process.poll() is None
        for _ in range(20_000):  # uv passes them on, too, so that they come more than once
            os.killpg(process.pid, number)
        output = process.communicate(timeout=60)[0]
        assert process.returncode != 0
        assert output.endswith("error: interrupted; dist/ is as it was\n"), output
        assert {path: path.stat().st_ino for path in (app / "dist").iterdir()} == before


def test_errors_name_the_cure(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    env = unactivated(middle, CARGO_TARGET_DIR=str(target))
    app = make_app(synced, middle, env)

    lock = (app / "uv.lock").rename(tmp_path / "uv.lock")
    assert error(app, env) == "error: there is no uv.lock; run `uv lock`, and commit it"
    lock.rename(app / "uv.lock")
    lock = (app / "Cargo.lock").rename(tmp_path / "Cargo.lock")
    assert error(app, env) == "error: there is no Cargo.lock; run `cargo check`, and commit it"
    lock.rename(app / "Cargo.lock")

    replace(app / "Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    assert "cargo needs another Cargo.lock; run `cargo check`: " in error(app, env)
    replace(app / "Cargo.toml", 'version = "0.2.0"', 'version = "0.1.0"')
    replace(app / "pyproject.toml", '"prettytable>=3.18"', '"prettytable>=3.18", "numpy"')
    assert "uv needs another uv.lock; run `uv lock`: " in error(app, env)
    replace(app / "pyproject.toml", '"prettytable>=3.18", "numpy"', '"prettytable>=3.18"')

    (app / ".venv").rename(tmp_path / ".venv")
    assert error(app, env) == "error: there is no Python environment in .venv; run `uv sync`"

    static = relocate(middle, tmp_path / "static")
    [data] = (tmp_path / f"static/lib/python{middle.minor}").glob("_sysconfigdata*.py")
    replace_bytes(data, "'Py_ENABLE_SHARED': 1", "'Py_ENABLE_SHARED': 0")
    shutil.rmtree(data.with_name("__pycache__"))
    sync(app, static, env)
    message = error(app, env)
    assert "is static, without a libpython; run `uv sync --managed-python --python" in message


@pytest.mark.slow
def test_package_that_is_no_dependency(synced: Render, middle: Interpreter, target: Path) -> None:
    env = environment(target, middle)
    app = make_app(synced, middle, env)
    source = app / "python/my_app/summary.py"
    source.write_text("import mypy.api\n" + source.read_text())
    message = error(app, env)
    assert (
        "python/my_app/summary.py imports mypy, which is no dependency; run `uv add` with"
        in message
    )
