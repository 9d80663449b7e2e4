"""`pyo3-uv bundle` on the command line."""

import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pyo3_uv.cli.console import console
from pyo3_uv.process import UserError

EXTRA = "uvx --from 'pyo3-uv[bundle] @ git+https://github.com/org/pyo3-uv-template' pyo3-uv bundle"


def bundle(
    path: Annotated[Path, typer.Argument(help="Folder of an app of the template.")] = Path(),
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what would be in it and why; leave no bundle.")
    ] = False,
) -> None:
    """Make a folder and an archive of an app that run on machines without Python.

    They are proven before they replace those in dist: the packages are imported and the program is
    started in a root folder with glibc only (on Linux). docs/bundles.md of the template has more.
    """
    try:
        from pyo3_uv.bundle.make import make
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; run `{EXTRA}`") from None
    # Signals come twice where uv passes them on: the first one starts the cleaning up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        made = make(path.resolve(), explain, lambda text: console.print(escape(f"== {text}")))
    except KeyboardInterrupt:
        raise UserError("interrupted; dist/ is as it was", 130) from None
    if explain:
        sizes = {place: facts["size"] for place, facts in made.manifest.files.items()}
        for source, place, reason, count, size in made.table.summary(sizes):
            line = f"{size / 1e6:7.2f} MB {count:5} files  {reason:50}  {place} <- {source}"
            console.print(escape(line))
        return
    if made.unchanged:
        console.print(f"dist/{made.folder.name} has not changed since it was proven")
    for line in made.lines():
        console.print(escape(line))


def _interrupt(*_: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
