"""What `pyo3-uv bundle` says of an app that it cannot bundle."""

import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.conftest import Render
from tests.projects import replace
from tests.pythons import relocate, replace_bytes, sync, unactivated
from tests.slow.bundle.test_bundle import error, make_app

pytestmark = pytest.mark.build


def test_errors_name_the_remedy(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    env = unactivated(middle, CARGO_TARGET_DIR=str(target))
    app = make_app(synced, middle, env)

    for setting, message in {
        "grups = []": "has no 'grups'; did you mean 'groups'?",
        "groups = 3": "groups in [tool.pyo3-uv.bundle] is not a list of strings",
        'archive = "rar"': "archive in [tool.pyo3-uv.bundle] is none of tar.gz, tar.zst, zip",
        'files = { LICENSE = "../x" }': "LICENSE = ../x in [tool.pyo3-uv.bundle]: both must be inside",
        'files = { gone = "x" }': "gone, which files in [tool.pyo3-uv.bundle] names, does not exist",
    }.items():
        text = (app / "pyproject.toml").read_text()
        (app / "pyproject.toml").write_text(f"{text}\n[tool.pyo3-uv.bundle]\n{setting}\n")
        assert message in error(app, env)
        (app / "pyproject.toml").write_text(text)
    replace(app / "src/python.rs", "BUNDLE_1", "BUNDLE_0")
    assert "src/python.rs has protocol 0; this command needs protocol 1: `copier" in error(app, env)
    replace(app / "src/python.rs", "BUNDLE_0", "BUNDLE_1")
    assert "src/python.rs is not there" in error(tmp_path, env)

    lock = (app / "uv.lock").rename(tmp_path / "uv.lock")
    assert error(app, env) == "error: there is no uv.lock; run `uv lock`, and commit it"
    lock.rename(app / "uv.lock")
    lock = (app / "Cargo.lock").rename(tmp_path / "Cargo.lock")
    assert error(app, env) == "error: there is no Cargo.lock; run `cargo check`, and commit it"
    lock.rename(app / "Cargo.lock")

    replace(app / "Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    assert "cargo needs another Cargo.lock; run `cargo check`: " in error(app, env)
    replace(app / "Cargo.toml", 'version = "0.2.0"', 'version = "0.1.0"')
    replace(app / "pyproject.toml", '"prettytable>=3.18"', '"prettytable>=3.18", "numpy"')
    assert "uv needs another uv.lock; run `uv lock`: " in error(app, env)
    replace(app / "pyproject.toml", '"prettytable>=3.18", "numpy"', '"prettytable>=3.18"')

    (app / ".venv").rename(tmp_path / ".venv")
    assert error(app, env) == "error: there is no Python environment in .venv; run `uv sync`"

    static = relocate(middle, tmp_path / "static")
    [data] = (tmp_path / f"static/lib/python{middle.minor}").glob("_sysconfigdata*.py")
    replace_bytes(data, "'Py_ENABLE_SHARED': 1", "'Py_ENABLE_SHARED': 0")
    shutil.rmtree(data.with_name("__pycache__"))
    sync(app, static, env)
    message = error(app, env)
    assert "is static, without a libpython; run `uv sync --managed-python --python" in message
