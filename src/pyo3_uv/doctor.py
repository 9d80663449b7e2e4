"""`pyo3-uv doctor`: what is wrong with a PyO3 project, with evidence, effect and fix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from pyo3_uv.checks import CHECKS
from pyo3_uv.checks.base import Check, Finding, Severity
from pyo3_uv.context import Context
from pyo3_uv.probe import probe
from pyo3_uv.process import UserError
from pyo3_uv.project import Project

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
# of the output of --json, which docs/command.md describes and docs/report.schema.json defines
SCHEMA = 1


@dataclass
class Report:
    """What was found out about a crate: facts, in the order in which they were found, and findings.

    `failed` are the checks that found something, which know the fixes; `rust_tests` those of them
    that only matter to Rust tests with Python, where there are none: one finding stands for these.
    """

    project: Project
    facts: dict[str, str]
    findings: list[Finding] = field(default_factory=list)
    failed: list[Check] = field(default_factory=list)
    rust_tests: list[Check] = field(default_factory=list)

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def sorted(self) -> list[Finding]:
        """The findings, the worst first."""
        return sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))

    def passes(self, strict: bool) -> bool:
        """Whether there is no error, and with `strict` no warning."""
        return not self.count("error") and not (strict and self.count("warning"))

    @property
    def ids(self) -> list[str]:
        return [finding.id for finding in self.findings]

    def as_dict(self) -> dict[str, Any]:
        return {
            "project": str(self.project.folder),
            "facts": self.facts,
            "findings": [asdict(finding) for finding in self.findings],
        }


def as_json(reports: list[Report], strict: bool) -> dict[str, Any]:
    """Return the reports as docs/report.schema.json defines them."""
    return {
        "schema": SCHEMA,
        "ok": all(report.passes(strict) for report in reports),
        "counts": {
            severity: sum(report.count(severity) for report in reports) for severity in SEVERITIES
        },
        "projects": [report.as_dict() for report in reports],
    }


def as_annotations(reports: list[Report], root: Path) -> list[str]:
    """Return the findings as workflow commands of GitHub, with paths relative to `root`.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    levels = {"error": "error", "warning": "warning", "advice": "notice"}
    lines = []
    for report in reports:
        for finding in report.findings:
            properties = {"title": f"{finding.title} ({finding.id})"}
            if finding.file:
                path = os.path.relpath(report.project.folder / finding.file, root)
                properties["file"] = Path(path).as_posix()
                properties |= {"line": str(finding.line)} if finding.line else {}
            shown = ",".join(f"{key}={_escape(text, ':,')}" for key, text in properties.items())
            message = f"{finding.evidence}\n{finding.effect}\nFix: {finding.fix}"
            lines.append(f"::{levels[finding.severity]} {shown}::{_escape(message)}")
    return lines


def _escape(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def check_project(project: Project, step: Callable[[str], None] = lambda _: None) -> Report:
    """Make all checks and return the report; `step` is told what goes on, as it takes seconds.

    Raises `UserError` if a file of the project cannot be read.
    """
    try:
        step("environment")
        with probe(project.folder) as crate:
            context = Context(project, crate, step)
            report = Report(project, context.facts)
            later: list[Finding] = []
            for kind in CHECKS:
                check = kind(context)
                if finding := check.finding():
                    if check.about_rust_programs and not context.rust_uses_python:
                        later.append(finding)
                        report.rust_tests.append(check)
                    else:
                        report.findings.append(finding)
                        report.failed.append(check)
                    if check.explains and context.fails_with(check.explains):
                        context.build_failure_explained = True
            if later:
                report.findings.append(_rust_tests(later))
    except OSError as error:
        raise UserError(f"{error.filename or project.folder}: {error.strerror}") from None
    return report


def _rust_tests(findings: list[Finding]) -> Finding:
    """Return what is to be known before one writes a Rust test with Python."""
    first, *_ = findings
    return Finding(
        id="rust-tests",
        severity="advice",
        title="a Rust test that uses Python would not run here",
        evidence="; ".join(finding.evidence for finding in findings),
        command=first.command,
        output=first.output,
        file=first.file,
        line=first.line,
        effect="none now, as no Rust test and no Rust program uses Python; in the first one: "
        + "; ".join(finding.title for finding in findings),
        fix="if you want to write some: pyo3-uv fix --rust-tests",
    )
