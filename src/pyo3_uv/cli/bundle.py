"""`pyo3-uv bundle` on the command line."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pyo3_uv.cli.console import Format, Output, console, no_findings, say
from pyo3_uv.process import UserError

EXTRA = "uvx --from 'pyo3-uv[bundle] @ git+https://github.com/org/pyo3-uv-template' pyo3-uv bundle"


def bundle(
    path: Annotated[Path, typer.Argument(help="Folder of an app of the template.")] = Path(),
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what would be in it and why; leave no bundle.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Make an archive of an app that runs on machines without Python.

    It and its folder are proven before they replace what is in dist: the packages are imported and
    the program is started in a root folder with glibc only (on Linux). docs/bundles.md of the
    template has more.
    """
    no_findings(output)
    console.quiet = output == Format.JSON
    try:
        from pyo3_uv.bundle.make import make
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; run `{EXTRA}`") from None
    try:
        made = make(path.resolve(), explain, lambda text: say(f"== {text}"))
    except KeyboardInterrupt:
        raise UserError("interrupted; dist/ is as it was", 130) from None
    sizes = {place: facts["size"] for place, facts in made.manifest.files.items()}
    rows = made.table.summary(sizes) if explain else []
    if output == Format.JSON:
        names = ("source", "place", "reason", "files", "bytes")
        result = {
            "folder": str(made.folder),
            "archive": str(made.archive),
            "sha256": made.manifest.archive.get("sha256"),
            "unchanged": made.unchanged,
            "notes": made.manifest.notes,
            "contents": [dict(zip(names, row, strict=True)) for row in rows],
        }
        print(json.dumps(result, indent=2))
    for source, place, reason, count, size in rows:
        say(f"{size / 1e6:7.2f} MB {count:5} files  {reason:50}  {place} <- {source}")
    if explain:
        return
    if made.unchanged:
        say(f"dist/{made.folder.name} has not changed since it was proven")
    for line in made.lines():
        say(line)
