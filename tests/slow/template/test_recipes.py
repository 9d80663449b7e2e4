"""docs/recipes.md: all recipes in one project, as they stand."""

import re
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run
from tests.conftest import Render
from tests.projects import replace
from tests.template.test_recipes import INTRODUCTION, RECIPES, SECTIONS, Block, blocks

# PyO3 passes arguments by value.
CLIPPY = ["--deny", "warnings", "--allow", "clippy::needless_pass_by_value"]


def apply(recipe: list[Block], project: Path, env: dict[str, str]) -> None:
    """Write the files of a recipe, and run the commands that add dependencies."""
    for block in recipe:
        if block.path == "src/lib.rs":
            register(block, project / block.path)
        elif block.path:
            (project / block.path).write_text(block.text, encoding="utf-8")
        elif " add " in block.text:
            # The project is built once, when all recipes are in it.
            run(["bash", "-ec", block.text], project, env | {"UV_NO_SYNC": "1"})


def register(block: Block, library: Path) -> None:
    """Put the first line above the module and the rest into it, as the introduction says."""
    first, rest = block.text.split("\n\n", 1)
    assert re.fullmatch(r"mod \w+;", first)
    text = library.read_text(encoding="utf-8")
    [top] = re.findall(r"^(?:///.*\n)*#\[pymodule\]\nmod _core \{\n", text, re.MULTILINE)
    replace(library, top, f"{first}\n\n{top}{textwrap.indent(rest, '    ')}\n")


@pytest.mark.build
def test_recipes(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    project = synced(middle, env, example=False)
    env = {**env, "UV_PYTHON": str(middle.path)}
    for recipe in RECIPES.values():
        apply(recipe, project, env)
    run(["cargo", "fmt", "--check"], project, env)

    # The commands of the introduction
    [afterwards] = blocks(INTRODUCTION)
    output = run(["bash", "-ec", afterwards.text], project, env).output
    tests = sorted(path.name for path in (project / "tests").glob("test_*.py"))
    assert len(tests) == len(RECIPES) + 1
    assert all(re.search(rf"^tests/{name} \.+ ", output, re.MULTILINE) for name in tests), output

    check(project, env)
    ctrl_c(project, env)
    raises_what_the_docstrings_say(project, env)
    ends_after_await(project, env)
    data_file(project, env)


def check(project: Path, env: dict[str, str]) -> None:
    """Pass what the project's CI runs."""
    for command in ("ruff check", "ruff format --check", "mypy", "stubtest my_project"):
        run(["uv", "run", "--no-sync", *command.split()], project, env)
    stub = (project / "python/my_project/_core.pyi").read_text(encoding="utf-8")
    assert "__getattr__" not in stub and "import Any" not in stub
    run(["cargo", "clippy", "--all-targets", "--", *CLIPPY], project, env)


def ctrl_c(project: Path, env: dict[str, str]) -> None:
    """End a process by SIGINT while it is in the loop."""
    code = textwrap.dedent("""
        import signal
        from my_project._core import count_primes

        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below `nohup`
        count_primes(1000)
        print("counting", flush=True)
        count_primes(10**12)
    """)
    command = [project / ".venv/bin/python", "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        try:
            assert process.stdout and process.stdout.readline() == "counting\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=5)
        finally:
            process.kill()
    assert error.endswith("\nKeyboardInterrupt\n")
    assert process.returncode == -signal.SIGINT


# Function, arguments, and the error that its docstring names
ERRORS = """
    normalize([1.0])                        TypeError
    normalize(numpy.ones(1, "float32"))     TypeError
    normalize(numpy.ones((1, 1)))           TypeError
    later("", timedelta(0))                 RuntimeError
    later("", timedelta(-1))                ValueError
    halve(-1)                               OverflowError
    count_primes(2**64)                     OverflowError
"""


def raises_what_the_docstrings_say(project: Path, env: dict[str, str]) -> None:
    lines = ["from datetime import timedelta", "import numpy", "from my_project._core import *"]
    for row in ERRORS.strip().splitlines():
        call, error = re.fullmatch(r"\s*(.+?)\s+(\w+)", row).groups()
        lines += ["try:", f"    {call}", f"except {error}: print({call.split('(')[0]}.__doc__)"]
        lines += ["else: raise SystemExit('no error')"]
    output = run([project / ".venv/bin/python", "-c", "\n".join(lines)], project, env).output
    for error in ("TypeError", "RuntimeError", "ValueError", "OverflowError"):
        assert f"    {error}: " in output


def ends_after_await(project: Path, env: dict[str, str]) -> None:
    """Do not crash: 26 of 150 runs did with 3.12, without the line that the page gives."""
    [line] = re.findall(r"`(atexit\.register\(.+?\))`", SECTIONS["An awaitable from Rust"])
    lines = ["import asyncio, atexit, time", "from tests.test_tasks import race", line]
    command = [project / ".venv/bin/python", "-c", "\n".join([*lines, "asyncio.run(race())"])]
    for _ in range(10):
        run(command, project, env)


def data_file(project: Path, env: dict[str, str]) -> None:
    """Read it from a wheel; an editable install sees an edit at once."""
    [commands] = [
        block.text for block in RECIPES["A data file in the wheel"] if block.language == "sh"
    ]
    dev = {"MATURIN_PEP517_ARGS": "--profile dev"}  # shares what has been compiled
    output = run(["bash", "-ec", commands], project, env | dev).output
    assert output.endswith("{'Iceland': 103000, 'Malta': 316}\n")

    replace(project / "python/my_project/areas.csv", "316", "315")
    code = "from my_project.geography import areas; print(areas()['Malta'])"
    assert run([project / ".venv/bin/python", "-c", code], project, env).output == "315\n"
