"""Rendered projects on machines that lack something or have something foreign in the environment.

Each works, or ends with an error that names the cause.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, clean_environment, run, uv
from tests.conftest import Render
from tests.projects import Loop, edit, passes
from tests.pythons import environment, foreign, other_than, relocate, sync

pytestmark = pytest.mark.build

RUST = ["cargo", "rustc", "rustdoc"]
LINKER = ["cc", "ld", "as"]


def path_with(folder: Path, *programs: str) -> str:
    """Return a PATH on which there are these programs and a shell, and nothing else."""
    folder.mkdir()
    # The programs themselves: rustup's proxies would need rustup.
    sysroot = run(["rustc", "--print", "sysroot"], ROOT).output.strip()
    search = os.pathsep.join([f"{sysroot}/bin", clean_environment()["PATH"]])
    for name in ("sh", "env", *programs):
        found = shutil.which(name, path=search)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)


@pytest.fixture(scope="module")
def project(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return an extension with its `.venv`; the tests compile it."""
    project = shared_project(middle, env)
    run(["cargo", "test", "--no-run"], project, env)
    return project


@pytest.fixture(scope="module")
def app(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return an app with its `.venv`."""
    return shared_project(middle, env, "my-app", kind="app", example=False)


def fails(command: list[str | Path], project: Path, env: dict[str, str]) -> str:
    """Run a command that has to fail, and return its output."""
    result = run(command, project, env, check=False)
    assert result.code != 0, result.output
    return result.output


# ---- Something is missing ----


def test_nothing_else_is_needed(
    template: Path, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """From `copier copy` to green tests with uv, Rust and a linker; no git, Python and HOME."""
    path = path_with(tmp_path / "bin", "uv", *RUST, *LINKER)
    env = environment(target, middle) | {"PATH": path}
    del env["HOME"]
    project = tmp_path / "my-project"
    answers = ["--defaults", "-d", f"python_version={middle.minor}"]
    run([sys.executable, "-m", "copier", "copy", *answers, template, project], tmp_path, env)
    sync(project, middle, env)
    passes(project, env, "Minimal")


@pytest.mark.weekly
def test_core_without_python(
    template: Path, target: Path, middle: Interpreter, tmp_path: Path
) -> None:
    """Neither a Python nor uv nor `.venv`: the core's tests, benchmarks and crate need none."""
    project = tmp_path / "my-project"
    answers = ["-d", "layout=workspace", "-d", "extras=[benchmarks]"]
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", *answers]
    run([*copier, template, project], tmp_path)
    env = environment(target, middle) | {"PATH": path_with(tmp_path / "bin", *RUST, *LINKER)}
    loop = Loop(project, env)  # in another project PyO3 is never up to date
    compiled: set[str] = set()
    for command in (["test"], ["test", "--benches"], ["doc", "--no-deps"]):
        compiled |= set(loop.run(["cargo", *command, "--package", "my-project"]))
    assert "my-project" in compiled
    assert not {name for name in compiled if "pyo3" in name}
    assert "python" in fails(["cargo", "test"], project, loop.env)


@pytest.mark.weekly
def test_without_uv(project: Path, app: Path, env: dict[str, str], tmp_path: Path) -> None:
    """It is needed for the environment only."""
    env = env | {"PATH": path_with(tmp_path / "bin", *RUST, *LINKER)}
    for folder in (project, app):
        run(["cargo", "test"], folder, env)


@pytest.mark.weekly
@pytest.mark.parametrize(
    ("missing", "commands", "message"),
    [
        (LINKER, ("uv", "cargo"), "linker `cc` not found"),
        (["rustc"], ("uv", "cargo"), "could not execute process `rustc -vV`"),
        # Without the variable maturin downloads a Rust for itself.
        (["cargo"], ("uv",), "Do you have cargo in your PATH?"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_without_a_part_of_rust(
    project: Path,
    env: dict[str, str],
    tmp_path: Path,
    missing: list[str],
    commands: tuple[str, ...],
    message: str,
) -> None:
    programs = [name for name in ["uv", *RUST, *LINKER] if name not in missing]
    path = path_with(tmp_path / "bin", *programs)
    env = env | {"PATH": path, "MATURIN_NO_INSTALL_RUST": "1", "RUSTC_WRAPPER": ""}
    edit(project, f"Without {missing[0]}")
    if "uv" in commands:
        assert message in fails([uv(), "sync"], project, env)
    if "cargo" in commands:
        assert message in fails(["cargo", "test"], project, env)


@pytest.mark.weekly
def test_without_development_files(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """As where python3.x is installed without python3.x-dev: the doctor names the package."""
    python = relocate(middle, tmp_path / "cpython")
    (python.base_prefix / f"lib/libpython{python.minor}.so").unlink()
    env = environment(target, python)
    project = synced(python, env)
    assert "4 passed" in run([uv(), "run", "pytest"], project, env).output
    assert f"-lpython{python.minor}" in fails(["cargo", "test"], project, env)
    report = fails([PYO3_UV, "doctor"], project, env)
    assert f"libpython{python.minor}-dev" in report


def test_copier_without_git(tmp_path: Path) -> None:
    """docs/troubleshooting.md explains what Copier says."""
    env = clean_environment(PATH=path_with(tmp_path / "bin"))
    copy = [sys.executable, "-m", "copier", "copy", "--defaults"]
    output = fails([*copy, "gh:org/pyo3-uv-template", tmp_path / "my-project"], tmp_path, env)
    message = output.splitlines()[-1]
    assert f"| `{message}`" in (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")


@pytest.mark.weekly
def test_offline(project: Path, env: dict[str, str]) -> None:
    """With warm caches, editing and testing go on."""
    passes(project, env | {"UV_OFFLINE": "1", "CARGO_NET_OFFLINE": "true"}, "Offline")


# ---- Something is foreign ----


def test_foreign_python(
    project: Path, app: Path, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Activated environments and modules of another Python."""
    env = foreign(env, middle, tmp_path / "foreign")
    other = other_than(middle)
    [packages] = other.base_prefix.glob("lib/python3.*/site-packages")
    env |= {"CONDA_PREFIX": str(other.base_prefix), "PYTHONPATH": str(packages)}
    passes(project, env, "Foreign Python")
    run(["cargo", "test"], app, env)


@pytest.mark.weekly
def test_foreign_rust(project: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Flags, target and target folder of the user."""
    [host] = [
        line.split()[1]
        for line in run(["rustc", "-vV"], project, env).output.splitlines()
        if line.startswith("host: ")
    ]
    env = env | {"RUSTFLAGS": "-C debuginfo=0", "CARGO_BUILD_TARGET": host}
    passes(project, env, "Foreign Rust")
    assert Path(env["CARGO_TARGET_DIR"], host, "debug").is_dir()


@pytest.mark.weekly
def test_foreign_python_home(project: Path, middle: Interpreter, env: dict[str, str]) -> None:
    """No Python starts with another's standard library; it prints the variable."""
    home = str(other_than(middle).base_prefix)
    edit(project, "Foreign PYTHONHOME")
    for command in ([uv(), "sync"], ["cargo", "test"]):
        assert f"PYTHONHOME = '{home}'" in fails(command, project, env | {"PYTHONHOME": home})
    passes(project, env, "Without PYTHONHOME")


@pytest.mark.weekly
@pytest.mark.parametrize("kind", ["extension", "app"])
def test_environment_elsewhere(
    synced: Render,
    middle: Interpreter,
    newest: Interpreter,
    target: Path,
    tmp_path: Path,
    kind: str,
) -> None:
    """UV_PROJECT_ENVIRONMENT, a habit in containers: cargo is told with PYO3_PYTHON."""
    venv = tmp_path / "venv"
    env = environment(target, middle) | {"UV_PROJECT_ENVIRONMENT": str(venv)}
    project = synced(middle, env, "my-project", kind=kind, example=kind == "extension")
    assert not (project / ".venv").exists()
    output = fails(["cargo", "test"], project, env)
    assert f"{project}/.venv/bin/python" in output

    readme = (project / "README.md").read_text(encoding="utf-8")
    [command] = [part for part in readme.split("`") if part.startswith("export PYO3_PYTHON")]
    cargo_test = ["bash", "-c", f"{command} && cargo test"]
    if kind == "app":
        assert "no Python environment in" in fails(cargo_test, project, env)
        env["MY_PROJECT_VENV"] = str(venv)
    output = run(cargo_test, project, env).output
    assert "warning" not in output
    assert "Compiling" not in run(cargo_test, project, env).output, "nothing has changed"
    if kind == "extension":
        passes(project, env | {"PYO3_PYTHON": f"{venv}/bin/python"}, "Elsewhere")

    # A .venv that is left from before is not taken in silence.
    run([uv(), "venv", "--quiet", "--python", newest.path, project / ".venv"], project, env)
    output = run(["cargo", "test", "--no-run"], project, env, check=False).output
    assert f"PyO3 uses {project}/.venv/bin/python, not {venv}" in output
    assert "correct or unset PYO3_PYTHON" in output
