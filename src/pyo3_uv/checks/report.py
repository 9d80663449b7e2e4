"""All checks of a project, and what they found."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from pyo3_uv.checks import CHECKS, stub
from pyo3_uv.checks.finding import Finding, Severity
from pyo3_uv.edits.files import unchanged
from pyo3_uv.facts.embedded import probe
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import Project
from pyo3_uv.process import UserError

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass
class Report:
    """What was found out about a crate: notes on what is so, in their order, and findings.

    `rust_tests` only matter to Rust tests with Python, where there are none: one finding stands
    for these.
    """

    project: Project
    notes: dict[str, str]
    found: list[Finding] = field(default_factory=list)
    rust_tests: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """All of them; one stands for those of Rust tests, where there are none."""
        return self.found + self.rust_tests_hint

    @property
    def rust_tests_hint(self) -> list[Finding]:
        """The one finding, if there is any, that stands for those of Rust tests."""
        return [_for_rust_tests(self.rust_tests)] if self.rust_tests else []

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def sorted(self) -> list[Finding]:
        """The findings, the worst first."""
        return sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))

    def passes(self, strict: bool) -> bool:
        """Whether there is no error, and with `strict` no warning."""
        return not self.count("error") and not (strict and self.count("warning"))


def check_project(
    project: Project,
    step: Callable[[str], None] = lambda _: None,
    on_finding: Callable[[Finding], None] = lambda _: None,
    copy: Path | None = None,
) -> Report:
    """Make all checks and return the report.

    `step` is told what goes on, as it takes seconds; `on_finding` is given each finding at once;
    `copy` is a folder for builds of checks of one copy of a project, time and again, of which stubs
    are not compared, as the environment is that of the original.

    Raises `UserError` if a file of the project cannot be read.
    """
    lock = project.crate.workspace / "Cargo.lock"
    try:
        step("environment")
        with probe(project.folder, copy) as crate, unchanged(lock):
            facts = Facts(project, crate, step)
            report = Report(project, facts.notes)
            for check in CHECKS:
                if (check is stub and copy) or not (finding := check.find(facts)):
                    continue
                finding = finding.located(project)
                facts.found_ids.add(finding.id)
                if finding.for_rust_programs and not facts.rust_uses_python:
                    report.rust_tests.append(finding)
                else:
                    report.found.append(finding)
                    on_finding(finding)
                if finding.explains and facts.fails_with(finding.explains):
                    facts.build_explained = True
    except OSError as error:
        raise UserError(f"{error.filename or project.folder}: {error.strerror}") from None
    return report


def _for_rust_tests(findings: list[Finding]) -> Finding:
    """Return what is to be known before one writes a Rust test with Python."""
    first, *_ = findings
    return replace(
        first,
        id="rust-tests",
        severity="hint",
        title="a Rust test that uses Python would not run here",
        seen="; ".join(finding.seen for finding in findings),
        effect="none now, as no Rust test and no Rust program uses Python; in the first one: "
        + "; ".join(finding.title for finding in findings),
        remedy="if you want to write some: pyo3-uv fix --rust-tests",
    )
