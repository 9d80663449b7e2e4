"""`pyo3-uv doctor` on the command line."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pyo3_uv.checks.report import Report, check_project
from pyo3_uv.cli.console import Format, Output, console, print_utf8, progress
from pyo3_uv.cli.report import TextReport, as_annotations, as_json
from pyo3_uv.facts.discovery import load_all

ProjectPath = Annotated[
    Path, typer.Argument(help="Any file or folder of a crate, a workspace or a repository.")
]
Features = Annotated[
    str, typer.Option(metavar="A,B", help="Features of the crate to build it with, as for cargo.")
]


def split(features: str) -> tuple[str, ...]:
    return tuple(name for name in features.replace(",", " ").split() if name)


def doctor(
    path: ProjectPath = Path(),
    features: Features = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings, too, not only for errors.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Check crates that use PyO3, made by this template or not. No file of them is changed.

    The tests are built (not run) in cargo's target folder, and a small program that starts Python
    is run as cargo run would in the project. That runs the project's own code, such as its build
    scripts: use it only in projects that you trust.
    """
    console.quiet = output != Format.TEXT
    projects = load_all(path, split(features))
    reports, text = list[Report](), TextReport()
    for project in projects:
        text.start(project)
        with progress() as step:
            reports.append(check_project(project, step, partial(text.add, project)))
        text.end(reports[-1])
    text.sum_up()
    if output == Format.JSON:
        print(json.dumps(as_json(reports, strict), indent=2))
    elif output == Format.GITHUB:
        for line in as_annotations(reports):
            print_utf8(line)
    if not all(report.passes(strict) for report in reports):
        raise typer.Exit(1)
