"""Where a project may lie and builds: odd names, symbolic links, other workspaces."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.projects import files
from tests.pythons import environment, relocate, sync
from tests.reports import doctor, finding, fix, ids
from tests.template.test_folders import NAMES

# ---- Builds ----


def commands_pass(
    project: Path, python: Interpreter, env: dict[str, str], example: bool = True
) -> None:
    """Run the three commands of the rendered README."""
    sync(project, python, env)
    tests, rust = ("4 passed", "2 passed") if example else ("2 passed", "1 passed")
    assert tests in run([uv(), "run", "pytest"], project, env).output
    output = run(["cargo", "test"], project, env).output
    assert f"test result: ok. {rust}" in output
    assert "warning" not in output


# One inside the other: all of them are in each path.
ODD = "/".join(NAMES[key] for key in ("unicode", "quotes", "substitution", "patterns", "dash"))


@pytest.mark.build
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(ODD, id="odd"),
        pytest.param(NAMES["long"], id="long", marks=pytest.mark.weekly),
    ],
)
def test_commands_pass(render: Render, middle: Interpreter, env: dict[str, str], name: str) -> None:
    project = render(name, project_name="my-project", python_version=middle.minor)
    commands_pass(project, middle, env)


@pytest.mark.weekly
@pytest.mark.build
def test_own_target_folder(render: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """cargo's folder has the odd name too. (A percent sign there is too much for rust-lld.)"""
    name = 'spaces, commas, it\'s "odd" $HOME #1 ünï'
    answers = {"python_version": middle.minor, "example": False}  # few crates
    project = render(name, project_name="my-project", **answers)
    own = {key: value for key, value in env.items() if key != "CARGO_TARGET_DIR"}
    commands_pass(project, middle, own, example=False)
    assert (project / "target/debug").is_dir()
    shutil.rmtree(project / "target")


@pytest.mark.build
def test_app(render: Render, middle: Interpreter, target: Path, env: dict[str, str]) -> None:
    answers = {"kind": "app", "example": False, "python_version": middle.minor}
    project = render(ODD, project_name="my-project", **answers)
    sync(project, middle, env)
    assert "test result: ok. 1 passed" in run(["cargo", "test"], project, env).output
    run(["cargo", "build"], project, env)
    output = run([target / "debug/my-project"], Path("/"), {}).output
    assert output.startswith(f"Python {middle.minor}.")


@pytest.mark.weekly
@pytest.mark.build
def test_through_a_symbolic_link(
    render: Render, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """One project under two names: the other name rebuilds nothing and is no other Python."""
    project = render("real/my-project", python_version=middle.minor)
    (tmp_path / "link").symlink_to("real")
    link = tmp_path / "link/my-project"
    for folder in (link, project):
        there = env | {"PWD": str(folder)}  # what a shell says after `cd`
        commands_pass(folder, middle, there)
    assert "Compiling" not in run(["cargo", "test"], link, env | {"PWD": str(link)}).output


@pytest.mark.weekly
@pytest.mark.build
@pytest.mark.parametrize("kind", ["extension", "app"])
def test_base_python_in_an_odd_folder(
    render: Render, odd_python: Interpreter, target: Path, kind: str
) -> None:
    """Spaces and other characters in the rpath; a comma would split it, which docs say."""
    env = environment(target, odd_python)
    answers = {"kind": kind, "example": kind == "extension", "python_version": odd_python.minor}
    project = render(**answers)
    if kind == "extension":
        commands_pass(project, odd_python, env)
    else:
        sync(project, odd_python, env)
        assert "test result: ok. 1 passed" in run(["cargo", "test"], project, env).output


@pytest.fixture(scope="module")
def odd_python(
    middle: Interpreter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interpreter]:
    """Return a copy of `middle` in a folder with spaces and other characters."""
    folder = tmp_path_factory.mktemp("odd") / "Döe (John)" / "cpython"
    folder.parent.mkdir()
    yield relocate(middle, folder)
    shutil.rmtree(folder)


# ---- Inside other workspaces ----


@pytest.mark.weekly
@pytest.mark.build
def test_in_a_cargo_workspace(
    render: Render, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """cargo refuses a crate below a workspace that does not name it, and says what to do."""
    root = tmp_path / "Cargo.toml"
    root.write_text('[workspace]\nresolver = "3"\nmembers = []\n')
    project = render(python_version=middle.minor)
    before = files(tmp_path)
    for command in (["cargo", "test"], [uv(), "sync", "--python", middle.path]):
        result = run(command, project, env, check=False)
        assert result.code != 0
        assert "current package believes it's in a workspace when it's not" in result.output
        assert "`workspace.exclude`" in result.output
    assert {name for name in files(tmp_path) - before if ".venv" not in name} <= {
        "my-project/uv.lock"
    }
    root.write_text(root.read_text() + 'exclude = ["my-project"]\n')
    commands_pass(project, middle, env)


@pytest.mark.weekly
@pytest.mark.build
def test_in_a_uv_workspace(
    synced: Render, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """A member shares the root's environment, where a plain render does not look for it."""
    root = tmp_path / "pyproject.toml"
    start = f'[project]\nname = "root"\nversion = "0"\nrequires-python = ">={middle.minor}"\n'
    root.write_text(f'{start}[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    project = synced(middle, env, "packages/my-project")
    assert not (project / ".venv").exists()
    result = run(["cargo", "test"], project, env, check=False)
    assert f"{project}/.venv/bin/python: No such file" in result.output, (
        "as docs/troubleshooting.md says"
    )

    # One fix: it gets an environment of its own.
    member = root.read_text()
    root.write_text(member + 'exclude = ["packages/my-project"]\n')
    commands_pass(project, middle, env)
    assert (project / ".venv").exists()

    # The other: it looks into the root's. What other members have installed there stays.
    root.write_text(member)
    shutil.rmtree(project / ".venv")
    report = doctor(project, env)
    assert set(ids(report)) == {"interpreter", "cache-keys"}
    assert "a Python that is not there" in finding(report, "interpreter")["title"]
    run([uv(), "pip", "install", "--quiet", "wheel"], tmp_path, env)
    next(project.glob("python/my_project/*.so")).unlink()
    result = fix(project, env)
    assert not result["found"] and result["changed"] == [".cargo/config.toml", "pyproject.toml"]
    assert result["commands"] == ["uv sync --inexact --frozen --reinstall-package my-project"]
    assert "wheel" in run([uv(), "pip", "list"], tmp_path, env).output
    commands_pass(project, middle, env)
    assert not (project / ".venv").exists()


@pytest.mark.weekly
@pytest.mark.build
def test_below_a_uv_workspace_that_does_not_name_it(
    render: Render, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "root"\nversion = "0"\n[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    )
    project = render(python_version=middle.minor)
    commands_pass(project, middle, env)
    assert not (tmp_path / ".venv").exists()
