"""Where a project's environment is: as uv has it, the repository, or the shell."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyo3_uv.facts.interpreters import Interpreter, describe, executable_of
from pyo3_uv.facts.python_package import PythonPackage
from pyo3_uv.facts.workspaces import uv_workspace_above
from pyo3_uv.process import outer_environment
from pyo3_uv.toml import lookup, lookup_table

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


@dataclass
class Environment:
    """The environment of a Python package: uv's, or another one that is there."""

    package: PythonPackage

    @cached_property
    def uv_workspace(self) -> Path | None:
        """The root of the uv workspace of which the project is a member, in another folder."""
        path = self.package.pyproject_path
        if not path or lookup(self.package.pyproject, "tool", "uv", "workspace") is not None:
            return None
        found = uv_workspace_above(path.parent)
        member = found and found.names(path.parent) and not found.excludes(path.parent)
        return found.root if found and member else None

    @property
    def uv_root(self) -> Path:
        """Where uv has the environment and its lock file."""
        path = self.package.pyproject_path
        return self.uv_workspace or (path.parent if path else self.package.crate.folder)

    @property
    def lock(self) -> Path:
        """The lock file of uv's, whether there is one or not."""
        return self.uv_root / "uv.lock"

    @property
    def syncs(self) -> bool:
        """Whether `uv sync` manages the environment here: there is a lock file, or more of uv's."""
        uv = lookup_table(self.package.pyproject, "tool", "uv")
        return self.lock.exists() or "required-version" in uv

    @property
    def uses_uv(self) -> bool:
        """Whether the project uses uv: it has a lock file of uv's, or settings for it."""
        uv = lookup(self.package.pyproject, "tool", "uv")
        return uv is not None or bool(self.elsewhere) or self.lock.exists()

    @property
    def has_cache_keys(self) -> bool:
        """Whether uv builds the extension module of the project, by the `cache-keys`."""
        return self.uses_uv and self.package.has_cache_keys

    @property
    def elsewhere(self) -> Path | None:
        """The environment that UV_PROJECT_ENVIRONMENT names, instead of `.venv`."""
        named = os.environ.get("UV_PROJECT_ENVIRONMENT")
        return self.uv_root / named if named and self.package.pyproject_path else None

    @cached_property
    def folder(self) -> Path:
        """The environment, or where uv would make it."""
        roots = list(dict.fromkeys((self.uv_root, *self.package.crate.upwards)))
        return self.elsewhere or find(roots) or self.uv_root / ".venv"

    @property
    def activated(self) -> bool:
        """Whether it is used as it is activated, and lies where nobody looks."""
        named = self.folder.name == ".venv" or self.elsewhere
        return not named and self.folder == activated()

    @property
    def executable(self) -> Path:
        return executable_of(self.folder)

    @cached_property
    def interpreter(self) -> Interpreter | None:
        """Its Python; None if there is none or it does not start."""
        return describe(self.executable) if self.executable.exists() else None

    def has(self, executable: str) -> bool:
        """Whether a program lies in it (itself it is a link to the base Python)."""
        return Path(executable).parent.resolve().is_relative_to(self.folder.resolve())
