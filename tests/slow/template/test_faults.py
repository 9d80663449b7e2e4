"""Killed commands, a full disk, two builds at once: the next run recovers."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, clean_environment, commit_all, git, run, uv
from tests.conftest import Render
from tests.projects import edit, shown, tree

pytestmark = pytest.mark.weekly

TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
COPIER = [sys.executable, "-m", "copier"]

Command = list[str | Path]


class Process:
    """A command in a process group of its own; its output is in `output` when it has ended."""

    def __init__(self, command: Command, cwd: Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        self.begin = time.monotonic()

    def wait_for_change(self, folder: Path) -> float:
        """Wait until a file in `folder` has changed; return the seconds since the start."""
        before = stamps(folder)
        while self._process.poll() is None and stamps(folder) == before:
            time.sleep(0.001)
        return time.monotonic() - self.begin

    def wait(self) -> float:
        """Wait for a successful end; return the seconds since the start."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0, output
        return time.monotonic() - self.begin

    def kill(self, delay: float) -> None:
        """Kill the command and all that it has started after `delay` seconds."""
        time.sleep(delay)
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def stamps(folder: Path) -> set[tuple[str, int]]:
    """Return names and times of change of what is in `folder`, without git's."""
    found = set()
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        with contextlib.suppress(FileNotFoundError):
            found |= {
                (f"{parent}/{name}", os.stat(f"{parent}/{name}").st_mtime_ns) for name in files
            }
    return found


def points(seconds: float, number: int) -> list[float]:
    """Return points in time, one in each `number`th of `seconds`; the same for each call."""
    chance = random.Random(11006)
    return [(part + chance.random()) * seconds / number for part in range(number)]


def moments(before: float, after: float) -> list[tuple[bool, float]]:
    """Return delays: from the start, and (True) from the first change of a file."""
    return [(False, d) for d in points(before, 2)] + [(True, d) for d in points(after, 4)]


# ---- SIGKILL ----


def test_killed_copy(template: Path, tmp_path: Path) -> None:
    """Without the answers file, which may be empty, the same command completes the project."""
    env = clean_environment()
    # A git that is killed leaves index.lock there, which would stop the tests that follow.
    template = Path(shutil.copytree(template, tmp_path / "pyo3-uv-template"))
    # Extras that are no default: the repetition must not take others.
    copy = [*COPIER, "copy", "--defaults", "--vcs-ref", "HEAD", "-d", "extras=[vscode, docs]"]
    whole = tmp_path / "whole" / "my-project"
    process = Process([*copy, template, whole], tmp_path, env)
    before = process.wait_for_change(whole)
    after = process.wait() - before
    files = set()
    for number, (changed, delay) in enumerate(moments(before, after)):
        project = tmp_path / str(number) / "my-project"
        process = Process([*copy, template, project], tmp_path, env)
        if changed:
            process.wait_for_change(project)
        process.kill(delay)
        files.add(len(tree(project)))
        if not project.exists():
            continue
        (project / ".copier-answers.yml").unlink(missing_ok=True)
        run([*copy, "--overwrite", template, project], tmp_path, env)
        assert tree(project) == tree(whole)
    assert files - {0, len(tree(whole))}, "some were killed half-way"


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two releases, of which the second changes several files."""
    repository = tmp_path_factory.mktemp("releases") / "pyo3-uv-template"
    shutil.copytree(template, repository)
    git(repository, "tag", "v0.0.1")
    for path in (repository / "template").rglob("*"):
        if path.suffix in (".rs", ".toml"):
            with path.open("a") as file:
                file.write("\n# new\n" if path.suffix == ".toml" else "\n// new\n")
    (repository / "template/new.toml").write_text("new = true\n")
    (repository / "template/.python-version.jinja").unlink()
    commit_all(repository)
    git(repository, "tag", "v0.0.2")
    return repository


def test_killed_update(releases: Path, tmp_path: Path) -> None:
    """With the commands of docs/troubleshooting.md everything is as committed, and the update can be repeated."""
    env = clean_environment()
    [restore] = [
        line for line in TROUBLESHOOTING.splitlines() if line.startswith("git reset --hard")
    ]
    start = tmp_path / "start"
    run([*COPIER, "copy", "--defaults", "--vcs-ref", "v0.0.1", releases, start], tmp_path)
    (start / "src/mine.rs").write_text("//! Mine.\n")
    with (start / "Cargo.toml").open("a") as file:
        file.write("\n[profile.release]\nlto = true\n")
    commit_all(start)
    committed = tree(start, ".git")

    update = [*COPIER, "update", "--defaults"]
    whole = tmp_path / "whole"
    shutil.copytree(start, whole)
    process = Process(update, whole, env)
    before = process.wait_for_change(whole)
    after = process.wait() - before
    assert (whole / "new.toml").exists() and not (whole / ".python-version").exists()
    assert (whole / "src/mine.rs").exists() and "lto" in (whole / "Cargo.toml").read_text()

    half = 0
    for number, (changed, delay) in enumerate(moments(before, after)):
        project = tmp_path / str(number)
        shutil.copytree(start, project)
        process = Process(update, project, env)
        if changed:
            process.wait_for_change(project)
        process.kill(delay)
        half += tree(project, ".git") not in (committed, tree(whole, ".git"))
        run(["bash", "-c", restore], project, env)
        assert tree(project, ".git") == committed
        run(update, project, env)
        assert tree(project, ".git") == tree(whole, ".git")
    assert half, "some were killed half-way"


@pytest.fixture
def project(synced: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return an extension with its `.venv`."""
    project = synced(middle, env)
    return project


@pytest.mark.build
def test_killed_sync(project: Path, middle: Interpreter, env: dict[str, str]) -> None:
    """With the commands of docs/troubleshooting.md everything is there; nothing broken is left in a cache.

    `uv sync` alone does not mend each state: it believes the metadata of a half-copied package.
    """
    [restore] = [part for part in TROUBLESHOOTING.split("`") if part.startswith("rm -r .venv")]
    env = env | {"UV_PYTHON": str(middle.path)}
    shutil.rmtree(project / ".venv")
    edit(project, "Undisturbed")
    seconds = Process([uv(), "sync"], project, env).wait()
    whole = tree(project / ".venv", "__pycache__").keys()
    partial = 0
    for number, point in enumerate(points(seconds, 6)):
        edit(project, f"Edit {number}")
        shutil.rmtree(project / ".venv")
        process = Process([uv(), "sync"], project, env)
        process.kill(point)
        partial += tree(project / ".venv", "__pycache__").keys() != whole
        (project / ".venv").mkdir(exist_ok=True)
        run(["bash", "-c", restore], project, env)
        assert shown(project, env, "--no-sync") == f"Edit {number}"
        assert tree(project / ".venv", "__pycache__").keys() == whole
    assert partial >= 3, "many were killed half-way"
    assert "4 passed" in run([uv(), "run", "pytest"], project, env).output


# ---- A full disk ----


# Arguments: copier, template, uv, python. The file system exists for this script only.
FULL_DISK = r"""
copy() { "$1" -m copier copy --quiet --defaults -d python_version="$5" "${@:6}" "$2" my-project; }
mount -t tmpfs -o size=64k tmpfs . && cd "$PWD"
if copy "$@"; then exit 1; fi
echo "With more room:"
mount -o remount,size=10m .
copy "$@" --overwrite
cd my-project
if "$3" sync --python "$4"; then exit 1; fi
echo "With more room:"
mount -o remount,size=1g ..
"$3" sync --python "$4"
"$3" run pytest
"""


def test_full_disk(
    template: Path, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """The error names it, and with more room the same commands go on."""
    private = ["unshare", "--map-root-user", "--mount"]
    mount = [*private, "mount", "-t", "tmpfs", "tmpfs", tmp_path]
    if not shutil.which("unshare") or run(mount, tmp_path, check=False).code:
        pytest.skip("this user may not mount a file system, not even a private one")
    arguments = [sys.executable, template, uv(), middle.path, middle.minor]
    output = run([*private, "bash", "-ec", FULL_DISK, "bash", *arguments], tmp_path, env).output
    copy, sync, tests = output.split("With more room:\n")
    assert "No space left on device" in copy
    assert "No space left on device" in sync
    assert "4 passed" in tests


# ---- Two at once ----


@pytest.mark.build
@pytest.mark.parametrize(
    "commands",
    [
        [["cargo", "test"], [uv(), "run", "pytest"]],
        [[uv(), "sync"], [uv(), "sync"]],
    ],
    ids=["cargo test, pytest", "uv sync, uv sync"],
)
def test_two_at_once(project: Path, env: dict[str, str], commands: list[Command]) -> None:
    for number in range(2):
        edit(project, f"Edit {number}")
        processes = [Process(command, project, env) for command in commands]
        for process in processes:
            process.wait()
        assert shown(project, env, "--no-sync") == f"Edit {number}"
