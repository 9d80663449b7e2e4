"""Cargo's configuration files: where they are, and what [env] sets there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.toml_edit import Table, lookup, read_toml


@dataclass(frozen=True)
class CargoConfig:
    """One of the configuration files that cargo reads in this folder."""

    path: Path
    content: Table

    def env(self, name: str) -> tuple[str, bool] | None:
        """Return the value that [env] gives to a variable, and whether it is forced."""
        value = lookup(self.content, "env", name)
        if value is None:
            return None
        if not isinstance(value, dict):
            return str(value), False
        text = str(value.get("value", ""))
        if value.get("relative"):
            text = str(self.path.parent.parent / text)
        return text, bool(value.get("force"))


def configs_of(folder: Path) -> list[CargoConfig]:
    """Return the configuration files that cargo reads in a folder, the one that wins first."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folders = [parent / ".cargo" for parent in (folder, *folder.parents)]
    found = (config_in(path) for path in [*folders, *([] if home in folders else [home])])
    return [CargoConfig(path, read_toml(path)) for path in found if path]


def config_in(folder: Path) -> Path | None:
    """Return the configuration file in a `.cargo`; the older name wins, as with cargo."""
    paths = (folder / name for name in ("config", "config.toml"))
    return next((path for path in paths if path.is_file()), None)
