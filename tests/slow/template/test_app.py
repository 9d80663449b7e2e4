"""Rendered programs that embed Python: their errors, their output, their checks, another Python."""

import re
import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.pythons import sync
from tests.template.test_app import ADA, App, make_app

pytestmark = pytest.mark.build


@pytest.fixture
def default_app(synced: Render, middle: Interpreter, target: Path) -> App:
    return make_app(synced, middle, target)


def test_errors_name_the_cure(default_app: App, newest: Interpreter, tmp_path: Path) -> None:
    app = default_app
    run(["cargo", "build"], app.project, app.env)

    assert "cannot read none.json" in app.error("none.json")
    assert "Is a directory" in app.error("/")
    message = app.error(stdin='{"username": }')
    assert "standard input is not valid user JSON" in message and "line 1 column 14" in message
    assert app.start("--nonsense").returncode == 2
    help_text = app.start("--help")
    assert help_text.returncode == 0 and "Usage: my-app [FILE]" in help_text.stdout
    assert app.start("--version").stdout == "my-app 0.1.0\n"

    other = tmp_path / "other"
    run([uv(), "venv", "--quiet", "--python", newest.path, other], tmp_path, app.env)
    message = app.error(MY_APP_VENV=str(other))
    assert f"has Python {newest.minor}" in message and f"built for {app.python.minor}" in message
    assert f"`uv sync --python {app.python.minor}`" in message

    libraries = app.project / f".venv/lib/python{app.python.minor}"
    libraries.rename(f"{libraries}t")
    message = app.error()
    assert f"has Python {app.python.minor}t" in message and "build it again" in message
    Path(f"{libraries}t").rename(libraries)

    assert "no Python environment in /nowhere; run `uv sync`" in app.error(MY_APP_VENV="/nowhere")
    assert f"no Python environment in {tmp_path};" in app.error(MY_APP_VENV=str(tmp_path))
    venv = app.project / ".venv"
    [editable] = venv.glob("lib/*/site-packages/my_app.pth")
    editable.unlink()
    assert app.error() == "error: my_app is not installed; run `uv sync`\n"
    (venv / "bin/python").rename(venv / "bin/hidden")
    message = app.error()
    assert "is broken (bin/python: " in message and "remove it and run `uv sync`" in message
    shutil.rmtree(venv)
    assert f"no Python environment in {venv}; run `uv sync`" in app.error()


BROKEN_START = """
#[path = "../src/python.rs"]
mod python;

#[test]
fn same_error() {
    let mut calls = 0;
    let first = python::start(|| calls += 1).unwrap_err();
    let second = python::start(|| calls += 1).unwrap_err();
    assert!(first.to_string().contains(" does not start: "), "{first}");
    assert_eq!(first.to_string(), second.to_string());
    assert_eq!(calls, 1);
}
"""


def test_python_that_does_not_start(
    synced: Render, target: Path, relocated: Interpreter, tmp_path: Path
) -> None:
    """A standard library that is there but empty: an error after CPython's own words, no abort."""
    app = make_app(synced, relocated, target)
    (app.project / "tests/broken_start.rs").write_text(BROKEN_START)
    run(["cargo", "build"], app.project, app.env)
    build = ["cargo", "test", "--no-run", "--test", "broken_start"]
    output = run(build, app.project, app.env).output
    test = Path(output.split("Executable tests/broken_start.rs (")[1].split(")")[0])

    base = tmp_path / "base"
    (base / f"lib/python{app.python.minor}/encodings").mkdir(parents=True)
    (base / "bin").mkdir()
    (base / "bin/python3").touch()
    python = app.project / ".venv/bin/python"
    python.unlink()
    python.symlink_to(base / "bin/python3")
    config = app.project / ".venv/pyvenv.cfg"
    config.write_text(f"home = {base}/bin\nversion_info = {app.python.minor}.0\n")
    done = app.start()
    assert done.returncode == 1
    assert f"error: {python} does not start: " in done.stderr.splitlines()[-1]
    assert "Fatal Python error" not in done.stderr and "panicked" not in done.stderr

    # Python cannot be started a second time: the first result stays.
    run([test, "same_error"], app.project, app.env)


def test_output_of_python_and_rust(default_app: App) -> None:
    app = default_app
    run(["cargo", "build"], app.project, app.env)
    app.probe()
    done = app.start(stdin=ADA.replace("ada", "print"))
    assert "printed by Python\n" in done.stdout

    pipeline = f'set -o pipefail; "{app.executable}" | head --bytes=10'
    done = app.start("-c", pipeline, stdin=ADA.replace("ada", "much"), program=Path("/bin/bash"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "x" * 10, "")


FAILED_START = """
#[path = "../src/python.rs"]
mod python;

use pyo3::prelude::*;

#[test]
fn start_again_after_a_failure() {
    let venv = std::env::var(python::VARIABLE).unwrap();
    for _ in 0..2 {
        let error = python::start(|| panic!("called without an environment")).unwrap_err();
        assert!(error.to_string().starts_with("no Python environment"), "{error}");
    }
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/.venv"), &venv).unwrap();
    let mut calls = 0;
    python::start(|| calls += 1).unwrap();
    python::start(|| calls += 1).unwrap();
    assert_eq!(calls, 1);
    Python::attach(|py| py.import("prettytable").map(|_| ())).unwrap();
    std::fs::remove_file(&venv).unwrap();
    python::start(|| calls += 1).unwrap();
}
"""


def test_start_after_a_failed_start(default_app: App, tmp_path: Path) -> None:
    app = default_app
    (app.project / "tests/failed_start.rs").write_text(FAILED_START)
    env = app.env | {"MY_APP_VENV": str(tmp_path / "late")}
    run(["cargo", "test", "--test", "failed_start", "start_again"], app.project, env)


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(True, id="example"),
        pytest.param(False, id="minimal", marks=pytest.mark.weekly),
    ],
)
def test_app_checks_and_readme(
    synced: Render, target: Path, middle: Interpreter, example: bool
) -> None:
    """Every command of its README up to "Ship", which test_app_release.py runs."""
    app = make_app(synced, middle, target, example=example, windows=example)
    run(["cargo", "fmt", "--check"], app.project, app.env)
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], app.project, app.env)
    readme = (app.project / "README.md").read_text(encoding="utf-8")
    readme = re.sub(r"## Remove the example\n.*?\n(?=## )", "", readme, flags=re.DOTALL)
    readme = readme.partition("## Ship\n")[0]
    target_link = app.project / "target"
    target_link.symlink_to(target)
    env = app.env | {"UV_PYTHON": str(middle.path)}
    for block in readme.split("```sh\n")[1:]:
        for line in block.split("```")[0].strip().splitlines():
            run(["bash", "-c", line], app.project, env)
    assert "unsafe" not in (app.project / "src/main.rs").read_text()


def test_another_python_in_venv_of_an_app(default_app: App, newest: Interpreter) -> None:
    app = default_app
    run(["cargo", "build"], app.project, app.env)
    (app.project / ".python-version").write_text(newest.minor)
    sync(app.project, newest, app.env)
    assert f"has Python {newest.minor}" in app.error()
    result = run(["cargo", "build"], app.project, app.env, check=False)
    assert result.code != 0 and "`cargo clean -p pyo3-ffi`" in result.output
    run(["cargo", "clean", "-p", "pyo3-ffi"], app.project, app.env)
    run(["cargo", "build"], app.project, app.env)
    assert app.start().returncode == 0
