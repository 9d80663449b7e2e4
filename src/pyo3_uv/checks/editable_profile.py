"""uv builds an editable install in release mode."""

from functools import partial

from pyo3_uv import template_texts
from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.checks.slow_rebuilds import settings_of
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.toml import lookup

PROFILE = "editable-profile"


def find(facts: Facts) -> Finding | None:
    project, path = facts.project, settings_of(facts.project)
    if not path or lookup(project.package.pyproject, "tool", "maturin", PROFILE) is not None:
        return None
    return Finding(
        id="editable-profile",
        severity="hint",
        title="an editable install is a release build",
        seen=f"[tool.maturin] has no {PROFILE}",
        evidence=lines(project, path, f"^{PROFILE}"),
        effect="uv sync and uv run optimize what is edited: seconds instead of tenths for an edit",
        remedy=f'set {PROFILE} = "dev" in [tool.maturin] of pyproject.toml, if the tests are fast '
        "enough without optimization",
        fix=partial(fix, facts),
        for_speed=True,
    )


def fix(facts: Facts, patch: Patch) -> None:
    """Set the profile, and the feature that keeps PyO3 apart from that of `cargo test`."""
    project, path = facts.project, facts.project.package.pyproject_path
    assert path
    settings = {PROFILE: "dev", **_feature(project)}
    for key, value in settings.items():
        comment = template_texts.comment(template_texts.PYPROJECT, key)
        patch.add_line(path, ("tool", "maturin"), key, value, comment)


def _feature(project: Project) -> dict[str, list[str]]:
    """Return the setting of features, if PyO3's extension-module is not on without it."""
    key = f"{project.crate.key}/extension-module"
    extension = project.package.extension
    named = extension.features if extension else ()
    on = project.features.of_pyo3("extension-module") or project.features.leads_to(named, key)
    return {} if on else {"features": [key]}
