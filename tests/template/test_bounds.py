"""The newest versions of what the template bounds."""

import re
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.projects import bindings, passes
from tests.pythons import environment, sync


@pytest.mark.newest
@pytest.mark.parametrize(
    "answers",
    [{"kind": "extension"}, {"layout": "workspace"}, {"kind": "app"}],
    ids=lambda answers: "".join(answers.values()),
)
def test_newest_versions(
    render: Render, middle: Interpreter, target: Path, answers: dict[str, str]
) -> None:
    """PyO3 and maturin without upper bounds; whether the bounds can be raised."""
    project = render("my-project", python_version=middle.minor, **answers)
    kind = answers.get("kind", "extension")
    replace(bindings(project) / "Cargo.toml", r'"0\.30"', '">=0.30"')
    if kind == "extension":
        replace(project / "pyproject.toml", r"(maturin>=[\d.]+),<2", r"\1")
    # cargo would rather take a crate that fits the project's `rust-version`
    env = environment(target, middle, CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS="allow")
    sync(project, middle, env)
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)
    if kind == "extension":
        run([uv(), "run", "stubs.py", "--check"], project, env)
        passes(project, env, "Newest")
    else:
        run(["cargo", "test"], project, env)


def replace(path: Path, pattern: str, new: str) -> None:
    """Replace a regular expression that occurs in the file."""
    text, count = re.subn(pattern, new, path.read_text(encoding="utf-8"))
    assert count
    path.write_text(text, encoding="utf-8")
