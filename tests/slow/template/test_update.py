"""`copier update`: a project is renamed, is not clean, changes its kind; an updated one builds.

The project was made from an older template.
"""

# ruff: noqa: F811

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, commit_all, git, run, uv
from tests.projects import replace
from tests.pythons import sync
from tests.template.test_update import (  # noqa: F401
    EARLIER,
    LATER,
    RELEASES,
    contents,
    edit_as_a_user,
    history,
    make,
    update,
)


def test_a_project_can_be_renamed(history: Path, tmp_path: Path) -> None:
    """The user moves what is theirs, as README says."""
    project = make(history, tmp_path / "my-project", EARLIER)
    git(project, "mv", "python/my_project", "python/renamed")
    commit_all(project, "moved")
    update(project, project_name="renamed")
    assert 'module-name = "renamed._core"' in (project / "pyproject.toml").read_text()
    assert not (project / "python/my_project").exists()


def test_uncommitted_edits_are_not_touched(history: Path, tmp_path: Path) -> None:
    project = make(history, tmp_path / "my-project", EARLIER)
    replace(project / "Cargo.toml", "0.1.0", "0.2.0")
    before = contents(project)
    done = run([sys.executable, "-m", "copier", "update", "--defaults"], project, check=False)
    assert done.code != 0
    assert "dirty" in done.output
    assert contents(project) == before


@pytest.mark.parametrize(("kind", "other"), [("extension", "app"), ("app", "extension")])
def test_kind_does_not_change(history: Path, tmp_path: Path, kind: str, other: str) -> None:
    project = make(history, tmp_path / "my-project", EARLIER, kind=kind)
    before = contents(project)
    reason = f"this project is an {kind}; make a new project and move your code there"
    for answers in ({}, {"project_name": "renamed"}):
        with pytest.raises(ValueError, match=reason):
            update(project, kind=other, **answers)
        assert contents(project) == before


# ---- Updated projects build ----


def edit_an_early_app(project: Path, env: dict[str, str]) -> None:
    replace(project / "python/summary.py", "Summary of a user", "My summary")
    replace(project / "src/main.rs", "fn run(", "/// Mine.\nfn run(")
    commit_all(project, "mine")


def follow_changelog(project: Path, env: dict[str, str]) -> None:
    """Do what CHANGELOG.md tells the owner of an app from before its Python was a package."""
    main, summary = project / "src/main.rs", project / "python/my_project/summary.py"
    assert "/// Mine." in main.read_text()
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    [commands] = re.findall(r"`(mkdir python/my_app .+?)`", changes)
    run(["bash", "-c", commands.replace("my_app", "my_project")], project, env)
    assert "My summary" in summary.read_text()
    replace(
        summary,
        "from prettytable import PrettyTable\nfrom users import User\n",
        "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\n"
        "from prettytable import PrettyTable\n\n"
        "if TYPE_CHECKING:\n    from .users import User\n",
    )
    text = main.read_text(encoding="utf-8")
    for start, end, new in (
        (
            "fn main() -> ExitCode {",
            "\n}",
            "fn main() {\n    python::finish(|| run(&Cli::parse()))\n}",
        ),
        ("    let code = ", 'c_str!(include_str!("../python/summary.py"));\n', ""),
        ("PyModule::from_code(", ")?", 'py.import("my_project.summary")?'),
        ("pyo3::append_to_inittab!(", ")", "{}"),
        ("/// Users and groups, for the Python code", "\n}\n", ""),
        ("/// Keeps the traceback", "\n}\n", ""),
        (".map_err(|error| with_traceback", "(py, &error))", ""),
        ("fn is_broken_pipe", "\n}\n", ""),
        ("use std::process::ExitCode;", "\n", ""),
        (", anyhow", "", ""),
    ):
        before, found, after = text.partition(start)
        assert found, start
        text = before + new + after.partition(end)[2] if end else before + new + after
    main.write_text(text, encoding="utf-8")
    run(["cargo", "fmt"], project, env)
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)
    run([uv(), "run", "mypy"], project, env)


@pytest.mark.build
@pytest.mark.parametrize(
    ("commit", "answers"),
    [
        (EARLIER, {"kind": "app"}),
        (LATER[0], {"layout": "workspace"}),
        ([*LATER, *RELEASES][-1], {}),
    ],
    ids=["app", "workspace", "single"],
)
def test_an_updated_project_builds(
    history: Path,
    middle: Interpreter,
    env: dict[str, str],
    tmp_path: Path,
    commit: str,
    answers: dict[str, Any],
) -> None:
    """With the example of its time, which the user has edited."""
    project = make(history, tmp_path / "my-project", commit, **answers, python_version=middle.minor)
    edit = edit_an_early_app if "kind" in answers else edit_as_a_user
    edit(project, env)
    update(project)
    if "kind" in answers:
        follow_changelog(project, env | {"UV_PYTHON": str(middle.path)})
    sync(project, middle, env)
    output = run(["cargo", "test"], project, env).output
    assert "test_deserialize ... ok" in output
    if "kind" not in answers:
        assert "mine::mine ... ok" in output
        output = run([uv(), "run", "pytest"], project, env).output
        assert "test_mine.py" in output and " passed" in output
        assert run([uv(), "version", "--short"], project, env).output == "0.1.0\n"
