"""`pyo3-uv doctor`: what is wrong with a PyO3 project, with evidence, effect and cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from pyo3_uv.checks import CHECKS
from pyo3_uv.checks.base import Check, Problem
from pyo3_uv.examination import Examination
from pyo3_uv.probe import probe
from pyo3_uv.process import UserError
from pyo3_uv.project import Project


@dataclass
class Report:
    """What was found out: facts, in the order in which they were found, and problems.

    `failed` are the checks that found the problems; they know the cures.
    """

    project: Project
    facts: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    failed: list[Check] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        return not self.problems

    @property
    def ids(self) -> list[str]:
        return [problem.id for problem in self.problems]

    def as_dict(self) -> dict[str, Any]:
        return {
            "project": str(self.project.folder),
            "healthy": self.healthy,
            "facts": self.facts,
            "problems": [asdict(problem) for problem in self.problems],
        }


def examine(project: Project, step: Callable[[str], None] = lambda _: None) -> Report:
    """Make all checks and return the report; `step` is told what goes on, as it takes seconds.

    Raises `UserError` if a file of the project cannot be read.
    """
    try:
        step("environment")
        with probe(project.folder) as crate:
            examination = Examination(project, crate, step)
            report = Report(project, examination.facts)
            for kind in CHECKS:
                check = kind(examination)
                if problem := check.problem():
                    report.problems.append(problem)
                    report.failed.append(check)
                    examination.build_failure_explained |= check.explains_build_failure
    except OSError as error:
        raise UserError(f"{error.filename or project.folder}: {error.strerror}") from None
    return report
