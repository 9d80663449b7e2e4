"""uv builds with another interpreter path each time, so that PyO3 is compiled again at each edit."""

from functools import partial
from pathlib import Path

from packaging.version import Version

from pyo3_uv import template_texts
from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import inline_table
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.owner_commands import commands_of
from pyo3_uv.facts.project import Project
from pyo3_uv.toml import lookup

MATURIN = Version("1.14.1")  # the first one that knows these settings
BASE_PYTHON = "use-base-python"
# maturin develop passes another interpreter than uv's builds: with one folder for both, PyO3 is
# compiled again at each change of hands.
TARGET = "--target-dir=target/uv"


def find(facts: Facts) -> Finding | None:
    project, path = facts.project, settings_of(facts.project)
    if not path or not (missing := _missing(project)):
        return None
    return Finding(
        id="slow-rebuilds",
        severity="hint",
        title="each edit is slow to build",
        seen=f"pyproject.toml has no {' and no '.join(missing)}",
        evidence=lines(project, path, rf"^({BASE_PYTHON}|config-settings)"),
        effect="uv builds in a new environment each time, with another path of its Python, and pyo3 "
        "is compiled again",
        remedy=f"set {' and '.join(missing)} in pyproject.toml",
        fix=partial(fix, facts),
        for_speed=True,
    )


def settings_of(project: Project) -> Path | None:
    """Return pyproject.toml, where uv builds the project with a maturin that knows the settings."""
    package = project.package
    builds = package.maturin and project.environment.has_cache_keys
    return package.pyproject_path if builds and package.builds_with("maturin", MATURIN) else None


def _missing(project: Project) -> list[str]:
    """Return the settings that keep PyO3 as it was built, as TOML."""
    pyproject, missing = project.package.pyproject, list[str]()
    if lookup(pyproject, "tool", "maturin", BASE_PYTHON) is not True:
        missing.append(f"[tool.maturin] {BASE_PYTHON} = true")
    if _develops(project) and lookup(pyproject, "tool", "uv", "config-settings") is None:
        missing.append(f'[tool.uv] config-settings = {{ build-args = "{TARGET}" }}')
    return missing


def _develops(project: Project) -> bool:
    return any("maturin develop" in command for command in commands_of(project))


def fix(facts: Facts, patch: Patch) -> None:
    path, missing = facts.project.package.pyproject_path, _missing(facts.project)
    assert path
    if any(BASE_PYTHON in setting for setting in missing):
        comment = template_texts.comment(template_texts.PYPROJECT, BASE_PYTHON)
        patch.add_line(path, ("tool", "maturin"), BASE_PYTHON, True, comment)
    if any(TARGET in setting for setting in missing):
        comment = "# A folder beside that of `maturin develop`, which passes another interpreter\n"
        value = inline_table({"build-args": TARGET})
        patch.add_line(path, ("tool", "uv"), "config-settings", value, comment)
