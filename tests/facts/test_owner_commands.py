"""The commands with which owners work are recognized in their files, and nothing else is."""

from pathlib import Path

import pytest

from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.owner_commands import commands_of
from tests.crates import CDYLIB, MODULE, PYO3, PYPROJECT, TEST, made, write

UV = {"uv.lock": ""}


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({}, []),
        (UV, ["uv run"]),
        (UV | {"src/lib.rs": MODULE + TEST}, ["uv run", "cargo test"]),
        ({"Makefile": "dev:\n\tuv run maturin develop --uv\n"}, ["uv run maturin develop"]),
        ({"Makefile": "dev:\n\tmaturin develop -r && pytest\n"}, ["maturin develop --release", "pytest"]),
        ({"justfile": "dev:\n  uv sync && maturin dev\n"}, ["uv sync", "maturin develop"]),
        ({"noxfile.py": 'session.run("maturin", "develop")\n'}, ["maturin develop"]),
        ({"noxfile.py": 'session.run("pytest", *args)\n'}, ["pytest"]),
        ({"CONTRIBUTING.md": "    $ uv run -m pytest -x\n    $ cargo test\n"}, ["cargo test", "uv run pytest"]),
        ({".github/workflows/ci.yml": "      - run: cargo nextest run --all\n"}, ["cargo nextest run"]),
        ({"tox.ini": "commands =\n    uv run --no-sync pytest\n"}, ["pytest"]),
        ({"README.md": "We test it with pytest, install maturin.\n\n    pip install pytest\n"}, []),
        ({".github/workflows/ci.yml": "  - run: uv sync --only-group lint\n"}, []),
    ],
)  # fmt: skip
def test_commands_of(files: dict[str, str], commands: list[str], tmp_path: Path) -> None:
    pyproject = PYPROJECT + '\n[dependency-groups]\ndev = [\n    "pytest",\n    "maturin",\n]\n'
    project = write(made(tmp_path / "made", CDYLIB + PYO3), files)
    with (project / "pyproject.toml").open("a") as file:
        file.write(pyproject)
    assert commands_of(load(project)) == commands
