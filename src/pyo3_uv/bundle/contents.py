"""What goes into a bundle on all systems: Python, packages, licences, and what starts Python."""

import importlib.metadata
import os
import pprint
import re
import runpy
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fnmatch import translate
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

from pyo3_uv.bundle.app import App, installed, origin, site_packages
from pyo3_uv.bundle.package_tests import find_tests
from pyo3_uv.bundle.table import Row, Table
from pyo3_uv.process import UserError, run

# Modules of the standard library that are in only if something imports them.
OPTIONAL = {
    name: [name]
    for name in ("test", "idlelib", "lib2to3", "pydoc_data", "ensurepip", "turtledemo", "__phello__")
} | {
    "tkinter": ["tkinter", "lib-dynload/_tkinter*", "_tkinter.pyd", "t*86t.dll"],
    "turtle": ["turtle.py"],
    "_testcapi": ["lib-dynload/*test*", "lib-dynload/xxlimited*", "*_test*.pyd"],
}  # fmt: skip

# Never in: for building against Python, and full of paths; or with another licence.
LEFT_OUT = {
    "only for building": ["config-*", "_sysconfig_vars*.json", "build-details.json", "*.a", "*.lib"],
    "of the machine": ["sitecustomize.py", "site-packages", "dist-packages"],
    "byte code of the machine": ["*__pycache__", "*.pyc"],
    "needs a library under the GPL": [f"lib-dynload/{name}*" for name in ("readline", "_gdbm", "_dbm")],
    "Kerberos": ["lib-dynload/nis*"],
}  # fmt: skip

LICENSE_FILE = re.compile(r"(UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE", re.IGNORECASE)
CODE = (".py", ".so", ".pyd")
IMPORTED = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)

# Without `home` it makes no virtual environment, but site.py, which is frozen, leaves out the user's
# site-packages, as the program does; no flag or variable says so to all that it starts.
CONFIG = "include-system-site-packages = false\n"
# In site-packages, so that the Pythons which the program starts run it, too.
START = '''\
"""What a Python needs that may be started on any machine."""

import os
import site
import sys

if site.ENABLE_USER_SITE:  # on Windows
    site.ENABLE_USER_SITE = False
    sys.path[:] = [path for path in sys.path if path != site.USER_SITE]

# The program ignores these, and the Pythons that it starts are its own.
for name in list(os.environ):
    if name.startswith("PYTHON") and name.isalpha() and name != "PYTHONTZPATH":
        del os.environ[name]

# OpenSSL looks where the machine that it was built on has certificates. Where others have them:
# https://go.dev/src/crypto/x509/root_linux.go
FILES = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    os.path.join(os.path.dirname(__file__), "certifi", "cacert.pem"),
]
zones = os.path.join(os.path.dirname(__file__), "tzdata", "zoneinfo")
if os.name == "posix" and not os.path.exists("/usr/share/zoneinfo"):
    os.environ.setdefault("TZDIR", zones)  # for C
if os.name == "posix" and not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
    found = next((file for file in FILES if os.path.exists(file)), None)
    if found:
        os.environ["SSL_CERT_FILE"] = found
'''


def collect(app: App, environment: Path, programs: Iterable[Path]) -> Table:
    """Return the table of all but the shared libraries of the system."""
    table = Table(app.python, app.settings)
    generated = app.work / "generated"
    generated.mkdir(exist_ok=True)
    for program in programs:
        table.add(PurePosixPath(program.name), program, "program")
    for source, destination in app.settings.files.items():
        for file in files_in(app.project / source):
            relative = file.relative_to(app.project / source).as_posix()
            table.add(PurePosixPath(destination, relative), file, "files of the settings")
    packages = installed(environment)
    texts = add_packages(table, environment, packages, generated)
    imported = {name for text in texts for name in IMPORTED.findall(text)}
    add_python(table, imported, generated)
    for row in [row for row in table.files if row.place.suffix == ".py"]:
        name = f"{row.place.stem}.{app.python['cache_tag']}.pyc"
        place = row.place.parent / "__pycache__" / name
        table.add(place, row.source, "byte code", row.owner, compiled=True)
    add_licenses(table, app)
    table.check()
    return table


def files_in(path: Path) -> Iterator[Path]:
    """Return a file itself, or the files in a folder; links that lead nowhere are left out."""
    if path.is_file():
        yield path
    for parent, folders, names in os.walk(path, followlinks=True):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if Path(parent, name).exists())


def add_python(table: Table, imported: set[str], generated: Path) -> None:
    """Add the executable, libpython and the standard library, as byte code.

    Without sources it is 9 MB smaller and starts as fast; one archive is slower (measured).
    """
    base, stdlib = Path(table.python["base_prefix"]), Path(table.python["stdlib"])
    groups = LEFT_OUT | {
        f"{name}, which nothing imports": patterns
        for name, patterns in OPTIONAL.items()
        if name not in imported
    }
    left_out = {
        reason: re.compile("|".join(map(translate, each))) for reason, each in groups.items()
    }
    roots = {stdlib: table.stdlib} | ({base / "DLLs": table.home / "DLLs"} if table.windows else {})
    for root, place in roots.items():
        for file in files_in(root):
            relative = PurePosixPath(file.relative_to(root).as_posix())
            parts = [str(part) for part in (relative, *relative.parents)]
            found = [reason for reason, regex in left_out.items() if any(map(regex.match, parts))]
            if found:
                if found[0] not in ("of the machine", "byte code of the machine"):
                    table.add(place / relative, file, found[0], "Python", left_out=True)
            elif file.suffix == ".py":
                if relative.name.startswith("_sysconfigdata"):
                    file = write(generated / file.name, without_paths(file, str(base)))
                source = place / relative
                table.add(source, file, "source of the standard library", "Python", left_out=True)
                if table.rows[source].left_out:
                    table.add(source.with_suffix(".pyc"), file, "standard library", "Python", True)
            else:
                table.add(place / relative, file, "standard library", "Python")
    library, executable = table.python["library"], Path(table.python["executable"])
    if table.windows:
        dlls = [library, *base.glob("python3*.dll"), *base.glob("vcruntime*.dll")]
        for file in [*base.glob("python*.exe"), *dlls]:
            table.add(table.home / file.name, file, "interpreter", "Python")
        for dll in dlls:  # There is no rpath; Windows looks beside the program.
            table.add(PurePosixPath(dll.name), dll, "interpreter", "Python")
    else:
        table.add(table.lib / library.name, library, "interpreter", "Python")
        table.add(table.executable, executable, "interpreter", "Python")
        for link in {"python3", "python"} - {executable.name}:
            table.links[table.executable.with_name(link)] = executable.name
    if "tkinter" in imported and not table.windows:
        command = [
            executable,
            "-I",
            "-c",
            "import tkinter; print(tkinter.Tcl().eval('info library'))",
        ]
        if tcl := run(command).stdout.strip():
            for folder in (Path(tcl), Path(tcl).with_name(Path(tcl).name.replace("tcl", "tk"))):
                for file in files_in(folder):
                    place = table.lib / folder.name / file.relative_to(folder).as_posix()
                    table.add(place, file, "scripts of Tcl and Tk", "Python")


def add_packages(
    table: Table, environment: Path, packages: list[Distribution], generated: Path
) -> list[str]:
    """Add what the packages have installed; return the texts of their modules, tests excepted."""
    site = site_packages(environment)
    texts: dict[str, dict[PurePosixPath, str]] = defaultdict(dict)
    rows: list[tuple[Path, PurePosixPath, str]] = []
    built = {f"{dist.name} {dist.version}" for dist in packages if origin(dist)}
    for dist in packages:
        owner = f"{dist.name} {dist.version}"
        for file in dist.files or ():
            source = Path(os.path.normpath(str(dist.locate_file(file))))
            if source.suffix == ".pyc" or not source.is_file():
                continue
            if source.is_relative_to(site):
                relative = PurePosixPath(source.relative_to(site).as_posix())
                rows.append((source, table.site / relative, owner))
                if source.suffix == ".py":
                    texts[owner][relative] = source.read_text(encoding="utf-8", errors="replace")
            else:
                rows.append(
                    (source, table.home / source.relative_to(environment).as_posix(), owner)
                )
    names = "\n".join(dist.read_text("entry_points.txt") or "" for dist in packages)
    tests = find_tests({owner: texts[owner] for owner in texts if owner not in built}, names)
    lazy = {
        owner for owner, found in texts.items() if any("attach_stub" in x for x in found.values())
    }
    modules = {
        place.with_name(place.name.split(".")[0]) for _, place, _ in rows if place.suffix in CODE
    }
    for source, place, owner in rows:
        relative = place.relative_to(table.site) if place.is_relative_to(table.site) else place
        reason = ""
        if relative.match("*.dist-info/uv_*.json") or (
            relative.match("*.dist-info/direct_url.json") and b'"file:' in source.read_bytes()
        ):
            continue  # what uv built it from
        if str(relative).startswith(tests[owner]):
            reason = "tests, which nothing else imports"
        elif place.suffix == ".pyi" and place.with_suffix("") in modules and owner not in lazy:
            reason = "types for checkers"
        elif place.is_relative_to(table.home / "include"):
            reason = "only for building"
        elif place.is_relative_to(table.home / "Scripts"):
            reason = "starts a Python of the machine"
        why = "package built here" if owner in built else "package"
        table.add(place, source, reason or why, owner, left_out=bool(reason))

    for name in ("certifi", "tzdata"):
        if not any(dist.name == name for dist in packages) and (
            name == "tzdata" or sys.platform == "linux"
        ):
            extra = importlib.metadata.distribution(name)
            for file in extra.files or ():
                if file.suffix != ".pyc" and ".." not in file.parts:
                    reason = "for machines without certificates or time zones"
                    place = table.site / file.as_posix()
                    table.add(
                        place, Path(str(extra.locate_file(file))), reason, f"{name} {extra.version}"
                    )
    table.add(table.site / "_bundle.py", write(generated / "_bundle.py", START), "start", "Python")
    if not table.windows:
        config = write(generated / "pyvenv.cfg", CONFIG)
        table.add(table.home / "pyvenv.cfg", config, "start", "Python")
    pth = write(generated / "_bundle.pth", "import _bundle\n")
    table.add(table.site / "_bundle.pth", pth, "start", "Python")
    there = {str(row.place) for row in table.files}
    for row in [row for row in table.files if row.place.match("*.dist-info/RECORD")]:
        lines = row.source.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [
            x for x in lines if os.path.normpath(table.site / x.split(",")[0].strip('"')) in there
        ]
        row.source = write(generated / f"{row.place.parent.name}-RECORD", "".join(kept))
    return [
        text
        for owner, found in texts.items()
        for path, text in found.items()
        if not str(path).startswith(tests[owner])
    ]


def without_paths(file: Path, base: str) -> str:
    """Return a _sysconfigdata file without what names folders of the machine that built Python."""
    variables = runpy.run_path(str(file))["build_time_vars"]
    folders = [base, variables.get("abs_builddir") or base, variables.get("abs_srcdir") or base]
    folders.append(str(Path.home()))
    kept = {k: v for k, v in variables.items() if not any(folder in str(v) for folder in folders)}
    return f"build_time_vars = {pprint.pformat(kept)}\n"


def add_licenses(table: Table, app: App) -> None:
    """Add the licences of the project, of Python and of the crates; packages have theirs."""
    for file in app.project.glob("LICENSE*"):
        table.add(PurePosixPath(file.name), file, "licence", app.package["name"])
    folder = PurePosixPath("licenses")
    candidates = [Path(app.python[key], "LICENSE.txt") for key in ("stdlib", "base_prefix")]
    candidates.append(Path(f"/usr/share/doc/python{app.python['minor']}/copyright"))  # Debian
    found = [file for file in candidates if file.exists()]
    if not found:
        raise UserError(f"there is no {candidates[0]}; copy it there from python.org")
    table.add(folder / "python.txt", found[0], "licence", "Python")
    lines = ["Crates in the program:", "", "Rust's standard library: MIT OR Apache-2.0"]
    for crate in app.crates():
        about = f"{crate['name']} {crate['version']}"
        terms = crate["license"] or crate["license_file"] or "no licence is given"
        lines.append(f"{about}: {terms} {crate['repository'] or ''}".rstrip())
        for file in Path(crate["manifest_path"]).parent.iterdir():
            if LICENSE_FILE.match(file.name) and file.is_file():
                place = folder / "crates" / about.replace(" ", "-") / file.name
                table.add(place, file, "licence", f"crate {about}")
    listed = write(app.work / "generated/crates.txt", "\n".join([*lines, ""]))
    table.add(folder / "crates.txt", listed, "licence", "crates")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def license_rows(table: Table) -> dict[str, list[str]]:
    """Return the places of the licence files, by what they are for."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in table.files:
        if row.reason == "licence" or is_package_license(row):
            found[row.owner].append(row.place.as_posix())
    return dict(sorted(found.items()))


def is_package_license(row: Row) -> bool:
    inside = [part for part in row.place.parts if part.endswith(".dist-info")]
    return bool(inside and ("licenses" in row.place.parts or LICENSE_FILE.match(row.place.name)))
