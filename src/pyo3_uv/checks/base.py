"""What a check is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pyo3_uv.examination import Examination
from pyo3_uv.plan import Plan


@dataclass(frozen=True)
class Problem:
    """What is wrong: the evidence, what it leads to, and what to do."""

    id: str
    title: str
    evidence: str
    effect: str
    cure: str


class Check(ABC):
    """One thing that can be wrong. `find` may replace title, effect and cure by more exact ones.

    A class whose name starts with an underscore is what several checks share, and no check itself.
    """

    id: str
    title: str
    effect: str
    cure: str
    explains_build_failure = False

    def __init_subclass__(cls) -> None:
        inherited = (None, Check.find, Check.fix)
        missing = [name for name in ("id", "find", "fix") if getattr(cls, name, None) in inherited]
        if missing and not cls.__name__.startswith("_"):
            raise TypeError(f"{cls.__name__} does not define {', '.join(missing)}")

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        self.project = examination.project

    @abstractmethod
    def find(self) -> str | None:
        """Return the evidence of the problem, None if there is no problem."""

    @abstractmethod
    def fix(self, plan: Plan) -> None:
        """Add the cure to `plan`: a change of files, a command, or `leave_to_user`."""

    def leave_to_user(self, plan: Plan) -> None:
        """Leave the cure to the user."""
        plan.manual.append(f"{self.title}: {self.cure}")

    def problem(self) -> Problem | None:
        """Make the check."""
        evidence = self.find()
        if evidence is None:
            return None
        return Problem(self.id, self.title, evidence, self.effect, self.cure)
