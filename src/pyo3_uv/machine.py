"""What this machine has: the tools, and the Pythons that uv finds or can download."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyo3_uv.process import UserError, outer_environment, run

# The answers to python_version in copier.yml
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "3.15t")
OLDEST_RUST = (1, 85)  # rust-version in a rendered Cargo.toml


@dataclass(frozen=True)
class Tool:
    """A program that a project needs, and what to do when it is missing."""

    name: str
    version: str | None  # None: missing
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "problem": self.problem}


_INSTALL_RUST = "install Rust: https://rustup.rs"
_INSTALL = {
    "uv": "install uv: https://docs.astral.sh/uv/getting-started/installation/",
    "cargo": _INSTALL_RUST,
    "rustc": _INSTALL_RUST,
    "git": "install git: https://git-scm.com/downloads",
}
_INSTALL_LINKER = {
    "darwin": "install Apple's command line tools: xcode-select --install",
    "win32": "install the Visual Studio Build Tools with the C++ workload",
}.get(
    sys.platform,
    "install a C compiler (Debian and Ubuntu: apt install gcc, Fedora: dnf install gcc)",
)


def tools() -> list[Tool]:
    """Start each tool and return what was found, missing ones included."""
    found = [_tool(name) for name in ("uv", "cargo", "rustc", "git")]
    if all(tool.version for tool in found if tool.name in ("cargo", "rustc")):
        found.append(_linker())
    return found


def _tool(name: str) -> Tool:
    done = run([name, "--version"])
    if done.code:
        # "not found" of a missing program says nothing more; a shim's message does
        said = "" if done.code == 127 and not done.stdout and len(done.output) < 80 else done.output
        return Tool(name, None, "\n".join(filter(None, [_INSTALL[name], said])))
    match = re.search(r"\d+(?:\.\d+)+", done.stdout)
    version = match[0] if match else done.stdout.strip()
    oldest = ".".join(map(str, OLDEST_RUST))
    if name == "rustc" and tuple(map(int, version.split(".")[:2])) < OLDEST_RUST:
        return Tool(name, version, f"at least {oldest} is needed: rustup update stable")
    return Tool(name, version)


def _linker() -> Tool:
    """Link an empty program, as only that shows whether cargo has a linker that works."""
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as folder:
        crate = Path(folder)
        write_crate(crate, "fn main() {}\n")
        env = outer_environment() | {"CARGO_TARGET_DIR": str(crate / "target")}
        done = run(["cargo", "build", "--quiet", "--offline"], crate, env)
    if done.code:
        return Tool("linker", None, f"{_INSTALL_LINKER}\n{done.output}")
    version = run(["cc", "--version"])
    return Tool("linker", version.stdout.splitlines()[0] if version.stdout else "works")


def write_crate(folder: Path, main: str, build: str | None = None) -> None:
    """Write a crate without dependencies, a workspace of its own, into `folder`."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
    )
    (folder / "src/main.rs").write_text(main)
    if build:
        (folder / "build.rs").write_text(build)


# ---- Pythons ----

DESCRIBE = """
import json, os, sys, sysconfig
v = sysconfig.get_config_vars()
shared = bool(v.get("Py_ENABLE_SHARED")) or bool(v.get("PYTHONFRAMEWORK"))
print(json.dumps({
    "executable": sys.executable,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "free_threaded": bool(v.get("Py_GIL_DISABLED")),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "shared": shared,
    "lib_dir": v.get("LIBDIR") or "",
    "lib_name": "python" + (v.get("LDVERSION") or ""),
    "libpython": os.path.join(v.get("LIBDIR") or "", v.get("INSTSONAME") or "") if shared else "",
    "system_libraries": (v.get("LIBS") or "") + " " + (v.get("SYSLIBS") or ""),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was started and asked about itself.

    `lib_name` and `lib_dir` are what PyO3 passes to the linker; `libpython` is the shared library
    that the loader must find then, "" if libpython is static.
    """

    executable: str
    version: str
    free_threaded: bool
    prefix: str
    base_prefix: str
    shared: bool
    lib_dir: str
    lib_name: str
    libpython: str
    system_libraries: str

    @property
    def minor(self) -> str:
        """The version as the template asks for it: "3.12", "3.14t"."""
        return short(self.version, self.free_threaded)

    @property
    def linkable(self) -> bool:
        """Whether the linker finds libpython in its folder (on Windows it is always there)."""
        if os.name == "nt":
            return True
        suffixes = ("so", "dylib", "a") if self.shared else ("a",)
        folders = [Path(self.lib_dir), *Path(self.lib_dir).glob("*-linux-*")]
        return any(
            (folder / f"lib{self.lib_name}.{suffix}").exists()
            for folder in folders
            for suffix in suffixes
        )


def short(version: str, free_threaded: bool = False) -> str:
    """Return "3.14t" for "3.14.2" and a free-threaded build."""
    return ".".join(version.split(".")[:2]) + ("t" if free_threaded else "")


def describe(python: str | os.PathLike[str], cwd: Path | None = None) -> Interpreter | None:
    """Start `python` and return what it says of itself; None if it does not start."""
    done = run([python, "-I", "-c", DESCRIBE], cwd)
    try:
        return Interpreter(**json.loads(done.stdout)) if done.code == 0 else None
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Python:
    """A Python that `uv python list` names: installed, or to be downloaded."""

    minor: str
    version: str
    interpreter: Interpreter | None = field(default=None, repr=False)  # None: not installed

    @property
    def request(self) -> str:
        """What uv calls it: the interpreter's path, else the version."""
        if self.interpreter:
            return self.interpreter.executable
        return self.version + ("t" if self.minor.endswith("t") else "")

    @property
    def prerelease(self) -> bool:
        return bool(re.search(r"[a-z]", self.version))

    @property
    def usable(self) -> bool:
        """Whether the template offers it and `cargo test` can link it."""
        linkable = self.interpreter is None or self.interpreter.linkable
        return self.minor in SUPPORTED and linkable

    def __str__(self) -> str:
        if not self.interpreter:
            where = "to be downloaded by uv"
        else:
            sort = "shared" if self.interpreter.shared else "static"
            where = f"installed, {sort} libpython, {self.interpreter.executable}"
        marks = [
            "pre-release" if self.prerelease else "",
            "" if self.minor in SUPPORTED else "not supported by the template",
            ""
            if self.interpreter is None or self.interpreter.linkable
            else f"without its development files (Debian: lib{self.interpreter.lib_name}-dev)",
        ]
        return f"{self.version} ({', '.join(filter(None, [where, *marks]))})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.minor,
            "full_version": self.version,
            "path": self.interpreter.executable if self.interpreter else None,
            "shared": self.interpreter.shared if self.interpreter else None,
        }


def pythons() -> list[Python]:
    """Return what `uv python list` names, installed ones first, each newest first.

    Raises `UserError` if uv fails.
    """
    done = run(["uv", "python", "list", "--output-format", "json"])
    if done.code:
        raise UserError(f"uv python list failed\n{done.output}")
    installed: dict[str, Python] = {}
    downloads: dict[str, Python] = {}
    for entry in json.loads(done.stdout):
        if entry["implementation"] != "cpython" or "debug" in entry["variant"]:
            continue
        if entry["path"] is None:
            minor = short(entry["version"], entry["variant"] == "freethreaded")
            downloads.setdefault(minor, Python(minor, entry["version"]))
        # Started, not believed: a pyenv shim is listed and is another program in another folder.
        elif found := describe(entry["path"]):
            python = Python(found.minor, entry["version"], found)
            # One for each program, whatever the number of links to it.
            installed.setdefault(os.path.realpath(found.executable), python)
    present = {python.minor for python in installed.values()}
    return [
        *sorted(installed.values(), key=_newest_first),
        *sorted((p for p in downloads.values() if p.minor not in present), key=_newest_first),
    ]


def _newest_first(python: Python) -> tuple[bool, list[int]]:
    return python.minor.endswith("t"), [-int(n) for n in re.findall(r"\d+", python.version)]


def preferred(choices: list[Python]) -> Python | None:
    """Return the newest usable installed Python, else the newest usable one, if there is one.

    Pre-releases and free-threaded builds have to be chosen.
    """
    usable = [p for p in choices if p.usable and not p.prerelease and not p.minor.endswith("t")]
    return next((p for p in usable if p.interpreter), next(iter(usable), None))


def choose(request: str, choices: list[Python]) -> Python:
    """Return the Python that `request`, a version or an interpreter's path, names.

    Raises `UserError` (usage) if it is none that the template supports.
    """
    if os.sep in request or "/" in request:
        found = describe(Path(request).expanduser())
        if not found:
            raise UserError(f"{request} is not a Python that starts", 2)
        python = Python(found.minor, found.version, found)
    else:
        if not re.fullmatch(r"3\.\d+(\.\d+\w*)?t?", request):
            raise UserError(f"{request!r} is neither a version like 3.14 nor a path", 2)
        version = request.rstrip("t")
        minor = short(version, request.endswith("t"))
        fitting = [
            p for p in choices if p.minor == minor and f"{p.version}.".startswith(f"{version}.")
        ]
        usable = [p for p in fitting if p.usable]
        # A patch version that uv does not list may be there all the same: uv sync says.
        python = next(iter(usable or fitting), Python(minor, version))
    if python.minor not in SUPPORTED:
        offered = ", ".join(SUPPORTED)
        raise UserError(f"Python {python.minor} is not one of the template's: {offered}", 2)
    return python


def check_uv_works_with(python: Python) -> None:
    """Start uv in a folder with this Python's `.python-version`, as the project will have it.

    pyenv's shim of uv obeys that file: "pyenv: uv: command not found". Raises `UserError` then.
    """
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as folder:
        Path(folder, ".python-version").write_text(f"{python.minor}\n")
        done = run(["uv", "--version"], Path(folder))
    if done.code:
        raise UserError(
            f"{shutil.which('uv')} does not start in a project with Python {python.minor}; "
            f"{_INSTALL['uv']} (on its own, not into one of pyenv's Pythons)\n{done.output}"
        )
