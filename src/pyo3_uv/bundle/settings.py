"""The settings of a bundle: `[tool.pyo3-uv.bundle]` in pyproject.toml."""

import difflib
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from pyo3_uv.process import UserError

TABLE = "[tool.pyo3-uv.bundle]"
ARCHIVES = ("tar.gz", "tar.zst", "zip")


@dataclass(frozen=True)
class Settings:
    """What an app's owner may choose; docs/bundles.md explains it.

    `files` maps files and folders of the project to their places in the bundle. `keep` and `drop`
    are patterns of paths in the bundle, in which `*` also matches slashes; `keep` also of reasons.
    """

    groups: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    keep: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    archive: str = "zip" if sys.platform == "win32" else "tar.gz"
    smoke: list[str] = field(default_factory=lambda: ["--version"])


def read_settings(document: dict[str, Any], project: Path) -> Settings:
    """Return the settings in a pyproject.toml. Raises `UserError` for what is no setting."""
    given = document.get("tool", {}).get("pyo3-uv", {}).get("bundle", {})
    defaults = Settings()
    names = [setting.name for setting in fields(Settings)]
    for name, value in given.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0)[0]
            raise UserError(f"{TABLE} has no {name!r}; did you mean {near!r}?", 2)
        kind = type(getattr(defaults, name))
        texts = value if isinstance(value, list) else [*value.values()] if kind is dict else []
        if type(value) is not kind or not all(isinstance(text, str) for text in texts):
            forms = {list: "a list of strings", dict: "a table of strings", str: "a string"}
            raise UserError(f"{name} in {TABLE} is not {forms[kind]}", 2)
    settings = Settings(**given)
    if settings.archive not in ARCHIVES:
        raise UserError(f"archive in {TABLE} is none of {', '.join(ARCHIVES)}", 2)
    for source, destination in settings.files.items():
        paths = (PurePosixPath(source), PurePosixPath(destination))
        if any(path.is_absolute() or ".." in path.parts for path in paths):
            raise UserError(f"{source} = {destination} in {TABLE}: both must be inside", 2)
        if not (project / source).exists():
            raise UserError(f"{source}, which files in {TABLE} names, does not exist", 2)
    return settings
