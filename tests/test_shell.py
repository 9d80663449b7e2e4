"""Shown commands are those of the user's shell: a POSIX one, PowerShell on Windows."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyo3_uv import shell
from pyo3_uv.checks import interpreter, libpython_missing, no_environment, rpath
from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.facts.build import Build
from pyo3_uv.facts.embedded import EmbeddedStart
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.interpreters import Interpreter, executable_of
from pyo3_uv.facts.selection import Selection
from pyo3_uv.new.steps import remaining_commands, steps_of
from pyo3_uv.new.workspace import Member
from tests.commands import ROOT
from tests.crates import PYPROJECT, made
from tests.reports import facts_of

# What no shell of Windows has
POSIX = re.compile(
    r"\b(grep|export|unset|readelf|python3 -|apt|bin/python)\b|command -v|\b(head|sh) -|&&|^ls "
)
COMMAND = re.compile(r"^(grep|head|ls|export|unset|command -v) |\w && \w")


def test_one_place_decides() -> None:
    """A command of a shell that is written out elsewhere is right in one shell only."""
    found = []
    for file in sorted((ROOT / "src/pyo3_uv").rglob("*.py")):
        name = file.relative_to(ROOT / "src/pyo3_uv").as_posix()
        if name == "shell.py" or name.startswith("bundle/"):  # there scripts are run by sh
            continue
        text = file.read_text(encoding="utf-8")
        assert "shlex" not in text, f"{name}: shell.join, shell.quote"
        for node in ast.walk(ast.parse(text)):
            value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and COMMAND.search(value):
                found.append(f"{name}:{node.lineno}: {value}")
    assert found == []


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "WINDOWS", True)


def texts(*found: Finding | None) -> list[str]:
    return [text for f in found if f for text in (f.evidence.command, f.remedy, f.evidence.output)]


def python(folder: Path, **changes: Any) -> Interpreter:
    facts: dict[str, Any] = {
        "path": folder / "python.exe",
        "version": "3.13.2",
        "free_threaded": False,
        "base_prefix": folder,
        "libpython": folder / "python313.dll",
        "lib_dir": folder / "libs",
        "lib_name": "python313",
        "system_libraries": "",
    }
    return Interpreter(**facts | changes)


def start(linked: bool, output: str = "", prefix: str | None = None) -> EmbeddedStart:
    return EmbeddedStart(linked, prefix, (), output)


def with_facts(crate: Path, **known: Any) -> Facts:
    facts = facts_of(crate)
    facts.__dict__ |= known
    facts.probe = SimpleNamespace(failure="")  # type: ignore[assignment]
    return facts


def test_findings_on_windows(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: `grep -nE`, `command -v python python3`, `export PYO3_PYTHON=…/bin/python`."""
    crate = made(tmp_path / "my crate", **{"pyproject.toml": PYPROJECT})
    there = python(tmp_path)
    missing = start(False, "LINK : fatal error LNK1181: cannot open input file 'python313.lib'")
    nowhere = with_facts(crate, python=there, embedded=missing)
    found = texts(
        no_environment.find(facts_of(crate)),
        libpython_missing.find(nowhere),
    )
    assert f"dir -LiteralPath {tmp_path / 'libs/python313.lib'}" in found
    found += [lines(facts_of(crate).project, crate / name, "rpath").command for name in ("x", "y")]
    found.append(lines(facts_of(crate).project, crate / "Cargo.toml", "a|'b").command)
    assert found[-1] == "Select-String -CaseSensitive 'a|''b' -LiteralPath Cargo.toml"
    for selection in (
        Selection("C:\\python.exe", "the first python on PATH", False),
        Selection("C:\\python.exe", "PYO3_PYTHON of the shell", False, "PYO3_PYTHON"),
    ):
        facts = with_facts(crate, python=there, selection=selection)
        facts.project.environment.__dict__["interpreter"] = there
        found += texts(interpreter.find(facts))
        monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", str(tmp_path / "env"))
    executable = executable_of(Path())
    assert f'$env:PYO3_PYTHON = "$env:UV_PROJECT_ENVIRONMENT\\{executable}"' in found
    for text in found:
        assert not POSIX.search(text.replace(str(executable), "")), text


def test_dll_that_windows_does_not_find(windows: None, tmp_path: Path) -> None:
    """Before: the finding about an rpath, which Windows does not have."""
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    test = crate / "target/debug/deps/made.exe"
    test.parent.mkdir(parents=True)
    known = {
        "python": python(tmp_path / "base"),
        "embedded": start(True, prefix=str(crate)),
        "build": Build(True, "", executables=[test]),
        "loader_finds_libpython": False,
    }
    found = rpath.find(with_facts(crate, **known))
    assert found and found.id == "libpython-not-found" and found.fix
    assert found.remedy.startswith(f"$env:PATH = '{tmp_path / 'base'}' + ';' + $env:PATH")
    assert not POSIX.search(" ".join(texts(found)))
    assert rpath.find(with_facts(crate, **known | {"loader_finds_libpython": True})) is None
    (test.parent / "python313.dll").touch()
    assert rpath.find(with_facts(crate, **known)) is None
    output = "error: process didn't exit successfully (exit code: 0xc0000135, STATUS_DLL_NOT_FOUND)"
    assert start(True, output).misses_libpython


def test_what_is_left_to_do_on_windows(windows: None, tmp_path: Path) -> None:
    choice: Any = SimpleNamespace(request="C:\\my python\\python.exe")
    steps = steps_of(tmp_path, choice, Member(tmp_path, None, None))
    remaining = remaining_commands(steps, [])
    assert remaining[0] == "uv sync --python 'C:\\my python\\python.exe'"
    assert 'git init -b main; git add --all; git commit -m "Start"' in remaining
    assert shell.join(["C:\\my env\\python.exe", "-c", "import a; print('b')"]) == (
        "& 'C:\\my env\\python.exe' -c 'import a; print(''b'')'"
    )
