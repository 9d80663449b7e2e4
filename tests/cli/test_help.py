"""The options, as `--help` shows them and docs/command.md describes them."""

import re
from importlib import metadata

import pytest
import typer
from typer.testing import CliRunner

from pyo3_uv.cli import app
from tests.commands import ROOT

COMMANDS = typer.main.get_group(app).commands
PAGE = (ROOT / "docs/command.md").read_text(encoding="utf-8")


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_docs_have_all_options(name: str) -> None:
    options = {text for p in COMMANDS[name].params for text in p.opts if text.startswith("-")}
    section = PAGE.split(f"\n## `{name}`\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`-.+?) \|", section, re.MULTILINE)
    documented = {option for row in rows for option in re.findall(r"`(--?[\w-]+)", row)}
    assert documented == options


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns(name: str) -> None:
    """Every word is whole. In a table of rich `--answers-file` and others took turns to be cut."""
    text = shown(*[name] * bool(name), "--help")
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.replace("COMMAND [ARGS]...", "") and "│" not in text
    words = text.split()
    for parameter in COMMANDS[name].params if name else ():
        assert set(str(getattr(parameter, "help", "")).split()) <= {*words}, parameter.name


def test_version() -> None:
    assert shown("--version") == f"pyo3-uv {metadata.version('pyo3-uv')}\n"


def test_docs_say_first_what_is_run() -> None:
    """Nowhere was it said that these commands run the code of a project."""
    first = PAGE.partition("\n## `new`\n")[0]
    for what in ("trust", "build scripts", "procedural macros", "build backend", "`import`"):
        assert what in first
    assert set(re.findall(r"^\| `(\w+)` \|", first, re.MULTILINE)) == {*COMMANDS}
