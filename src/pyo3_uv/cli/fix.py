"""`pyo3-uv fix` on the command line."""

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from pyo3_uv import shell
from pyo3_uv.checks.report import Report, check_project
from pyo3_uv.cli.console import (
    Format,
    Output,
    console,
    interactive,
    print_utf8,
    say,
    shown,
)
from pyo3_uv.cli.doctor import Features, ProjectPath, split
from pyo3_uv.cli.report import as_annotations, as_json, show_findings
from pyo3_uv.cli.trial import Diff, PatchFile, minutes, show_outcome, watched, write_diff
from pyo3_uv.edits.lock import one_run
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.discovery import load, load_all
from pyo3_uv.facts.project import Project
from pyo3_uv.process import UserError, run
from pyo3_uv.trial.change import ConfigScope, check_clean, prepare, write
from pyo3_uv.trial.copy import one_target
from pyo3_uv.trial.must_pass import estimate
from pyo3_uv.trial.outcome import Outcome
from pyo3_uv.trial.trial import try_fixes


def fix(
    path: ProjectPath = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    diff: Diff = False,
    patch: PatchFile = None,
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
    output: Output = Format.TEXT,
) -> None:
    """Apply the doctor's fixes that break nothing.

    They are tried in a copy, shown as a diff, and written. What passes before must pass after: the
    sdist and the wheels, cargo check, test --no-run, doc and clippy with default, no and all
    features. The commands with which the owners build and test must not become slower.
    """
    console.quiet, only_shown = output != Format.TEXT, diff or patch is not None
    console.stderr = diff
    if not (yes or only_shown) and (console.quiet or not interactive()):
        raise UserError("there is no terminal to ask on; add --yes", 2)
    projects = load_all(path, split(features))
    if not allow_dirty:
        check_clean(projects)
    first = projects[0]
    with one_run(first.repository) as this_run, watched() as step:
        if this_run.left_over:
            say(this_run.left_over)
        # What is built already is used; else it is built in the folder of the trial.
        built = any((first.crate.target / "debug/build").glob("pyo3-ffi-*"))
        with nullcontext() if built else one_target(projects):
            reports = [check_project(project, step) for project in projects]
        for report in reports:
            show_findings(report)

        def trial(bind: bool) -> Outcome:
            if not any(r.found or (rust_tests and r.rust_tests) for r in reports):
                return Outcome()
            with one_target(projects):
                number, seconds = estimate(projects)
                say(f"\n{number} commands are run in a copy, about {minutes(seconds)}")
                return try_fixes(projects, rust_tests, bind, step, this_run.note)

        scope = config or (ConfigScope.LOCAL if yes or only_shown else None)
        outcome, local = prepare(reports, scope, trial, _ask_scope)
        _add_commands(outcome, reports)
        step("")
        show_outcome(outcome, None if diff else first.repository)
        if only_shown:
            write_diff(outcome, first.repository, diff, patch)
            return
        result, reports = _apply(outcome, local, projects, reports, yes, step)
    if output == Format.JSON:
        print(json.dumps(result, indent=2))
    elif output == Format.GITHUB:
        for line in as_annotations(reports):
            print_utf8(line)
    if result["failed"] or not result["ok"]:
        raise typer.Exit(1)


def _apply(
    outcome: Outcome,
    local: list[Path],
    projects: list[Project],
    reports: list[Report],
    yes: bool,
    step: Callable[[str], None],
) -> tuple[dict[str, Any], list[Report]]:
    """Write the changes and run the commands, if the user agrees.

    Return the result as JSON has it, and the reports then.
    """
    first, changed = projects[0], outcome.patch.changed()
    failed, originals = list[str](), list[Path]()
    if changed or outcome.commands:
        if not yes:
            import questionary  # takes a fifth of the command's start; only questions are to pay

            if not questionary.confirm("Apply?", default=True).unsafe_ask():
                say("nothing was changed")
                raise typer.Exit(1)
        originals = write(outcome, local)
        failed = [shell.join(c) for folder, c in outcome.commands if not _run_fix(c, folder, step)]
        stale = any(f.id == "stale-configuration" for report in reports for f in report.found)
        with nullcontext() if stale else one_target(projects):
            again = [load(p.crate.manifest_path, p.crate.chosen) for p in projects]
            reports = [check_project(project, step) for project in again]
        step("")
        for report in reports:
            show_findings(report)
    kept, manual = [first.shown(path) for path in originals], outcome.patch.manual
    for name in kept:
        say(f"not in Git; kept {name}")
    for text in manual:
        say(f"\nBy hand: {text}")
    result = as_json(reports, strict=False) | {
        "changed": sorted(map(first.shown, changed)),
        "commands": [shell.join(command) for _, command in outcome.commands],
        "failed": failed,
        "refused": outcome.refused,
        "loop": outcome.benefit,
        "manual": manual,
        "originals": kept,
    }
    return result, reports


def _add_commands(outcome: Outcome, reports: list[Report]) -> None:
    """Add what is done about stubs, which are not compared in the copy."""
    for report in reports:
        for finding in report.found:
            if finding.id == "stub":
                patch = Patch()
                finding.apply(patch)
                outcome.patch.manual += patch.manual
                outcome.commands += [(report.project.folder, command) for command in patch.commands]


def _ask_scope(files: str) -> ConfigScope:
    """Ask what becomes of cargo's configuration, with the consequence for others."""
    import questionary

    choices = [
        questionary.Choice(f"{scope.value}: {scope.consequence}", scope)
        for scope in (ConfigScope.LOCAL, ConfigScope.COMMITTED, ConfigScope.NONE)
    ]
    question = f"{files} can make cargo build for the environment and run in it. For whom?"
    chosen: ConfigScope = questionary.select(question, choices).unsafe_ask()
    return chosen


def _run_fix(command: list[str], folder: Path, step: Callable[[str], None]) -> bool:
    """Run the command and say how it ended."""
    start = time.monotonic()
    step(shell.join(command))
    result = run(command, folder, merge=True)
    step("")
    mark = "[bold red]failed[/]" if result.code else "[green]ok[/]"
    console.print(f"{mark} {shown(shell.join(command))} {time.monotonic() - start:.1f} s")
    if result.code:
        say(result.output)
    return not result.code
