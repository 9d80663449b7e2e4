"""The stub that stubs.py writes from the Rust source, and stubs by hand."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import PYO3_UV, ROOT, commit_all, run, uv
from .conftest import Render
from .projects import replace
from .pythons import needed_libraries
from .workflows import Workflow

pytestmark = pytest.mark.build
STUB = "python/my_project/_core.pyi"


def check_types(project: Path, env: dict[str, str]) -> None:
    """Pass the checks that read the stub."""
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        run([uv(), "run", *command], project, env)
    output = run([uv(), "run", "stubtest", "my_project"], project, env).output
    assert "Success: no issues found" in output


@pytest.mark.parametrize(
    "answers",
    [
        {"example": True},
        *(
            pytest.param(answers, marks=pytest.mark.slow)
            for answers in (
                {"example": False},
                {"example": True, "layout": "workspace"},
                {"example": False, "layout": "workspace"},
                {"example": True, "abi": "version"},
                {"example": False, "abi": "version"},
            )
        ),
    ],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_a_fresh_stub_is_the_generated_one(
    synced: Render, middle: Interpreter, env: dict[str, str], answers: dict[str, str | bool]
) -> None:
    project = synced(middle, env, **answers)
    before = (project / STUB).read_bytes()
    (project / STUB).unlink()
    assert (
        "wrote python/my_project/_core.pyi\n" in run([uv(), "run", "stubs.py"], project, env).output
    )
    assert (project / STUB).read_bytes() == before
    assert "wrote" not in run([uv(), "run", "stubs.py"], project, env).output
    run([uv(), "run", "--no-sync", "stubs.py", "--check"], project, env)
    check_types(project, env)


@pytest.mark.slow
def test_wheels_know_nothing_of_it(
    synced: Render, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """The module in a wheel is that of a project whose stub is by hand, byte for byte."""
    modules = []
    for stubs in ("generated", "by hand"):
        project = synced(middle, env, stubs=stubs, example=False)
        if stubs == "generated":
            run([uv(), "run", "stubs.py"], project, env)
        run([uv(), "build", "--quiet", "--wheel", "--python", middle.path], project, env)
        [wheel] = (project / "dist").glob("*.whl")
        shutil.unpack_archive(wheel, tmp_path / stubs, "zip")
        [module] = (tmp_path / stubs / "my_project").glob("_core*.so")
        assert not [name for name in needed_libraries(module) if "python" in name]
        modules.append(module.read_bytes())
        shutil.rmtree(project)  # The next one is built in the same place, whose path is in modules.
    assert b"PYO3_INTROSPECTION" not in modules[0]
    assert modules[0] == modules[1]


INIT = """    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        pyo3::types::PyModuleMethods::add(module, "more", 1)
    }

    /// A submodule."""


@pytest.mark.slow
def test_all_kinds_of_things(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """Submodules, exceptions, enums, constants and so on, and what is written by hand beside them."""
    project = synced(middle, env, abi="version", example=True, extras=["docs"])
    for file in (*project.glob("src/*"), *project.glob("tests/*")):
        file.unlink()
    shutil.copytree(ROOT / "tests/kinds", project, dirs_exist_ok=True)
    run([uv(), "add", "--quiet", "--dev", "numpy"], project, env)
    by_hand = (project / "python/my_project/__init__.pyi").read_bytes()

    output = run([uv(), "run", "stubs.py"], project, env).output
    assert f"removed {STUB}\nwrote python/my_project/_core/__init__.pyi\n" in output
    assert "wrote python/my_project/_core/sub.pyi\n" in output and "note:" not in output
    assert (project / "python/my_project/__init__.pyi").read_bytes() == by_hand
    check_types(project, env)
    run([uv(), "run", "pytest"], project, env)
    run([uv(), "run", "mkdocs", "build", "--strict"], project, env)

    # An object that PyO3 does not describe, and stubtest neither finds, is named.
    replace(project / "src/lib.rs", "    /// A submodule.", INIT)
    output = run([uv(), "run", "stubs.py"], project, env).output
    assert "note: python/my_project/_core/__init__.pyi is incomplete" in output
    replace(project / "src/lib.rs", INIT, "    /// A submodule.")

    # Without submodules the stub is one file again.
    library = project / "src/lib.rs"
    code, _, _ = library.read_text().partition("\n    /// A submodule")
    library.write_text(code + "}\n")
    done = run([uv(), "run", "stubs.py"], project, env, check=False)
    assert (
        done.code == 1
        and "\nerror: cannot import name 'sub' from 'my_project._core'" in done.output
    )
    for file in project.glob("python/my_project/__init__.py*"):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not re.search(r"\bsub\b", line)))
    output = run([uv(), "run", "stubs.py"], project, env).output
    assert "removed python/my_project/_core/sub.pyi\n" in output and f"wrote {STUB}\n" in output
    assert not list((project / "python/my_project").glob("_core/*.pyi"))


@pytest.mark.slow
def test_doctor_names_the_difference(
    synced: Render, middle: Interpreter, env: dict[str, str]
) -> None:
    """In a generated project its cure is stubs.py, and `fix` runs it."""
    project = synced(middle, env, example=False, extras=[])
    replace(
        project / "src/lib.rs", "use super::sum_of_squares;", "use super::{more, sum_of_squares};"
    )
    with (project / "src/lib.rs").open("a") as file:
        file.write("\n/// One.\n#[pyfunction]\nfn more(x: i64) -> i64 {\n    x\n}\n")
    run([uv(), "sync"], project, env)
    commit_all(project)
    output = run([PYO3_UV, "doctor"], project, env, check=False).output
    assert f"{STUB}: lacks more\n" in output and "uv run stubs.py" in output
    assert "healthy" in run([PYO3_UV, "fix", "--yes"], project, env).output
    assert "def more(x: SupportsIndex) -> int:" in (project / STUB).read_text()


@pytest.mark.slow
def test_errors_name_the_cure(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """Nothing is written then."""
    project = synced(middle, env, example=False)
    before = (project / STUB).read_bytes()
    replace(project / "src/lib.rs", "values.into_iter()", "values.into_iter(1)")
    done = run([uv(), "run", "--no-sync", "stubs.py"], project, env, check=False)
    assert done.code == 1 and "error[E0061]" in done.output
    assert done.output.endswith("error: maturin generate-stubs failed; the stub is as it was\n")

    (project / ".venv/bin/maturin").unlink()
    python = project / ".venv/bin/python"
    path = {"PATH": f"{python.parent}:/usr/bin:/bin"}
    done = run([python, "stubs.py"], project, env | path, check=False)
    assert done.code == 1
    assert done.output == "error: maturin is not in .venv; run `uv sync`, then `uv run stubs.py`\n"
    assert (project / STUB).read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [{"example": True}, {"example": False}, {"layout": "workspace"}],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_by_hand(
    synced: Render, middle: Interpreter, env: dict[str, str], answers: dict[str, str | bool]
) -> None:
    """Only the workflow, which is the same in every project, names the script; all checks pass."""
    project = synced(middle, env, stubs="by hand", extras=["github", "pre-commit"], **answers)
    commit_all(project)
    found = run(["git", "grep", "--ignore-case", "--files-with-matches", "stubs"], project).output
    assert found == ".copier-answers.yml\n.github/workflows/ci.yml\n"
    check_types(project, env)
    workflow = Workflow(project, "ci.yml", env)
    workflow.run_job("lint")
    assert workflow.ran and not [step for step in workflow.ran if "stubs.py" in step]
