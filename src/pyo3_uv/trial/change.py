"""Preparing and writing a change: for whom cargo is configured, what Git cannot bring back."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from pyo3_uv.checks.report import Report
from pyo3_uv.edits.files import ignore_in_this_clone, keep_originals, snapshot
from pyo3_uv.facts import git
from pyo3_uv.facts.project import Project
from pyo3_uv.process import UserError
from pyo3_uv.trial.outcome import Outcome


class ConfigScope(str, Enum):
    """For whom cargo's configuration, which binds a crate to its environment, is written."""

    COMMITTED = "committed"
    LOCAL = "local"
    NONE = "none"

    @property
    def consequence(self) -> str:
        """What that means for contributors and CI, in one line."""
        return {
            "committed": "everybody who runs cargo there, CI too, needs the environment first",
            "local": "for this clone only: Git ignores the file, and it stays out of sdists",
            "none": "cargo stays as it is; activate the environment yourself before cargo test",
        }[self.value]


def check_clean(projects: list[Project]) -> None:
    """Raise `UserError` if tracked files of the projects have uncommitted changes.

    Files that Git does not know, as cargo leaves them, are no obstacle to a review.
    """
    folders = {f for p in projects for f in (p.crate.workspace, p.folder, p.package.root) if f}
    if uncommitted := git.uncommitted(projects[0].crate.workspace, folders):
        raise UserError(
            "fix requires a clean Git working tree, so that its changes can be reviewed and "
            "undone; there are uncommitted changes: commit them first, or add --allow-dirty\n"
            f"{uncommitted}"
        )


def prepare(
    reports: list[Report],
    config: ConfigScope | None,
    trial: Callable[[bool], Outcome],
    ask: Callable[[str], ConfigScope],
) -> tuple[Outcome, list[Path]]:
    """Return the fixes that break nothing, and the files that are for this clone only.

    `trial` tries all of them, or those that do not bind the crate to its environment; `ask` is
    given the name of cargo's configuration, if that is to be written and `config` does not say for
    whom. It is asked before the trial, which takes minutes, if the doctor's reports tell.
    """
    binding = [r.project for r in reports if any(f.binds_to_uv and f.fix for f in r.found)]
    files = [p.cargo.path for p in binding if not p.cargo.is_bound]
    outcome: Outcome | None = None
    if not files:
        outcome = trial(config != ConfigScope.NONE)
        files = [file for file in outcome.patch.changed() if file.parent.name == ".cargo"]
        if not files or all(report.project.cargo.is_bound for report in reports):
            return outcome, []
    names = ", ".join(dict.fromkeys(map(reports[0].project.shown, files)))
    config = config or ask(names)
    committed = config == ConfigScope.LOCAL and any(map(git.is_tracked, files))
    if config == ConfigScope.NONE or committed:
        outcome = trial(False)
    elif outcome is None:
        outcome = trial(True)
    if committed:
        outcome.patch.manual.append(
            f"{names} is in Git, so that it cannot name the environment for this clone only; "
            "--config committed writes it for everybody"
        )
    written = [file for file in outcome.patch.changed() if file.parent.name == ".cargo"]
    return outcome, written if config == ConfigScope.LOCAL else []


def write(outcome: Outcome, local: list[Path]) -> list[Path]:
    """Write all files or none; return the originals that were kept as Git cannot bring them back.

    `local` are files that Git is to ignore in this clone. Raises `UserError` if a file is not as it
    was when the fixes were tried.
    """
    now = snapshot(outcome.originals)
    for path, content in outcome.originals.items():
        if content != now[path]:
            raise UserError(f"{path} was changed meanwhile; nothing was written, run it again")
    outcome.patch.check()  # before the first file is written
    files = [path for path in outcome.patch.changed() if not git.is_tracked(path.resolve())]
    kept = keep_originals(files, outcome.patch.root)
    with outcome.patch.written():
        for file in local:
            ignore_in_this_clone(file)
    return kept
