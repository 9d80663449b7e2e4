"""docs/layouts.md: a layout is not changed by an update; what its commands make builds."""

# ruff: noqa: F811

import re
from pathlib import Path

import copier
import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, git, run
from tests.conftest import Render
from tests.projects import replace, tree
from tests.pythons import environment
from tests.template.test_layouts import (  # noqa: F401
    Releases,
    commands,
    move_the_logic,
    moved,
    project,
    releases,
    run_all,
)

# ---- An update does not change the layout ----

# The last line of Copier's output, after "ValueError: Invalid choice for 'layout': "
REASONS = {
    "single": "this project is a single crate, and an update does not move your files; the commands "
    "that do are in https://github.com/org/pyo3-uv-template/blob/main/docs/layouts.md",
    "workspace": "this project is a workspace; make a new project and move your code there",
}


@pytest.mark.parametrize(("layout", "other"), [("single", "workspace"), ("workspace", "single")])
def test_layout_does_not_change(template: Path, tmp_path: Path, layout: str, other: str) -> None:
    project = tmp_path / "fast-sum"
    head = {"defaults": True, "overwrite": True, "vcs_ref": "HEAD", "quiet": True}
    copier.run_copy(str(template), project, data={"layout": layout}, **head)
    fresh = tree(project)
    error = f"Invalid choice for 'layout': {REASONS[layout]}"

    def is_refused() -> None:
        commit_all(project)
        for command in (copier.run_update, copier.run_recopy):
            with pytest.raises(ValueError, match=f"^{re.escape(error)}$"):
                command(project, data={"layout": other}, **head)
        assert git(project, "status", "--short", "--ignored") == ""

    is_refused()
    if layout == "single":  # Also where the answers do not know the question.
        replace(project / ".copier-answers.yml", "layout: single\n", "")
        is_refused()

    # The same layout, named or not, is no change.
    for command, data in ((copier.run_update, {}), (copier.run_recopy, {"layout": layout})):
        command(project, data=data, **head)
        assert tree(project, ".git") == fresh
        git(project, "restore", ".")


# ---- From single to workspace ----


@pytest.mark.build
def test_moved_project_builds(
    releases: Releases, project: Path, middle: Interpreter, target: Path
) -> None:
    env = environment(target, middle, UV_PYTHON=str(middle.path))
    [step] = [step for step in commands("From single to workspace") if "uv sync" in step]
    version = "from importlib.metadata import version; print(version('fast-sum'))"
    for move in (lambda: None, lambda: move_the_logic(project, env)):
        move()
        output = run_all([step], project, env)
        assert "5 passed" in output
        assert "test parser::tests::test_hexadecimal ... ok" in output
        run(["cargo", "clippy", "--all-targets", "--", "--deny", "warnings"], project, env)
        assert run(["uv", "run", "python", "-c", version], project, env).output == "0.2.0\n"


# ---- One more crate ----


@pytest.mark.build
def test_crate_that_is_added_by_hand(
    synced: Render, middle: Interpreter, env: dict[str, str]
) -> None:
    """The next `uv run` sees an edit in it, and no setting of the build has been touched."""
    project = synced(middle, env, "fast-sum", layout="workspace", example=False)
    commit_all(project)
    run_all(commands("Add a crate"), project, env)
    added = project / "crates/fast-sum-parser/src/lib.rs"
    core = project / "crates/fast-sum/src/lib.rs"
    replace(core, "value * value).sum()", "value * value).sum::<f64>() + fast_sum_parser::OFFSET")
    call = "import fast_sum; print(fast_sum.sum_of_squares([3, 4]))"
    for offset in ("0.0", "1.0", "2.0"):
        added.write_text(f"pub const OFFSET: f64 = {offset};\n")
        output = run(["uv", "run", "--quiet", "python", "-c", call], project, env).output
        assert float(output) == 25 + float(offset)
    changed = git(project, "diff", "--name-only").split()
    assert changed == ["Cargo.lock", "crates/fast-sum/Cargo.toml", "crates/fast-sum/src/lib.rs"]
