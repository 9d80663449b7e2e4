"""What a check finds, and the evidence for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pyo3_uv import shell
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.files import text_to_search
from pyo3_uv.paths import relative
from pyo3_uv.process import Result, run

# One heading a finding
DOCS = "https://github.com/org/pyo3-uv-template/blob/main/docs/findings.md"
# docs/command.md says what they mean.
Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True)
class Evidence:
    """A command that a person can run in the crate's folder, and what it printed; the place."""

    command: str
    output: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class Finding:
    """What is wrong, what it leads to, the remedy for the user and the fix that the command makes.

    `seen` says in words what `evidence` shows; `explains` are failing builds, whose output it
    matches. `fix` adds its changes to a patch; None leaves the remedy to the user.
    """

    id: str
    severity: Severity
    title: str
    seen: str
    evidence: Evidence
    effect: str
    remedy: str
    fix: Callable[[Patch], object] | None = None
    binds_to_uv: bool = False  # its fix makes everybody who builds the crate depend on .venv
    for_speed: bool = False  # its only benefit is a faster edit loop, which the trial measures
    for_rust_programs: bool = False  # only of interest where Rust tests or a program use Python
    explains: str = ""

    def apply(self, patch: Patch) -> None:
        """Add the fix to `patch`: changes of files, a command, or what is left to the user."""
        if self.fix:
            self.fix(patch)
        else:
            patch.manual.append(f"{self.title}: {self.remedy}")

    @property
    def docs(self) -> str:
        return f"{DOCS}#{self.id}"

    def located(self, project: Project) -> "Finding":
        """Return it with a file and a line: else those where the crate's manifest names PyO3."""
        file, line = self.evidence.file, self.evidence.line
        if not file or not file.is_file():
            file, line = project.crate.manifest_path, None
        line = line or _line_of(project, file)
        return replace(self, evidence=replace(self.evidence, file=file, line=line))

    def place(self, folder: Path) -> str:
        """Return the file of a finding that is `located`, as seen from a folder."""
        assert self.evidence.file
        return relative(self.evidence.file, folder)

    def as_dict(self, folder: Path) -> dict[str, Any]:
        return {
            "id": self.id,
            "severity": self.severity,
            "title": self.title,
            "evidence": self.seen,
            "command": self.evidence.command,
            "output": self.evidence.output,
            "file": self.place(folder),
            "line": self.evidence.line,
            "effect": self.effect,
            "remedy": self.remedy,
            "docs": self.docs,
        }


def _line_of(project: Project, file: Path) -> int:
    """Return the line to look at where a finding names none: that of PyO3, or of the settings."""
    dependency = rf"""\s*(\[.*dependencies\.)?["']?{re.escape(project.crate.key)}["']?\s*[].=]"""
    settings = r"\s*\[(tool\.(maturin|uv)|build-system)\b"
    patterns = {"Cargo.toml": dependency, "pyproject.toml": settings, "build.rs": r"\s*fn main"}
    pattern = patterns.get(file.name, "")
    found = enumerate(text_to_search(file).splitlines(), 1)
    return next((number for number, line in found if re.match(pattern, line)), 1)


def command(project: Project, line: str, instead: str = "") -> Evidence:
    """Run a line of the shell in the crate's folder.

    `instead` is shown where there is no such program, and on Windows: PowerShell takes a second.
    """
    result = Result(127, "", "") if shell.WINDOWS else run(["sh", "-c", line], project.folder)
    output = instead if result.code == 127 else "\n".join(result.output.splitlines()[:5])
    return Evidence(line, output.strip())


def lines(project: Project, path: Path, pattern: str = "") -> Evidence:
    """Show the lines of a file that match, that there are none, or that there is no such file."""
    name = project.shown(path)
    if not path.exists():
        return command(project, shell.listing(name), shell.not_there(name))
    text = text_to_search(path).splitlines()
    found = [(n, line) for n, line in enumerate(text, 1) if re.search(pattern, line)]
    output = "\n".join(f"{n}:{line}" for n, line in found[:5])
    place = found[0][0] if found else None
    return Evidence(shell.search(pattern, name), output.strip(), path, place)


def failing_build(facts: Facts) -> Evidence:
    """Show how the build of the tests fails."""
    errors = facts.probe.failure or facts.build.errors
    pattern = r"\s*(error|rust-lld|.*: undefined)"
    found = [line for line in errors.splitlines() if re.match(pattern, line)]
    output = ("\n".join(found[:5]) or errors[-1000:]).strip()
    # rustc is run in the workspace's folder; what is not there is of another crate.
    place = re.search(r"^ *--> (.+?):(\d+):\d+$", errors, re.MULTILINE)
    if place and (file := facts.project.crate.workspace / place[1]).is_file():
        return Evidence(facts.build_command, output, file, int(place[2]))
    return Evidence(facts.build_command, output)
