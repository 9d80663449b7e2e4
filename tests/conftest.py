"""Fixtures: the template as a git repository, renders of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import copier
import pytest
import yaml
from support import ROOT, commit_all, git

# The questions, in their order: Copier takes unknown keys in silence, the tests do not.
QUESTIONS = {
    name: details
    for name, details in yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8")).items()
    if not name.startswith("_") and details.get("when") is not False
}

Render = Callable[..., Path]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Make a skipped build test a failure in CI."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker("build"):
        report.outcome = "failed"
        report.longrepr = f"a build test was skipped in CI: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all build tests on one worker: they share a target folder, and all write lib_core.so."""
    for item in items:
        if item.get_closest_marker("build"):
            item.add_marker(pytest.mark.xdist_group("build"))


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's own git and Copier settings out of the tests."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "settings.yml").write_text("{}")
    os.environ["COPIER_SETTINGS_PATH"] = str(folder / "settings.yml")
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository with the template as it is in the work tree, in one commit."""
    repository = tmp_path_factory.mktemp("template") / "pyo3-uv-template"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    commit_all(repository)
    return repository


@pytest.fixture
def render(template: Path, tmp_path: Path) -> Render:
    """Return a function that renders the template as `copier copy --defaults -d KEY=VALUE` does."""

    def function(destination: Path | str = "my-project", **answers: str | bool) -> Path:
        return render_template(template, tmp_path / destination, **answers)

    return function


def render_template(template: Path, destination: Path, **answers: str | bool) -> Path:
    """Render HEAD of the repository `template` into `destination` and return that."""
    assert answers.keys() <= QUESTIONS.keys(), "unknown question"
    copier.run_copy(
        str(template), destination, data=answers, defaults=True, vcs_ref="HEAD", quiet=True
    )
    return destination
