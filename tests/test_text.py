"""Text is UTF-8 wherever it is read, written or printed, whatever a system takes by default."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv import process
from tests.commands import PYO3_UV, ROOT

FOLDERS = ("src", "docs", "template")


def without_encoding(code: str) -> Iterator[int]:
    """Yield the lines of calls that take the encoding of the system: text files, pipes as text."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        names = {keyword.arg for keyword in node.keywords}
        of = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        modes = [*node.args[0 if of else 1 :][:1]]
        modes += [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
        taken = (
            # A name, as "METADATA", is asked of a distribution.
            (name == "read_text" and of and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (
                name == "open"
                and of not in ("os", "tarfile")
                and "b" not in "".join(map(ast.unparse, modes))
            )
            or {"text=True", "universal_newlines=True"} & set(map(ast.unparse, node.keywords))
        )
        if taken and "encoding" not in names:
            yield node.lineno


def test_the_encoding_is_named() -> None:
    """Before: the ANSI code page on Windows, up to Python 3.14, for the paths that cargo is given."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    found = {file: list(without_encoding(file.read_text(encoding="utf-8"))) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_it_is_seen_where_it_is_missing() -> None:
    for code in ("p.read_text()", "p.write_text(x)", "open(p)", "p.open('w')", "run(x, text=True)"):
        assert list(without_encoding(code)) == [1], code
    for code in ("open(p, 'rb')", "p.open('xb')", "dist.read_text('METADATA')", "read_text(p)"):
        assert not list(without_encoding(code)), code


SAY = """
from pyo3_uv.cli.console import make_printable, print_utf8, say
make_printable()
say("caf\\xe9 1.0 s \\u2192 0.5 s in \\u65e5")
print_utf8("caf\\xe9 \\u65e5")
"""


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_output_in_a_code_page(encoding: str, tmp_path: Path) -> None:
    """Before: UnicodeEncodeError: 'charmap' codec can't encode character '\\u2192'."""
    env = process.outer_environment() | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    what = "café 1.0 s → 0.5 s in 日"
    if encoding != "utf-8":
        what = what.replace("→", "->").replace("日", "\\u65e5")
    if encoding == "ascii":
        what = what.replace("é", "\\xe9")
    shown, utf8 = _bytes([sys.executable, "-c", SAY], env).splitlines()
    assert shown.decode(encoding) == what
    assert utf8.decode() == "café 日"  # what GitHub reads

    missing = tmp_path / "caf\u00e9 \u65e5"
    error = _bytes([PYO3_UV, "doctor", missing], env).decode(encoding)
    assert error.startswith("error: ") and error.rstrip().endswith("does not exist")
    assert "Traceback" not in error and ("\\u65e5" in error) == (encoding != "utf-8")


def _bytes(command: list[str | Path], env: dict[str, str]) -> bytes:
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    return done.stdout + done.stderr
