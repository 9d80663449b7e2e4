"""What the commands have in common: options, and how they show progress and diffs."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax

from pyo3_uv.edits.patch import Patch

console = Console(highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]


def interactive() -> bool:
    """Whether questions can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what goes on, on a terminal only."""
    if console.quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(escape(text))


def say(text: str) -> None:
    """Print text in which brackets are no markup."""
    console.print(text, markup=False)


def show_patch(patch: Patch, root: Path) -> None:
    if diff := patch.diff(root):
        console.print()
        show_diff(diff)
    for command in patch.commands:
        say(f"then: {shlex.join(command)}")


def show_diff(diff: str) -> None:
    console.print(
        Syntax(diff, "diff", background_color="default") if console.is_terminal else escape(diff)
    )
