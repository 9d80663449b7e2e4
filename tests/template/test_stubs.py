"""A fresh render's stub is the one that stubs.py writes from the Rust source."""

from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import Result, run, uv
from tests.conftest import Render

pytestmark = pytest.mark.build

STUB = "python/my_project/_core.pyi"


def stubs(project: Path, env: dict[str, str], *options: str, check: bool = True) -> Result:
    """Run stubs.py as users do."""
    return run([uv(), "run", "--quiet", *options, "stubs.py"], project, env, check)


@pytest.mark.parametrize(
    "answers",
    [
        {"example": True},
        pytest.param({"example": False}, marks=pytest.mark.slow),
        pytest.param({"layout": "workspace"}, marks=pytest.mark.slow),
    ],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_a_fresh_stub_is_the_generated_one(
    synced: Render, middle: Interpreter, env: dict[str, str], answers: dict[str, str | bool]
) -> None:
    project = synced(middle, env, **answers)
    before = (project / STUB).read_bytes()
    (project / STUB).unlink()
    assert "\n+++ Rust\n" in stubs(project, env).output
    assert (project / STUB).read_bytes() == before
    assert "\n+++ " not in stubs(project, env).output
    run([uv(), "run", "--no-sync", "stubs.py", "--check"], project, env)
