"""`pyo3-uv new` on the command line."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import questionary
import typer
from rich.markup import escape

from pyo3_uv import interpreters
from pyo3_uv import new as creation
from pyo3_uv import tools as machine
from pyo3_uv.console import Json, console, progress, say, show_diff, show_plan
from pyo3_uv.membership import Membership, Surroundings
from pyo3_uv.plan import Plan
from pyo3_uv.process import UserError


def new(
    destination: Annotated[
        Path,
        typer.Argument(
            metavar="DEST", help="Folder of the project; it must be empty or not exist."
        ),
    ],
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; what is not given has its default.")
    ] = False,
    python: Annotated[
        str | None,
        typer.Option(help="Python for .venv: a version (3.13, 3.14t) or an interpreter's path."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", metavar="KEY=VALUE", help="An answer; may be repeated."),
    ] = None,
    answers_file: Annotated[
        Path | None,
        typer.Option(help="Answers from YAML, for instance another project's .copier-answers.yml."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            help="Template: a folder or what Copier takes, for instance gh:owner/name. "
            "Default: the checkout that this runs from, else the published one."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a project and bring it to green tests: render, uv sync, first commit, both suites."""
    ask = not defaults
    if ask and (as_json or not creation.interactive()):
        raise UserError("there is no terminal for the questions; add --defaults", 2)
    destination = Path(os.path.abspath(destination.expanduser()))
    answers = creation.read_answers(data or [], answers_file)
    creation.check_destination(destination)
    surroundings = Surroundings.of(destination)
    surroundings.check(answers)
    tools = _check_machine(quiet=as_json)

    if surroundings.note:
        say(as_json, escape(surroundings.note))
    membership, roots = _join(surroundings, answers, ask, as_json)
    chosen = creation.choose_python(python, answers, ask, membership)
    interpreters.check_uv_works_with(chosen)
    if chosen.interpreter and not chosen.interpreter.linkable:
        raise UserError(
            f"{chosen}\nThe Rust tests cannot be linked with it: lib{chosen.interpreter.lib_name} "
            f"is not in {chosen.interpreter.lib_dir}; install it, or choose another with --python"
        )
    answers["python_version"] = chosen.minor
    source, commit = (template, None) if template else creation.default_template()
    changed = [str(path) for path in roots.changed()]
    answers = creation.render(source, commit, destination, answers, defaults, membership, roots)
    result: dict[str, Any] = {
        "project": str(destination),
        "python": chosen.as_dict(),
        "tools": [tool.as_dict() for tool in tools],
        "answers": {key: value for key, value in answers.items() if value is not None},
    }
    say(as_json, f"[green]rendered[/] {escape(str(destination))} for Python {escape(str(chosen))}")
    if membership:
        say(as_json, f"[green]member of[/] {escape(str(membership))}")
        roots_of = {"uv": membership.uv, "cargo": membership.cargo}
        result["member"] = {key: str(root) for key, root in roots_of.items() if root}
    result["changed"] = changed
    for name in changed:
        say(as_json, f"[green]changed[/]  {escape(name)}")
    result["to_join"] = _say_how_to_join(surroundings, membership, answers, as_json)
    if surroundings.cargo and not membership.cargo:
        result["steps"], ok = [], False
    else:
        result["steps"], ok = _run_steps(destination, chosen, membership, as_json)
    result["ok"] = ok
    if as_json:
        print(json.dumps(result, indent=2))
    if not ok:
        raise typer.Exit(1)


def _join(
    surroundings: Surroundings, answers: dict[str, Any], ask: bool, quiet: bool
) -> tuple[Membership, Plan]:
    """Return of which workspaces the project becomes a member, and the changes of their files.

    Those are shown, and made only if the user agrees; a folder that is named already needs none.
    """
    roots = Plan()
    if answers.get("kind") == "app":
        return surroundings.without_edits, roots
    whole = surroundings.whole
    notes = whole.root_changes(roots, answers)
    if roots.changed():
        if not ask:
            return surroundings.without_edits, Plan()
        console.print(f"The folder lies in {escape(str(whole))}. To make it a member:")
        show_plan(roots, whole.root)
        if not questionary.confirm("Change these files and join?", default=True).unsafe_ask():
            return surroundings.without_edits, Plan()
    for note in notes:
        say(quiet, escape(note))
    return whole, roots


def _say_how_to_join(
    surroundings: Surroundings, membership: Membership, answers: dict[str, Any], quiet: bool
) -> str | None:
    """Say what is left to do where the root's files were left alone; return it as a diff."""
    whole = surroundings.whole
    if not whole or membership == whole:
        return None
    diff, blocked = None, surroundings.cargo is not None and not membership.cargo
    if surroundings.fits(answers):
        plan = Plan()
        notes = whole.root_changes(plan, answers)
        whole.adapt(surroundings.folder, plan)
        diff = plan.diff(whole.root)
        joined = (membership.uv, membership.cargo) == (whole.uv, whole.cargo)
        aim = "configure cargo for all of it" if joined else "join"
        # The project has its own, if anything was run in it.
        own = whole.uv and not membership.uv and not blocked
        say(
            quiet,
            escape(
                f"\nThe files of {whole} were left alone. To {aim}, run `patch -p1` in {whole.root} "
                f"with this{', and delete .venv and uv.lock in the project' if own else ''}:"
            ),
        )
        if not quiet:
            console.print()
            show_diff(diff)
            for note in notes:
                console.print(escape(note))
    if blocked:
        say(
            quiet,
            "\ncargo refuses the project until it is a member or excluded, so nothing was run.",
        )
        say(quiet, escape(f"To exclude it, {surroundings.exclusion}."))
    return diff


def _check_machine(quiet: bool) -> list[machine.Tool]:
    """Look for all tools; raise `UserError` that names each one missing."""
    with progress(quiet) as step:
        step("looking for uv, cargo, rustc, git and a linker")
        tools = machine.tools()
    if problems := [tool for tool in tools if tool.problem]:
        raise UserError(
            "this machine is not ready\n"
            + "\n".join(
                f"  {tool.name} {tool.version or 'is missing'}: {tool.problem}" for tool in problems
            )
        )
    say(quiet, escape(", ".join(f"{tool.name} {tool.version}" for tool in tools)))
    return tools


def _run_steps(
    project: Path, python: interpreters.Python, membership: Membership, quiet: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Run the steps, each with its progress and time; return them and whether all went well."""
    steps = creation.steps(project, python, membership)
    results: list[creation.StepResult] = []
    interrupted = False
    try:
        with progress(quiet) as step:
            for result in creation.run_steps(project, steps, lambda s: step(f"{s.name}: {s.why}")):
                results.append(result)
                mark = "[green]ok    [/]" if result.ok else "[bold red]failed[/]"
                say(quiet, f"{mark} {result.name:<14} {result.seconds:6.1f} s")
                if result.note:
                    say(quiet, f"       {escape(result.note)}")
                if result.output:
                    say(quiet, escape(result.output))
    except KeyboardInterrupt:
        interrupted = True
    remaining = creation.remaining(steps, results)
    where = f"cd {shlex.quote(min(os.path.relpath(project), str(project), key=len))}"
    if not remaining:
        say(quiet, f"\n{project.name} is ready:\n\n    {escape(where)}")
        return [r.as_dict() for r in results], True
    say(quiet, "\nWhat was done is kept. Go on with:\n")
    for line in [where, *remaining]:
        say(quiet, f"    {escape(line)}")
    if interrupted:
        raise KeyboardInterrupt
    return [r.as_dict() for r in results], False
