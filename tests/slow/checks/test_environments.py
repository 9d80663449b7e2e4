"""Environments that were moved, changed or are elsewhere; shells that interfere."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.checks.test_one_thing_broken import heals
from tests.commands import PYO3_UV, ROOT, bring_back, run, uv, with_path
from tests.conftest import Render
from tests.damage import remove_env, remove_rpath, remove_runner
from tests.pythons import activate, environment, foreign, relocate, sync
from tests.reports import doctor, ids

pytestmark = pytest.mark.build


def without_stub(project: Path) -> Path:
    """Remove the stub, as to compare it is half of what the doctor does."""
    [stub] = project.glob("python/*/_core.pyi")
    stub.unlink()
    return project


@pytest.fixture
def project(healthy: Path) -> Iterator[Path]:
    yield without_stub(healthy)
    bring_back(healthy)


@pytest.mark.parametrize(
    ("python", "answers"),
    [
        pytest.param("middle", {}, id="extension"),
        pytest.param("middle", {"kind": "app"}, id="app"),
        pytest.param(
            "relocated",
            {"example": False, "abi": "version", "windows": True},
            id="minimal, windows",
            marks=pytest.mark.weekly,
        ),
        pytest.param(
            "relocated",
            {"kind": "app", "example": False},
            id="minimal app",
            marks=pytest.mark.weekly,
        ),
    ],
    indirect=["python"],
)
def test_render_is_healthy(
    synced: Render, python: Interpreter, target: Path, answers: dict[str, Any]
) -> None:
    env = environment(target, python)
    project = synced(python, env, **answers)
    report = doctor(project, env)
    assert report["findings"] == []
    facts = report["facts"]
    assert facts["environment"] == f".venv: Python {exact(python)}, shared libpython"
    assert facts["interpreter"].startswith(".venv/bin/python, from ")
    assert facts["libpython"] == f"{python.libpython}, outside the loader's path"
    if "windows" in answers:
        assert "rpath" not in facts, "the tests of the minimal module do not link libpython"
    else:
        tests, _, _ = facts["rpath"].removeprefix("in ").partition(" of ")
        assert int(tests) > 0
    if not answers:
        shown = run([PYO3_UV, "doctor"], project, env).output
        assert shown.endswith("\nhealthy\n")


def exact(python: Interpreter) -> str:
    code = "import platform; print(platform.python_version())"
    return run([python.path, "-c", code], ROOT).output.strip()


@pytest.mark.weekly
def test_moved_project(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """The scripts in .venv name its Python by its old path."""
    env = with_path(env, middle.path.parent)
    fix = "uv venv --clear && uv sync"
    for kind in ("extension", "app"):
        project = synced(middle, env, f"{kind}/before", kind=kind, extras=[])
        project = project.rename(project.with_name("after"))
        tool = ["uv", "run", "--quiet", "stubtest", "--help"]
        result = run(tool, project, env, check=False)
        assert result.code != 0
        assert all(part in result.output for part in ("Failed to spawn", "No such file"))
        if kind == "extension":
            report = doctor(without_stub(project), env)
            assert ids(report) == ["environment-moved"]
            assert report["findings"][0]["severity"] == "error"
            assert report["findings"][0]["remedy"] == fix
        run(["sh", "-c", fix], project, env)
        run(tool, project, env)
        before = project.with_name("before")
        assert str(before) not in (project / ".venv/bin/activate").read_text()
        if kind == "extension":
            run(["uv", "run", "pytest"], project, env)


@pytest.mark.weekly
def test_rpath_missing_where_the_loader_finds_libpython(
    project: Path, middle: Interpreter, target: Path
) -> None:
    assert middle.libpython
    env = environment(target, middle, LD_LIBRARY_PATH=str(middle.libpython.parent))
    assert doctor(project, env)["findings"] == []
    remove_rpath(project)
    report = doctor(project, env)
    assert ids(report) == ["no-rpath"]
    assert "here the loader finds" in report["findings"][0]["evidence"]


def test_shell_that_interferes(
    project: Path, middle: Interpreter, newest: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    (problem,) = doctor(project, env | {"PYO3_PYTHON": str(newest.path)})["findings"]
    assert problem["id"] == "interpreter"
    assert f"from PYO3_PYTHON of the shell; .venv has Python {middle.minor}" in problem["evidence"]
    assert problem["remedy"] == "unset PYO3_PYTHON in this shell"
    (tmp_path / "config.txt").write_text(f"executable={newest.path}\n")
    file = {"PYO3_CONFIG_FILE": str(tmp_path / "config.txt")}
    problem, *_ = doctor(project, env | file)["findings"]
    assert problem["id"] == "interpreter"
    assert problem["remedy"] == "unset PYO3_CONFIG_FILE in this shell"

    assert doctor(project, foreign(env, middle, tmp_path / "foreign"))["findings"] == []

    remove_env(project)
    (problem,) = doctor(project, activate(env, project / ".venv"))["findings"]
    assert problem["title"] == "PyO3 takes .venv only while it is activated"
    both = {"VIRTUAL_ENV": str(project / ".venv"), "CONDA_PREFIX": str(newest.base_prefix)}
    report = doctor(project, env | both)
    assert ids(report) == ["interpreter"], report["findings"]
    (problem,) = report["findings"]
    assert "VIRTUAL_ENV and CONDA_PREFIX are both set" in problem["evidence"]
    report = doctor(project, env | {"CONDA_PREFIX": str(newest.base_prefix)})
    assert report["findings"][0]["remedy"] == "conda deactivate"


@pytest.mark.weekly
def test_environment_elsewhere(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """As in containers: `.venv` is then not where PYO3_PYTHON looks."""
    env = environment(target, middle) | {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    project = without_stub(synced(middle, env, extras=[]))
    report = doctor(project, env)
    assert ids(report) == ["interpreter"]
    assert report["findings"][0]["remedy"].startswith("export PYO3_PYTHON=")
    env["PYO3_PYTHON"] = str(tmp_path / "venv/bin/python")
    assert doctor(project, env)["findings"] == []

    sync(project, middle, env)  # Cargo.lock is new since the first build
    shutil.rmtree(tmp_path / "venv")
    next(project.glob("python/my_project/*.so")).unlink()
    sync(project, middle, env)
    report = doctor(project, env)
    assert ids(report) == ["module-missing"]
    heals(project, env, report)


def test_environment_missing_or_changed(
    render: Render, middle: Interpreter, newest: Interpreter, env: dict[str, str]
) -> None:
    project = without_stub(render(python_version=middle.minor, abi="version", extras=[]))
    report = doctor(project, env)
    assert ids(report) == ["no-environment"]
    assert report["findings"][0]["remedy"] == "uv sync"
    sync(project, middle, env)
    assert doctor(project, env)["findings"] == []

    (project / ".python-version").write_text(newest.minor)
    sync(project, newest, env)
    report = doctor(project, env)
    assert ids(report) == ["stale-configuration"]
    assert f"built for libpython{middle.minor}" in report["findings"][0]["evidence"]
    assert report["findings"][0]["remedy"] == "cargo clean -p pyo3-ffi"
    run(["cargo", "clean", "-p", "pyo3-ffi"], project, env)
    assert doctor(project, env)["findings"] == []

    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/absent/python")
    report = doctor(project, env)
    assert ids(report) == ["no-environment"]
    assert "is there and does not start" in report["findings"][0]["evidence"]


@pytest.mark.weekly
def test_relocated_python(
    synced: Render, middle: Interpreter, relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    """Standard library that is not found; libpython without its development files."""
    env = environment(target, relocated)
    project = without_stub(synced(relocated, env, extras=[]))
    remove_runner(project)
    report = doctor(project, env)
    assert ids(report) == ["no-standard-library"]
    assert "codec" in report["findings"][0]["evidence"]
    assert "sys.prefix = " in report["findings"][0]["output"]

    bare = relocate(middle, tmp_path / "cpython")
    assert bare.libpython
    for path in bare.libpython.parent.glob("libpython*"):
        if path != bare.libpython:
            path.unlink()
    project = without_stub(synced(bare, env, "bare", extras=[]))
    report = doctor(project, env)
    assert ids(report) == ["libpython-missing"]
    problem = report["findings"][0]
    assert f"apt install libpython{bare.minor}-dev" in problem["remedy"]
    # `new` says it before it writes anything
    result = run(
        [PYO3_UV, "new", "made", "--defaults", "--python", bare.path], tmp_path, env, check=False
    )
    assert result.code == 1
    assert "cannot be linked with it" in result.output and not (tmp_path / "made").exists()


@pytest.mark.weekly
def test_seed(middle: Interpreter, relocated: Interpreter, target: Path, tmp_path: Path) -> None:
    """The project of uv issue 11006: libpython, the standard library, and force."""
    for python in (middle, relocated):
        env = environment(target, python)
        project = tmp_path / python.base_prefix.name
        shutil.copytree(ROOT / "tests/seed", project)
        run([uv(), "venv", "--quiet", "--python", python.path], project, env)
        found = ids(doctor(project, env))
        start = "other-environment" if python == middle else "no-standard-library"
        assert found == ["force", "libpython-not-found", start]
        assert not (project / "Cargo.lock").exists()
