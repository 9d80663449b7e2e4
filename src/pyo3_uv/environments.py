"""Where a project's environment is: as uv has it, the repository, or the shell."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyo3_uv.interpreters import executable_of
from pyo3_uv.process import outer_environment

# Other names that people give it
NAMES = ("venv", "env", ".env", ".virtualenv", "virtualenv")


def exists(folder: Path) -> bool:
    """Whether a folder is an environment, be it broken: of venv, uv or conda."""
    python = executable_of(folder)
    marks = (folder / "pyvenv.cfg", folder / "conda-meta", python)
    return any(mark.exists() for mark in marks) or python.is_symlink()


def activated() -> Path | None:
    """Return the environment that is activated in the shell, one of conda too."""
    env = outer_environment()
    named = (env.get("VIRTUAL_ENV"), env.get("CONDA_PREFIX"))
    return next((Path(name) for name in named if name and exists(Path(name))), None)


def find(roots: list[Path]) -> Path | None:
    """Return the environment that serves the folders `roots`, the nearest first; None without one.

    uv takes `.venv` even where another one is activated; so does this.
    """
    for name in (".venv", None, *NAMES):
        if name is None:
            if active := activated():
                return active
        elif found := next((root / name for root in roots if exists(root / name)), None):
            return found
    return None


def wanted(root: Path) -> Path | None:
    """Return the environment that UV_PROJECT_ENVIRONMENT names for a project of uv."""
    named = os.environ.get("UV_PROJECT_ENVIRONMENT")
    return root / named if named else None


# The first lines of a script that pip or uv installed: those of a long path, or of one with spaces,
# start a shell
_SHEBANG = re.compile(
    rb"#! *(?P<direct>/[^\n]*/python[\w.]*)\n|"
    rb"#!/bin/sh\n'''exec' '?(?P<shell>/.*/python[\w.]*)'? "
)


def scripts_of_another(venv: Path) -> dict[Path, Path]:
    """Return the scripts of an environment that start the Python of another one, and that Python.

    They name it by its absolute path, so an environment that was moved has such scripts.
    """
    folder, found = executable_of(venv).parent, dict[Path, Path]()
    for script in sorted(folder.glob("*")):
        if not script.is_file():
            continue
        with script.open("rb") as file:
            match = _SHEBANG.match(file.read(4096))
        if not match:
            continue
        python = Path(os.fsdecode(match["direct"] or match["shell"]))
        # A script may be for a Python of the system, which is there.
        other = (python.parents[1] / "pyvenv.cfg").exists() or not python.exists()
        if other and python.parent.resolve() != folder.resolve():
            found[script] = python
    return found
