"""What a check is, and what it finds."""

from __future__ import annotations

import os
import re
import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyo3_uv.context import Context
from pyo3_uv.plan import Plan
from pyo3_uv.process import run

# error: something that the project does today fails or gives wrong results, which was seen
# warning: it will, in a situation that `effect` names
# advice: it could be faster, or matters only to those who write Rust tests
Severity = Literal["error", "warning", "advice"]


@dataclass(frozen=True)
class Finding:
    """What is wrong: the evidence, what it leads to, and what to do.

    `command` is what a person can run in the crate's folder to see the evidence, `output` what it
    printed; `file`, relative to that folder, and `line` are the place, where there is one.
    """

    id: str
    severity: Severity
    title: str
    evidence: str
    command: str
    output: str
    file: str | None
    line: int | None
    effect: str
    fix: str


class Check(ABC):
    """One thing that can be wrong. `find` may replace the attributes by more exact ones.

    A class whose name starts with an underscore is what several checks share, and no check itself.
    """

    id: str
    severity: Severity = "warning"
    title: str
    effect: str
    fix: str
    evidence: str = ""
    command: str = ""
    output: str = ""
    file: Path | None = None
    line: int | None = None
    binds_to_uv = False  # its fix makes everybody who builds the crate depend on .venv
    about_rust_programs = False  # only of interest where Rust tests or a program use Python
    explains = ""  # failing builds, whose output it matches

    def __init_subclass__(cls) -> None:
        inherited = (None, Check.find, Check.apply)
        missing = [
            name for name in ("id", "find", "apply") if getattr(cls, name, None) in inherited
        ]
        if missing and not cls.__name__.startswith("_"):
            raise TypeError(f"{cls.__name__} does not define {', '.join(missing)}")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.project = context.project

    @abstractmethod
    def find(self) -> str | None:
        """Return the evidence of the fault, None if there is none."""

    @abstractmethod
    def apply(self, plan: Plan) -> None:
        """Add the fix to `plan`: a change of files, a command, or `leave_to_user`."""

    def leave_to_user(self, plan: Plan) -> None:
        """Leave the fix to the user."""
        plan.manual.append(f"{self.title}: {self.fix}")

    def see(self, command: str, instead: str = "") -> None:
        """Make what a command of the shell prints in the crate's folder the evidence.

        `instead` is shown where there is no such shell or program.
        """
        result = run(["sh", "-c", command], self.project.folder)
        self.command = command
        self.output = instead if result.code == 127 else "\n".join(result.output.splitlines()[:5])

    def show(self, path: Path, pattern: str = "") -> None:
        """Make a file the evidence: the lines of it that match, or that there are none."""
        name = shlex.quote(self.project.shown(path))
        self.file = path if path.exists() else None
        if not self.file:
            self.see(f"ls {name}", "No such file or directory")
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [(n, line) for n, line in enumerate(lines, 1) if re.search(pattern, line)]
        self.line = found[0][0] if found else None
        shown = "\n".join(f"{n}:{line}" for n, line in found[:5])
        self.see(f"grep -nE '{pattern}' {name}", shown)

    def show_build(self) -> None:
        """Make the failing build of the tests the evidence."""
        self.severity, self.command = "error", self.context.build_command
        errors = self.context.probe.failure or self.context.build.errors
        pattern = r"\s*(error|rust-lld|.*: undefined)"
        lines = [line for line in errors.splitlines() if re.match(pattern, line)]
        self.output = "\n".join(lines[:5]) or errors[-1000:]

    def finding(self) -> Finding | None:
        """Make the check."""
        evidence = self.find()
        if evidence is None:
            return None
        self.evidence = evidence
        assert self.command, f"{self.id} does not say how to see its evidence"
        file = os.path.relpath(self.file, self.project.folder) if self.file else None
        return Finding(
            self.id,
            self.severity,
            self.title,
            evidence,
            self.command,
            self.output.strip(),
            Path(file).as_posix() if file else None,
            self.line,
            self.effect,
            self.fix,
        )
