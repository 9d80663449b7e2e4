"""Members of uv and Cargo workspaces: what `pyo3-uv new` refuses, and what it changes in the root."""

from pathlib import Path

import pytest

from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.interpreters import Interpreter
from pyo3_uv.new.workspace import surroundings_of
from tests.commands import PYO3_UV, clean_environment, git, run, uv
from tests.crates import write
from tests.projects import read_toml
from tests.pythons import other_than

REFUSED = {
    "app, named by uv": ("libs/fast", ["-d", "kind=app"], "an app has an environment of its own"),
    "app, in a Cargo workspace": ("fast", ["-d", "kind=app"], 'add "fast" to `exclude`'),
    "two crates": ("fast", ["-d", "layout=workspace"], "choose layout=single or another folder"),
    "name of a package": ("libs/fast", ["-d", "project_name=Pure"], "is called pure too"),
    "name of a crate": ("crates/fast", ["-d", "project_name=neighbour"], "is called neighbour too"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, both: Path, middle: Interpreter) -> None:
    folder, options, message = REFUSED[case]
    command = [PYO3_UV, "new", folder, "--defaults", "-d", f"python_version={middle.minor}"]
    env = clean_environment(UV_PYTHON_SEARCH_PATH=str(middle.path.parent))
    result = run([*command, *options], both, env, check=False)
    assert result.code == 1, result.output
    assert message in result.output
    assert git(both, "status", "--porcelain") == ""


def test_other_python_than_the_workspace(root: Path, middle: Interpreter) -> None:
    env = clean_environment(UV_PYTHON_SEARCH_PATH=str(middle.path.parent))
    run([uv(), "venv", "--quiet", "--python", middle.path], root, env)
    other = other_than(middle)
    command = [PYO3_UV, "new", "packages/fast", "--defaults", "--python", other.path]
    result = run(command, root, env, check=False)
    assert result.code == 1
    assert f".venv of the uv workspace has Python {middle.minor}: leave" in result.output
    assert not (root / "packages/fast").exists()


def test_members_are_added_where_there_are_none(tmp_path: Path) -> None:
    """And a configuration for another environment stays; the project then has its own."""
    config = '[env]\nPYO3_PYTHON = "/usr/bin/python3"\n'
    write(tmp_path, {"Cargo.toml": "[workspace]\n", ".cargo/config.toml": config})
    write(tmp_path, {"pyproject.toml": "[tool.uv]\nworkspace = {}\n"})
    whole = surroundings_of(tmp_path / "a/fast").whole
    patch = Patch()
    [note] = whole.root_changes(patch, {})
    assert "run cargo in its folder" in note and not whole.shared_config
    patch.write()
    assert read_toml(tmp_path / "Cargo.toml") == {"workspace": {"members": ["a/fast"]}}
    uv_table = read_toml(tmp_path / "pyproject.toml")["tool"]["uv"]
    assert uv_table == {"workspace": {"members": ["a/fast"]}}
    assert (tmp_path / ".cargo/config.toml").read_text() == config
