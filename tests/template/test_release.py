"""What a release needs: check-release.sh names each step that was forgotten, in a line."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, git, run, uv
from tests.conftest import Render, render_template
from tests.projects import replace
from tests.releases import NOTES, github
from tests.workflows import Workflow

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def bumped(
    source: Path, middle: Interpreter, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Render:
    """Return a function that renders, bumps to 0.2.0 and locks; the same answers once."""

    @cache
    def function(**answers: str) -> Path:
        folder = tmp_path_factory.mktemp("bumped") / "my-project"
        answers |= {"python_version": middle.minor}
        project = render_template(source, folder, example=False, **answers)
        if answers.get("kind") == "app" or answers.get("layout") == "workspace":
            replace(project / "Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
        replace(project / "CHANGELOG.md", "## Unreleased\n", NOTES)
        if answers.get("kind") != "app":
            replace(project / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
        lock(project, env)
        return project

    return function


@pytest.fixture
def pushed(bumped: Render, env: dict[str, str], tmp_path: Path) -> Render:
    """Return a function that pushes a copy of such a project."""

    def function(**answers: str) -> Path:
        project = shutil.copytree(bumped(**answers), tmp_path / "my-project")
        github(project, tmp_path, env)
        return project

    return function


def lock(project: Path, env: dict[str, str]) -> None:
    run([uv(), "lock", "--quiet"], project, env)
    run(["cargo", "generate-lockfile", "--quiet"], project, env)


def check(project: Path, env: dict[str, str], *tag: str) -> list[str]:
    """Run the script as CONTRIBUTING.md says; return what it prints: what is missing, or the notes."""
    result = run([".github/check-release.sh", *tag], project, env, check=False)
    assert result.code == (0 if result.output.strip() in ("", "- First.") else 1)
    return result.output.splitlines()


def heading(text: str) -> Callable[[Path], None]:
    return lambda project: replace(project / "CHANGELOG.md", NOTES, text)


# A step: what is done instead, what the script says
FORGOTTEN = {
    "uv lock": (
        lambda project: replace(project / "pyproject.toml", '"mypy>=2.4",', '"mypy>=2.3",'),
        "uv.lock is not up to date; run 'uv lock' and commit it (error: The lockfile",
    ),
    "cargo check": (
        lambda project: replace(project / "Cargo.toml", 'pyo3-build-config = "0.30"', ""),
        "Cargo.lock is not up to date; run 'cargo check' and commit it (error: cannot update",
    ),
    "tag": (None, "the tag is v0.2.1, the version 0.2.0; run 'uv version 0.2.1', or tag v0.2.0"),
    "file": (lambda project: (project / "CHANGELOG.md").unlink(), "CHANGELOG.md"),
    "changelog": (heading("## Unreleased\n\n- First.\n"), "no text under the heading '## 0.2.0'"),
    "text": (heading("## 0.2.0\n\n## 0.1.0\n\n- First.\n"), "no text under the heading '## 0.2.0'"),
    "shorter heading": (heading("## 0.2\n\n- First.\n"), "no text under the heading '## 0.2.0'"),
    "headings and links alone": (
        heading("## 0.2.0\n\n### Added\n\n[0.2.0]: https://example.org\n"),
        "no text under the heading '## 0.2.0'",
    ),
    "longer heading": (heading("## 0.2.00\n\n- First.\n"), "no text under the heading '## 0.2.0'"),
}


@pytest.mark.parametrize("step", FORGOTTEN)
def test_forgotten_step(pushed: Render, env: dict[str, str], step: str) -> None:
    project = pushed()
    assert check(project, env, "v0.2.0") == ["", "- First."]
    change, message = FORGOTTEN[step]
    if change:
        change(project)
    commit_all(project)
    git(project, "push", "--quiet", "origin", "main")
    [line] = check(project, env, "v0.2.0" if change else "v0.2.1")
    assert message in line


@pytest.mark.parametrize(
    "line", ["0.2.0\r", "[0.2.0](https://example.org) (2026-11-29)", "v0.2.0", "0.2.0: first"]
)
def test_headings(pushed: Render, env: dict[str, str], line: str) -> None:
    project = pushed()
    heading(f"## {line}\n\n- First.\n")(project)
    commit_all(project)
    git(project, "push", "--quiet", "origin", "main")
    before = {name: (project / name).stat().st_mtime_ns for name in ("uv.lock", "Cargo.lock")}
    assert check(project, env, "v0.2.0") == ["", "- First."]
    assert before == {name: (project / name).stat().st_mtime_ns for name in before}
    [line] = check(project, env, "0.2.0")
    assert line.endswith("or tag v0.2.0"), "the workflow would not start"


def test_not_on_the_default_branch(pushed: Render, env: dict[str, str]) -> None:
    project = pushed()
    (project / "new.txt").write_text("")
    [line] = check(project, env, "v0.2.0")
    assert line == "there are changes which no commit has; commit or remove them"
    git(project, "switch", "--quiet", "--create", "other")
    commit_all(project)
    git(project, "push", "--quiet", "origin", "other")
    [line] = check(project, env, "v0.2.0")
    assert line == "this commit is not on the default branch of origin; push it there"
    assert check(project, env) == [""], "a pull request"


@pytest.mark.parametrize(
    "answers",
    [{}, pytest.param({"layout": "workspace"}, marks=pytest.mark.slow)],  # packs the crate
    ids=["single", "workspace"],
)
def test_versions_of_crate_package_and_tag(
    pushed: Render, env: dict[str, str], answers: dict[str, str]
) -> None:
    """They are compared as Python writes them, in the workflow too."""
    project = pushed(**answers)
    run([uv(), "version", "--no-sync", "1.2.0rc1"], project, env)
    replace(project / "CHANGELOG.md", "## 0.2.0 - 2026", "## [1.2.0rc1] - 2026")
    if answers:
        commit_all(project)
        [line] = check(project, env)
        assert line == "Cargo.toml has version 0.2.0, pyproject.toml 1.2.0rc1; make them equal"
        replace(project / "Cargo.toml", '"0.2.0"', '"1.2.0-rc.1"')
        lock(project, env)
    commit_all(project)
    git(project, "push", "--quiet", "origin", "main")
    for tag in ("v1.2.0rc1", "v1.2.0-rc.1"):
        assert check(project, env, tag) == ["", "- First."]
    [line] = check(project, env, "v1.2.0")
    assert line.startswith("the tag is v1.2.0, the version 1.2.0rc1; run 'uv version 1.2.0'")


def test_app(pushed: Render, env: dict[str, str]) -> None:
    project = pushed(kind="app")
    assert check(project, env, "v0.2.0") == ["", "- First."]
    [line] = check(project, env, "v0.2.1")
    assert line.startswith("the tag is v0.2.1, the version 0.2.0; edit it in Cargo.toml")
    replace(project / "Cargo.toml", 'version = "0.2.0"', 'version = "0.3.0"')
    commit_all(project)
    [line] = check(project, env)
    assert line.startswith("Cargo.lock is not up to date; run 'cargo check' and commit it (error")


@pytest.mark.parametrize(
    "answers", [{}, {"layout": "workspace"}, {"kind": "app"}], ids=["single", "workspace", "app"]
)
def test_order_and_pins(render: Render, answers: dict[str, str]) -> None:
    """Nothing is published before the tests, one after the other; the platforms stand in one place."""
    project = render(**answers)
    workflow = Workflow(project, "release.yml", {})
    order, job = list[str](), "github"
    while job:
        order.insert(0, job)
        job = workflow.jobs[job].get("needs")
    expected = {
        "single": ["check", "wheels", "pypi", "github"],
        "workspace": ["check", "wheels", "pypi", "crate", "github"],
        "app": ["check", "build", "test", "github"],
    }[answers.get("layout", answers.get("kind", "single"))]
    assert order == list(workflow.jobs) == expected

    folder = project / ".github"
    text = (folder / "workflows/release.yml").read_text()
    assert text.count("windows-latest") == 1
    ci = (folder / "workflows/ci.yml").read_text()
    limit = 299 if "layout" in answers else 252
    assert len((text + ci).splitlines()) <= limit
    assert len((folder / "check-release.sh").read_text().splitlines()) <= 40
    # Git Bash takes `/c` for a folder.
    for job in workflow.jobs.values():
        for step in job["steps"]:
            assert "cmd /c" not in step.get("run", "") or step.get("shell") == "pwsh"
    for tool in re.findall(r"uvx ([\w-]+)(\S*)", text.replace("uvx --from", "")):
        assert re.fullmatch(r"@\d+\.\d+\.\d+", tool[1]), tool
    if "kind" not in answers:
        platforms = workflow.jobs["wheels"]["strategy"]["matrix"]["include"]
        assert {"runner": "windows-11-arm", "target": "aarch64"} in platforms
        assert len(platforms) == 8


@pytest.mark.parametrize(
    ("answers", "pythons"),
    [
        ({"python_version": "3.13"}, ["3.11", "3.15", "3.14t", "3.15t"]),
        (
            {"python_version": "3.13", "python_min": "3.13", "abi": "version"},
            ["3.13", "3.14", "3.15", "3.14t", "3.15t"],
        ),
        ({"python_version": "3.14t", "python_min": "3.14"}, ["3.14", "3.15", "3.14t", "3.15t"]),
        ({"python_version": "3.15", "python_min": "3.15", "abi": "abi3t"}, ["3.15", "3.15t"]),
        ({"python_version": "3.15", "python_min": "3.15"}, ["3.15", "3.15t"]),
        ({"kind": "app", "python_version": "3.12"}, ["3.12"]),
    ],
)
def test_pythons(render: Render, answers: dict[str, str], pythons: list[str]) -> None:
    """A stable ABI is tested on the oldest and the newest; free-threaded builds are served by default."""
    project = render(**answers)
    assert json.loads((project / ".github/pythons.json").read_text()) == pythons


def test_a_module_that_switches_the_gil_on(render: Render, tmp_path: Path) -> None:
    """What a free-threaded Python warns of fails the tests; that of other modules is theirs."""
    project = render()
    text = "The global interpreter lock (GIL) has been enabled to load module '{}', which"
    for module, code in (("my_project._core", 2), ("numpy._core", 0)):
        warning = f"import warnings\nwarnings.warn({text.format(module)!r}, RuntimeWarning)\n"
        (project / "tests/test_users.py").write_text(f"{warning}def test(): pass\n")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
        assert run(command, project, check=False).code == code
