"""Raising the lower bound of a requirement in [build-system]."""

import re
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyo3_uv.edits.patch import Patch


def too_low(requires: list[str], name: str, floor: Version) -> str | None:
    """Return the entry of a distribution that allows a version older than `floor`, if there is one."""
    for entry in requires:
        try:
            requirement = Requirement(entry)
        except InvalidRequirement:
            continue
        bounds = [s for s in requirement.specifier if s.operator in (">=", "==", "~=")]
        lowest = max((Version(bound.version.rstrip(".*")) for bound in bounds), default=None)
        if canonicalize_name(requirement.name) == name and (lowest is None or lowest < floor):
            return entry
    return None


def raised(entry: str, floor: Version) -> str | None:
    """Return an entry with another lower bound, None if it has other bounds that do not fit."""
    requirement = Requirement(entry)
    text = re.sub(r"\s*>=\s*[\d.]+", f">={floor}", entry, count=1)
    if not requirement.specifier:
        name, semicolon, marker = entry.partition(";")
        text = f"{name.rstrip()}>={floor}" + (f" {semicolon}{marker}" if semicolon else "")
    fits = Requirement(text).specifier.contains(Version(f"{floor}.0"))
    return text if fits and text != entry else None


def replace_requirement(patch: Patch, pyproject: Path, old: str, new: str) -> None:
    def change(document: Any) -> None:
        requires = document["build-system"]["requires"]
        if old in requires:
            requires[list(requires).index(old)] = new

    patch.edit_toml(pyproject, change)
