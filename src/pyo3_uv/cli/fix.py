"""`pyo3-uv fix` on the command line."""

import json
import shlex
import time
from pathlib import Path
from typing import Annotated

import questionary
import typer
from rich.markup import escape

from pyo3_uv.checks.report import check_project
from pyo3_uv.cli.console import Json, console, interactive, progress, say, show_patch
from pyo3_uv.cli.doctor import Features, ProjectPath, split
from pyo3_uv.cli.report import as_json, show_findings
from pyo3_uv.facts.discovery import load, load_all
from pyo3_uv.process import UserError, run
from pyo3_uv.trial.change import ConfigScope, check_clean, prepare, write
from pyo3_uv.trial.trial import Outcome, try_fixes


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
        ConfigScope | None,
        typer.Option(
            help="For whom to write .cargo/config.toml. Default: asked; local with --yes."
        ),
    ] = None,
    features: Features = "",
    json_only: Json = False,
) -> None:
    """Apply the doctor's fixes that break nothing: tried in a copy, shown as a diff, and written.

    What passes before must pass after: cargo check, test --no-run, doc and clippy with default, no
    and all features, the sdist and the wheels.
    """
    console.quiet = json_only
    if not yes and (json_only or not interactive()):
        raise UserError("there is no terminal to ask on; add --yes", 2)
    projects = load_all(path, split(features))
    if not allow_dirty:
        check_clean(projects)
    with progress() as step:
        reports = [check_project(project, step) for project in projects]
    for report in reports:
        show_findings(report)

    def trial(bind: bool) -> Outcome:
        with progress() as step:
            return try_fixes(projects, rust_tests, bind, step)

    outcome, local = prepare(
        projects, config or (ConfigScope.LOCAL if yes else None), trial, _ask_scope
    )
    first, changed = projects[0], outcome.patch.changed()
    failed, originals, applied = list[str](), list[Path](), bool(changed or outcome.commands)
    _show_outcome(outcome, first.repository)
    if applied:
        if not yes and not questionary.confirm("Apply?", default=True).unsafe_ask():
            say("nothing was changed")
            raise typer.Exit(1)
        originals = write(outcome, local)
        failed = [shlex.join(c) for folder, c in outcome.commands if not _run_fix(c, folder)]
        with progress() as step:
            again = [load(p.crate.manifest_path, p.crate.chosen) for p in projects]
            reports = [check_project(project, step) for project in again]
    kept, manual = [first.shown(path) for path in originals], outcome.patch.manual
    for report in reports if applied else []:
        show_findings(report)
    for name in kept:
        say(f"not in Git; kept {name}")
    for text in manual:
        say(f"\nBy hand: {text}")
    if json_only:
        result = as_json(reports, strict=False) | {
            "changed": sorted(map(first.shown, changed)),
            "commands": [shlex.join(command) for _, command in outcome.commands],
            "failed": failed,
            "refused": outcome.refused,
            "manual": manual,
            "originals": kept,
        }
        print(json.dumps(result, indent=2))
    if failed or not all(report.passes(strict=False) for report in reports):
        raise typer.Exit(1)


def _ask_scope(files: str) -> ConfigScope:
    """Ask what becomes of cargo's configuration, with the consequence for others."""
    choices = [
        questionary.Choice(f"{scope.value}: {scope.consequence}", scope)
        for scope in (ConfigScope.LOCAL, ConfigScope.COMMITTED, ConfigScope.NONE)
    ]
    question = f"{files} can make cargo build for the environment and run in it. For whom?"
    chosen: ConfigScope = questionary.select(question, choices).unsafe_ask()
    return chosen


def _show_outcome(outcome: Outcome, root: Path) -> None:
    for name in outcome.passed:
        console.print(f"[green]passes[/] {escape(name)}")
    for name, reason in outcome.refused.items():
        console.print(f"[yellow]not applied[/] {escape(name)}: {escape(reason)}")
    show_patch(outcome.patch, root)
    for _, command in outcome.commands:
        say(f"then: {shlex.join(command)}")


def _run_fix(command: list[str], folder: Path) -> bool:
    """Run the command and say how it ended."""
    start = time.monotonic()
    with progress() as step:
        step(shlex.join(command))
        result = run(command, folder, merge=True)
    mark = "[bold red]failed[/]" if result.code else "[green]ok[/]"
    console.print(f"{mark} {escape(shlex.join(command))} {time.monotonic() - start:.1f} s")
    if result.code:
        say(result.output)
    return not result.code
