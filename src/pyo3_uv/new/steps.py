"""The steps from a rendered project to green tests."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv import shell
from pyo3_uv.facts.interpreters import Python
from pyo3_uv.git import root_of
from pyo3_uv.new.workspace import Member
from pyo3_uv.process import Result, run


@dataclass(frozen=True)
class Step:
    """A command on the way to green tests."""

    name: str
    command: tuple[str, ...]  # (): made of several, see `_commit`
    why: str


@dataclass(frozen=True)
class StepResult:
    """A step that was run: seconds it took; `output` is empty unless it failed."""

    name: str
    seconds: float
    ok: bool
    output: str = ""
    note: str = ""


def steps_of(project: Path, python: Python, member: Member) -> list[Step]:
    """Return what brings a rendered project to green tests."""
    sync = ["uv", "sync"]
    if member.uv:
        sync.append("--inexact")  # else it uninstalls the other members
    if not member.uv or not member.environment.exists():
        sync += ["--python", python.request]
    found = [
        Step("uv sync", tuple(sync), "environment"),
        # An app has no Cargo.lock before cargo was first here.
        Step("cargo fetch", ("cargo", "fetch"), "crates, Cargo.lock"),
    ]
    if not member:  # a member is in its workspace's repository
        found.append(Step("git commit", (), "first commit, with both lock files"))
    if any(project.glob("tests/test_*.py")):
        found.append(Step("uv run pytest", ("uv", "run", "pytest"), "tests in Python"))
    found.append(Step("cargo test", ("cargo", "test"), "tests in Rust"))
    return found


def run_steps(
    project: Path, steps: Sequence[Step], begin: Callable[[Step], None]
) -> Iterator[StepResult]:
    """Run the steps in `project` up to the first that fails; `begin` is told before each."""
    for step in steps:
        begin(step)
        start = time.monotonic()
        if step.command:
            ended, note = run(step.command, project, merge=True), ""
        else:
            ended, note = _commit(project)
        ok, output = ended.code == 0, ended.output if ended.code else ""
        yield StepResult(step.name, time.monotonic() - start, ok, output, note)
        if not ok:
            return


def _commit(project: Path) -> tuple[Result, str]:
    """Make the first commit; the text says why it is left to the user."""
    repository, done = root_of(project), Result(0, "", "")
    if repository and repository.resolve() != project.resolve():
        return done, f"left to you: the folder is in the repository {repository}"
    message = f"Start {project.resolve().name} from pyo3-uv-template"
    for command in (["init", "-b", "main"], ["add", "--all"], ["commit", "-m", message]):
        quiet = [] if command[0] == "add" else ["--quiet"]
        result = run(["git", *command, *quiet], project, merge=True)
        unknown = result.code and run(["git", "var", "GIT_AUTHOR_IDENT"], project).code
        if unknown and command[0] == "commit":
            return done, (
                "left to you, git does not know who you are: "
                'git config --global user.name "..."; git config --global user.email "..."; '
                f'git commit -m "{message}"'
            )
        if result.code:
            return result, ""
    return done, ""


def remaining_commands(steps: Sequence[Step], results: Sequence[StepResult]) -> list[str]:
    """Return the commands that were not run to a good end, as the user would type them."""
    completed = {result.name for result in results if result.ok}
    commit = shell.chain("git init -b main", "git add --all", 'git commit -m "Start"')
    return [
        shell.join(step.command) if step.command else commit
        for step in steps
        if step.name not in completed
    ]
