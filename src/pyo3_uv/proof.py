"""A fix is tried in a copy of the repository first: what passed there before must pass after it."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pyo3_uv import doctor
from pyo3_uv.checks import CHECKS
from pyo3_uv.discovery import load
from pyo3_uv.interpreters import Interpreter, executable_of, pythons
from pyo3_uv.plan import Plan
from pyo3_uv.process import UserError, run
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import lookup
from pyo3_uv.worktree import copy_of

Step = Callable[[str], None]

# The checks whose fixes bind a crate to its environment, see binding.py
BINDING = frozenset(check.id for check in CHECKS if check.binds_to_uv)


@dataclass
class Outcome:
    """What the trial showed: changes for the project itself, and what was not applied, and why.

    `commands` are to be run in the folders beside them, `passed` is what passes with the changes;
    `originals` are the files as they were then, None where there was none.
    """

    plan: Plan = field(default_factory=Plan)
    commands: list[tuple[Path, list[str]]] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    originals: dict[Path, bytes | None] = field(default_factory=dict)


# ---- What must not break ----


def trials(projects: list[Project]) -> dict[str, tuple[Path, list[str]]]:
    """Return the commands that a maintainer's CI may run, and where, by names for people.

    That is for every crate of the workspaces, and in a crate's own folder, where cargo may have
    another configuration.
    """
    found: dict[str, tuple[Path, list[str]]] = {}
    for project in projects:
        features = [f"--features={','.join(project.features)}"] if project.features else []
        own = project.config_path.is_relative_to(project.folder)
        for folder in dict.fromkeys((project.workspace, *([project.folder] if own else []))):
            every = ["--workspace"] if folder == project.workspace else []
            sets = [[], ["--no-default-features"], ["--all-features"]]
            if not any(package["features"] for package in project.members):
                sets = [[]]  # they are all the same
            commands = []
            for flags in [*sets, *([features] if features else [])]:
                commands.append(["cargo", "check", *every, *flags])
                commands.append(["cargo", "test", *every, "--no-run", *flags])
            commands.append(["cargo", "doc", *every, "--no-deps"])
            clippy = ["cargo", "clippy", *every, "--all-targets"]
            commands.append([*clippy, "--", "-D", "warnings"])
            where = "" if len(projects) == 1 and every else f" in {project.shown(folder)}"
            found |= {f"{shlex.join(c)}{where}": (folder, c) for c in commands}
    return found


def attempts(projects: list[Project], step: Step) -> dict[str, Callable[[], bool]]:
    """Return what is tried, by names for people; each says whether it passes."""

    def attempt(name: str, passes: Callable[[], bool]) -> bool:
        step(name)
        return passes()

    def succeeds(folder: Path, command: list[str]) -> bool:
        return run([*command[:2], "--quiet", *command[2:]], folder).code == 0

    found = {name: partial(succeeds, *trial) for name, trial in trials(projects).items()}
    found |= _packages(projects)
    return {name: partial(attempt, name, passes) for name, passes in found.items()}


def _packages(projects: list[Project]) -> dict[str, partial[bool]]:
    """Return how to build what is published, and to import it, by names for people."""
    builds: dict[str, partial[bool]] = {}
    for project in projects:
        own = project.interpreter or next(iter(_installed()), None)
        root = project.package_root
        if not project.extension or not own or not root:
            continue
        of = f" of {project.distribution}" if len(projects) > 1 else ""
        builds[f"sdist{of}, a wheel from it, and its import"] = partial(_build, project, own.path)
        others = [python for python in _installed() if python.minor != own.minor]
        if fitting := [python for python in others if _fits(project, python)]:
            other = fitting[0]
            name = f"a wheel{of} for Python {other.minor}, and its import"
            builds[name] = partial(_build, project, other.path)
    return builds


@cache
def _installed() -> list[Interpreter]:
    return [python.interpreter for python in pythons() if python.interpreter]


def _fits(project: Project, python: Interpreter) -> bool:
    """Whether a Python is one of those that `requires-python` names, and has the GIL."""
    requires = lookup(project.pyproject, "project", "requires-python") or ""
    try:
        return not python.free_threaded and SpecifierSet(requires).contains(python.version)
    except InvalidSpecifier:
        return False


def _build(project: Project, python: Path) -> bool:
    """Build with `uv build`, install into a fresh environment, import; say whether that went well."""
    folder = project.package_root
    assert folder
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as name:
        dist, venv = Path(name, "dist"), Path(name, "venv")
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--python", str(venv)]
        for command in (
            ["uv", "build", "--quiet", "--python", str(python), "--out-dir", str(dist)],
            ["uv", "venv", "--quiet", "--python", str(python), str(venv)],
        ):
            if run(command, folder).code:
                return False
        if run([*install, *map(str, dist.glob("*.whl"))], folder).code:
            return False
        if not (module := project.module):
            return True
        result = run([str(executable_of(venv)), "-c", f"import {module}"], Path(name))
        # A package that is not installed here says nothing about the wheel.
        missing = re.search(r"No module named '([^']+)'", result.output)
        own = module.partition(".")[0]
        return result.code == 0 or bool(missing and missing[1].partition(".")[0] != own)


# ---- The trial ----


@dataclass
class _Attempt:
    """Some fixes, applied in the copy: its files then, and what is wrong with that.

    `applied` has the fixes, each with the last evidence that called for it, `passed` what passes
    then, `originals` the files as they were.
    """

    files: dict[Path, str] = field(default_factory=dict)
    commands: list[tuple[Path, list[str]]] = field(default_factory=list)
    manual: list[str] = field(default_factory=list)
    applied: dict[tuple[Path, str], str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    fault: str | None = None
    originals: dict[Path, bytes | None] = field(default_factory=dict)


class _Trial:
    """A copy in which fixes are tried, each time from the same start.

    A fix is known by the crate's folder, relative to the copy, and the check.
    """

    def __init__(
        self,
        root: Path,
        copy: Path,
        crates: dict[Path, tuple[str, ...]],
        rust_tests: bool,
        step: Step,
    ) -> None:
        self.root, self.copy, self.crates = root, copy, crates
        self.rust_tests, self.step = rust_tests, step
        self.originals: dict[Path, bytes | None] = {}
        self.before: dict[str, bool] = {}

    def projects(self) -> list[Project]:
        return [
            load(self.copy / crate / "Cargo.toml", features)
            for crate, features in self.crates.items()
        ]

    @cached_property
    def names(self) -> list[str]:
        """What is tried; asked for before anything is changed."""
        return list(attempts(self.projects(), self.step))

    def passed_before(self, name: str) -> bool:
        """Whether it passes in the copy as it was; asked only of what fails after a change.

        Raises `UserError` if what passes in the original does not in the copy.
        """
        if name not in self.before:
            with self._as_it_was():
                self.before[name] = attempts(self.projects(), self.step)[name]()
                folder, command = trials(self.projects()).get(name, (self.copy, []))
                if command[:2] == ["cargo", "check"] and not self.before[name]:
                    original = self.root / folder.relative_to(self.copy)
                    if run(command, original).code == 0:
                        raise UserError(
                            f"{name} passes in {original} and not in a copy of {self.root}, so "
                            "that nothing can be tried there\n"
                            f"{run(command, folder).stderr.strip()[-1000:]}"
                        )
        return self.before[name]

    def attempt(
        self, left_out: frozenset[str], only: list[tuple[Path, str]] | None = None
    ) -> _Attempt:
        """Apply the fixes of all findings, or of `only` these, then see what passes.

        A fix may uncover what could not be checked before it.
        """
        self._restore()
        attempt = _Attempt()
        for _ in range(5):
            plan, manual = Plan(), list[str]()
            edited: dict[tuple[Path, str], str] = {}
            for project in self.projects():
                report = doctor.check_project(project, self.step)
                crate = project.folder.relative_to(self.copy)
                for check in [*report.failed, *(report.rust_tests if self.rust_tests else [])]:
                    if check.id in left_out:
                        continue
                    before, plan.commands, fix = dict(plan.files), [], (crate, check.id)
                    check.apply(plan)
                    if plan.files != before and only is not None and fix not in only:
                        plan.files = before
                        continue
                    edited |= {fix: check.evidence} if plan.files != before else {}
                    commands = [(crate, command) for command in plan.commands]
                    attempt.commands += [c for c in commands if c not in attempt.commands]
                manual += [text for text in plan.manual if text not in manual]
                plan.manual = []
            attempt.manual = manual
            for fix, evidence in edited.items():
                if attempt.applied.get(fix) == evidence:
                    attempt.fault = f"{fix[1]} is still found after its fix"
                    return attempt
            if not plan.changed():
                break
            _ = self.names
            for path in plan.changed():
                self.originals.setdefault(path, path.read_bytes() if path.exists() else None)
            plan.write()
            attempt.applied |= edited
        attempt.files = {
            path: path.read_text(encoding="utf-8") if path.exists() else ""
            for path in self.originals
        }
        attempt.originals = dict(self.originals)
        if not self.originals:
            return attempt
        after = attempts(self.projects(), self.step)
        for name in self.names:
            passes = after.get(name, lambda: False)
            # Tried again, as a build may depend on the network, or on chance.
            if passes() or (self.passed_before(name) and passes()):
                attempt.passed.append(name)
            elif self.before[name]:
                attempt.fault = f"it breaks what passed before: {name}"
                break
        return attempt

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        """Take the changes back for a while."""
        originals = self.originals
        changed = {path: path.read_bytes() if path.exists() else None for path in originals}
        self._restore()
        yield
        self.originals = changed
        self._restore()
        self.originals = originals

    def _restore(self) -> None:
        for path, content in self.originals.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
        self.originals = {}


def prove(
    projects: list[Project], rust_tests: bool, left_out: frozenset[str], step: Step
) -> Outcome:
    """Try the fixes in a copy, and return as many as leave everything that passes there passing.

    All together first, as this is what mostly holds; else one after the other. `left_out` are
    checks whose fixes are not tried.
    """
    root = projects[0].repository
    crates = {project.folder.relative_to(root): project.chosen for project in projects}
    with copy_of(projects) as copy:
        trial = _Trial(root, copy, crates, rust_tests, step)
        held, refused = trial.attempt(left_out), dict[str, str]()
        if held.fault:
            fixes, accepted = list(held.applied), list[tuple[Path, str]]()
            held = trial.attempt(left_out, [])
            for fix in fixes:
                attempt = trial.attempt(left_out, [*accepted, fix])
                if attempt.fault:
                    crate, name = fix
                    refused[name if len(crates) == 1 else f"{name} in {crate}"] = attempt.fault
                else:
                    accepted.append(fix)
                    held = attempt

        def moved(text: str) -> str:
            return text.replace(str(copy), str(root))

        files = {root / path.relative_to(copy): text for path, text in held.files.items()}
        return Outcome(
            Plan(files, [], [moved(text) for text in held.manual]),
            [(root / crate, [moved(word) for word in command]) for crate, command in held.commands],
            [name for _, name in held.applied],
            refused,
            held.passed,
            {root / path.relative_to(copy): text for path, text in held.originals.items()},
        )
