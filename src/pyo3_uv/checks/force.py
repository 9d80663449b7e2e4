"""Cargo's configuration forces PYO3_PYTHON on maturin, too."""

from functools import partial
from typing import Any

from tomlkit.items import InlineTable

from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import inline_table
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    project, python = facts.project, facts.project.cargo.variable("PYO3_PYTHON")
    if not python or not python.forced:
        return None
    return Finding(
        id="force",
        severity="warning",
        title="force = true on PYO3_PYTHON",
        seen=f"{project.shown(python.config)} sets PYO3_PYTHON with force = true",
        evidence=lines(project, python.config, "PYO3_PYTHON|force"),
        effect="it overrides the interpreter that maturin passes: a wheel for another Python is "
        "built for this one, and its import fails with an undefined symbol",
        remedy="remove force = true; without it the value holds unless somebody passes another",
        fix=partial(fix, facts),
    )


def fix(facts: Facts, patch: Patch) -> None:
    python = facts.project.cargo.variable("PYO3_PYTHON")
    assert python

    def change(document: Any) -> None:
        table = document["env"]
        values = table["PYO3_PYTHON"].unwrap()
        del values["force"]
        if isinstance(table["PYO3_PYTHON"], InlineTable):
            table["PYO3_PYTHON"] = inline_table(values)
        else:
            table["PYO3_PYTHON"].remove("force")

    if python.config.is_relative_to(facts.project.crate.workspace):
        patch.edit_toml(python.config, change)
    else:
        patch.manual.append(f"remove force = true from PYO3_PYTHON in {python.config}")
