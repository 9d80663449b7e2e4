"""Rendered projects with real interpreters: checks, README, wheels, edits, foreign Pythons."""

# ruff: noqa: F811

import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.projects import Loop, replace
from tests.pythons import sync
from tests.template.test_project import COMMANDS, loop  # noqa: F401

pytestmark = pytest.mark.build


# ---- Variants ----


def test_checks_are_clean_without_a_stable_abi(
    synced: Render, middle: Interpreter, env: dict[str, str]
) -> None:
    project = synced(middle, env, abi="version", windows=True, example=False)
    run(["cargo", "fmt", "--check"], project, env)
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)
    run(["cargo", "test"], project, env)
    for command in (
        ["ruff", "format", "--check"],
        ["ruff", "check"],
        ["mypy"],
        ["stubtest", "my_project"],
        ["pytest"],
    ):
        run([uv(), "run", *command], project, env)


@pytest.mark.parametrize("layout", ["single", pytest.param("workspace", marks=pytest.mark.weekly)])
def test_readme_of_the_render(
    synced: Render, middle: Interpreter, env: dict[str, str], layout: str
) -> None:
    """The example in it runs, and so does every command."""
    for example in (True, False):
        project = synced(middle, env, f"p{example}", example=example, layout=layout)
        readme = (project / "README.md").read_text(encoding="utf-8")
        assert ("## Remove the example\n" in readme) == example
        code = readme.split("```python\n")[1].split("```")[0]
        run([uv(), "run", "python", "-c", code], project, env)
    for block in readme.split("```sh\n")[1:]:
        for line in block.split("```")[0].strip().splitlines():
            command = line.split(" # ")[0].strip()
            run(["bash", "-c", command], project, env)
    assert sorted(path.suffix for path in (project / "dist").glob("*-*")) == [".gz", ".whl"]


# ---- Wheels ----


def test_force_breaks_wheels_for_another_python(
    synced: Render, middle: Interpreter, oldest: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Why PYO3_PYTHON has no `force = true`, which stands in the seed."""
    project = synced(middle, env, python_min="3.10", abi="version", example=False)
    config = project / ".cargo/config.toml"
    config.write_text(
        config.read_text().replace("relative = true }", "relative = true, force = true }")
    )
    run([uv(), "build", "--wheel", "--quiet", "--python", oldest.path], project, env)
    [wheel] = (project / "dist").glob("*.whl")
    venv = tmp_path / "venv"
    run([uv(), "venv", "--quiet", "--python", oldest.path, venv], tmp_path, env)
    run([uv(), "pip", "install", "--quiet", "--python", venv, wheel], tmp_path, env)
    done = run([venv / "bin/python", "-c", "import my_project"], tmp_path, env, check=False)
    assert done.code != 0
    assert "undefined symbol: Py" in done.output


# ---- The loop of editing and testing ----


@pytest.mark.parametrize("loop", [{"layout": "workspace"}], indirect=True)
def test_an_edit_of_the_core(loop: Loop) -> None:
    core = loop.project / "crates/my-project"
    (core / "tests").mkdir()
    (core / "tests/users.rs").write_text("#[test]\nfn test_nothing() {}\n")
    # Without PyO3, syn has fewer features, so cargo keeps a second build of it.
    alone = ["cargo", "test", "--package", "my-project"]
    for command in (*COMMANDS.values(), alone):
        loop.run(command)
    replace(core / "src/users.rs", "at most 63 levels", "no more than 63 levels")
    both = {"my-project", "my-project-python"}
    assert set(loop.run(COMMANDS["uv sync"])) == both
    code = "from my_project import User; User.from_json('')"
    result = run([uv(), "run", "python", "-c", code], loop.project, loop.env, check=False)
    assert "ValueError: not the JSON of a user, no more than 63 levels deep" in result.output
    for command in (alone, COMMANDS["cargo test"], COMMANDS["rust-analyzer"]):
        assert set(loop.run(command)) <= both

    # What Python cannot see: the core's own tests
    replace(core / "tests/users.rs", "test_nothing", "test_still_nothing")
    assert "my-project" not in loop.run(COMMANDS["uv sync"])
    assert loop.run(alone) == ["my-project"]


# ---- Another Python in .venv ----


@pytest.mark.weekly
def test_relocated_python_of_the_same_version(
    synced: Render, middle: Interpreter, relocated: Interpreter, env: dict[str, str]
) -> None:
    assert relocated.minor == middle.minor
    project = synced(middle, env)
    run(["cargo", "test"], project, env)
    run([uv(), "venv", "--quiet", "--clear", "--python", relocated.path], project, env)
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert str(relocated.base_prefix) in result.output and str(middle.base_prefix) in result.output


def test_no_venv(render: Render, middle: Interpreter, env: dict[str, str]) -> None:
    project = render(python_version=middle.minor)
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert f"{project}/.venv/bin/python" in result.output
    sync(project, middle, env)
    run(["cargo", "test"], project, env)
    shutil.rmtree(project / ".venv")
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert "is gone; run `uv sync`" in result.output


def test_other_interpreter_in_the_environment(
    synced: Render, middle: Interpreter, newest: Interpreter, env: dict[str, str]
) -> None:
    """The user's PYO3_PYTHON wins, with a warning; conda is an error, as PyO3 ignores .venv."""
    project = synced(middle, env, "unix")
    exported = env | {"PYO3_PYTHON": str(newest.path)}
    output = run(["cargo", "test", "--no-run"], project, exported).output
    assert "warning" in output and "unset PYO3_PYTHON" in output

    project = synced(middle, env, "windows", abi="version", windows=True)
    conda = env | {"CONDA_PREFIX": str(newest.base_prefix)}
    result = run(["cargo", "test"], project, conda, check=False)
    assert result.code != 0
    assert "`conda deactivate`" in result.output
    run(["cargo", "test"], project, env)
