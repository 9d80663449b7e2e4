"""What the commands have in common: options, and how they show progress and diffs."""

import codecs
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax

from pyo3_uv import shell
from pyo3_uv.edits.patch import Patch
from pyo3_uv.paths import printable
from pyo3_uv.process import UserError

console = Console(highlight=False, soft_wrap=True)
_PLAIN = {"→": "->"}  # our own characters that an encoding may not have


class Format(str, Enum):
    """What a command prints: for people, for programs, or for the log of a GitHub workflow."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


Output = Annotated[
    Format,
    typer.Option(
        "--format",
        help="json: one object and nothing else; github: annotations (doctor and fix).",
    ),
]

Template = Annotated[
    str | None,
    typer.Option(
        help="Template: a folder or what Copier takes, for instance gh:owner/name. "
        "Default: the checkout that this runs from, else the published one."
    ),
]


def no_findings(output: Format) -> None:
    """Raise `UserError` (usage) for the format of findings, in a command that has none."""
    if output == Format.GITHUB:
        raise UserError("--format github shows findings, which only doctor and fix have", 2)


def interactive() -> bool:
    """Whether questions can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what goes on, on a terminal only."""
    if console.quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("", spinner=spinner()) as status:
        yield lambda text: status.update(shown(text))


def make_printable() -> None:
    """Let output have an escape for what its encoding does not have, such as a code page's.

    It was a traceback: `'charmap' codec can't encode character '\\u2192'`.
    """
    codecs.register_error("pyo3-uv", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="pyo3-uv")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    plain = "".join(_PLAIN.get(character, character) for character in text)
    return plain.encode("ascii", "backslashreplace").decode(), error.end


def print_utf8(text: str) -> None:
    """Print for a program that reads UTF-8, whatever the encoding of the output is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.buffer.flush()


def spinner() -> str:
    """Return the name of what shows that something goes on; dots are not in each encoding."""
    return "dots" if console.encoding.startswith("utf") else "line"


def shown(text: str) -> str:
    """Return text of files and programs for `console.print`: neither markup nor a terminal's codes."""
    return escape(printable(text))


def say(text: str) -> None:
    """Print text in which brackets are no markup."""
    console.print(shown(text))


def show_patch(patch: Patch, root: Path) -> None:
    if diff := patch.diff(root):
        console.print()
        show_diff(diff)
    for command in patch.commands:
        say(f"then: {shell.join(command)}")


def show_diff(diff: str) -> None:
    diff = printable(diff)
    console.print(
        Syntax(diff, "diff", background_color="default") if console.is_terminal else escape(diff)
    )
