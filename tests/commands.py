"""Commands as users run them, in a clean environment; git."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pytest

if sys.platform != "win32":  # where it starts nothing
    import pexpect
    from pexpect import spawn as Terminal
else:
    Terminal = Any

ROOT = Path(__file__).parents[1]
PYO3_UV = Path(sys.executable).with_name("pyo3-uv")

# What an activated environment, a `uv run` or a cargo build leaves in the environment
_FOREIGN = (
    "VIRTUAL_ENV",
    "CONDA_",
    "PYO3_",
    "PYTHON",
    "PYENV_VERSION",
    "LD_LIBRARY_PATH",
    "CARGO_",
)
_FOREIGN += ("RUSTC", "RUSTFLAGS", "UV_PROJECT", "UV_PYTHON", "UV_RUN", "UV_NO", "COPIER_")


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment, nothing activated, without downloads of Pythons.

    `uv` is first on PATH as the real program: a pyenv shim would obey `.python-version`.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    env |= {key: os.environ[key] for key in ("CARGO_HOME",) if key in os.environ}
    path = [part for part in env["PATH"].split(os.pathsep) if not _in_environment(part)]
    env["PATH"] = os.pathsep.join([str(uv().parent), *path])
    env["UV_PYTHON_DOWNLOADS"] = "never"
    env["GIT_CONFIG_GLOBAL"] = os.devnull
    for role in ("AUTHOR", "COMMITTER"):
        env[f"GIT_{role}_NAME"] = "Tester"
        env[f"GIT_{role}_EMAIL"] = "tester@example.org"
    return env | extra


def _in_environment(folder: str) -> bool:
    return Path(folder, "..", "pyvenv.cfg").exists()


@cache
def uv() -> Path:
    """Return the real uv; `uv run` names it in the variable UV."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "the tests are run by `uv run pytest`"
    return Path(found)


@dataclass(frozen=True)
class Result:
    """Exit code and output (standard output and standard error, interleaved) of a command."""

    code: int
    output: str


def run(
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> Result:
    """Run `command`; fail the test with its whole output if `check` and it exits non-zero."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(env) if env is not None else clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    shown = " ".join(map(str, command))
    assert not check or done.returncode == 0, f"{shown}: exit code {done.returncode}\n{done.stdout}"
    return Result(done.returncode, done.stdout)


@cache
def macros(name: str) -> Any:
    """Return what a file of macros in hooks/ exports, with Copier's filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT),
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        trim_blocks=True,
    )
    return environment.get_template(name).module


def git(cwd: Path, *args: str) -> str:
    """Run git in `cwd` and return its output."""
    return run(["git", *args], cwd).output


def commit_all(repository: Path, message: str = "state") -> None:
    """Make `repository` a git repository if it is none, and commit everything in it."""
    if not (repository / ".git").exists():
        git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)


def bring_back(repository: Path) -> None:
    """Bring a repository back to its last commit; what it ignores stays."""
    git(repository, "reset", "--hard", "--quiet")
    git(repository, "clean", "-d", "--force", "--quiet")


def with_path(env: Mapping[str, str], *folders: str | Path) -> dict[str, str]:
    """Return `env` with these folders first on PATH."""
    return {**env, "PATH": os.pathsep.join([*map(str, folders), env["PATH"]])}


def terminal(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str]) -> Terminal:
    """Start `command` at a terminal; on Windows the test is skipped."""
    if sys.platform == "win32":
        pytest.skip("pexpect starts nothing at a terminal of Windows")
    program, *args = map(str, command)
    # Without the variable each prompt waits a second for an answer that pexpect does not give.
    env = {**env, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    size = (60, 200)
    return pexpect.spawn(program, args, 300, cwd=cwd, env=env, encoding="utf-8", dimensions=size)


def exit_code(process: Terminal) -> int | None:
    """Wait for the end of what runs at a terminal and return its exit code."""
    process.expect(pexpect.EOF)
    process.close()
    return process.exitstatus


def publish(template: Path, folder: Path) -> dict[str, str]:
    """Make a bare clone in `folder`; return variables with which gh:org/pyo3-uv-template is it."""
    git(folder, "clone", "--quiet", "--bare", str(template), "org/pyo3-uv-template.git")
    config = folder / "gitconfig"
    config.write_text(f'[url "{folder.as_uri()}/org/"]\n\tinsteadOf = https://github.com/org/\n')
    return {"GIT_CONFIG_GLOBAL": str(config), "COPIER_CACHE_DIR": str(folder / "cache")}
