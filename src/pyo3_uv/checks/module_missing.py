"""The environment does not find the extension module; nothing of it is executed."""

from functools import partial
from pathlib import Path

from pyo3_uv import shell
from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.installed import Installed
from pyo3_uv.facts.project import Project
from pyo3_uv.files import is_link
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
    installed, module = facts.installed.distribution, facts.installed.module
    name, venv = package.distribution, project.shown(environment.folder)
    # Without --inexact uv uninstalls the other members of a workspace.
    member = ["--inexact"] if environment.uv_workspace else []
    remedy = shell.join(_reinstall(project, *member))
    if module:
        facts.notes["module"] = f"{package.module} is {project.shown(module)}"
        return None if _is_own(project, facts.installed) else _of_another(facts, module, remedy)
    import_it = f"import {package.module}"
    printed = run([environment.executable, "-Bc", import_it], project.folder).output.splitlines()
    command = shell.join([project.shown(environment.executable), "-Bc", import_it])
    evidence = Evidence(command, printed[-1].strip() if printed else "")
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


def _is_own(project: Project, installed: Installed) -> bool:
    """Whether the module was built from this project, as its place or the distribution tells."""
    package, venv = project.package, project.environment.folder
    if is_link(venv):
        return True  # shared, as with a copy of the project
    folders = {package.folder.resolve(), project.crate.workspace.resolve()}
    assert installed.module
    if installed.module.resolve().is_relative_to(venv.resolve()):
        return installed.source is None or installed.source.resolve() in folders
    return any(installed.module.resolve().is_relative_to(folder) for folder in folders)


def _of_another(facts: Facts, module: Path, remedy: str) -> Finding:
    project, installed = facts.project, facts.installed
    source = installed.source if installed and installed.source else module
    name = project.package.module or ""
    script = f"import importlib.util as u; print(u.find_spec({name!r}).origin)"
    python = project.shown(project.environment.executable)
    return Finding(
        id="other-module",
        severity="warning",
        title=f"import {name} loads the module of another project",
        seen=f"{project.shown(module)} was built from {source}, not from {project.package.folder}",
        evidence=Evidence(shell.join([python, "-c", script]), str(module)),
        effect="Python tests run the code of the other project: an edit here is never seen",
        remedy=remedy,
    )


def _reinstall(project: Project, *options: str) -> list[str]:
    package, environment = project.package, project.environment
    if environment.syncs:
        return ["uv", "sync", *options, "--reinstall-package", package.distribution]
    python, folder = project.shown(environment.executable), relative(package.folder, project.folder)
    if any(environment.folder.glob("lib*/python*/site-packages/pip")):
        install = [python, "-m", "pip", "install", "--force-reinstall"]
    else:  # an environment that uv made
        install = ["uv", "pip", "install", "--python", python, "--reinstall"]
    return [*install, "--no-deps", "--editable", folder]
