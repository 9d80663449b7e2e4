"""Other programs: their environment, their output, and how they end at Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# What ends a command
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class UserError(Exception):
    """A mistake of the user's, or something missing; the message says how to fix it.

    `code` is the exit code of the command: 1 (failed) or 2 (usage).
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Result:
    """A program that has ended: exit code, standard output, standard error."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, for showing to the user."""
        return (self.stdout + self.stderr).strip()


# A Python takes the code page of Windows for a pipe: `Ünï` was `\ufffdn\ufffd` in a path.
_UTF_8 = {"PYTHONIOENCODING": "utf-8"} if os.name == "nt" else {}


def outer_environment() -> dict[str, str]:
    """Return the environment in which the user called this command.

    `uv run` and `uvx` activate the environment that this command lives in. The programs that are
    checked or started must not see it. A command that pip installed into the system's Python lives
    in no environment: cargo and uv may be in the same folder.
    """
    env = dict(os.environ)
    for name in ("UV", "UV_RUN_RECURSION_DEPTH"):
        env.pop(name, None)
    own = Path(sys.prefix)
    if sys.prefix == sys.base_prefix:
        return env
    if env.get("VIRTUAL_ENV") and Path(env["VIRTUAL_ENV"]) == own:
        del env["VIRTUAL_ENV"]
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    env["PATH"] = os.pathsep.join(
        folder for folder in folders if not folder or not Path(folder).is_relative_to(own)
    )
    return env


def run(
    command: Sequence[str | os.PathLike[str]],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    merge: bool = False,
    seconds: float | None = None,
) -> Result:
    """Run `command` to its end without input; standard error goes to standard output if `merge`.

    The environment is `outer_environment()` unless `env` is given. A program that is not there has
    exit code 127, one that takes longer than `seconds` is ended and has 124, as with `timeout`. At
    Ctrl-C the program and what it has started are ended. What it prints is read as UTF-8.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with _signals_wait():
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**_UTF_8, **(outer_environment() if env is None else env)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                # A group of its own: cargo's rustc and uv's backend end with it.
                start_new_session=True,
            )
        stdout, stderr = process.communicate(timeout=seconds)
    except OSError as error:
        return Result(127, "", f"{command[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        _end(process)
        return Result(124, "", f"{command[0]}: not done after {seconds:.0f} s")
    except BaseException:
        _end(process)
        raise
    return Result(process.returncode, stdout, stderr or "")


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let what ends this command wait until a program that is being started can be ended, too.

    Else it goes on: a copy of a project could not be removed, as `uv build` still wrote there.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to that one
        yield
        return
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = {number: handler for number, handler in before.items() if callable(handler)}
    for number in handled:
        signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        for number in caught:
            signal.raise_signal(number)


def _end(process: subprocess.Popen[str] | None) -> None:
    """Interrupt a program and what it has started, so that they clean up, then kill what is left."""
    if process is None:
        return
    for number in ("SIGINT", "SIGKILL"):
        with suppress(ProcessLookupError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, getattr(signal, number))
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
