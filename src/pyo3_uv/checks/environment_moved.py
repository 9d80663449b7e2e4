"""The environment's scripts start the Python of another one, as it was moved or copied."""

import os
import re
from pathlib import Path

from pyo3_uv import shell
from pyo3_uv.checks.finding import Finding, command
from pyo3_uv.facts.environment import Environment
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.interpreters import executable_of


def find(facts: Facts) -> Finding | None:
    project, environment = facts.project, facts.project.environment
    scripts = scripts_of_another(environment.folder)
    if not environment.interpreter or not scripts:
        return None
    names = [script.name for script in scripts]
    name = "pytest" if "pytest" in names else names[0]
    script = environment.executable.with_name(name)
    python, venv = scripts[script], project.shown(environment.folder)
    effect = f"uv run {name} fails: Failed to spawn: `{name}`, No such file or directory"
    if python.exists():
        effect = f"uv run {name} runs with the packages of {python.parent.parent}"
    return Finding(
        id="environment-moved",
        severity="error",
        title=f"{venv} was moved or renamed, or copied from another project",
        seen=f"{project.shown(script)} starts {python}, not {project.shown(environment.executable)}",
        evidence=command(project, shell.head(project.shown(script), 2)),
        effect=effect,
        remedy=_make_again(environment, venv),  # a fix would uninstall what was installed by hand
    )


def _make_again(environment: Environment, venv: str) -> str:
    if not environment.uses_uv:
        return (
            f"{shell.python()} -m venv --clear {shell.quote(venv)}, then install the packages again"
        )
    command = ["uv", "venv", "--clear"]
    if venv != ".venv":
        command.append(venv)
    other_name = environment.folder.name != ".venv" and not environment.elsewhere
    if not environment.syncs or other_name:
        return f"{shell.join(command)}, then install the packages again"
    sync = "uv sync --all-packages" if environment.uv_workspace else "uv sync"
    return shell.chain(shell.join(command), sync)


# The first lines of a script that pip or uv installed: those of a long path, or of one with spaces,
# start a shell
_SHEBANG = re.compile(
    rb"#! *(?P<direct>/[^\n]*/python[\w.]*)\n|"
    rb"#!/bin/sh\n'''exec' '?(?P<shell>/.*/python[\w.]*)'? "
)


def scripts_of_another(venv: Path) -> dict[Path, Path]:
    """Return the scripts of an environment that start the Python of another one, and that Python.

    They name it by its absolute path, so an environment that was moved has such scripts.
    """
    folder, found = executable_of(venv).parent, dict[Path, Path]()
    for script in sorted(folder.glob("*")):
        if not script.is_file():
            continue
        with script.open("rb") as file:
            match = _SHEBANG.match(file.read(4096))
        if not match:
            continue
        python = Path(os.fsdecode(match["direct"] or match["shell"]))
        # A script may be for a Python of the system, which is there.
        other = (python.parents[1] / "pyvenv.cfg").exists() or not python.exists()
        if other and python.parent.resolve() != folder.resolve():
            found[script] = python
    return found
