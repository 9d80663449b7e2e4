"""A fix is tried in a copy of the repository first: what passed there before must pass after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pyo3_uv.checks.report import check_project
from pyo3_uv.edits.files import restore, snapshot
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.project import Project
from pyo3_uv.process import UserError, run
from pyo3_uv.trial.copy import copy_of
from pyo3_uv.trial.must_pass import Step, attempts, cargo_commands

Fix = tuple[Path, str]  # the crate's folder, relative to the copy, and the id of the finding


@dataclass
class Outcome:
    """What a trial of some fixes showed: what they change, and what was not applied, and why.

    `commands` are to be run in the folders beside them; `applied` has the fixes, each with what was
    seen last that called for it; `passed` is what passes with the changes, `fault` what is wrong
    with them; `originals` are the files as they were then, None where there was none.
    """

    patch: Patch = field(default_factory=Patch)
    commands: list[tuple[Path, list[str]]] = field(default_factory=list)
    applied: dict[Fix, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    fault: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    originals: dict[Path, bytes | None] = field(default_factory=dict)

    def moved(self, copy: Path, root: Path) -> "Outcome":
        """Return it for the project itself."""

        def of_project(text: str) -> str:
            return text.replace(str(copy), str(root))

        return replace(
            self,
            patch=Patch(
                {root / path.relative_to(copy): text for path, text in self.patch.files.items()},
                manual=[of_project(text) for text in self.patch.manual],
            ),
            commands=[(root / crate, [*map(of_project, words)]) for crate, words in self.commands],
            originals={root / path.relative_to(copy): c for path, c in self.originals.items()},
        )


@dataclass
class _Trial:
    """A copy in which fixes are tried, each time from the same start."""

    root: Path
    copy: Path
    crates: dict[Path, tuple[str, ...]]
    rust_tests: bool
    step: Step
    originals: dict[Path, bytes | None] = field(default_factory=dict)
    before: dict[str, bool] = field(default_factory=dict)

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
                folder, command = cargo_commands(self.projects()).get(name, (self.copy, []))
                if command[:2] == ["cargo", "check"] and not self.before[name]:
                    original = self.root / folder.relative_to(self.copy)
                    if run(command, original).code == 0:
                        raise UserError(
                            f"{name} passes in {original} and not in a copy of {self.root}, so "
                            "that nothing can be tried there\n"
                            f"{run(command, folder).stderr.strip()[-1000:]}"
                        )
        return self.before[name]

    def attempt(self, bind: bool, only: list[Fix] | None = None) -> Outcome:
        """Apply the fixes of all findings, or of `only` these, then see what passes.

        A fix may uncover what could not be checked before it.
        """
        restore(self.originals)
        self.originals, attempt = {}, Outcome()
        for _ in range(5):
            patch, manual = Patch(), list[str]()
            edited: dict[Fix, str] = {}
            for project in self.projects():
                report = check_project(project, self.step)
                crate = project.folder.relative_to(self.copy)
                for finding in [*report.found, *(report.rust_tests if self.rust_tests else [])]:
                    if finding.binds_to_uv and not bind:
                        continue
                    before, patch.commands, fix = dict(patch.files), [], (crate, finding.id)
                    finding.apply(patch)
                    if patch.files != before and only is not None and fix not in only:
                        patch.files = before
                        continue
                    edited |= {fix: finding.seen} if patch.files != before else {}
                    commands = [(crate, command) for command in patch.commands]
                    attempt.commands += [c for c in commands if c not in attempt.commands]
                manual += [text for text in patch.manual if text not in manual]
                patch.manual = []
            attempt.patch.manual = manual
            for fix, seen in edited.items():
                if attempt.applied.get(fix) == seen:
                    attempt.fault = f"{fix[1]} is still found after its fix"
                    return attempt
            if not patch.changed():
                break
            _ = self.names
            self.originals |= snapshot(p for p in patch.changed() if p not in self.originals)
            patch.write()
            attempt.applied |= edited
        for path in self.originals:
            attempt.patch.files[path] = path.read_text("utf-8") if path.exists() else ""
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
        changed = snapshot(self.originals)
        restore(self.originals)
        yield
        restore(changed)


def try_fixes(projects: list[Project], rust_tests: bool, bind: bool, step: Step) -> Outcome:
    """Try the fixes in a copy, and return as many as leave everything that passes there passing.

    All together first, as this is what mostly holds; else one after the other. Without `bind`
    those that bind a crate to its environment are not tried.
    """
    root = projects[0].repository
    crates = {p.folder.relative_to(root): p.crate.chosen for p in projects}
    with copy_of(projects) as copy:
        trial = _Trial(root, copy, crates, rust_tests, step)
        held, refused = trial.attempt(bind), dict[str, str]()
        if held.fault:
            fixes, accepted = list(held.applied), list[Fix]()
            held = trial.attempt(bind, [])
            for fix in fixes:
                attempt = trial.attempt(bind, [*accepted, fix])
                if attempt.fault:
                    crate, name = fix
                    refused[name if len(crates) == 1 else f"{name} in {crate}"] = attempt.fault
                else:
                    accepted.append(fix)
                    held = attempt
        return replace(held, refused=refused).moved(copy, root)
