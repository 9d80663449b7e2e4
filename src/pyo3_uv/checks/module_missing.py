"""The environment does not find the extension module; nothing of it is executed."""

import shlex
from functools import partial

from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.paths import relative
from pyo3_uv.process import run


def find(facts: Facts) -> Finding | None:
    project, package, environment = facts.project, facts.project.package, facts.project.environment
    if not package.module or not environment.interpreter or not package.root:
        return None
    # Nothing of uv can install it without a version; a moved environment is made again.
    if package.lacks_version or "environment-moved" in facts.found_ids:
        return None
    if not facts.installed:
        return None
    installed, module = facts.installed
    name, venv = package.distribution, project.shown(environment.folder)
    if module:
        facts.notes["module"] = f"{package.module} is {project.shown(module)}"
        return None
    import_it = f"import {package.module}"
    printed = run([environment.executable, "-Bc", import_it], project.folder).output.splitlines()
    command = f"{project.shown(environment.executable)} -Bc '{import_it}'"
    evidence = Evidence(command, printed[-1].strip() if printed else "")
    # Without --inexact uv uninstalls the other members of a workspace.
    member = ["--inexact"] if environment.uv_workspace else []
    remedy = shlex.join(_reinstall(project, *member))
    found = partial(Finding, id="module-missing", evidence=evidence, remedy=remedy)
    if not installed:
        return found(
            severity="hint",
            title=f"{name} is not installed in {venv}, so its module was not checked",
            seen=f"{venv} has no {name}",
            effect=f"ModuleNotFoundError at {import_it}, until it is installed",
        )
    reinstall = _reinstall(project, "--inexact", "--frozen")
    return found(
        severity="error",
        title=f"{import_it} fails",
        seen=f"{name} is installed in {venv}, its extension module {package.module} is gone",
        effect="ModuleNotFoundError, and uv sync changes nothing: it trusts the metadata",
        fix=lambda patch: patch.commands.append(reinstall),
    )


def _reinstall(project: Project, *options: str) -> list[str]:
    package, environment = project.package, project.environment
    if environment.syncs:
        return ["uv", "sync", *options, "--reinstall-package", package.distribution]
    python = project.shown(environment.executable)
    install = ["uv", "pip", "install", "--python", python, "--no-deps"]
    return [*install, "--reinstall", "--editable", relative(package.folder, project.folder)]
