"""An interpreter that tests start does not find its standard library, or not the environment.

It is started as `cargo run` starts programs in the project.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

from pyo3_uv import template_texts
from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.edits.cargo_config import add_runners
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project, activate, obstacle

CONFIGURES = r"\b(Py_InitializeFromConfig|PyConfig_Set\w+|Py_SetPythonHome|Py_SetProgramName)\b"
# Nothing that a person can run shows it without a crate such as `Probe`; the doctor does.
COMMAND = "pyo3-uv doctor"
# What an interpreter without its standard library says, and where it looked for that
NO_STANDARD_LIBRARY = ("No module named 'encodings'", "failed to get the Python codec")
LOOKED = re.compile(r"Could not find|PYTHON(HOME|PATH) = |sys\.(base_)?prefix = ")


def find(facts: Facts) -> Finding | None:
    project, start = facts.project, facts.embedded
    if not start or not start.linked:
        return None
    if file := project.sources.matching(CONFIGURES):
        shown = project.shown(file)
        facts.notes["start"] = f"{shown} configures the interpreter itself; not started"
        return None
    if start.prefix is None:
        printed = [line.strip() for line in start.output.splitlines()]
        errors = [line for line in printed if any(text in line for text in NO_STANDARD_LIBRARY)]
        error = (errors or printed[-1:] or ["it exited without output"])[0]
        output = [*filter(LOOKED.match, printed), error]
        return _found(
            facts,
            id="no-standard-library",
            severity="error" if project.starts_python else "warning",
            title="an embedded interpreter does not find its standard library",
            seen=f"started as cargo run starts programs here, it says: {error}",
            evidence=Evidence(COMMAND, "\n".join(output)),
            effect="cargo test and cargo run die when they start Python",
        )
    facts.notes["start"] = f"an embedded interpreter runs in {project.shown(start.prefix)}"
    facts.notes["sys.path"] = ", ".join(map(project.shown, start.path))
    environment, selected = project.environment, facts.selection.path
    if not selected or not environment.has(selected):
        return None  # the check `interpreter` finds that
    if Path(start.prefix).resolve() == environment.folder.resolve():
        return None
    venv = project.shown(environment.folder)
    return _found(
        facts,
        id="other-environment",
        severity="warning",
        title=f"an embedded interpreter does not run in {venv}",
        seen=f"started as cargo run starts programs here, its sys.prefix is {start.prefix}",
        evidence=Evidence(COMMAND, "\n".join([f"sys.prefix {start.prefix}", *start.path])),
        effect=f"ModuleNotFoundError in cargo test for packages that are in {venv}, or packages of "
        "another environment",
    )


def _found(facts: Facts, **found: Any) -> Finding:
    why_not = obstacle(facts.project)
    return Finding(
        remedy=activate(facts.project, why_not) if why_not else _remedy(facts.project),
        fix=None if why_not else partial(fix, facts),
        binds_to_uv=True,
        for_rust_programs=True,
        **found,
    )


def _remedy(project: Project) -> str:
    runner = next(line for line in _runners(project).splitlines() if line.startswith("runner"))
    return (
        "give cargo a runner that starts programs inside .venv, in [target] of "
        f"{project.shown(project.cargo.path)}: {runner}"
    )


def _runners(project: Project) -> str:
    return template_texts.cargo_config(project.cargo.by_virtual_env)[1]


def fix(facts: Facts, patch: Patch) -> None:
    project, path = facts.project, facts.project.cargo.path
    if not add_runners(patch, path, project.cargo.by_virtual_env):
        patch.manual.append(
            f"{project.shown(path)} has a runner or flags of its own; start programs "
            f"inside .venv there, as in:\n{_runners(project)}"
        )
