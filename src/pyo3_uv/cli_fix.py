"""`pyo3-uv fix` on the command line."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Annotated

import questionary
import typer
from rich.markup import escape

from pyo3_uv import doctor as diagnosis
from pyo3_uv import new as creation
from pyo3_uv.binding import Binding
from pyo3_uv.cli_doctor import Features, ProjectPath, split
from pyo3_uv.console import Json, console, progress, say, show_findings, show_plan
from pyo3_uv.discovery import load, load_all
from pyo3_uv.fix import Change, check_clean, prepare
from pyo3_uv.process import UserError, run
from pyo3_uv.proof import Outcome, prove


def fix(
    path: ProjectPath = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Also with uncommitted changes.")
    ] = False,
    rust_tests: Annotated[
        bool,
        typer.Option("--rust-tests", help="Also what only Rust tests need, where there are none."),
    ] = False,
    config: Annotated[
        Binding | None,
        typer.Option(
            help="For whom to write .cargo/config.toml. Default: asked; local with --yes."
        ),
    ] = None,
    features: Features = "",
    as_json: Json = False,
) -> None:
    """Apply the doctor's fixes that break nothing: tried in a copy, shown as a diff, and written.

    What passes before must pass after: cargo check, test --no-run, doc and clippy with default, no
    and all features, the sdist and the wheels.
    """
    if not yes and (as_json or not creation.interactive()):
        raise UserError("there is no terminal to ask on; add --yes", 2)
    projects = load_all(path, split(features))
    if not allow_dirty:
        check_clean(projects)
    with progress(as_json) as step:
        reports = [diagnosis.check_project(project, step) for project in projects]
    if not as_json:
        for report in reports:
            show_findings(report)

    def trial(left_out: frozenset[str]) -> Outcome:
        with progress(as_json) as step:
            return prove(projects, rust_tests, left_out, step)

    def ask(files: str) -> Binding:
        return Binding.LOCAL if yes else _ask_binding(files)

    change = prepare(projects, config, trial, ask)
    names, failed, applied = change.changed, list[str](), not change.empty
    if not as_json:
        _show_change(change)
    if applied:
        if not yes and not questionary.confirm("Apply?", default=True).unsafe_ask():
            console.print("nothing was changed")
            raise typer.Exit(1)
        change.write()
        failed = change.run_commands(lambda command, folder: _run_fix(command, folder, as_json))
        with progress(as_json) as step:
            again = [load(p.folder / "Cargo.toml", p.chosen) for p in projects]
            reports = [diagnosis.check_project(project, step) for project in again]
    originals = [projects[0].shown(path) for path in change.originals.values()]
    manual = change.outcome.plan.manual
    if as_json:
        result = diagnosis.as_json(reports, strict=False) | {
            "changed": names,
            "commands": [shlex.join(command) for _, command in change.outcome.commands],
            "failed": failed,
            "refused": change.outcome.refused,
            "manual": manual,
            "originals": originals,
        }
        print(json.dumps(result, indent=2))
    else:
        for report in reports if applied else []:
            show_findings(report)
        for name in originals:
            console.print(f"not in Git; kept {escape(name)}")
        for text in manual:
            console.print(f"\nBy hand: {escape(text)}")
    if failed or not all(report.passes(strict=False) for report in reports):
        raise typer.Exit(1)


def _ask_binding(files: str) -> Binding:
    """Ask what becomes of cargo's configuration, with the consequence for others."""
    choices = [
        questionary.Choice(f"{binding.value}: {binding.consequence}", binding)
        for binding in (Binding.LOCAL, Binding.COMMITTED, Binding.NONE)
    ]
    question = f"{files} can make cargo build for the environment and run in it. For whom?"
    chosen: Binding = questionary.select(question, choices).unsafe_ask()
    return chosen


def _show_change(change: Change) -> None:
    outcome = change.outcome
    for name in outcome.passed:
        console.print(f"[green]passes[/] {escape(name)}")
    for name, reason in outcome.refused.items():
        console.print(f"[yellow]not applied[/] {escape(name)}: {escape(reason)}")
    show_plan(outcome.plan, change.root)
    for _, command in outcome.commands:
        console.print(f"then: {escape(shlex.join(command))}")


def _run_fix(command: list[str], folder: Path, quiet: bool) -> bool:
    """Run the command and say how it ended."""
    start = time.monotonic()
    with progress(quiet) as step:
        step(shlex.join(command))
        result = run(command, folder, merge=True)
    mark = "[bold red]failed[/]" if result.code else "[green]ok[/]"
    say(quiet, f"{mark} {escape(shlex.join(command))} {time.monotonic() - start:.1f} s")
    if result.code:
        say(quiet, escape(result.output))
    return not result.code
