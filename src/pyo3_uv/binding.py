"""Cargo's configuration, which binds a crate to its environment: for whom, and where it cannot."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path

from pyo3_uv.process import run
from pyo3_uv.project import Project


class Binding(str, Enum):
    """For whom `.cargo/config.toml` is written."""

    COMMITTED = "committed"
    LOCAL = "local"
    NONE = "none"

    @property
    def consequence(self) -> str:
        """What that means for contributors and CI, in one line."""
        return {
            "committed": "everybody who runs cargo there, CI too, needs the environment first",
            "local": "for this clone only: Git ignores the file, and it stays out of sdists",
            "none": "cargo stays as it is; activate the environment yourself before cargo test",
        }[self.value]


# Files in which people give cargo an environment of its own
SCRIPTS = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "noxfile.py", "tox.ini")


def obstacle(project: Project) -> str | None:
    """Say why a configuration that names the environment would break something; None if it does not.

    Cargo applies it to whatever is built in its folder and below.
    """
    folder, path = project.config_path.parent.parent, project.shown(project.config_path)
    root = project.repository
    if not project.venv.is_relative_to(root):
        return f"it lies outside of {root}, so {path} cannot name it for others"
    if project.is_bound:
        return None
    if neighbours := project.neighbours(folder):
        names = ", ".join(project.shown(other) for other in neighbours)
        return f"{path} would also hold for {names}, with PyO3, but perhaps no rpath to libpython"
    for parent in (folder, *folder.parents):
        for script in (parent / name for name in SCRIPTS):
            if script.is_file() and re.search(
                r"\b(PYTHONHOME|PYO3_PYTHON)\b", script.read_text("utf-8", "replace")
            ):
                return f"{project.shown(script)} chooses the Python of cargo itself"
        if parent == root:
            break
    return None


def is_tracked(path: Path) -> bool:
    """Whether a file is one of the repository's."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    return run(["git", "ls-files", "--error-unmatch", str(path)], folder).code == 0


def keep_local(path: Path) -> None:
    """Make Git ignore a file in this clone, and with it `uv build` and maturin."""
    result = run(["git", "rev-parse", "--show-toplevel", "--git-path", "info/exclude"], path.parent)
    if result.code:
        return  # There is no Git from which to keep it.
    top, name = result.stdout.splitlines()
    exclude = path.parent / name
    line = f"/{Path(os.path.relpath(path.resolve(), top)).as_posix()}"
    text = exclude.read_text(encoding="utf-8") if exclude.exists() else ""
    if line not in text.splitlines():
        exclude.parent.mkdir(parents=True, exist_ok=True)
        exclude.write_text(f"{text.rstrip()}\n{line}\n".lstrip(), encoding="utf-8")
