"""The tests are not built, and no other finding says why."""

from pyo3_uv.checks.finding import Finding, failing_build
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    if facts.build_explained or facts.build.ok:
        return None
    shown = failing_build(facts)
    return Finding(
        id="build-fails",
        severity="error",
        title=f"{shown.command} fails",
        seen=shown.output,
        evidence=shown,
        effect="no test was built, so the checks of tests were skipped",
        remedy=f"{shown.command} shows the whole message",
    )
