"""PyO3 takes another Python than that of the environment."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from pyo3_uv import shell
from pyo3_uv.checks.finding import Evidence, Finding, command, failing_build, lines
from pyo3_uv.edits.cargo_config import set_python
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.facts.project import Project, activate, obstacle
from pyo3_uv.facts.selection import NO_INTERPRETER, Selection


def find(facts: Facts) -> Finding | None:
    project, selection = facts.project, facts.selection
    environment = project.environment
    shown = project.shown(selection.path) if selection.path else "none"
    facts.notes["interpreter"] = f"{shown}, from {selection.source}"
    if not environment.interpreter or facts.selects_venv:
        return None
    venv = project.shown(environment.folder)
    if selection.path and os.path.isabs(selection.path) and not Path(selection.path).exists():
        title = "PyO3 is told to take a Python that is not there"
        effect = "cargo does not build: failed to run the Python interpreter"
    elif selection.path and environment.has(selection.path):
        title = f"PyO3 takes {venv} only while it is activated"
        effect = "in a shell in which it is not activated, PyO3 takes another Python"
    else:
        title = f"PyO3 takes another Python than {venv}"
        effect = (
            f"{project.features.cargo_test} and cargo run use another Python than uv run, without "
            "the packages of the project"
        )
    explains = NO_INTERPRETER
    if selection.path:
        explains += f"|{re.escape(selection.path)}"  # the template's own build.rs names it
    fails, why_not = facts.fails_with(explains), obstacle(project)
    evidence = _source(project, selection)
    if fails:
        built = failing_build(facts)
        evidence = replace(evidence, command=built.command, output=built.output)
    other = facts.python
    version = f"Python {other.version}" if other else "no Python that starts"
    return Finding(
        id="interpreter",
        severity="error" if fails else "warning",
        title=title,
        seen=f"PyO3 takes {selection.path} ({version}), from {selection.source}; "
        f"{venv} has Python {environment.interpreter.version}",
        evidence=evidence,
        effect=effect,
        remedy=_remedy(project, selection, why_not),
        fix=_fix(project, why_not),
        binds_to_uv=True,
        for_rust_programs=not fails,
        explains=explains,
    )


def _source(project: Project, selection: Selection) -> Evidence:
    """Show what names the interpreter: a configuration, a variable or PATH."""
    if selection.config:
        return lines(project, selection.config, selection.variable)
    if name := selection.variable:
        return command(project, shell.show(name), os.environ.get(name, ""))
    return command(project, shell.where("python", "python3"), selection.path or "")


def _remedy(project: Project, selection: Selection, why_not: str | None) -> str:
    """Return what makes PyO3 take the environment; it depends on what it takes now."""
    cargo, variable = project.cargo, selection.variable
    if variable == "CONDA_PREFIX":
        return "conda deactivate"
    if project.environment.elsewhere:
        executable = str(executable_of(Path()))
        return shell.set_to_path("PYO3_PYTHON", "UV_PROJECT_ENVIRONMENT", executable)
    if variable and not selection.config and (cargo.python or variable.startswith("PYO3_")):
        return f"{shell.unset(variable)} in this shell"
    if why_not:
        return activate(project, why_not)
    setting = f'PYO3_PYTHON = {{ value = "{cargo.wanted_python}", relative = true }}'
    if cargo.by_virtual_env:
        setting = f'VIRTUAL_ENV = {{ value = "{cargo.wanted_venv}", relative = true, ... }}'
    remedy = f"set {setting} in [env] of {project.shown(cargo.path)}"
    return f"conda deactivate, or {remedy}" if "both set" in selection.source else remedy


def _fix(project: Project, why_not: str | None) -> Callable[[Patch], object] | None:
    cargo, windows = project.cargo, project.cargo.by_virtual_env
    in_shell = {"PYO3_PYTHON", "PYO3_CONFIG_FILE", "UV_PROJECT_ENVIRONMENT"} & os.environ.keys()
    venv = project.environment.folder.resolve()
    is_set = windows and cargo.python and Path(cargo.python.value).resolve() == venv
    if in_shell or is_set or (cargo.python and cargo.python.config != cargo.path):
        return lambda patch: patch.manual.append(
            "PyO3 is told to take another Python, by a variable of the shell or a "
            ".cargo/config.toml elsewhere: the doctor names it"
        )
    if why_not:
        return None
    python = cargo.wanted_venv if windows else cargo.wanted_python
    return partial(set_python, path=cargo.path, python=python, windows=windows)
