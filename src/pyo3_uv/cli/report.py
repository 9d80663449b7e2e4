"""How reports are shown: to people, to programs, and in the log of a GitHub workflow."""

import os
from pathlib import Path
from typing import Any

from rich.markup import escape

from pyo3_uv.checks.finding import Finding
from pyo3_uv.checks.report import SEVERITIES, Report
from pyo3_uv.cli.console import console
from pyo3_uv.paths import relative

# of the output of --json, which docs/command.md describes and docs/report.schema.json defines
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

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    levels = {"error": "error", "warning": "warning", "hint": "notice"}
    found = []
    for report in reports:
        for finding in report.findings:
            properties = {"title": f"{finding.title} ({finding.id})"}
            if place := finding.place(report.project.folder):
                properties["file"] = relative(report.project.folder / place, root)
                line = finding.evidence.line
                properties |= {"line": str(line)} if line else {}
            shown = ",".join(f"{key}={_escape(text, ':,')}" for key, text in properties.items())
            message = f"{finding.seen}\n{finding.effect}\nRemedy: {finding.remedy}"
            found.append(f"::{levels[finding.severity]} {shown}::{_escape(message)}")
    return found


def _escape(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def show_report(report: Report) -> None:
    """Print a report, the worst findings first."""
    _show_heading(report)
    for name, note in report.notes.items():
        console.print(f"  {name:<12} {escape(note)}")
    for finding in report.sorted:
        console.print()
        _show_title(finding)
        console.print(f"  evidence     {escape(finding.seen)}")
        console.print(f"               [dim]$ {escape(finding.evidence.command)}[/]")
        for line in finding.evidence.output.splitlines() or ["(no output)"]:
            console.print(f"               [dim]{escape(line)}[/]")
        console.print(f"  effect       {escape(finding.effect)}")
        console.print(f"  remedy       {escape(finding.remedy)}")
    counts = {severity: report.count(severity) for severity in SEVERITIES if report.count(severity)}
    if counts:
        (worst, *_) = counts
        text = ", ".join(f"{severity}: {number}" for severity, number in counts.items())
        console.print(f"\n[{COLOURS[worst]}]{text}[/]")
    else:
        console.print("\n[bold green]healthy[/]")


def show_findings(report: Report) -> None:
    """Print a line for each finding."""
    _show_heading(report)
    for finding in report.sorted:
        _show_title(finding)
    if not report.findings:
        console.print("[bold green]healthy[/]")


def _show_heading(report: Report) -> None:
    crate = report.project.crate
    console.print(escape(f"{crate.name} in {crate.folder}"), style="bold")


def _show_title(finding: Finding) -> None:
    severity, title = finding.severity, escape(finding.title)
    console.print(f"[{COLOURS[severity]}]{severity}:[/] [bold]{title}[/]  [dim]{finding.id}[/]")
