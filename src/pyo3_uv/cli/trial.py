"""How a trial is shown: what goes on in it, for how long, and what it found out."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pyo3_uv import shell
from pyo3_uv.cli.console import console, say, show_patch, shown, spinner
from pyo3_uv.edits.files import write_elsewhere
from pyo3_uv.trial.outcome import Outcome

Diff = Annotated[
    bool, typer.Option("--diff", help="Print the changes, to be applied by git; write nothing.")
]
PatchFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The same, into a file.")]


def write_diff(outcome: Outcome, root: Path, diff: bool, patch: Path | None) -> None:
    """Print the changes, if `diff`, and write them into the file `patch`, if there is one."""
    text = outcome.patch.diff(root)
    if diff:
        sys.stdout.buffer.write(text.encode())
    if patch:
        write_elsewhere(patch, text)


def show_outcome(outcome: Outcome, root: Path | None) -> None:
    """Show what was found out, and with `root` the diff."""
    for name in outcome.passed:
        console.print(f"[green]passes[/] {shown(name)}")
    for line in outcome.benefit:
        console.print(f"[green]after an edit[/] {shown(line)}")
    for name, reason in outcome.refused.items():
        console.print(f"[yellow]not applied[/] {shown(name)}: {shown(reason)}")
    if root:
        show_patch(outcome.patch, root)
    for _, command in outcome.commands:
        say(f"then: {shell.join(command)}")


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


@contextmanager
def watched() -> Iterator[Callable[[str], None]]:
    """Yield a function that is told each step; "" ends the last one.

    A terminal shows the step and for how long it runs, other places get a line for each.
    """
    if console.quiet:
        yield lambda _: None
        return
    if not console.is_terminal:
        start, current = time.monotonic(), ""

        def line(text: str) -> None:
            nonlocal start, current
            if current:
                say(f"  {time.monotonic() - start:6.1f} s  {current}")
            start, current = time.monotonic(), text

        yield line
        return
    columns = (
        SpinnerColumn(spinner()),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, transient=True)
    task = progress.add_task("")

    def live(text: str) -> None:
        if text:
            progress.reset(task, description=text)
            progress.start()
        else:
            progress.stop()  # so that a question can be asked

    try:
        yield live
    finally:
        progress.stop()
