"""Workspaces of uv and of cargo: where they are, and which folders they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.globs import fits
from pyo3_uv.toml_edit import Table, lookup, read_toml


@dataclass(frozen=True)
class Workspace:
    """A workspace of uv or of cargo: its root, and what `members` and `exclude` say there."""

    root: Path
    members: list[str]
    exclude: list[str]

    def names(self, folder: Path) -> bool:
        """Whether `members` name a folder, which need not exist."""
        return any(_matches(pattern, folder, self.root) for pattern in self.members)

    def excludes(self, folder: Path) -> bool:
        return any(_matches(pattern, folder, self.root) for pattern in self.exclude)


def uv_workspace_above(folder: Path) -> Workspace | None:
    """Return the uv workspace that uv finds above a project, whether it names that or not.

    The nearest pyproject.toml above decides, also where it has no workspace.
    """
    for parent in folder.parents:
        if (parent / "pyproject.toml").is_file():
            table = lookup(read_toml(parent / "pyproject.toml"), "tool", "uv", "workspace")
            return None if table is None else _workspace(parent, table)
    return None


def cargo_workspace_above(folder: Path) -> Workspace | None:
    """Return the nearest Cargo workspace above a crate that does not exclude it."""
    for parent in folder.parents:
        if (parent / "Cargo.toml").is_file():
            table = lookup(read_toml(parent / "Cargo.toml"), "workspace")
            if table is not None:
                found = _workspace(parent, table)
                return found if found.names(folder) or not found.excludes(folder) else None
    return None


def _workspace(root: Path, table: Table) -> Workspace:
    return Workspace(root, table.get("members", []), table.get("exclude", []))


def _matches(pattern: str, folder: Path, root: Path) -> bool:
    """Whether a glob pattern names a folder below `root`."""
    return folder.is_relative_to(root) and fits(pattern, str(folder.relative_to(root)))
