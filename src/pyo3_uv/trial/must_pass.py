"""What must not break: the commands that a maintainer's CI may run, the packages."""

import json
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pyo3_uv import shell
from pyo3_uv.facts.interpreters import Interpreter, executable_of, pythons
from pyo3_uv.facts.owner_commands import commands_of
from pyo3_uv.facts.project import Project
from pyo3_uv.process import outer_environment, run
from pyo3_uv.toml import lookup

Step = Callable[[str], None]


def cargo_commands(projects: list[Project]) -> dict[str, tuple[Path, list[str]]]:
    """Return the commands that a maintainer's CI may run, and where, by names for people.

    That is for every crate of the workspaces, and in a crate's own folder, where cargo may have
    another configuration.
    """
    found: dict[str, tuple[Path, list[str]]] = {}
    for project in projects:
        crate, chosen = project.crate, project.features.built
        features = [f"--features={','.join(chosen)}"] if chosen else []
        own = project.cargo.path.is_relative_to(crate.folder)
        for folder in dict.fromkeys((crate.workspace, *([crate.folder] if own else []))):
            every = ["--workspace"] if folder == crate.workspace else []
            names = [package["features"] for package in crate.members]
            sets: list[list[str]] = [[]]
            if any(features.get("default") for features in names):
                sets.append(["--no-default-features"])
            if any(features.keys() - {"default"} for features in names):
                sets.append(["--all-features"])
            commands = []
            for flags in [*sets, *([features] if features else [])]:
                commands.append(["cargo", "check", *every, *flags])
                commands.append(["cargo", "test", *every, "--no-run", *flags])
            commands.append(["cargo", "doc", *every, "--no-deps"])
            clippy = ["cargo", "clippy", *every, "--all-targets"]
            commands.append([*clippy, "--", "-D", "warnings"])
            where = "" if len(projects) == 1 and every else f" in {project.shown(folder)}"
            found |= {f"{shell.join(c)}{where}": (folder, c) for c in commands}
    return found


def attempts(projects: list[Project], scratch: Path, step: Step) -> dict[str, Callable[[], bool]]:
    """Return what is tried, by names for people; each says whether it passes.

    `scratch` is for packages and environments with them, which are removed at once.
    """

    def succeeds(folder: Path, command: list[str]) -> bool:
        return run([*command[:2], "--quiet", *command[2:]], folder).code == 0

    # The packages first: an import that fails is found out in seconds.
    found: dict[str, Callable[[], bool]] = {**_packages(projects, scratch)}
    for name, command in cargo_commands(projects).items():
        found[name] = partial(succeeds, *command)

    def attempt(name: str) -> bool:
        step(name)
        return found[name]()

    return {name: partial(attempt, name) for name in found}


def estimate(projects: list[Project]) -> tuple[int, float]:
    """Return how many commands a trial runs, and about how many seconds it takes.

    Measured with a few projects: a crate takes a second of one core in each of the ways in which it
    is compiled, to be checked, for tests, for two wheels and for the owner's commands with and
    without the changes.
    """
    commands = len(cargo_commands(projects)) + len(_packages(projects, Path()))
    owner = sum(len(commands_of(project)) for project in projects)
    crates = 0
    target = outer_environment().get("CARGO_TARGET_DIR") or projects[0].crate.target
    if not Path(target, "debug/.fingerprint").is_dir():
        metadata = ["cargo", "metadata", "--format-version=1"]
        found = (run(metadata, folder) for folder in {p.crate.workspace for p in projects})
        crates = sum(len(json.loads(r.stdout)["packages"]) for r in found if r.code == 0)
    # The owner's commands run three times before the changes, with them, and with those for speed.
    runs = commands + 9 * owner
    return runs, 8.0 * crates / (os.cpu_count() or 1) + 2.0 * runs


def _packages(projects: list[Project], scratch: Path) -> dict[str, partial[bool]]:
    """Return how to build what is published, and to import it, by names for people."""
    builds: dict[str, partial[bool]] = {}
    for project in projects:
        package = project.package
        own = project.environment.interpreter or next(iter(_installed()), None)
        if not package.extension or not own:
            continue
        of = f" of {package.distribution}" if len(projects) > 1 else ""
        builds[f"sdist{of}, a wheel from it, and its import"] = partial(
            _build, project, own.path, scratch
        )
        others = [python for python in _installed() if python.minor != own.minor]
        if fitting := [python for python in others if _fits(project, python)]:
            other = fitting[0]
            name = f"a wheel{of} for Python {other.minor}, and its import"
            builds[name] = partial(_build, project, other.path, scratch)
    return builds


@cache
def _installed() -> list[Interpreter]:
    return [python.interpreter for python in pythons() if python.interpreter]


def _fits(project: Project, python: Interpreter) -> bool:
    """Whether a Python is one of those that `requires-python` names, and has the GIL."""
    requires = lookup(project.package.pyproject, "project", "requires-python") or ""
    try:
        return not python.free_threaded and SpecifierSet(requires).contains(python.version)
    except InvalidSpecifier:
        return False


# Whether it builds and can be imported does not depend on how well it is optimized.
_FAST = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "256",
}


def _build(project: Project, python: Path, scratch: Path) -> bool:
    """Build with `uv build`, install into a fresh environment, import; say whether that went well."""
    folder, module = project.package.folder, project.package.module
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        dist, venv = Path(name, "dist"), Path(name, "venv")
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--python", str(venv)]
        for command in (
            ["uv", "build", "--quiet", "--python", str(python), "--out-dir", str(dist)],
            ["uv", "venv", "--quiet", "--python", str(python), str(venv)],
        ):
            if run(command, folder, outer_environment() | _FAST).code:
                return False
        if run([*install, *map(str, dist.glob("*.whl"))], folder).code:
            return False
        if not module:
            return True
        result = run([str(executable_of(venv)), "-c", f"import {module}"], Path(name))
        # A package that is not installed here says nothing about the wheel.
        missing = re.search(r"No module named '([^']+)'", result.output)
        own = module.partition(".")[0]
        return result.code == 0 or bool(missing and missing[1].partition(".")[0] != own)
