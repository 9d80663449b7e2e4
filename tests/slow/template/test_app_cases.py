"""An app's Python behaves like `python`: tests/cases/app/, run by both; what Rust adds to that."""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, run, uv
from tests.conftest import Render, render_template
from tests.pythons import environment, sync

pytestmark = pytest.mark.build

CASES = ROOT / "tests/cases/app"
NAMES = sorted({path.stem for path in CASES.iterdir()} - {"main"})
# One of each kind, for the other Pythons and release code
KINDS = [
    "subpackage", "error_line", "pool_default", "sigint_subprocess", "log_at_exit", "large_write",
    "exit_text", "redirected",
]  # fmt: skip

# Plain Python has the package beside this file.
START = 'from case import main\n\nif __name__ == "__main__":\n    main()\n'


@dataclass
class Outcome:
    """What a program did. Only `files`, which it left, does not come from the process."""

    status: int
    stdout: str
    stderr: str
    files: dict[str, str]
    seconds: float = field(compare=False)

    @property
    def last_line(self) -> str:
        return (self.stderr.splitlines() or [""])[-1]


@dataclass
class App:
    """An app with tests/cases/app/main.rs."""

    project: Path
    env: dict[str, str]
    site: Path | None = None  # the site-packages of a bundle

    def build(self, *options: str) -> Path:
        run(["cargo", "build", "--quiet", *options], self.project, self.env)
        profile = "release" if options else "debug"
        return Path(self.env["CARGO_TARGET_DIR"], profile, "case")

    def install(self, name: str) -> dict[str, Any]:
        """Make the package that of a case; return how it is run."""
        package = self.project / "python/case"
        shutil.rmtree(package)
        if (CASES / name).is_dir():
            shutil.copytree(CASES / name, package)
        else:
            package.mkdir()
            shutil.copy(CASES / f"{name}.py", package / "__init__.py")
        if self.site:
            shutil.rmtree(self.site / "case")
            shutil.copytree(package, self.site / "case")
        lines = (package / "__init__.py").read_text(encoding="utf-8").splitlines()
        options = (line.removeprefix("#: ").split("=", 1) for line in lines if line[:3] == "#: ")
        return {key: json.loads(value) for key, value in options}


def make_app(render: Any, python: Interpreter, target: Path) -> App:
    env = environment(target, python)
    project = render(python, env, "case", kind="app", example=False)
    shutil.copy(CASES / "main.rs", project / "src")
    for crate in (["ctrlc@3"], ["tokio@1", "--features=rt-multi-thread,macros,signal"]):
        run(["cargo", "add", "--quiet", *crate], project, env)
    return App(project, env)


@pytest.fixture(scope="module")
def app(shared_project: Render, middle: Interpreter, target: Path) -> Iterator[App]:
    app = make_app(shared_project, middle, target)
    yield app
    shutil.rmtree(app.project)


@pytest.fixture(scope="module")
def program(app: App) -> Path:
    """Return the executable, apart from cargo's folder, in which other apps have the same name."""
    program = app.project / "case"
    shutil.copy(app.build(), program)
    (app.project / ".venv").exists()
    return program


def execute(
    command: list[str | Path],
    folder: Path,
    env: dict[str, str] | None = None,
    *,
    stdin: str = "",
    ready: str = "",
    signals: Sequence[float] = (),
    slow: bool = False,
    limit: float = 30,
) -> Outcome:
    """Run a command in an empty folder; fail if it hangs.

    After a line `ready`, wait as long as each number says, and press Ctrl-C. Nobody reads the output
    of a `slow` one for a second.
    """
    folder.mkdir()
    with (folder.parent / f"{folder.name}.stderr").open("w+", encoding="utf-8") as stderr:
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | (env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
            start_new_session=True,
        )
        timer = threading.Timer(limit, os.killpg, [process.pid, signal.SIGKILL])
        timer.start()
        assert process.stdin and process.stdout
        with process.stdin as file:
            file.write(stdin)
        output = ""
        if ready:
            for line in process.stdout:
                output += line
                if line == f"{ready}\n":
                    break
        for delay in signals:
            time.sleep(delay)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        time.sleep(1 if slow else 0)
        output += process.stdout.read()
        status = process.wait()
        seconds = time.monotonic() - start
        hangs = not timer.is_alive()
        timer.cancel()
        stderr.seek(0)
        messages = stderr.read()
    assert not hangs, f"{command} hangs\n{output}\n{messages}"
    files = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    }
    return Outcome(status, output, messages, files, seconds)


def differences(app: App, program: Path, names: list[str], folder: Path) -> dict[str, str]:
    """Run cases by plain Python and by the app; return those that differ."""
    found = {}
    for name in names:
        how = app.install(name)
        (app.project / "python/start.py").write_text(START)
        options = {
            "stdin": how.get("stdin", ""),
            "ready": how.get("sigint", ""),
            "signals": [0.3] * ("sigint" in how),  # it sleeps by then
            "slow": how.get("slow", False),
        }
        env, arguments = how.get("env", {}), how.get("args", [])
        python = [app.project / ".venv/bin/python", app.project / "python/start.py", *arguments]
        plain = execute(python, folder / f"{name} python", env, **options)
        command = [program, *arguments]
        ours = execute(command, folder / f"{name} app", env | how.get("app_env", {}), **options)
        plain.stderr, ours.stderr = plain.last_line, ours.last_line
        if plain != ours or ours.seconds > plain.seconds * how.get("ratio", 99):
            found[name] = f"{plain}\n{ours}"[:2000]
    return found


def test_cases(app: App, program: Path, tmp_path: Path) -> None:
    assert len(NAMES) >= 39
    assert differences(app, program, NAMES, tmp_path) == {}


@pytest.mark.weekly
@pytest.mark.parametrize("python", ["oldest", "newest"], indirect=True)
def test_cases_of_each_kind(
    shared_project: Render, python: Interpreter, target: Path, tmp_path: Path
) -> None:
    app = make_app(shared_project, python, target)
    assert differences(app, app.build(), KINDS, tmp_path) == {}


@pytest.mark.weekly
def test_cases_in_a_bundle(
    shared_project: Render, relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    """Release code, with the relocated Python in the bundle, which is moved; BUNDLED=1 for all."""
    app = make_app(shared_project, relocated, target)
    (app.project / "python/case/__init__.py").write_text("def main(): pass\n")
    run([uv(), "lock", "--quiet"], app.project, app.env)
    run([PYO3_UV, "bundle"], app.project, app.env)
    [made] = (path for path in (app.project / "dist").iterdir() if path.is_dir())
    program = shutil.move(made, tmp_path / "moved") / "case"
    app.site = tmp_path / f"moved/python/lib/python{relocated.minor}/site-packages"
    names = set(NAMES if os.environ.get("BUNDLED") else KINDS)
    names -= {"redirected"}  # It prints that there is a virtual environment.
    assert differences(app, program, sorted(names), tmp_path) == {}


def mode(program: Path, name: str, tmp_path: Path, **options: Any) -> Outcome:
    return execute([program], tmp_path / "folder", {"MODE": name, "RUST_BACKTRACE": "0"}, **options)


def test_ends_of_the_program(program: Path, tmp_path: Path) -> None:
    """Python ends in the same way after an error of Rust, a panic and an exception."""
    expected = {
        "early": (1, "", "error: no luck\n"),
        "thread": (0, "main\nat exit\n", ""),  # started in one that has ended
        "error": (1, "main\nat exit\n", "error: no luck: an error occurred when formatting an arg"),
        "panic": (101, "main\nat exit\n", "\nno luck\n"),
        "raise": (1, "main\nat exit\n", "error: looking up\nTraceback (most recent call last):\n"),
    }
    for name, (status, stdout, stderr) in expected.items():
        done = execute([program], tmp_path / name, {"MODE": name, "RUST_BACKTRACE": "0"})
        assert (done.status, done.stdout) == (status, stdout)
        assert stderr in done.stderr
    assert done.last_line == "LookupError: no luck"


def test_rust_threads_that_go_on(app: App, program: Path, tmp_path: Path) -> None:
    """They use Python while it ends, and until the process does."""
    app.install("exit_none")
    for number in range(30):
        done = execute([program], tmp_path / str(number), {"MODE": "threads"})
        assert (done.status, done.stdout, done.stderr) == (7, "main\nat exit\n", "")


INTERRUPT = -signal.SIGINT

# Modes of main.rs, when Ctrl-C is pressed, the status, and what is printed after "ready":
# docs/how-it-works.md has the same table.
SIGNALS = {
    "busy": ([0.3], INTERRUPT, "computed\n"),
    "busy, twice": ([0.3, 0.3], INTERRUPT, ""),
    "attached": ([0.3], INTERRUPT, "computed\n"),
    "attached, twice": ([0.3, 0.3], INTERRUPT, ""),
    "checked": ([0.3], INTERRUPT, ""),
    "handler": ([0.3], 0, "handled\n"),
    "tokio": ([0.3], 4, "stopping\nat exit\n"),
    "busy, ignored": ([0.3, 0.3], 0, "computed\nwent on\n"),
}


@pytest.mark.parametrize("imported", [False, True], ids=["", "signal imported"])
def test_signals(program: Path, tmp_path: Path, imported: bool) -> None:
    for name, (delays, status, output) in SIGNALS.items():
        env = {"MODE": name.split(",")[0]} | ({"IMPORT_SIGNAL": "1"} if imported else {})
        command = [program]
        if "ignored" in name:
            command = ["/bin/sh", "-c", 'trap "" INT; exec "$0"', program]
        done = execute(command, tmp_path / name, env, ready="ready", signals=delays)
        assert (done.status, done.stdout) == (status, f"ready\n{output}"), (name, done)
        assert done.seconds < (5 if "computed" in output else 1.5), name


MOMENTS = """
import signal, sys, threading, time

def main():
    threading.Thread(target=time.sleep, args=[0.06]).start()  # joined in the end
    try:
        print("entered", flush=True)
        time.sleep(0.03)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("left")
"""


def test_ctrl_c_at_any_moment(app: App, program: Path, tmp_path: Path) -> None:
    """During start, run and finish: the program's own status or SIGINT."""
    app.install("exit_none")
    (app.project / "python/case/__init__.py").write_text(MOMENTS)
    seconds = execute([program], tmp_path / "whole").seconds
    choice = random.Random(23)
    ends = set()
    for number in range(int(os.environ.get("MOMENTS", "40"))):
        delay = choice.uniform(0, 1.2 * seconds)
        done = execute([program], tmp_path / str(number), signals=[delay], limit=5)
        assert done.status in (0, INTERRUPT), done
        assert ("entered" in done.stdout) == ("left" in done.stdout), done
        ends.add((done.status, done.stdout))
    assert len(ends) >= 3, "before, within and after the code"


def test_project_with_a_colon(
    source: Path, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """cargo itself refuses a target folder with a colon, and `uv run` an environment."""
    env = environment(target, middle)
    answers = {"kind": "app", "example": False, "python_version": middle.minor}
    project = render_template(source, tmp_path / "a:b/my-app", **answers)
    sync(project, middle, env)
    assert f"Python {middle.minor}" in run(["cargo", "run"], project, env).output
