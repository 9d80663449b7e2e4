"""The version of an extension stands in pyproject.toml, where uv and Dependabot read it."""

import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.projects import read_toml, replace


@pytest.fixture
def project(render: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return a workspace with lock files; nothing is built for them."""
    project = render(layout="workspace", python_version=middle.minor)
    run([uv(), "lock", "--quiet", "--python", middle.path], project, env)
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    return project


def test_uv_bumps_it(project: Path, env: dict[str, str]) -> None:
    before = (project / "Cargo.lock").read_text()
    run([uv(), "version", "--no-sync", "--bump", "minor"], project, env)
    assert read_toml(project / "pyproject.toml")["project"]["version"] == "0.2.0"
    run(["cargo", "metadata", "--format-version=1", "--locked"], project, env)
    assert (project / "Cargo.lock").read_text() == before
    run([uv(), "lock", "--check"], project, env)


def test_dependabot_can_lock(project: Path, env: dict[str, str], tmp_path: Path) -> None:
    """It has these three files, and none of Rust."""
    folder = tmp_path / "dependabot"
    folder.mkdir()
    for name in ("pyproject.toml", "uv.lock", "README.md"):
        shutil.copy(project / name, folder)
    run([uv(), "lock", "--upgrade-package", "pytest"], folder, env)


def test_uv_could_not_with_a_dynamic_version(project: Path, env: dict[str, str]) -> None:
    """As projects had it before."""
    replace(project / "pyproject.toml", 'version = "0.1.0"\n', 'dynamic = ["version"]\n')
    done = run([uv(), "version", "--bump", "minor"], project, env, check=False)
    assert done.code and "dynamic project versions" in done.output
