"""`pyo3-uv fix`: the cures of what the doctor found."""

from __future__ import annotations

from pyo3_uv.doctor import Report
from pyo3_uv.plan import Plan
from pyo3_uv.process import UserError, run
from pyo3_uv.project import Project


def check_clean(project: Project) -> None:
    """Raise `UserError` if the project's Git working tree has uncommitted changes."""
    result = run(["git", "status", "--porcelain", "--", str(project.workspace)], project.workspace)
    if result.code == 0 and result.stdout.strip():
        raise UserError(
            "fix requires a clean Git working tree, so that its changes can be reviewed and "
            "undone; there are uncommitted changes: commit them first, or add --allow-dirty\n"
            f"{result.stdout.rstrip()}"
        )


def in_git(project: Project) -> bool:
    """Whether Git can bring back what is changed."""
    return run(["git", "rev-parse", "--git-dir"], project.workspace).code == 0


def plan(report: Report) -> Plan:
    """Return the cures of the problems in a report."""
    changes = Plan()
    for check in report.failed:
        check.fix(changes)
    return changes
