"""The command line. Exit codes: 0 fine, 1 found or failed, 2 usage, 130 interrupted."""

import signal
import sys
from importlib import metadata
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from pyo3_uv.cli.adopt import adopt
from pyo3_uv.cli.bundle import bundle
from pyo3_uv.cli.console import make_printable, shown
from pyo3_uv.cli.doctor import doctor
from pyo3_uv.cli.fix import fix
from pyo3_uv.cli.new import new
from pyo3_uv.process import SIGNALS, UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its tables break words to fit a narrow terminal
    help="Rust for Python under uv: a new project from the template, a doctor for any PyO3 project.",
)
for command in (new, adopt, doctor, fix, bundle):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pyo3-uv {metadata.version('pyo3-uv')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command; a `UserError` ends in its message, not in a traceback."""
    make_printable()
    # Both ends are the same: what was begun is undone, temporary folders are removed.
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        app()
    except UserError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"[bold red]error:[/] {shown(str(error))}"
        )
        sys.exit(error.code)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    # They come twice where uv passes them on: the first one starts the cleaning up.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
