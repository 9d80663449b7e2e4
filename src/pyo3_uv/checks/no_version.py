"""[project] has no version, so that uv cannot read pyproject.toml."""

from dataclasses import replace
from functools import partial

from pyo3_uv.checks.finding import Finding, command
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    package, uses_uv = facts.project.package, facts.project.environment.uses_uv
    if not package.maturin or not package.lacks_version or not package.pyproject_path:
        return None
    if not uses_uv:
        return None
    shown = command(facts.project, "uv version 2>&1 | tail -n 3")
    return Finding(
        id="no-version",
        severity="warning",
        title="uv cannot read pyproject.toml",
        seen='[project] has neither a version nor dynamic = ["version"]',
        evidence=replace(shown, file=package.pyproject_path),
        effect="uv sync, uv run, uv build and uv pip install stop with that error",
        remedy='add dynamic = ["version"] to [project]: maturin takes the version from Cargo.toml',
        fix=partial(fix, facts),
    )


def fix(facts: Facts, patch: Patch) -> None:
    patch.add_line(
        facts.project.package.folder / "pyproject.toml", ("project",), "dynamic", ["version"]
    )
