"""What several checks need of a project: the build of its tests, an interpreter started in it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packaging.version import Version

from pyo3_uv import binaries
from pyo3_uv.interpreters import Interpreter, describe, executable_of
from pyo3_uv.probe import EmbeddedStart, Probe
from pyo3_uv.process import outer_environment, run
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import lookup, read_toml

BUILD_TESTS = ("cargo", "test", "--no-run")

# What the linker says where libpython is left out, and where it is not there: GNU ld, lld, Apple's
# ld, and rustc itself for a static one
NO_SYMBOLS = r"undefined (symbol|reference).*\bPy"
NO_LIBRARY = (
    r"(cannot find|unable to find library|library not found for) -lpython3|"
    r"could not find native static library `python3"
)


@dataclass
class Build:
    """What `cargo test --no-run` made: PyO3's configuration, and the test executables.

    `config` has the lines of PyO3's interpreter configuration; it is empty before pyo3-ffi was
    built, and for a PyO3 that does not tell.
    """

    ok: bool
    errors: str
    pyo3_version: Version | None = None
    config: dict[str, str] = field(default_factory=dict)
    executables: list[Path] = field(default_factory=list)


@contextmanager
def no_new_lock(project: Project) -> Iterator[None]:
    """Remove a Cargo.lock that cargo writes meanwhile."""
    lock = project.workspace / "Cargo.lock"
    existed = lock.exists()
    try:
        yield
    finally:
        if not existed:
            lock.unlink(missing_ok=True)


def build_tests(project: Project) -> Build:
    """Build the tests in cargo's target folder."""
    command = [*BUILD_TESTS, "--message-format=json", *_selection(project)]
    with no_new_lock(project):
        result = run(command, project.folder)
    build = Build(result.code == 0, result.stderr.strip())
    for line in result.stdout.splitlines():
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message["reason"] == "compiler-message":
            if message["message"]["level"] == "error":
                build.errors += "\n" + (message["message"]["rendered"] or "")
        elif message["reason"] == "compiler-artifact" and message["executable"]:
            build.executables.append(Path(message["executable"]))
        elif message["reason"] == "build-script-executed":
            # "…#pyo3-ffi@0.30.1" (registry), "…/pyo3-ffi#0.30.1" (path)
            match = re.search(r"[#/]pyo3-ffi[@#](\S+)$", message["package_id"])
            if match:
                build.pyo3_version = Version(match[1])
                build.config = _read_config(Path(message["out_dir"]).parent / "output")
    return build


def _selection(project: Project) -> list[str]:
    """Return cargo's options for the one crate in its folder, with its features.

    Its name is left out where it can be, as a dependency may have the same.
    """
    features = ["--features", ",".join(project.features)] if project.features else []
    workspace = read_toml(project.workspace / "Cargo.toml")
    if project.folder != project.workspace or not lookup(workspace, "workspace", "default-members"):
        return features
    return ["--package", str(project.package["id"]), *features]


def _read_config(output: Path) -> dict[str, str]:
    """Return the configuration that pyo3-ffi's build script hands to dependents, in hex."""
    try:
        match = re.search(r"^cargo:PYO3_CONFIG=([0-9a-f]+)$", output.read_text(), re.MULTILINE)
    except OSError:
        return {}
    lines = bytes.fromhex(match[1]).decode().splitlines() if match else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


@dataclass(frozen=True)
class Listing:
    """A test executable that was started to list its tests: the command, and how it ended."""

    command: str
    code: int
    output: str


@dataclass(frozen=True)
class Selection:
    """The interpreter that PyO3 takes: its path, what selects it, and whether that is lasting."""

    path: str | None
    source: str
    lasting: bool


class Context:
    """A project and what the checks share; what takes seconds is done once, when a check needs it.

    `facts` is what the checks found out, in their order; `step` is told what is going on.
    """

    def __init__(self, project: Project, probe: Probe, step: Callable[[str], None]) -> None:
        self.project = project
        self.probe = probe
        self.step = step
        self.facts: dict[str, str] = {}
        self.build_failure_explained = False  # by a finding before
        self.environment_moved = False  # a finding before says so

    @cached_property
    def build(self) -> Build:
        self.step(self.build_command)
        return build_tests(self.project)

    @property
    def build_command(self) -> str:
        """What shows a person how the build of the tests ends."""
        return shlex.join([*BUILD_TESTS, *_selection(self.project)])

    @property
    def pyo3_version(self) -> Version | None:
        """The version that was built, or that is locked if it was not: an optional one is not."""
        if self.build.pyo3_version:
            return self.build.pyo3_version
        lock = self.project.workspace / "Cargo.lock"
        text = lock.read_text() if lock.exists() else ""
        match = re.search(rf'name = "{self.project.binding}"\nversion = "([^"]+)"', text)
        return Version(match[1]) if match else None

    @cached_property
    def python(self) -> Interpreter | None:
        """The Python that cargo builds for today, that of the environment or another."""
        path = self.selection.path
        if path and self.in_venv(path):
            return self.project.interpreter
        return describe(path, self.project.folder) if path else None

    def fails_with(self, messages: str) -> bool:
        """Whether the tests are not built, and a line of the output matches."""
        return not self.build.ok and bool(re.search(messages, self.build.errors))

    @cached_property
    def rust_uses_python(self) -> bool:
        """Whether Rust tests, or a program, use Python: they start it, or link libpython."""
        if not self.project.rust_programs:
            return False
        if self.project.starts_python:
            return True
        if not self.build.ok:
            return self.fails_with(f"{NO_SYMBOLS}|{NO_LIBRARY}")
        found = (binaries.read(path) for path in self.build.executables)
        return any(binary and binary.libpython for binary in found)

    @cached_property
    def embedded(self) -> EmbeddedStart | None:
        """An embedded interpreter of that Python, which finds its libpython."""
        if not self.python:
            return None
        self.step("starting an embedded interpreter")
        return self.probe.start(self.python, rpath=True)

    @cached_property
    def listing(self) -> Listing | None:
        """The library's tests, listed by themselves; None if there are none.

        Other tests may have a harness of their own, which runs them whatever the options are.
        """
        libraries = [t for t in self.project.package["targets"] if "custom-build" not in t["kind"]]
        if not any(t["test"] and {"lib", "rlib", "cdylib"} & set(t["kind"]) for t in libraries):
            return None
        self.step("cargo test --lib -- --list")
        command = ["cargo", "test", "--quiet", "--lib", *_selection(self.project), "--", "--list"]
        with no_new_lock(self.project):
            result = run(command, self.project.folder)
        return Listing(shlex.join(command), result.code, result.output)

    @cached_property
    def loader_finds_libpython(self) -> bool:
        """Whether a program without rpath finds its libpython."""
        if not self.python:
            return False
        self.step("starting one without rpath")
        return not self.probe.start(self.python, rpath=False).misses_libpython

    @cached_property
    def selection(self) -> Selection:
        """What PyO3 takes, in PyO3's order (pyo3-build-config, `find_interpreter`)."""
        env = self.probe.env
        if file := env.get("PYO3_CONFIG_FILE"):
            return Selection(_config_executable(Path(file)), self._source("PYO3_CONFIG_FILE"), True)
        if python := env.get("PYO3_PYTHON"):
            lasting = self.project.configured("PYO3_PYTHON") is not None
            python = shutil.which(python, path=outer_environment()["PATH"]) or python
            return Selection(python, self._source("PYO3_PYTHON"), lasting)
        venv, conda = env.get("VIRTUAL_ENV"), env.get("CONDA_PREFIX")
        if venv and not conda:
            python = str(executable_of(Path(venv)))
            lasting = self.project.configured("VIRTUAL_ENV") is not None
            return Selection(python, self._source("VIRTUAL_ENV"), lasting)
        if conda and not venv:
            python = str(executable_of(Path(conda)))
            return Selection(python, self._source("CONDA_PREFIX"), False)
        why = ", as VIRTUAL_ENV and CONDA_PREFIX are both set" if venv else ""
        for name in ("python", "python3"):
            found = shutil.which(name, path=outer_environment()["PATH"])
            if found and run([found, "--version"]).stdout.startswith("Python 3"):
                return Selection(found, f"the first {name} on PATH{why}", False)
        return Selection(None, f"nothing on PATH{why}", False)

    @property
    def selects_venv(self) -> bool:
        """Whether that is the Python of the environment, in any shell in which one works on it."""
        found, lasting = self.selection, self.selection.lasting or self.project.activated
        return lasting and found.path is not None and self.in_venv(found.path)

    def _source(self, variable: str) -> str:
        configured = self.project.configured(variable)
        if configured and (configured[2] or variable not in outer_environment()):
            return f"{variable} in {self.project.shown(configured[0].path)}"
        return f"{variable} of the shell"

    def in_venv(self, executable: str) -> bool:
        """Whether a program lies in the environment (itself it is a link to the base Python)."""
        return Path(executable).parent.resolve().is_relative_to(self.project.venv.resolve())


def _config_executable(file: Path) -> str | None:
    """Return the line `executable=…` of a PYO3_CONFIG_FILE."""
    try:
        match = re.search(r"^executable=(.+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None
