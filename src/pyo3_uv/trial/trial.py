"""A fix is tried in a copy of the repository first: what passed there before must pass after it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pyo3_uv.checks.report import check_project
from pyo3_uv.edits.files import restore, snapshot
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts import git
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.owner_commands import commands_of
from pyo3_uv.facts.project import Project
from pyo3_uv.files import read_text
from pyo3_uv.process import UserError, run
from pyo3_uv.trial.copy import copy_of
from pyo3_uv.trial.loop import Loop, compared, measure
from pyo3_uv.trial.must_pass import Step, attempts, cargo_commands
from pyo3_uv.trial.outcome import Fix, Outcome, Part


@dataclass
class _Trial:
    """A copy in which fixes are tried, each time from the same start."""

    root: Path
    copy: Path
    crates: dict[Path, tuple[str, ...]]
    owner_commands: list[list[str]]
    rust_tests: bool
    bind: bool
    step: Step
    scratch: Path
    parts: Sequence[Part] = ()
    originals: dict[Path, bytes | None] = field(default_factory=dict)
    before: dict[str, bool] = field(default_factory=dict)
    loops: dict[frozenset[Fix], Loop] = field(default_factory=dict)
    for_speed: list[Fix] = field(default_factory=list)  # those whose benefit is to be measured

    def projects(self) -> list[Project]:
        return [
            load(self.copy / crate / "Cargo.toml", features)
            for crate, features in self.crates.items()
        ]

    @cached_property
    def names(self) -> list[str]:
        """What is tried; asked for before anything is changed."""
        return list(attempts(self.projects(), self.scratch, self.step))

    @cached_property
    def locks(self) -> dict[Path, bytes | None]:
        """The lock files that Git has or would have, as they are with the manifests as they were."""
        projects = self.projects()
        paths = {p.crate.workspace / "Cargo.lock" for p in projects}
        paths |= {p.environment.lock for p in projects}
        paths = {path for path in paths if path.exists() and not git.is_ignored(path)}
        for folder in {path.parent for path in paths}:
            # One that was out of date is not brought up to date by the fixes.
            run(["cargo", "metadata", "--format-version=1"], folder)
        return snapshot(paths)

    @cached_property
    def loop_before(self) -> Loop:
        """The owner's commands in the copy as it was."""
        with self._as_it_was():
            return self._loop([])

    def _loop(self, applied: Iterable[Fix]) -> Loop:
        """The owner's commands with some fixes, which are applied; measured once."""
        fixes = frozenset(applied)
        if fixes not in self.loops:
            self.loops[fixes] = measure(self.projects(), self.owner_commands, self.step)
        return self.loops[fixes]

    def passed_before(self, name: str) -> bool:
        """Whether it passes in the copy as it was; asked only of what fails after a change.

        Raises `UserError` if what passes in the original does not in the copy.
        """
        if name not in self.before:
            with self._as_it_was():
                self.before[name] = attempts(self.projects(), self.scratch, self.step)[name]()
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

    def attempt(self, only: list[Fix] | None, than: Outcome | None = None) -> Outcome:
        """Apply the fixes of `only`, or all but those for speed, and measure the owner's loop.

        A fix may uncover what could not be checked before it. The loop is compared with that of
        another outcome, or with that before all changes.
        """
        attempt = self._applied(only)
        if attempt.fault or not self.originals:
            return attempt
        before = self.loop_of(than)
        attempt.loop = self._loop(attempt.applied)
        attempt.benefit = compared(self.loop_before, attempt.loop)
        worse = {n: t for n, t in attempt.loop.items() if n in before and t.worse_than(before[n])}
        if worse:
            attempt.fault = f"the edit loop gets worse: {'; '.join(compared(before, worse))}"
        elif than is not None:
            attempt.fault = self._without_benefit(before, attempt.loop)
        return attempt

    def loop_of(self, attempt: Outcome | None) -> Loop:
        return attempt.loop if attempt and attempt.originals else self.loop_before

    def _without_benefit(self, before: Loop, after: Loop) -> str | None:
        """Say why a change for speed is not worth making, if it is not."""
        unknown = [name for name, timing in after.items() if timing.failure is not None]
        if unknown:
            return f"whether it slows down {unknown[0]} is not known: {after[unknown[0]].failure}"
        if any(before[name].worse_than(timing) for name, timing in after.items()):
            return None
        return f"no command is faster with it: {'; '.join(compared(before, after)) or 'none known'}"

    def verify(self, attempt: Outcome) -> None:
        """See what passes with the changes that are made, and take what they made of lock files."""
        if attempt.fault or not self.originals:
            return
        after = attempts(self.projects(), self.scratch, self.step)
        for name in self.names:
            passes = after.get(name, lambda: False)
            # Tried again, as a build may depend on the network, or on chance.
            if passes() or (self.passed_before(name) and passes()):
                attempt.passed.append(name)
            elif self.before[name]:
                attempt.fault = f"it breaks what passed before: {name}"
                return
        for path, content in self.locks.items():
            if path.read_bytes() != content:
                attempt.patch.files[path] = read_text(path)
                original = self.root / path.relative_to(self.copy)
                attempt.originals[path] = original.read_bytes()

    def _applied(self, only: list[Fix] | None) -> Outcome:
        self.set_to(attempt := Outcome())
        self._apply_parts(attempt, only)
        for _ in range(5):
            patch, manual = Patch(root=self.copy), list[str]()
            edited: dict[Fix, str] = {}
            for project in self.projects():
                report = check_project(project, self.step, copy=self.scratch)
                crate = project.folder.relative_to(self.copy)
                for finding in [*report.found, *(report.rust_tests if self.rust_tests else [])]:
                    if finding.binds_to_uv and not self.bind:
                        continue
                    before, patch.commands, fix = dict(patch.files), [], (crate, finding.id)
                    try:
                        finding.apply(patch)
                    except UserError as error:
                        patch.files = before
                        patch.manual.append(f"{finding.title}: {finding.remedy} ({error})")
                    if patch.files != before and finding.for_speed and fix not in self.for_speed:
                        self.for_speed.append(fix)
                    if patch.files != before and not (
                        fix not in self.for_speed if only is None else fix in only
                    ):
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
            attempt.patch.files[path] = read_text(path) if path.exists() else ""
        attempt.originals = dict(self.originals)
        return attempt

    def _apply_parts(self, attempt: Outcome, only: list[Fix] | None) -> None:
        patch = Patch(root=self.copy)
        for project in self.projects() if self.parts else ():
            for part in self.parts:
                fix = (project.folder.relative_to(self.copy), part.name)
                if part.harmless or only is None or fix in only:
                    part.apply(project, patch)
                    attempt.applied |= {} if part.harmless else {fix: part.name}
        if patch.changed():
            _ = self.names
            self.originals |= snapshot(p for p in patch.changed() if p not in self.originals)
            patch.write()
            attempt.patch.executable |= patch.executable

    def misfit(self, part: Part) -> str | None:
        """Say why a part cannot be made, or makes manifests that cargo refuses; None if it fits."""
        _ = self.locks
        for project in self.projects():
            metadata = ["cargo", "metadata", "--quiet", "--format-version=1"]
            patch = Patch(root=self.copy)
            part.apply(project, patch)
            if patch.manual:
                return patch.manual[0]
            before = snapshot(patch.changed())
            patch.write()
            result = run(metadata, project.folder)
            restore(before, self.copy)
            restore(self.locks, self.copy)
            if result.code and run(metadata, project.folder).code == 0:
                return f"cargo refuses it: {' '.join(result.stderr.split())[:300]}"
        return None

    def set_to(self, attempt: Outcome) -> None:
        """Make the changes of an attempt, and no others."""
        restore(self.originals, self.copy)
        restore(self.locks, self.copy)
        self.originals = dict(attempt.originals)
        Patch(
            dict(attempt.patch.files), root=self.copy, executable=attempt.patch.executable
        ).write()

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        """Take the changes back for a while."""
        changed = snapshot(self.originals)
        restore(self.originals, self.copy)
        yield
        restore(changed, self.copy)

    def name_of(self, fix: Fix) -> str:
        crate, name = fix
        return name if len(self.crates) == 1 else f"{name} in {crate}"


def try_fixes(
    projects: list[Project],
    rust_tests: bool,
    bind: bool,
    step: Step,
    note: Callable[[Path], object] = lambda _: None,
    parts: Sequence[Part] = (),
    speed: bool = True,
) -> Outcome:
    """Try the fixes in a copy, and return as many as leave everything that passes there passing.

    All together first, as this is what mostly holds; else one after the other. Those for speed come
    last, and only if a command of the owners becomes faster and none slower. Without `bind` those
    that bind a crate to its environment are not tried, without `speed` those for speed. `note` is
    told where the copy is. `parts` are other changes, made before the fixes and tried with them.
    """
    root = projects[0].repository
    crates = {p.folder.relative_to(root): p.crate.chosen for p in projects}
    with copy_of(projects, note) as copy, TemporaryDirectory(prefix="pyo3-uv-") as scratch:
        commands = [commands_of(project) for project in projects]
        trial = _Trial(root, copy, crates, commands, rust_tests, bind, step, Path(scratch), parts)
        misfits = {part.name: trial.misfit(part) for part in parts if not part.harmless}
        unfit = {name: reason for name, reason in misfits.items() if reason}
        trial.parts = [part for part in parts if part.name not in unfit]
        refused = dict[str, str]()

        def one_by_one(held: Outcome, fixes: list[Fix], fast: bool, verify: bool) -> Outcome:
            for fix in fixes:
                loop = trial.loop_of(held) if fast else {}
                if fast and not any(timing.can_improve for timing in loop.values()):
                    now = "; ".join(f"{name}: {timing}" for name, timing in loop.items())
                    refused[trial.name_of(fix)] = f"there is nothing to gain: {now or 'none known'}"
                    continue
                attempt = trial.attempt([*held.applied, fix], held if fast else None)
                if verify:
                    trial.verify(attempt)
                if attempt.fault:
                    refused[trial.name_of(fix)] = attempt.fault
                else:
                    held = attempt
            return held

        held = trial.attempt(None)
        fixes, faster = list(held.applied), trial.for_speed if speed else []
        if not held.fault:
            held = one_by_one(held, faster, fast=True, verify=False)
            if refused:  # the last attempt is not the one that holds
                trial.set_to(held)
            trial.verify(held)
        if held.fault:
            refused.clear()
            held = one_by_one(trial.attempt([]), fixes, fast=False, verify=True)
            held = one_by_one(held, faster, fast=True, verify=True)
        return replace(held, refused=unfit | refused).moved(copy, root)
