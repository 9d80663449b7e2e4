"""`pyo3-uv adopt` on the command line."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from pyo3_uv import shell
from pyo3_uv.adopt.adoption import Adoption, plan
from pyo3_uv.adopt.answers import Proposal, propose
from pyo3_uv.adopt.candidate import Candidate, candidate_of
from pyo3_uv.cli.console import (
    Format,
    Output,
    Template,
    console,
    interactive,
    no_findings,
    say,
    shown,
)
from pyo3_uv.cli.doctor import ProjectPath
from pyo3_uv.cli.trial import Diff, PatchFile, minutes, show_outcome, watched, write_diff
from pyo3_uv.edits.lock import one_run
from pyo3_uv.new.answers import read_answers
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError
from pyo3_uv.rendering import default_template
from pyo3_uv.trial.change import ConfigScope, write
from pyo3_uv.trial.copy import one_target
from pyo3_uv.trial.must_pass import estimate
from pyo3_uv.trial.outcome import Outcome
from pyo3_uv.trial.trial import try_fixes


def adopt(
    path: ProjectPath = Path(),
    defaults: Annotated[
        bool,
        typer.Option(
            "--defaults", help="Ask nothing: the proposed answers, and write what passes."
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(help="Show answers and files; try nothing, write nothing."),
    ] = False,
    diff: Diff = False,
    patch: PatchFile = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="KEY=VALUE", help="An answer; may be repeated."),
    ] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A file that is not added; may be repeated."),
    ] = None,
    config: Annotated[
        ConfigScope | None,
        typer.Option(
            help="committed or none: whether to add .cargo/config.toml. Default: where uv is used."
        ),
    ] = None,
    template: Template = None,
    output: Output = Format.TEXT,
) -> None:
    """Make an extension project one of the template's, around its code.

    What the template owns is added, Cargo.toml and pyproject.toml get the edits of fix. All is
    tried in a copy first, shown as a diff, and written if what passed before passes after it. From
    then on copier update works.
    """
    no_findings(output)
    console.quiet, only_shown = output != Format.TEXT, diff or patch is not None
    console.stderr = diff
    ask = not (defaults or explain or only_shown)
    if config == ConfigScope.LOCAL:
        raise UserError("an update could not see it: use pyo3-uv fix --config local instead", 2)
    given = read_answers(data or [], None)
    source = (template, None) if template else default_template()
    candidate = candidate_of(path, source[0])
    if not candidate:
        say("this project is one of the template's already: copier update brings what is new")
        if output == Format.JSON:
            print(json.dumps({"added": [], "changed": [], "left": {}}, indent=2))
        return
    if ask and (console.quiet or not interactive()):
        raise UserError("there is no terminal for the questions; add --defaults", 2)
    if not explain and not candidate.project.environment.interpreter:
        raise UserError("all is tried in the project's environment, and there is none: run uv sync")
    proposal = propose(candidate, given)
    if ask:
        say("The proposed answers are the defaults of these questions.\n")
    adoption = plan(candidate, proposal, source, given, not ask, config, leave or [])
    _show_plan(candidate, proposal, adoption)
    result = _as_json(candidate, proposal, adoption)
    if explain:
        if output == Format.JSON:
            print(json.dumps(result, indent=2))
        return
    with one_run(candidate.top) as this_run, watched() as step:
        if this_run.left_over:
            say(this_run.left_over)
        projects = [candidate.project]
        with one_target(projects):
            number, seconds = estimate(projects)
            say(f"\n{number} commands are run in a copy, about {minutes(seconds)}")
            # `maturin develop` and uv in one folder compile PyO3 again at each change of hands.
            outcome = try_fixes(
                projects,
                rust_tests=True,
                bind=adoption.binds,
                step=step,
                note=this_run.note,
                parts=adoption.parts,
                speed=not candidate.develops,
            )
        step("")
        if outcome.fault:
            raise UserError(f"nothing is written: {outcome.fault}")
        show_outcome(outcome, None if diff else candidate.top)
        if only_shown:
            write_diff(outcome, candidate.top, diff, patch)
            return
        result |= _apply(candidate, adoption, outcome, ask)
    if output == Format.JSON:
        print(json.dumps(result, indent=2))


def _show_plan(candidate: Candidate, proposal: Proposal, adoption: Adoption) -> None:
    """Show the answers, and what becomes of each file of the template."""
    for name, answer in adoption.answers.items():
        if not name.startswith("_"):
            note = f"   ({proposal.notes[name]})" if name in proposal.notes else ""
            text = ", ".join(answer) if isinstance(answer, list) else str(answer)
            say(f"  {name:<15} {text}{note}".rstrip())
    console.print()
    for name, more in adoption.added.items():
        console.print(f"[green]to write[/]    {shown(name)}{shown(f': {more}' if more else '')}")
    console.print("[green]to edit[/]     Cargo.toml, pyproject.toml: as pyo3-uv fix does")
    for name in adoption.same:
        console.print(f"[green]as it is[/]    {shown(name)}")
    for name, reason in adoption.left.items():
        console.print(f"[yellow]left alone[/]  {shown(name)}: {shown(reason)}")
    tops = dict.fromkeys(n.partition("/")[0] + ("/" if "/" in n else "") for n in adoption.own)
    say(f"not added   {', '.join(tops)}: a new project gets them once, and they are yours")
    if candidate.develops:
        console.print(
            "[yellow]left alone[/]  use-base-python, editable-profile: you run maturin develop, "
            "which would compile PyO3 again with them"
        )


def _as_json(candidate: Candidate, proposal: Proposal, adoption: Adoption) -> dict[str, Any]:
    return {
        "project": str(candidate.root),
        "answers": {k: v for k, v in adoption.answers.items() if not k.startswith("_")},
        "notes": proposal.notes,
        "added": list(adoption.added),
        "same": adoption.same,
        "left": adoption.left,
    }


def _apply(candidate: Candidate, adoption: Adoption, outcome: Outcome, ask: bool) -> dict[str, Any]:
    """Write the changes, if the user agrees, and say how to undo them; return what was done."""
    changed = outcome.patch.changed()
    if ask:
        import questionary  # takes a fifth of the command's start, which only questions are to pay

        if not questionary.confirm("Write this?", default=True).unsafe_ask():
            say("nothing was changed")
            raise typer.Exit(1)
    new = [relative(path, candidate.top) for path in changed if not path.exists()]
    edited = [relative(path, candidate.top) for path in changed if path.exists()]
    originals = [relative(path, candidate.top) for path in write(outcome, [])]
    undo = _undo(candidate, new, edited, originals)
    for text in outcome.patch.manual:
        say(f"\nBy hand: {text}")
    mine = adoption.in_own_form(candidate.root)
    update = shell.join(["copier", "update", *(word for name in mine for word in ("-x", name))])
    say("\nCommit it; `copier update` then brings what is new in the template. It shows a conflict")
    say(f"where that changes a file in your form; to leave such files alone:\n\n    {update}\n")
    say(f"To undo all this before you commit it:\n\n    {undo}")
    return {
        "added": sorted(new),
        "changed": sorted(edited),
        "refused": outcome.refused,
        "passed": outcome.passed,
        "loop": outcome.benefit,
        "manual": outcome.patch.manual,
        "update": update,
        "undo": undo,
    }


def _undo(candidate: Candidate, new: list[str], edited: list[str], originals: list[str]) -> str:
    """Return the line that undoes it; `originals` are copies of what Git cannot bring back."""
    copies = {re.sub(r"\.orig\d*$", "", name): name for name in originals}
    tracked = sorted({*edited} - copies.keys())
    lines = [shell.join(["git", "restore", "--", *tracked])] if tracked else []
    lines += [shell.put_back(copy, name) for name, copy in copies.items()]
    lines += [shell.join(["git", "clean", "--force", "--", *sorted(new)])] if new else []
    here = Path.cwd().resolve() == candidate.top
    return shell.chain(*([] if here else [shell.join(["cd", candidate.top])]), *lines)
