"""Which crates a path stands for."""

from pathlib import Path

from pyo3_uv.facts.discovery import load_all
from tests.commands import git
from tests.crates import CDYLIB, PYO3, PYPROJECT, crate, write


def test_any_path_of_a_project(tmp_path: Path) -> None:
    """Files, and folders beside the crate, were refused: "is no folder with a Cargo.toml"."""
    git(tmp_path, "init", "--quiet")
    first = crate(tmp_path / "first", CDYLIB + PYO3, **{"src/x/mod.rs": ""})
    second = write(
        tmp_path / "second",
        {
            "pyproject.toml": PYPROJECT + '\n[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n',
            "python/pkg/__init__.py": "",
            "tests/test_pkg.py": "",
        },
    )
    crate(second / "rust", CDYLIB + PYO3)
    crate(second / "other", CDYLIB + PYO3)
    every = {first, second / "rust", second / "other"}
    for name, folders in {
        "first": {first},
        "first/src/x": {first},
        "first/src/x/mod.rs": {first},
        "first/Cargo.toml": {first},
        "second/pyproject.toml": {second / "rust"},
        "second/rust/src/lib.rs": {second / "rust"},
        "second/python/pkg": {second / "rust", second / "other"},
        "second/tests/test_pkg.py": {second / "rust", second / "other"},
        "": every,
    }.items():
        assert {project.folder for project in load_all(tmp_path / name)} == folders, name
