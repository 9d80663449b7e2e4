"""How reports are shown: to people, to programs, and in the log of a GitHub workflow."""

import os
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

from pyo3_uv.checks.finding import Finding
from pyo3_uv.checks.report import SEVERITIES, Report
from pyo3_uv.cli.console import console, shown
from pyo3_uv.facts.project import Project
from pyo3_uv.paths import printable
from pyo3_uv.paths import shown as seen_from

# of the output of --format json, which docs/command.md describes and docs/report.schema.json defines
SCHEMA = 1
COLOURS = {"error": "bold red", "warning": "bold yellow", "hint": "bold cyan"}


def as_json(reports: list[Report], strict: bool) -> dict[str, Any]:
    """Return the reports as docs/report.schema.json defines them."""
    return {
        "schema": SCHEMA,
        "ok": all(report.passes(strict) for report in reports),
        "counts": {
            severity: sum(report.count(severity) for report in reports) for severity in SEVERITIES
        },
        "projects": [
            {
                "project": str(report.project.folder),
                "facts": report.notes,
                "findings": [f.as_dict(report.project.folder) for f in report.findings],
            }
            for report in reports
        ],
    }


def as_annotations(reports: list[Report]) -> list[str]:
    """Return the findings as workflow commands of GitHub, with paths from the root of the checkout.

    What crates of a workspace have in common is said once.
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    levels = {"error": "error", "warning": "warning", "hint": "notice"}
    found = dict[tuple[object, ...], str]()
    for report in reports:
        for finding in report.findings:
            properties = {
                "title": f"{finding.title} ({finding.id})",
                "file": finding.place(root),
                "line": str(finding.evidence.line),
            }
            named = ",".join(f"{key}={_escape(text, ':,')}" for key, text in properties.items())
            message = f"{finding.seen}\n{finding.effect}\nRemedy: {finding.remedy}\n{finding.docs}"
            line = f"::{levels[finding.severity]} {named}::{_escape(message)}"
            found.setdefault((named, finding.remedy), line)
    return list(found.values())


def _escape(text: str, more: str = "") -> str:
    text = printable(text)
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


class TextReport:
    """The report on some crates for people, printed while they are checked.

    Of each crate the errors and warnings come as they are found, then the facts; hints come last.
    What several crates have in common is explained at the first of them.
    """

    def __init__(self) -> None:
        self._crates: dict[tuple[str, str, str], list[str]] = {}
        self._hints: dict[tuple[str, str, str], Finding] = {}
        self._started = False

    def start(self, project: Project) -> None:
        if self._started:
            console.print()
        self._started = True
        _show_heading(project)

    def add(self, project: Project, finding: Finding) -> None:
        """Print an error or warning, keep a hint for the end."""
        key = (finding.severity, finding.id, finding.remedy)
        crates = self._crates.setdefault(key, [])
        crates.append(project.crate.name)
        if finding.severity == "hint":
            self._hints.setdefault(key, finding)
        elif len(crates) > 1:
            console.print()
            _show_title(finding, f", as in {crates[0]}")
        else:
            console.print()
            _show_title(finding)
            _show_field("evidence", finding.seen)
            _show_verbatim(f"$ {finding.evidence.command}")
            for line in finding.evidence.output.splitlines() or ["(no output)"]:
                _show_verbatim(line)
            _show_field("effect", finding.effect)
            _show_field("remedy", finding.remedy)
            _show_field("docs", finding.docs)

    def end(self, report: Report) -> None:
        """Print the facts, when all checks of a crate were made."""
        for finding in report.rust_tests_hint:
            self.add(report.project, finding)
        if report.notes:
            console.print()
        for name, note in report.notes.items():
            _show_field(name, note)

    def sum_up(self) -> None:
        """Print the hints of all crates, and the numbers of what was shown."""
        if self._hints:
            console.print()
        for key, finding in self._hints.items():
            others = ", ".join(self._crates[key][1:])
            _show_hint(finding, f", also in {others}" if others else "")
        counts = Counter(severity for severity, _, _ in self._crates)
        shown_counts = [
            f"{counts[severity]} {severity}{'s' if counts[severity] > 1 else ''}"
            for severity in SEVERITIES
            if counts[severity]
        ]
        worst = next((severity for severity in SEVERITIES if counts[severity]), "hint")
        if worst == "hint":
            console.print(f"\n[bold green]{', '.join(['healthy', *shown_counts])}[/]")
        else:
            console.print(f"\n[{COLOURS[worst]}]{', '.join(shown_counts)}[/]")


def show_findings(report: Report) -> None:
    """Print a line for each finding, the worst first."""
    _show_heading(report.project)
    for finding in report.sorted:
        _show_title(finding)
    if report.passes(strict=True):
        console.print("[bold green]healthy[/]")


def _show_heading(project: Project) -> None:
    console.print(shown(f"{project.crate.name} in {project.folder}"), style="bold")


def _show_title(finding: Finding, more: str = "") -> None:
    severity, title = finding.severity, shown(finding.title)
    place = shown(_place(finding))
    console.print(
        f"[{COLOURS[severity]}]{severity}:[/] [bold]{title}[/]  {place}  [dim]{finding.id}{more}[/]"
    )


def _show_hint(finding: Finding, more: str) -> None:
    """Print it in one line, with the first part of the remedy."""
    remedy = finding.remedy.partition("\n")[0].partition("; ")[0]
    text = shown(f"{finding.title}: {remedy}  {_place(finding)}")
    console.print(f"[{COLOURS['hint']}]hint:[/] {text}  [dim]{finding.id}{more}[/]")


def _place(finding: Finding) -> str:
    """Return file and line, as seen from where the command was called, so that editors find it."""
    assert finding.evidence.file
    return f"[{seen_from(finding.evidence.file, Path.cwd(), ())}:{finding.evidence.line}]"


def _show_field(name: str, text: str) -> None:
    """Print text beside its name; on a terminal lines are broken between words."""
    width = console.width if console.is_terminal else sys.maxsize
    start = f"  {name:<12} "
    for line in printable(text).splitlines():
        console.print(
            shown(
                textwrap.fill(
                    line,
                    width,
                    initial_indent=start,
                    subsequent_indent=" " * len(start),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        )
        start = " " * len(start)


def _show_verbatim(line: str) -> None:
    """Print a line that is copied, so that it is never broken."""
    console.print(f"{' ' * 15}[dim]{shown(line)}[/]")
