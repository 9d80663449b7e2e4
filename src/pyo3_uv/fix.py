"""`pyo3-uv fix`: the fixes that break nothing, tried in a copy, written all or none."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pyo3_uv import binding
from pyo3_uv.binding import Binding
from pyo3_uv.process import UserError, run
from pyo3_uv.project import Project
from pyo3_uv.proof import BINDING, Outcome


def check_clean(projects: list[Project]) -> None:
    """Raise `UserError` if tracked files of the projects have uncommitted changes.

    Files that Git does not know, as cargo leaves them, are no obstacle to a review.
    """
    folders = {folder for p in projects for folder in (p.workspace, p.folder, p.package_root)}
    status = ["git", "status", "--porcelain", "--untracked-files=no", "--"]
    result = run([*status, *(str(folder) for folder in folders if folder)], projects[0].workspace)
    if result.code == 0 and result.stdout.strip():
        raise UserError(
            "fix requires a clean Git working tree, so that its changes can be reviewed and "
            "undone; there are uncommitted changes: commit them first, or add --allow-dirty\n"
            f"{result.stdout.rstrip()}"
        )


@dataclass
class Change:
    """What is about to be written: the outcome of the trial, and for whom cargo is configured."""

    projects: list[Project]
    outcome: Outcome
    local: list[Path] = field(default_factory=list)
    originals: dict[Path, Path] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.projects[0].repository

    @property
    def empty(self) -> bool:
        return not self.outcome.plan.changed() and not self.outcome.commands

    @property
    def changed(self) -> list[str]:
        """The names of the files, seen from the first crate's folder."""
        return sorted(map(self.projects[0].shown, self.outcome.plan.changed()))

    def write(self) -> None:
        """Write all files or none; keep the originals where Git cannot bring them back.

        Raises `UserError` if one is not as it was when the fixes were tried.
        """
        plan = self.outcome.plan
        for path, content in self.outcome.originals.items():
            if content != (path.read_bytes() if path.exists() else None):
                raise UserError(f"{path} was changed meanwhile; nothing was written, run it again")
        plan.keep_originals(
            [p for p in plan.changed() if not binding.is_tracked(p)], self.originals
        )
        with plan.written():
            for file in self.local:
                binding.keep_local(file)

    def run_commands(self, run_one: Callable[[list[str], Path], bool]) -> list[str]:
        """Run what is to be run; return the commands that failed."""
        return [
            shlex.join(command)
            for folder, command in self.outcome.commands
            if not run_one(command, folder)
        ]


def prepare(
    projects: list[Project],
    config: Binding | None,
    trial: Callable[[frozenset[str]], Outcome],
    ask: Callable[[str], Binding],
) -> Change:
    """Return the fixes that break nothing, and for whom cargo is configured.

    `trial` tries all of them but those of some checks; `ask` is given the name of cargo's
    configuration, if that is to be written and `config` does not say for whom.
    """
    outcome = trial(BINDING if config == Binding.NONE else frozenset())
    files = [file for file in outcome.plan.changed() if file.parent.name == ".cargo"]
    if not files or all(project.is_bound for project in projects):
        return Change(projects, outcome)
    names = ", ".join(map(projects[0].shown, files))
    config = config or ask(names)
    if config == Binding.COMMITTED:
        return Change(projects, outcome)
    committed = [file for file in files if binding.is_tracked(file)]
    if config == Binding.LOCAL and not committed:
        return Change(projects, outcome, files)
    outcome = trial(BINDING)
    if config == Binding.LOCAL:
        outcome.plan.manual.append(
            f"{names} is in Git, so that it cannot name the environment for this clone only; "
            "--config committed writes it for everybody"
        )
    return Change(projects, outcome)
