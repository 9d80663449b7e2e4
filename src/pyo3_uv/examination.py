"""What several checks need of a project: the build of its tests, an interpreter started in it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packaging.version import Version

from pyo3_uv.probe import EmbeddedStart, Probe
from pyo3_uv.process import outer_environment, run
from pyo3_uv.project import Project


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


def build_tests(project: Project) -> Build:
    """Build the tests in cargo's target folder; a Cargo.lock that this writes is removed again."""
    lock = project.workspace / "Cargo.lock"
    existed = lock.exists()
    command = ["cargo", "test", "--no-run", "--message-format=json", "--package", project.name]
    try:
        result = run(command, project.folder)
    finally:
        if not existed:
            lock.unlink(missing_ok=True)
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


def _read_config(output: Path) -> dict[str, str]:
    """Return the configuration that pyo3-ffi's build script hands to dependents, in hex."""
    try:
        match = re.search(r"^cargo:PYO3_CONFIG=([0-9a-f]+)$", output.read_text(), re.MULTILINE)
    except OSError:
        return {}
    lines = bytes.fromhex(match[1]).decode().splitlines() if match else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


@dataclass(frozen=True)
class Selection:
    """The interpreter that PyO3 takes: its path, what selects it, and whether that is lasting."""

    path: str | None
    source: str
    lasting: bool


class Examination:
    """One project under examination; what takes seconds is done once, when a check needs it.

    `facts` is what the checks found out, in their order; `step` is told what is going on.
    """

    def __init__(self, project: Project, probe: Probe, step: Callable[[str], None]) -> None:
        self.project = project
        self.probe = probe
        self.step = step
        self.facts: dict[str, str] = {}
        self.build_failure_explained = False  # by a problem that was found before

    @cached_property
    def build(self) -> Build:
        self.step("cargo test --no-run")
        return build_tests(self.project)

    @property
    def pyo3_version(self) -> Version | None:
        """The version that was built, or that is locked if nothing could be built."""
        if self.project.interpreter:
            return self.build.pyo3_version
        lock = self.project.workspace / "Cargo.lock"
        text = lock.read_text() if lock.exists() else ""
        match = re.search(r'name = "pyo3"\nversion = "([^"]+)"', text)
        return Version(match[1]) if match else None

    @cached_property
    def embedded(self) -> EmbeddedStart | None:
        """An embedded interpreter of `.venv` that finds its libpython."""
        if not self.project.interpreter:
            return None
        self.step("starting an embedded interpreter")
        return self.probe.start(self.project.interpreter, rpath=True)

    @cached_property
    def loader_finds_libpython(self) -> bool:
        """Whether a program without rpath finds the libpython of `.venv`."""
        if not self.project.interpreter:
            return False
        self.step("starting one without rpath")
        return not self.probe.start(self.project.interpreter, rpath=False).misses_libpython

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
            python = str(Path(venv) / self.project.venv_python.relative_to(self.project.venv))
            lasting = self.project.configured("VIRTUAL_ENV") is not None
            return Selection(python, self._source("VIRTUAL_ENV"), lasting)
        if conda and not venv:
            python = str(Path(conda, "python.exe" if os.name == "nt" else "bin/python"))
            return Selection(python, self._source("CONDA_PREFIX"), False)
        why = ", as VIRTUAL_ENV and CONDA_PREFIX are both set" if venv else ""
        for name in ("python", "python3"):
            found = shutil.which(name, path=outer_environment()["PATH"])
            if found and run([found, "--version"]).stdout.startswith("Python 3"):
                return Selection(found, f"the first {name} on PATH{why}", False)
        return Selection(None, f"nothing on PATH{why}", False)

    @property
    def selects_venv(self) -> bool:
        """Whether that is the Python of `.venv`, in any shell."""
        found = self.selection
        return found.lasting and found.path is not None and self.in_venv(found.path)

    def _source(self, variable: str) -> str:
        configured = self.project.configured(variable)
        if configured and (configured[2] or variable not in outer_environment()):
            return f"{variable} in {self.project.shown(configured[0].path)}"
        return f"{variable} of the shell"

    def in_venv(self, executable: str) -> bool:
        """Whether a program lies in `.venv` (itself it is a link to the base Python)."""
        return Path(executable).parent.resolve().is_relative_to(self.project.venv.resolve())


def _config_executable(file: Path) -> str | None:
    """Return the line `executable=…` of a PYO3_CONFIG_FILE."""
    try:
        match = re.search(r"^executable=(.+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None
