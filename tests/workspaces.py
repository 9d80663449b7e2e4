"""Workspaces of uv and of cargo, with a package and a crate."""

from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, run, uv
from tests.crates import write

UV_ROOT = """\
[project]
name = "root"
version = "0"
requires-python = ">=3.10"

[tool.uv.workspace]
members = ["{members}"] # a comment
"""


PURE = {
    "pyproject.toml": '[project]\nname = "pure"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n'
    '[dependency-groups]\ndev = ["pytest"]\n'
    '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    "src/pure/__init__.py": "",
    "tests/test_pure.py": "import pure\n\n\ndef test_pure():\n    assert pure\n",
}


NEIGHBOUR = {
    "Cargo.toml": '[package]\nname = "neighbour"\nversion = "0.1.0"\nedition = "2024"\n',
    "src/lib.rs": "#[test]\nfn without_python() {}\n",
}


CARGO_ROOT = '[workspace]\nresolver = "3"\nmembers = ["crates/*"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a uv workspace with a pure Python package; it has no environment yet."""
    folder = tmp_path / "root"
    write(folder, {"pyproject.toml": UV_ROOT.format(members="packages/*")})
    write(folder / "packages/pure", PURE)
    return folder


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Return a workspace of uv and of cargo, with a package and a crate, in a repository."""
    folder = tmp_path / "both"
    write(folder, {"pyproject.toml": UV_ROOT.format(members="libs/*"), "Cargo.toml": CARGO_ROOT})
    write(folder, {".gitignore": "target\n"})
    write(folder / "libs/pure", PURE)
    write(folder / "crates/neighbour", NEIGHBOUR)
    commit_all(folder)
    return folder


def sync_root(root: Path, python: Interpreter, env: dict[str, str]) -> None:
    run([uv(), "sync", "--quiet", "--all-packages", "--python", python.path], root, env)
