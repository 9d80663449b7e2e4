"""There is no environment, or its Python does not start."""

from pyo3_uv import shell
from pyo3_uv.checks.finding import Evidence, Finding, Severity
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.selection import NO_INTERPRETER
from pyo3_uv.process import run
from pyo3_uv.toml import lookup

# Without --inexact uv uninstalls what is not in its lock file, without --frozen it may change that
SYNC = ["uv", "sync", "--inexact", "--frozen"]


def find(facts: Facts) -> Finding | None:
    project, environment = facts.project, facts.project.environment
    venv, executable = project.shown(environment.folder), project.shown(environment.executable)
    if python := environment.interpreter:
        facts.notes["environment"] = f"{venv}: Python {python.version}, {python.linkage} libpython"
        return None
    command = shell.join([executable, "--version"])
    severity: Severity = "error"
    if environment.executable.exists() or environment.executable.is_symlink():
        output = run([environment.executable, "--version"]).output
        shown = Evidence(command, output)
        title, seen = f"{venv} does not start", f"{executable} is there and does not start"
        remedy = f"{shell.python()} -m venv --clear {shell.quote(venv)}"
        if environment.uses_uv:
            remedy = "uv sync" if environment.syncs else f"uv venv --clear {shell.quote(venv)}"
    else:
        severity, shown = "hint", Evidence(command, shell.not_there(executable))
        title = f"there is no {venv}, so some checks were skipped"
        seen = f"{executable} does not exist, and no other environment was found"
        named = lookup(project.package.pyproject, "project", "name")
        remedy = f"{shell.python()} -m venv {shell.quote(venv)}"
        if environment.uses_uv:
            remedy = "uv sync" if named else "uv venv"
    return Finding(
        id="no-environment",
        severity=severity,
        title=title,
        seen=seen,
        evidence=shown,
        effect="what is installed, and whether tests run in it, was not checked",
        remedy=remedy,
        fix=(lambda patch: patch.commands.append(SYNC)) if environment.syncs else None,
        explains="" if facts.python else NO_INTERPRETER,
    )
