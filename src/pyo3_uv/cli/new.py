"""`pyo3-uv new` on the command line."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pyo3_uv import shell
from pyo3_uv.cli.console import (
    Format,
    Output,
    Template,
    console,
    interactive,
    no_findings,
    progress,
    say,
    show_diff,
    show_patch,
    shown,
)
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.interpreters import Python
from pyo3_uv.new.answers import choose_python, read_answers
from pyo3_uv.new.prerequisites import Tool, check_uv_works_with, find_tools
from pyo3_uv.new.render import check_destination, render
from pyo3_uv.new.steps import StepResult, remaining_commands, run_steps, steps_of
from pyo3_uv.new.workspace import Member, Surroundings, surroundings_of
from pyo3_uv.process import UserError
from pyo3_uv.rendering import default_template


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
    template: Template = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a project and bring it to green tests.

    It is rendered, then come uv sync, the first commit and both test suites.
    """
    no_findings(output)
    console.quiet = output == Format.JSON
    ask = not defaults
    if ask and (console.quiet or not interactive()):
        raise UserError("there is no terminal for the questions; add --defaults", 2)
    destination = Path(os.path.abspath(destination.expanduser()))
    answers = read_answers(data or [], answers_file)
    check_destination(destination)
    surroundings = surroundings_of(destination)
    surroundings.check(answers)
    tools = _check_machine()

    if surroundings.note:
        say(surroundings.note)
    member, roots = _join(surroundings, answers, ask)
    chosen = choose_python(python, answers, ask, member)
    check_uv_works_with(chosen)
    if chosen.interpreter and not chosen.interpreter.linkable:
        raise UserError(
            f"{chosen}\nThe Rust tests cannot be linked with it: lib{chosen.interpreter.lib_name} "
            f"is not in {chosen.interpreter.lib_dir}; install it, or choose another with --python"
        )
    answers["python_version"] = chosen.minor
    source, commit = (template, None) if template else default_template()
    changed = [str(path) for path in roots.changed()]
    answers = render(source, commit, destination, answers, defaults, member, roots)
    result: dict[str, Any] = {
        "project": str(destination),
        "python": chosen.as_dict(),
        "tools": [asdict(tool) for tool in tools],
        "answers": {key: value for key, value in answers.items() if value is not None},
    }
    console.print(f"[green]rendered[/] {shown(str(destination))} for Python {shown(str(chosen))}")
    if member:
        console.print(f"[green]member of[/] {shown(str(member))}")
        roots_of = {"uv": member.uv, "cargo": member.cargo}
        result["member"] = {key: str(root) for key, root in roots_of.items() if root}
    result["changed"] = changed
    for name in changed:
        console.print(f"[green]changed[/]  {shown(name)}")
    result["to_join"] = _say_how_to_join(surroundings, member, answers)
    if surroundings.cargo and not member.cargo:
        result["steps"], ok = [], False
    else:
        result["steps"], ok = _run_steps(destination, chosen, member)
    result["ok"] = ok
    if output == Format.JSON:
        print(json.dumps(result, indent=2))
    if not ok:
        raise typer.Exit(1)


def _join(surroundings: Surroundings, answers: dict[str, Any], ask: bool) -> tuple[Member, Patch]:
    """Return of which workspaces the project becomes a member, and the changes of their files.

    Those are shown, and made only if the user agrees; a folder that is named already needs none.
    """
    roots = Patch()
    if answers.get("kind") == "app":
        return surroundings.without_edits, roots
    whole = surroundings.whole
    notes = whole.root_changes(roots, answers)
    if roots.changed():
        if not ask:
            return surroundings.without_edits, Patch()
        say(f"The folder lies in {whole}. To make it a member:")
        show_patch(roots, whole.root)
        import questionary

        if not questionary.confirm("Change these files and join?", default=True).unsafe_ask():
            return surroundings.without_edits, Patch()
    for note in notes:
        say(note)
    return whole, roots


def _say_how_to_join(
    surroundings: Surroundings, member: Member, answers: dict[str, Any]
) -> str | None:
    """Say what is left to do where the root's files were left alone; return it as a diff."""
    whole = surroundings.whole
    if not whole or member == whole:
        return None
    diff, blocked = None, surroundings.cargo is not None and not member.cargo
    if surroundings.fits(answers):
        patch = Patch()
        notes = whole.root_changes(patch, answers)
        whole.adapt(surroundings.folder, patch)
        diff = patch.diff(whole.root)
        joined = (member.uv, member.cargo) == (whole.uv, whole.cargo)
        aim = "configure cargo for all of it" if joined else "join"
        # The project has its own, if anything was run in it.
        own = whole.uv and not member.uv and not blocked
        say(
            f"\nThe files of {whole} were left alone. To {aim}, run `patch -p1` in {whole.root} "
            f"with this{', and delete .venv and uv.lock in the project' if own else ''}:\n"
        )
        show_diff(diff)
        for note in notes:
            say(note)
    if blocked:
        say("\ncargo refuses the project until it is a member or excluded, so nothing was run.")
        say(f"To exclude it, {surroundings.exclusion}.")
    return diff


def _check_machine() -> list[Tool]:
    """Look for all tools; raise `UserError` that names each one missing."""
    with progress() as step:
        step("looking for uv, cargo, rustc, git and a linker")
        tools = find_tools()
    if problems := [tool for tool in tools if tool.problem]:
        raise UserError(
            "this machine is not ready\n"
            + "\n".join(
                f"  {tool.name} {tool.version or 'is missing'}: {tool.problem}" for tool in problems
            )
        )
    say(", ".join(f"{tool.name} {tool.version}" for tool in tools))
    return tools


def _run_steps(project: Path, python: Python, member: Member) -> tuple[list[dict[str, Any]], bool]:
    """Run the steps, each with its progress and time; return them and whether all went well."""
    steps = steps_of(project, python, member)
    results: list[StepResult] = []
    interrupted = False
    try:
        with progress() as step:
            for result in run_steps(project, steps, lambda s: step(f"{s.name}: {s.why}")):
                results.append(result)
                mark = "[green]ok    [/]" if result.ok else "[bold red]failed[/]"
                console.print(f"{mark} {result.name:<14} {result.seconds:6.1f} s")
                if result.note:
                    say(f"       {result.note}")
                if result.output:
                    say(result.output)
    except KeyboardInterrupt:
        interrupted = True
    remaining = remaining_commands(steps, results)
    where = f"cd {shell.quote(min(os.path.relpath(project), str(project), key=len))}"
    if remaining:
        say("\nWhat was done is kept. Go on with:\n")
        for line in [where, *remaining]:
            say(f"    {line}")
    else:
        say(f"\n{project.name} is ready:\n\n    {where}")
    if interrupted and remaining:
        raise KeyboardInterrupt
    return [asdict(r) | {"seconds": round(r.seconds, 2)} for r in results], not remaining
