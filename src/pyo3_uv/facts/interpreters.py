"""Python interpreters: those that were started and asked, and those that uv lists."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyo3_uv import template_texts
from pyo3_uv.process import UserError, run

SUPPORTED = template_texts.python_versions()  # the answers to python_version

_DESCRIBE = """
import json, os, platform, sys, sysconfig
v = sysconfig.get_config_vars()
shared = bool(v.get("Py_ENABLE_SHARED")) or bool(v.get("PYTHONFRAMEWORK"))
if hasattr(sys, "dllhandle"):  # CPython for Windows, whose sysconfig does not know these
    from _winapi import GetModuleFileName
    shared, libs = True, os.path.join(sys.base_prefix, "libs")
    dll = GetModuleFileName(sys.dllhandle)
    v.update(LIBDIR=libs, INSTSONAME=dll, LDVERSION=os.path.basename(dll)[6:-4])
print(json.dumps({
    "implementation": sys.implementation.name,
    "path": sys.executable,
    "version": platform.python_version(),
    "free_threaded": bool(v.get("Py_GIL_DISABLED")),
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
    """A CPython that was started and asked about itself.

    `path` is the executable, absolute, with links as they were given; that of a shim is the program
    that it starts. `lib_name` and `lib_dir` are what PyO3 passes to the linker; `libpython` is the
    shared library that the loader must find then, None if it is static.
    """

    path: Path
    version: str
    free_threaded: bool
    base_prefix: Path
    libpython: Path | None
    lib_dir: Path
    lib_name: str
    system_libraries: str

    @property
    def minor(self) -> str:
        """The version as the template asks for it: "3.12", "3.14t"."""
        return short(self.version, self.free_threaded)

    @property
    def linkage(self) -> str:
        """How libpython is linked: "shared" or "static"."""
        return "shared" if self.libpython else "static"

    @property
    def linkable(self) -> bool:
        """Whether the linker finds libpython in its folder (on Windows it is always there)."""
        if os.name == "nt":
            return True
        suffixes = ("so", "dylib", "a") if self.libpython else ("a",)
        folders = [self.lib_dir, *self.lib_dir.glob("*-linux-*")]
        names = [f"lib{self.lib_name}.{suffix}" for suffix in suffixes]
        return any((folder / name).exists() for folder in folders for name in names)


def short(version: str, free_threaded: bool = False) -> str:
    """Return "3.14t" for "3.14.2" and a free-threaded build."""
    return ".".join(version.split(".")[:2]) + ("t" if free_threaded else "")


def executable_of(venv: Path) -> Path:
    """Return where an environment has its Python, whether it exists or not."""
    if (venv / "conda-meta").is_dir() and os.name == "nt":
        return venv / "python.exe"
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def describe(python: str | os.PathLike[str], cwd: Path | None = None) -> Interpreter | None:
    """Start `python` and return what it says of itself; None if it is no CPython that starts."""
    result = run([python, "-I", "-c", _DESCRIBE], cwd)
    try:
        facts = json.loads(result.stdout) if result.code == 0 else {}
        if facts.pop("implementation", None) != "cpython":
            return None
        shared, libpython = facts.pop("shared"), facts.pop("libpython")
        for name in ("path", "base_prefix", "lib_dir"):
            facts[name] = Path(facts[name])
        return Interpreter(libpython=Path(libpython) if shared else None, **facts)
    except (ValueError, TypeError, AttributeError):
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
            return str(self.interpreter.path)
        return self.version + ("t" if self.minor.endswith("t") else "")

    @property
    def prerelease(self) -> bool:
        return bool(re.search(r"[a-z]", self.version))

    @property
    def linkable(self) -> bool:
        return self.interpreter is None or self.interpreter.linkable

    @property
    def usable(self) -> bool:
        """Whether the template offers it and `cargo test` can link it."""
        return self.minor in SUPPORTED and self.linkable

    def __str__(self) -> str:
        notes = ["to be downloaded by uv"]
        if self.interpreter:
            linkage = f"{self.interpreter.linkage} libpython"
            notes = ["installed", linkage, str(self.interpreter.path)]
        if self.prerelease:
            notes.append("pre-release")
        if self.minor not in SUPPORTED:
            notes.append("not supported by the template")
        if self.interpreter and not self.linkable:
            package = f"lib{self.interpreter.lib_name}-dev"
            notes.append(f"without its development files (Debian: {package})")
        return f"{self.version} ({', '.join(notes)})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.minor,
            "full_version": self.version,
            "path": str(self.interpreter.path) if self.interpreter else None,
            "shared": bool(self.interpreter.libpython) if self.interpreter else None,
        }


def pythons() -> list[Python]:
    """Return what `uv python list` names, installed ones first, each newest first.

    Raises `UserError` if uv fails.
    """
    result = run(["uv", "python", "list", "--output-format", "json"])
    if result.code:
        raise UserError(f"uv python list failed\n{result.output}")
    installed: dict[str, Python] = {}
    downloads: dict[str, Python] = {}
    for entry in json.loads(result.stdout):
        if entry["implementation"] != "cpython" or "debug" in entry["variant"]:
            continue
        if entry["path"] is None:
            minor = short(entry["version"], entry["variant"] == "freethreaded")
            downloads.setdefault(minor, Python(minor, entry["version"]))
        # Started, not believed: a pyenv shim is listed and is another program in another folder.
        elif found := describe(entry["path"]):
            python = Python(found.minor, entry["version"], found)
            # One for each program, whatever the number of links to it.
            installed.setdefault(os.path.realpath(found.path), python)
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
        found = describe(Path(request).expanduser().absolute())
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
        # A patch version that uv does not list may exist all the same: uv sync tells.
        python = next(iter(usable or fitting), Python(minor, version))
    if python.minor not in SUPPORTED:
        offered = ", ".join(SUPPORTED)
        raise UserError(f"Python {python.minor} is not one of the template's: {offered}", 2)
    return python
