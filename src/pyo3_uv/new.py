"""`pyo3-uv new`: from an empty folder to green tests."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import copier
import questionary
import yaml
from copier.errors import CopierError, DirtyLocalWarning
from jinja2 import TemplateError

from pyo3_uv.interpreters import Python, choose, preferred, pythons
from pyo3_uv.membership import Membership
from pyo3_uv.plan import Plan
from pyo3_uv.process import UserError, run

PUBLISHED = "gh:org/pyo3-uv-template"


def default_template() -> tuple[str, str | None]:
    """Return the checkout that this command runs from, else the published template and its commit.

    The commit is the one that the command was installed from, or the tag of its version.
    """
    checkout = Path(__file__).parents[2]
    if (checkout / "copier.yml").is_file():
        return str(checkout), None
    command = metadata.distribution("pyo3-uv")
    # https://packaging.python.org/en/latest/specifications/direct-url/
    origin = json.loads(command.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id")
    return PUBLISHED, commit or f"v{command.version}"


# ---- Answers ----


def read_answers(pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Return the answers of `file` (YAML, like .copier-answers.yml) and of KEY=VALUE `pairs`.

    Raises `UserError` (usage) for what cannot be read.
    """
    answers: dict[str, Any] = {}
    if file:
        try:
            loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{file} cannot be read as YAML: {error}", 2) from None
        if not isinstance(loaded, dict):
            raise UserError(f"{file} has no mapping of answers", 2)
        # _src_path and _commit say where the other project came from.
        answers = {key: value for key, value in loaded.items() if not key.startswith("_")}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"-d {pair}: write KEY=VALUE", 2)
        answers[key] = value
    return answers


def choose_python(
    requested: str | None, answers: Mapping[str, Any], ask: bool, membership: Membership
) -> Python:
    """Return the Python for `.venv`: that of the uv workspace, else the requested one, else a
    choice at the prompt or the default.

    Raises `UserError` if there is none, or the workspace has another, and `KeyboardInterrupt`.
    """
    choices = pythons()
    answer = answers.get("python_version")
    if requested and answer:
        raise UserError("--python and the answer python_version name the same thing; give one", 2)
    request = requested or answer
    if membership.uv:
        if python := membership.python(str(request) if request else None, choices):
            return python
        if not request:
            choices = membership.allowed(choices)
    if request is not None:
        python = choose(str(request), choices)
        if not python.interpreter and all(p.minor != python.minor for p in choices):
            raise UserError(
                f"Python {python.minor} is not installed, and uv has none to download "
                "(UV_PYTHON_DOWNLOADS, UV_OFFLINE?); install it, or choose with --python from: "
                + (", ".join(p.minor for p in choices if p.usable) or "none")
            )
        return python
    default = preferred(choices)
    if not default:
        raise UserError(
            "there is no Python that the template supports, and uv has none to download; "
            "install one, for instance with: uv python install\n"
            + "\n".join(f"  {python}" for python in choices)
        )
    if not ask:
        return default
    offered = {
        python: questionary.Choice(
            str(python), python, disabled=None if python.usable else "cannot be used"
        )
        for python in choices
    }
    choice = questionary.select(
        "Python version (the one uv puts into .venv)",
        choices=list(offered.values()),
        default=offered[default],
    ).unsafe_ask()
    assert isinstance(choice, Python)
    return choice


# ---- Rendering ----


def check_destination(destination: Path) -> None:
    """Raise `UserError` if `destination` is neither absent nor an empty folder."""
    if destination.is_dir():
        taken = sorted(path.name for path in destination.iterdir() if path.name != ".git")
        if taken:
            raise UserError(
                f"{destination} is not empty ({', '.join(taken[:3])}); choose another folder. "
                "Copier itself can render into this one and asks about each file that is there: "
                f"copier copy {PUBLISHED} {destination}"
            )
    elif destination.exists() or destination.is_symlink():
        raise UserError(f"{destination} is there and is not a folder")


@contextmanager
def staging_folder(destination: Path) -> Iterator[Path]:
    """Yield a folder on the file system of `destination`, removed in the end.

    It lies in `destination` if that exists (its parent may be read-only), else in the parent.
    """
    parent = destination if destination.is_dir() else destination.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".pyo3-uv-", dir=parent)
    except OSError as error:
        raise UserError(f"cannot write into {parent}: {error.strerror}") from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def render(
    template: str,
    commit: str | None,
    destination: Path,
    answers: Mapping[str, Any],
    defaults: bool,
    membership: Membership,
    roots: Plan,
) -> dict[str, Any]:
    """Render `template` into `destination`, whole or not at all, and return the answers.

    `commit` None is a folder as it is, or the newest tag of a repository. `roots` are the changes
    of the workspaces' files; they are made with the last step.

    Raises `UserError` for an answer that is refused, and `KeyboardInterrupt` at the prompts.
    """
    local = Path(template).expanduser()
    with staging_folder(destination) as folder, warnings.catch_warnings():
        # A checkout with changes is rendered with them; that is what whoever changes it wants.
        warnings.simplefilter("ignore", DirtyLocalWarning)
        project = folder / destination.name
        try:
            worker = copier.run_copy(
                str(local) if local.is_dir() else template,
                project,
                data={**answers, **membership.fixed_answers(answers)},
                user_defaults=membership.user_defaults,
                defaults=defaults,
                vcs_ref="HEAD" if local.is_dir() else commit,
                quiet=True,
            )
        except KeyboardInterrupt:
            raise  # CopierAnswersInterrupt is both
        except (CopierError, TemplateError, ValueError, OSError) as error:
            raise UserError(_reason(error)) from None
        questions = worker.template.questions_data
        if unknown := sorted(answers.keys() - questions.keys()):
            asked = ", ".join(
                name for name in questions if questions[name].get("when") is not False
            )
            raise UserError(f"no such question: {', '.join(unknown)}; there are {asked}", 2)
        if membership:
            membership.check_name(worker.answers.combined["project_name"])
            changes = Plan()
            membership.adapt(project, changes)
            changes.write()
        with roots.written():
            if destination.is_dir():
                for path in project.iterdir():
                    path.rename(destination / path.name)
            else:
                project.rename(destination)
        return {key: worker.answers.combined.get(key) for key in questions}


def _reason(error: Exception) -> str:
    """Return what git said, if it was git, else the last line of Copier's message."""
    if git := getattr(error, "stderr", None):
        return f"git: {git.strip()}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" |")]
    return lines[-1] if lines else type(error).__name__


# ---- Steps ----


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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"seconds": round(self.seconds, 2)}


def steps(project: Path, python: Python, membership: Membership) -> list[Step]:
    """Return what brings a rendered project to green tests."""
    sync = ["uv", "sync"]
    if membership.uv:
        sync.append("--inexact")  # else it uninstalls the other members
    if not membership.uv or not membership.environment.exists():
        sync += ["--python", python.request]
    found = [
        Step("uv sync", tuple(sync), "environment"),
        # An app has no Cargo.lock before cargo was first here.
        Step("cargo fetch", ("cargo", "fetch"), "crates, Cargo.lock"),
    ]
    if not membership:  # a member is in its workspace's repository
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
        if not step.command:
            result = _commit(project, start)
        else:
            ended = run(step.command, project, merge=True)
            output = ended.output if ended.code else ""
            result = StepResult(step.name, time.monotonic() - start, ended.code == 0, output)
        yield result
        if not result.ok:
            return


def _commit(project: Path, start: float) -> StepResult:
    """Make the first commit, unless the folder lies in another repository."""
    note = ""
    inside = run(["git", "rev-parse", "--show-toplevel"], project)
    if inside.code == 0 and Path(inside.stdout.strip()).resolve() != project.resolve():
        note = f"left to you: the folder is in the repository {inside.stdout.strip()}"
    else:
        message = f"Start {project.resolve().name} from pyo3-uv-template"
        for command in (
            ["git", "init", "--quiet"],
            ["git", "add", "--all"],
            ["git", "commit", "--quiet", "-m", message],
        ):
            result = run(command, project, merge=True)
            if result.code and command[1] == "commit" and not _has_identity(project):
                note = (
                    "left to you, git does not know who you are: "
                    'git config --global user.name "..."; git config --global user.email "..."; '
                    f'git commit -m "{message}"'
                )
                break
            if result.code:
                return StepResult("git commit", time.monotonic() - start, False, result.output)
    return StepResult("git commit", time.monotonic() - start, True, note=note)


def _has_identity(project: Path) -> bool:
    return run(["git", "var", "GIT_AUTHOR_IDENT"], project).code == 0


def remaining(steps: Sequence[Step], results: Sequence[StepResult]) -> list[str]:
    """Return the commands that were not run to a good end, as the user would type them."""
    completed = {result.name for result in results if result.ok}
    commit = 'git init && git add --all && git commit -m "Start"'
    return [
        shlex.join(step.command) if step.command else commit
        for step in steps
        if step.name not in completed
    ]


def interactive() -> bool:
    """Whether questions can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
