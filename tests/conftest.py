"""Fixtures: the template as a git repository, renders of it."""

import inspect
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, bring_back, commit_all, git
from tests.pythons import environment, relocate, shared_interpreters, sync, without_shims
from tests.workspaces import both, root  # noqa: F401  # fixtures

if os.name == "nt":  # for the workers, which are Pythons of their own: tests read and write UTF-8
    os.environ["PYTHONUTF8"] = "1"

collect_ignore = ["cases", "kinds"]  # parts of rendered projects

# The questions, in their order: Copier takes unknown keys in silence, the tests do not.
QUESTIONS = {
    name: details
    for name, details in yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8")).items()
    if not name.startswith("_") and details.get("when") is not False
}

Render = Callable[..., Path]

# The same examples in every run: a failure is one of this change. "hunt" looks for new ones.
COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "print_blob": False,
}
settings.register_profile(
    "same",
    derandomize=True,
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],  # to shrink an example takes minutes
    **COMMON,
)
settings.register_profile("hunt", max_examples=200, **COMMON)
settings.load_profile("same")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in tests/slow and is not weekly; on Windows skip what it cannot run, and say why.

    Files with builds come first: what the workers end with should be short.
    """
    for item in items:
        if os.name == "nt" and (reason := why_not_on_windows(item)):
            item.add_marker(pytest.mark.skip(reason=reason))
        if ROOT / "tests/slow" in item.path.parents and not item.get_closest_marker("weekly"):
            item.add_marker(pytest.mark.slow)
    build = {item.path for item in items if item.get_closest_marker("build")}
    items.sort(key=lambda item: item.path not in build)


BUILDS = "builds are tested on Unix; on Windows by scripts/check-windows.sh"

# What a test names that only Unix has, or an administrator
UNIX = re.compile(
    r"\b(mkfifo|killpg|geteuid|SIGKILL|SIGALRM|send_signal|AF_UNIX|symlink_to|chmod|patchelf)\b"
    r'|/proc/|/bin/|"sh"',
    re.IGNORECASE,
)

# What no file of Windows has in its name
NO_NAME = re.compile(r'[\x00-\x1f"*:<>?\\|]|[ .]$')


def why_not_on_windows(item: pytest.Item) -> str | None:
    if item.get_closest_marker("build"):
        return BUILDS
    name = item.callspec.params.get("name") if hasattr(item, "callspec") else None
    if isinstance(name, str) and NO_NAME.search(name):
        return "Windows has no such names"
    function = getattr(item, "function", None)
    named = UNIX.search(inspect.getsource(function)) if function else None
    return f"Windows has no {named[0].strip('/')}" if named else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Make a skipped build or browser test a failure in CI."""
    report = yield
    marked = item.get_closest_marker("build") or item.get_closest_marker("browser")
    if report.skipped and os.environ.get("CI") == "true" and marked:
        report.outcome = "failed"
        report.longrepr = f"a {marked.name} test was skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's own git and Copier settings out of the tests, and pyenv's shims."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "settings.yml").write_text("{}")
    os.environ["COPIER_SETTINGS_PATH"] = str(folder / "settings.yml")
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ["PATH"] = without_shims(os.environ["PATH"], tmp_path_factory.mktemp("pythons"))
    # A shell's background job ignores Ctrl-C, and so would what it starts, tests of Ctrl-C included.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plain folder with the template as it is in the work tree.

    Copier renders it in half the time that a repository takes, which it clones.
    """
    folder = tmp_path_factory.mktemp("source") / "pyo3-uv-template"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def template(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository with the template as it is in the work tree, in one commit."""
    repository = tmp_path_factory.mktemp("template") / "pyo3-uv-template"
    shutil.copytree(source, repository)
    commit_all(repository)
    return repository


@pytest.fixture
def render(source: Path, tmp_path: Path) -> Render:
    """Return a function that renders the template as `copier copy --defaults -d KEY=VALUE` does."""

    def function(destination: Path | str = "my-project", **answers: str | bool | list[str]) -> Path:
        return render_template(source, tmp_path / destination, **answers)

    return function


@pytest.fixture
def synced(source: Path, tmp_path: Path) -> Render:
    """Return a function that renders for an interpreter, and runs `uv sync` with it."""
    return partial(render_and_sync, source, tmp_path)


@pytest.fixture(scope="module")
def shared_project(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return the same function, for projects that the tests of a module share.

    Each has another path: PyO3, in the same target folder, would not notice another Python.
    """
    return lambda *args, **answers: render_and_sync(
        source, tmp_path_factory.mktemp("shared"), *args, **answers
    )


def render_and_sync(
    source: Path,
    folder: Path,
    python: Interpreter,
    env: dict[str, str],
    name: str = "my-project",
    **answers: Any,
) -> Path:
    project = render_template(source, folder / name, python_version=python.minor, **answers)
    sync(project, python, env)
    return project


def render_template(source: Path, destination: Path, **answers: str | bool | list[str]) -> Path:
    """Render the template in the plain folder `source` into `destination` and return that."""
    assert answers.keys() <= QUESTIONS.keys(), "unknown question"
    copier.run_copy(str(source), destination, data=answers, defaults=True, quiet=True)
    return destination


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return cargo's target folder for the projects of one worker, so that PyO3 is compiled seldom.

    No two workers share one: all projects write the same lib_core.so.
    """
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="session")
def relocated(middle: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """Return a copy of `middle` whose compiled-in prefix does not exist."""
    return relocate(middle, tmp_path_factory.mktemp("relocated") / "cpython")


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Interpreter:
    """Return the interpreter that the parameter names: another fixture."""
    return request.getfixturevalue(request.param)


def shared(index: int) -> Interpreter:
    """Return one of the interpreters with which the project of the issue fails."""
    if os.name == "nt":
        pytest.skip(BUILDS)
    found = shared_interpreters()
    if len(found) < 3:
        names = ", ".join(python.minor for python in found) or "none"
        pytest.skip(f"needs three CPythons with a shared libpython that the loader misses: {names}")
    return found[index]


@pytest.fixture(scope="session")
def oldest() -> Interpreter:
    return shared(0)


@pytest.fixture(scope="session")
def middle() -> Interpreter:
    return shared(-2)


@pytest.fixture(scope="session")
def newest() -> Interpreter:
    return shared(-1)


@pytest.fixture(scope="session")
def env(target: Path, middle: Interpreter) -> dict[str, str]:
    """Return an environment for builds with `middle`, nothing activated."""
    return environment(target, middle)


@pytest.fixture
def as_environment(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parts of the command that a test calls build as fast as the command that it starts."""
    for name in os.environ.keys() - env.keys():
        if not name.startswith("PYTEST"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def healthy(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    project = shared_project(middle, env, python_min="3.10", extras=[])
    commit_all(project)
    return project


@pytest.fixture
def project(healthy: Path) -> Iterator[Path]:
    """Return a healthy project, which is brought back to health afterwards."""
    yield healthy
    bring_back(healthy)
