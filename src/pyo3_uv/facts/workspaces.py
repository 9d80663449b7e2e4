"""Workspaces of uv and of cargo: where they are, and which folders they name."""

from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.facts.globs import fits
from pyo3_uv.paths import relative
from pyo3_uv.toml import Table, lookup, lookup_texts, read_if_there, read_toml


@dataclass(frozen=True)
class Workspace:
    """A workspace of uv or of cargo: its root, and what `members` and `exclude` say there."""

    root: Path
    members: list[str]
    exclude: list[str]

    def names(self, folder: Path) -> bool:
        """Whether `members` name a folder, which need not exist."""
        return self._match(self.members, folder)

    def excludes(self, folder: Path) -> bool:
        return self._match(self.exclude, folder)

    def _match(self, patterns: list[str], folder: Path) -> bool:
        if not folder.is_relative_to(self.root):
            return False
        return any(fits(pattern, relative(folder, self.root)) for pattern in patterns)


def uv_workspace_above(folder: Path) -> Workspace | None:
    """Return the uv workspace that uv finds above a project, whether it names that or not.

    The nearest pyproject.toml above decides, also where it has no workspace.
    """
    paths = (parent / "pyproject.toml" for parent in folder.parents)
    path = next((path for path in paths if path.is_file()), None)
    table = lookup(read_toml(path), "tool", "uv", "workspace") if path else None
    return _workspace(path.parent, table) if path and table is not None else None


def cargo_workspace_above(folder: Path) -> Workspace | None:
    """Return the nearest Cargo workspace above a crate that does not exclude it."""
    for parent in folder.parents:
        table = lookup(read_if_there(parent / "Cargo.toml"), "workspace")
        if table is not None:
            found = _workspace(parent, table)
            return found if found.names(folder) or not found.excludes(folder) else None
    return None


def _workspace(root: Path, table: Table) -> Workspace:
    return Workspace(root, lookup_texts(table, "members"), lookup_texts(table, "exclude"))
