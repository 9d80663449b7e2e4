"""[tool.maturin] lacks the settings with which an edit is built fast."""

from functools import partial
from typing import Any

import tomlkit
from packaging.requirements import Requirement
from packaging.version import Version

from pyo3_uv import template_texts
from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.requirement import raised, replace_requirement, too_low
from pyo3_uv.edits.toml_edit import add, extend
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.toml import lookup

# The first maturin with use-base-python and editable-profile
MATURIN = Version("1.14.1")


def find(facts: Facts) -> Finding | None:
    project, package = facts.project, facts.project.package
    if not package.maturin or package.lacks_version or not package.pyproject_path:
        return None
    if not (missing := _missing(project)):
        return None
    settings = "^(use-base-python|editable-profile|features)"
    return Finding(
        id="slow-rebuilds",
        severity="hint",
        title="each edit is slow to build",
        seen=f"[tool.maturin] has no {', '.join(missing)}",
        evidence=lines(project, package.pyproject_path, settings),
        effect="uv builds in a new environment each time and in release mode: seconds instead of "
        "tenths for an edit, and pyo3 is compiled again (always without abi3)",
        remedy="set them in [tool.maturin] of pyproject.toml",
        fix=partial(fix, facts),
    )


def _missing(project: Project) -> list[str]:
    """Return the settings that keep rebuilds small, as TOML."""
    table = lookup(project.package.pyproject, "tool", "maturin") or {}
    missing = []
    if table.get("use-base-python") is not True:
        missing.append("use-base-python = true")
    if table.get("editable-profile") is None:
        missing.append('editable-profile = "dev"')
    features = table.get("features") or []
    known = any(feature.endswith("extension-module") for feature in features)
    if not known and not project.features.of_pyo3("extension-module"):
        missing.append(f'features = ["{project.crate.key}/extension-module"]')
    return missing


def fix(facts: Facts, patch: Patch) -> None:
    project, path = facts.project, facts.project.package.folder / "pyproject.toml"
    settings = tomlkit.parse("\n".join(_missing(project)))

    def change(document: Any) -> None:
        table = document["tool"]["maturin"]
        for key, value in settings.items():
            if key == "features" and "features" in table:
                extend(table["features"], value)
            else:
                add(table, key, value, template_texts.comment(template_texts.PYPROJECT, key))

    if lookup(patch.toml(path), "tool", "maturin") is None:
        patch.append(path, "[tool.maturin]\n")
    patch.edit_toml(path, change)
    old = too_low(project.package.build_requires, "maturin", MATURIN)
    if old and (new := raised(old, MATURIN)):
        plain = not Requirement(old).specifier and ";" not in old
        replace_requirement(patch, path, old, f"{new},<2" if plain else new)
