"""What the commands have in common: options, and how they show progress, diffs and reports."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax

from pyo3_uv.checks.base import Finding
from pyo3_uv.doctor import SEVERITIES, Report
from pyo3_uv.plan import Plan

console = Console(highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what goes on, on a terminal only."""
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(escape(text))


def say(quiet: bool, text: str) -> None:
    if not quiet:
        console.print(text)


def show_plan(plan: Plan, root: Path) -> None:
    if diff := plan.diff(root):
        console.print()
        show_diff(diff)
    for command in plan.commands:
        console.print(f"then: {escape(shlex.join(command))}")


def show_diff(diff: str) -> None:
    console.print(
        Syntax(diff, "diff", background_color="default") if console.is_terminal else escape(diff)
    )


COLOURS = {"error": "bold red", "warning": "bold yellow", "advice": "bold cyan"}


def show_report(report: Report) -> None:
    """Print a report, the worst findings first."""
    console.print(escape(f"{report.project.name} in {report.project.folder}"), style="bold")
    for name, fact in report.facts.items():
        console.print(f"  {name:<12} {escape(fact)}")
    for finding in report.sorted:
        console.print()
        _show_title(finding)
        console.print(f"  evidence     {escape(finding.evidence)}")
        console.print(f"               [dim]$ {escape(finding.command)}[/]")
        for line in finding.output.splitlines() or ["(no output)"]:
            console.print(f"               [dim]{escape(line)}[/]")
        console.print(f"  effect       {escape(finding.effect)}")
        console.print(f"  fix          {escape(finding.fix)}")
    counts = {severity: report.count(severity) for severity in SEVERITIES if report.count(severity)}
    if counts:
        (worst, *_) = counts
        text = ", ".join(f"{severity}: {number}" for severity, number in counts.items())
        console.print(f"\n[{COLOURS[worst]}]{text}[/]")
    else:
        console.print("\n[bold green]healthy[/]")


def show_findings(report: Report) -> None:
    """Print a line for each finding."""
    console.print(escape(f"{report.project.name} in {report.project.folder}"), style="bold")
    for finding in report.sorted:
        _show_title(finding)
    if not report.findings:
        console.print("[bold green]healthy[/]")


def _show_title(finding: Finding) -> None:
    severity, title = finding.severity, escape(finding.title)
    console.print(f"[{COLOURS[severity]}]{severity}:[/] [bold]{title}[/]  [dim]{finding.id}[/]")
