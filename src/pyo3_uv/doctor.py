"""`pyo3-uv doctor`: what is wrong with a PyO3 project, with evidence, consequence and cure.

The facts behind the findings are measured in README's symptom table and in the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pyo3_uv import binaries
from pyo3_uv.machine import describe
from pyo3_uv.probe import Probe, Started, probe
from pyo3_uv.process import UserError, outer_environment, run
from pyo3_uv.project import Project, lookup

# The first maturin with use-base-python and editable-profile
MATURIN = "1.14.1"
# The first PyO3 with add_libpython_rpath_link_args
RPATH_FUNCTION = Version("0.29.2")


@dataclass(frozen=True)
class Finding:
    """A problem: what was seen, what it leads to, and what to do."""

    id: str
    title: str
    evidence: str
    consequence: str
    cure: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass
class Report:
    """What the doctor saw: facts, in the order in which they were found, and problems."""

    project: Project
    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        return not self.findings

    @property
    def ids(self) -> list[str]:
        return [finding.id for finding in self.findings]

    def as_dict(self) -> dict[str, Any]:
        return {
            "project": str(self.project.folder),
            "healthy": self.healthy,
            "facts": self.facts,
            "findings": [finding.as_dict() for finding in self.findings],
        }


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


def build(project: Project) -> Build:
    """Build the tests in cargo's target folder; a Cargo.lock that this writes is removed again."""
    lock = project.workspace / "Cargo.lock"
    existed = lock.exists()
    command = ["cargo", "test", "--no-run", "--message-format=json", "--package", project.name]
    try:
        done = run(command, project.folder)
    finally:
        if not existed:
            lock.unlink(missing_ok=True)
    made = Build(done.code == 0, done.stderr.strip())
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message["reason"] == "compiler-message":
            if message["message"]["level"] == "error":
                made.errors += "\n" + (message["message"]["rendered"] or "")
        elif message["reason"] == "compiler-artifact" and message["executable"]:
            made.executables.append(Path(message["executable"]))
        elif message["reason"] == "build-script-executed":
            # "…#pyo3-ffi@0.30.1" (registry), "…/pyo3-ffi#0.30.1" (path)
            match = re.search(r"[#/]pyo3-ffi[@#](\S+)$", message["package_id"])
            if match:
                made.pyo3_version = Version(match[1])
                made.config = _read_config(Path(message["out_dir"]).parent / "output")
    return made


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
    """The interpreter that PyO3 takes: its path, what chose it, and whether that is lasting."""

    path: str | None
    source: str
    lasting: bool


class Doctor:
    """Examines one project; each method named `check_…` yields what it finds wrong."""

    def __init__(self, project: Project, step: Callable[[str], None] = lambda _: None) -> None:
        self.project = project
        self.report = Report(project)
        self.step = step

    def examine(self) -> Report:
        """Make all checks and return the report."""
        with probe(self.project.folder) as self.probe:
            self.step("environment")
            checks = [
                self.check_environment(),
                self.check_force(),
                self.check_interpreter(),
                self.check_extension_module(),
                self.check_libpython(),
                self.check_start(),
                self.check_initialize(),
                self.check_cache_keys(),
                self.check_rebuilds(),
                self.check_module_name(),
                self.check_installed(),
                self.check_build(),
            ]
            for check in checks:
                self.report.findings += check
        return self.report

    # ---- What several checks need ----

    probe: Probe

    @cached_property
    def build(self) -> Build:
        self.step("cargo test --no-run")
        return build(self.project)

    @cached_property
    def started(self) -> Started | None:
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

    def _source(self, variable: str) -> str:
        configured = self.project.configured(variable)
        if configured and (configured[2] or variable not in outer_environment()):
            return f"{variable} in {self.project.shown(configured[0].path)}"
        return f"{variable} of the shell"

    def _in_venv(self, executable: str) -> bool:
        """Whether a program lies in `.venv` (itself it is a link to the base Python)."""
        folder = Path(executable).parent
        return folder.resolve().is_relative_to(self.project.venv.resolve())

    @cached_property
    def configures_itself(self) -> Path | None:
        """The file in which the crate starts the interpreter by itself, with a configuration."""
        return self.project.source_matching(
            r"\b(Py_InitializeFromConfig|PyConfig_Set\w+|Py_SetPythonHome|Py_SetProgramName)\b"
        )

    # ---- Checks ----

    def check_environment(self) -> Iterator[Finding]:
        project = self.project
        venv = project.shown(project.venv)
        python = project.interpreter
        if python:
            sort = "shared" if python.shared else "static"
            self.report.facts["environment"] = f"{venv}: Python {python.version}, {sort} libpython"
            return
        make = "uv sync" if project.pyproject_path else "uv venv"
        there = project.venv_python.exists() or project.venv_python.is_symlink()
        yield Finding(
            "no-environment",
            f"{venv} does not start" if there else f"there is no {venv}",
            f"{project.shown(project.venv_python)} "
            + ("is there and does not start" if there else "does not exist"),
            "PyO3 has no Python of this project to build for, or takes another one",
            f"{make}{' --clear' if there and make == 'uv venv' else ''}",
        )

    def check_force(self) -> Iterator[Finding]:
        configured = self.project.configured("PYO3_PYTHON")
        if configured and configured[2]:
            yield Finding(
                "force",
                "force = true on PYO3_PYTHON",
                f"{self.project.shown(configured[0].path)} sets PYO3_PYTHON with force = true",
                "it overrides the interpreter that maturin passes: a wheel for another Python is "
                "built for this one, and its import fails with an undefined symbol",
                "remove force = true; without it the value holds unless somebody passes another",
            )

    def check_interpreter(self) -> Iterator[Finding]:
        """PyO3's choice, and what the last build was really configured for."""
        project, selection = self.project, self.selection
        shown = project.shown(selection.path) if selection.path else "none"
        self.report.facts["interpreter"] = f"{shown}, from {selection.source}"
        if not project.interpreter:
            return
        inside = bool(selection.path) and self._in_venv(str(selection.path))
        if not inside or not selection.lasting:
            yield self._wrong_interpreter(selection, inside)
        if inside:
            yield from self._stale()

    def _wrong_interpreter(self, selection: Selection, inside: bool) -> Finding:
        project, assumed = self.project, self.project.interpreter
        assert assumed
        other = describe(selection.path, project.folder) if selection.path else None
        version = f"Python {other.version}" if other else "no Python that starts"
        evidence = f"PyO3 takes {selection.path} ({version}), from {selection.source}; "
        evidence += f"{project.shown(project.venv)} has Python {assumed.version}"
        if inside:
            consequence = "in a shell in which it is not activated, PyO3 takes another Python"
        else:
            consequence = (
                "cargo test and cargo run use another Python than uv run, without the "
                "packages of the project"
            )
        return Finding(
            "interpreter",
            "PyO3 takes .venv only while it is activated"
            if inside
            else "PyO3 takes another Python than .venv",
            evidence,
            consequence,
            self._select(selection),
        )

    def _select(self, selection: Selection) -> str:
        """Return what makes PyO3 take `.venv`: it depends on what made it take something else."""
        project = self.project
        variable, _, where = selection.source.partition(" ")
        configured = project.configured("PYO3_PYTHON") or project.configured("VIRTUAL_ENV")
        if variable == "CONDA_PREFIX":
            return "conda deactivate"
        if project.elsewhere:
            return 'export PYO3_PYTHON="$UV_PROJECT_ENVIRONMENT/bin/python"'
        if where == "of the shell" and (configured or variable.startswith("PYO3_")):
            return f"unset {variable} in this shell"
        setting = f'PYO3_PYTHON = {{ value = "{project.configured_python}", relative = true }}'
        cure = f"set {setting} in [env] of {project.shown(project.config_path)}"
        return f"conda deactivate, or {cure}" if "both set" in selection.source else cure

    def _stale(self) -> Iterator[Finding]:
        python, config = self.project.interpreter, self.build.config
        executable = config.get("executable", "")
        if not python or not executable or not self._in_venv(executable):
            return
        configured = f"lib{config.get('lib_name')} in {config.get('lib_dir')}"
        current = f"lib{python.lib_name} in {python.lib_dir}"
        if os.name != "nt" and configured != current:
            yield Finding(
                "stale-configuration",
                "PyO3 is configured for a Python that .venv no longer has",
                f"PyO3 was built for {configured}; .venv has {current}",
                "cargo test goes on with the old Python, as PyO3 watches the text of PYO3_PYTHON",
                "cargo clean -p pyo3-ffi",
            )

    def check_extension_module(self) -> Iterator[Finding]:
        if self.project.has_feature("extension-module"):
            yield Finding(
                "extension-module",
                "the feature extension-module is always on",
                "Cargo.toml enables pyo3's extension-module by default",
                "cargo test does not link (undefined symbol: PyExc_TypeError), as libpython is "
                "left out of every build",
                "remove it from Cargo.toml; maturin sets PYO3_BUILD_EXTENSION_MODULE by itself, "
                'and features = ["pyo3/extension-module"] in [tool.maturin] keeps its builds apart',
            )

    def check_libpython(self) -> Iterator[Finding]:
        """Shared or static, there for the linker, found by the loader."""
        python = self.project.interpreter
        if not python or not self.started:
            return
        library = f"lib{python.lib_name}"
        if not self.started.linked:
            # what GNU ld, lld, Apple's ld and rustc itself (for a static one) say
            missing = re.search(
                rf"(cannot find|unable to find library|library not found for) -l{python.lib_name}\b"
                rf"|could not find native static library `{python.lib_name}`",
                self.started.output,
            )
            if not missing:
                return  # the linker itself: check_build shows what it says
            yield Finding(
                "libpython-missing",
                f"{library} is not there for the linker",
                f"{python.lib_dir} has no {library}.{'so' if python.shared else 'a'} (linker: "
                f"{missing[0]})",
                "cargo test and cargo run do not link",
                "install the development files of this Python (Debian and Ubuntu: "
                f"apt install {library}-dev; Fedora: dnf install python3-devel), or use another",
            )
            return
        if not python.shared:
            self.report.facts["libpython"] = f"static, in {python.lib_dir}"
            return
        loader = self.loader_finds_libpython
        where = "found by the loader" if loader else "outside the loader's path"
        self.report.facts["libpython"] = f"{python.libpython}, {where}"
        yield from self._missing_rpath(python.libpython, loader)

    def _missing_rpath(self, libpython: str, loader: bool) -> Iterator[Finding]:
        """Look at the executables that were built; at build.rs if there are none."""
        project = self.project
        read = [b for b in map(binaries.read, self.build.executables) if b and b.libpython]
        without = [b for b in read if not b.finds(b.libpython or "")]
        if read:
            with_rpath = len(read) - len(without)
            self.report.facts["rpath"] = f"in {with_rpath} of {len(read)} test executables"
        emits = project.build_script and re.search(
            r"add_libpython_rpath_link_args|-rpath", project.build_script.read_text("utf-8")
        )
        if not without and (read or emits):
            return
        cure = "call pyo3_build_config::add_libpython_rpath_link_args() in build.rs"
        if without:
            seen = (
                f"{project.shown(without[0].path)} needs {without[0].libpython}, and its rpath is "
            )
            seen += ", ".join(without[0].rpaths) or "empty"
        elif project.build_script:
            seen = f"{project.shown(project.build_script)} passes no rpath to the linker"
        else:
            seen = "there is no build.rs that passes an rpath to the linker"
        if loader:
            yield Finding(
                "no-rpath",
                "test executables have no rpath to libpython",
                f"{seen}; here the loader finds {libpython}",
                "on a machine whose libpython is outside the loader's path, as those of uv and "
                "pyenv are, cargo test dies with: cannot open shared object file",
                cure,
            )
        else:
            yield Finding(
                "libpython-not-found",
                f"the loader does not find {Path(libpython).name}",
                f"{seen}; {libpython} is outside the loader's path",
                "cargo test and cargo run die with: error while loading shared libraries: "
                f"{Path(libpython).name}: cannot open shared object file",
                cure,
            )

    def check_start(self) -> Iterator[Finding]:
        """Whether an embedded interpreter finds its standard library and .venv's packages."""
        project, started = self.project, self.started
        if not started or not started.linked:
            return
        if self.configures_itself:
            file = project.shown(self.configures_itself)
            self.report.facts["start"] = f"{file} configures the interpreter itself; not started"
            return
        runner = (
            "give cargo a runner that starts programs inside .venv, in "
            f"{project.shown(project.config_path)}, [target.'cfg(all())']: "
            'runner = ["uv", "run", "--no-sync", "--quiet", "--"]'
        )
        if started.prefix is None:
            lines = started.output.splitlines()
            error = next(
                (
                    line.strip()
                    for line in lines
                    if "No module named 'encodings'" in line
                    or "failed to get the Python codec" in line
                ),
                lines[-1].strip() if lines else "it ended without a word",
            )
            yield Finding(
                "no-standard-library",
                "an embedded interpreter does not find its standard library",
                f"started as cargo run starts programs here, it says: {error}",
                "cargo test and cargo run die when they start Python",
                runner,
            )
        elif Path(started.prefix).resolve() != project.venv.resolve():
            yield Finding(
                "other-environment",
                "an embedded interpreter does not run in .venv",
                f"started as cargo run starts programs here, its sys.prefix is {started.prefix}",
                "ModuleNotFoundError in cargo test for packages that are in .venv, or packages "
                "of another environment",
                runner,
            )
        else:
            self.report.facts["start"] = (
                f"an embedded interpreter runs in {project.shown(started.prefix)}"
            )

    def check_initialize(self) -> Iterator[Finding]:
        """Whether tests that touch Python have an interpreter."""
        project = self.project
        if project.has_feature("auto-initialize", (None, "dev")) or project.source_matching(
            r"\b(Python::initialize|prepare_freethreaded_python|Py_Initialize\w*|"
            r"with_embedded_python_interpreter)\b"
        ):
            return
        yield Finding(
            "no-initialize",
            "nothing starts Python in tests",
            "pyo3's auto-initialize is not enabled for tests, and no source file starts Python",
            "a Rust test that touches Python panics: The Python interpreter is not initialized",
            'add pyo3 with features = ["auto-initialize"] to [dev-dependencies]',
        )

    def check_cache_keys(self) -> Iterator[Finding]:
        if not self.project.maturin:
            return
        if missing := missing_cache_keys(self.project):
            shown = ", ".join(key["file"] for key in missing)
            environment = [key for key in missing if key["file"].endswith("pyvenv.cfg")]
            stale = [key for key in missing if key not in environment]
            consequence = "uv sync and uv run do not rebuild when these change: the import is stale"
            if environment:
                after = (
                    "after git clean, uv sync installs the cached editable wheel whose module is "
                    "gone: ModuleNotFoundError (uv issue 11390)"
                )
                consequence = f"{consequence}; {after}" if stale else after
            yield Finding(
                "cache-keys",
                "uv does not rebuild when it must",
                f"cache-keys in [tool.uv] do not cover {shown}",
                consequence,
                "add them to cache-keys in [tool.uv] of pyproject.toml",
            )

    def check_rebuilds(self) -> Iterator[Finding]:
        if not self.project.maturin:
            return
        if missing := missing_build_settings(self.project):
            yield Finding(
                "slow-rebuilds",
                "each edit is slow to build",
                f"[tool.maturin] has no {', '.join(missing)}",
                "uv builds in a new environment each time and in release mode: seconds instead of "
                "tenths for an edit, and pyo3 is compiled again (always without abi3)",
                "set them in [tool.maturin] of pyproject.toml",
            )

    def check_module_name(self) -> Iterator[Finding]:
        project = self.project
        if not project.module or not project.lib_name:
            return
        last = project.module.rpartition(".")[2]
        pymodules = project.pymodules
        if pymodules and last not in pymodules:
            yield Finding(
                "module-name",
                "the module's name is not that of its #[pymodule]",
                f"maturin installs {project.module}, #[pymodule] is called {pymodules[0]}",
                "ImportError: dynamic module does not define module export function "
                f"(PyInit_{last})",
                f"give #[pymodule], [lib] name and the last part of module-name one name: {last}",
            )
        elif project.lib_name != last:
            yield Finding(
                "module-name",
                "the module's name is not that of [lib]",
                f"maturin installs {project.module}, [lib] name is {project.lib_name}",
                "the library that cargo builds has no PyInit function of its own name; tools that "
                "take the module's name from [lib] do not find it",
                f'set name = "{last}" in [lib] of Cargo.toml',
            )

    def check_installed(self) -> Iterator[Finding]:
        """Whether `.venv` finds the extension module (nothing of it is executed)."""
        project = self.project
        if not project.module or not project.interpreter or not project.pyproject_path:
            return
        name = str(lookup(project.pyproject, "project", "name") or project.name)
        script = [str(project.venv_python), "-c", _FIND_MODULE, name, project.module]
        done = run(script, project.pyproject_path.parent)
        try:
            seen = json.loads(done.stdout)
        except ValueError:
            return
        if seen["module"]:
            self.report.facts["module"] = f"{project.module} is {project.shown(seen['module'])}"
            return
        if seen["installed"]:
            evidence = (
                f"{name} is installed in .venv, its extension module {project.module} is gone"
            )
        else:
            evidence = f"{name} is not installed in .venv"
        yield Finding(
            "module-missing",
            f"import {project.module} fails",
            evidence,
            "ModuleNotFoundError, and uv sync changes nothing where it trusts its cache",
            f"uv sync --reinstall-package {name}",
        )

    def check_build(self) -> Iterator[Finding]:
        """A failure that no other finding explains."""
        explained = {
            "no-environment",
            "interpreter",
            "stale-configuration",
            "extension-module",
            "libpython-missing",
            "module-name",
        }
        if explained & set(self.report.ids) or self.build.ok:
            return
        errors = self.probe.failure or self.build.errors
        lines = [
            line
            for line in errors.splitlines()
            if re.match(r"\s*(error|rust-lld|.*: undefined)", line)
        ]
        yield Finding(
            "build-fails",
            "cargo test --no-run fails",
            "\n".join(lines[:5]) or errors[-1000:],
            "no test was built, so nothing could be examined in one",
            "cargo test --no-run shows the whole message",
        )


_FIND_MODULE = """
import json, sys
from importlib import metadata
from importlib.machinery import PathFinder

name, dotted = sys.argv[1:]
try:
    installed = bool(metadata.distribution(name))
except metadata.PackageNotFoundError:
    installed = False
top, _, rest = dotted.partition(".")
spec, path = PathFinder.find_spec(top), None
# maturin makes a package around a module that is no part of one
for part in rest.split(".") if rest else [top]:
    path = spec.submodule_search_locations if spec else None
    if path is None:
        spec = None if rest else spec
        break
    spec = PathFinder.find_spec(spec.name + "." + part, path)
print(json.dumps({"installed": installed, "module": spec.origin if spec else None}))
"""


def _config_executable(file: Path) -> str | None:
    """Return the line `executable=…` of a PYO3_CONFIG_FILE."""
    try:
        match = re.search(r"^executable=(.+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None


def missing_cache_keys(project: Project) -> list[dict[str, str]]:
    """Return the entries that `cache-keys` needs for its Rust files, manifests and environment.

    A key that covers a file by another pattern counts.
    """
    assert project.pyproject_path
    root = project.pyproject_path.parent
    keys = lookup(project.pyproject, "tool", "uv", "cache-keys") or [{"file": "pyproject.toml"}]
    covered: set[Path] = set()
    folders: set[str] = set()
    for key in keys:
        pattern = key if isinstance(key, str) else key.get("file")
        if pattern and not Path(pattern).is_absolute():
            covered |= {path.resolve() for path in root.glob(pattern)} | {
                (root / pattern).resolve()
            }
        if isinstance(key, dict) and "dir" in key:
            folders.add(os.path.normpath(key["dir"]))

    def relative(path: Path) -> str:
        return Path(os.path.relpath(path, root)).as_posix()

    wanted = [root / "pyproject.toml", project.folder / "Cargo.toml"]
    wanted += [folder / "Cargo.toml" for folder in project.path_dependencies]
    wanted.append(project.workspace / "Cargo.lock")
    if project.workspace != project.folder:
        wanted.append(project.workspace / "Cargo.toml")
    if project.build_script:
        wanted.append(project.build_script)
    missing = [{"file": relative(path)} for path in wanted if path.resolve() not in covered]
    for folder in (project.folder, *project.path_dependencies):
        if any(path.resolve() not in covered for path in folder.glob("src/**/*.rs")):
            missing.append({"file": f"{relative(folder / 'src')}/**/*.rs"})
    marker = project.venv / "pyvenv.cfg"
    known = relative(project.venv) in folders or marker.resolve() in covered
    # A module without a Python package lies in the environment itself.
    if not known and not project.elsewhere and _mixed(project):
        missing.append({"file": relative(marker)})
    return missing


def _mixed(project: Project) -> bool:
    """Whether an editable install leaves the extension module in the tree."""
    assert project.pyproject_path and project.module
    source = lookup(project.pyproject, "tool", "maturin", "python-source") or "."
    package = project.module.split(".")[0]
    return (project.pyproject_path.parent / source / package).is_dir()


def missing_build_settings(project: Project) -> list[str]:
    """Return the settings of [tool.maturin], as TOML, that keep rebuilds small."""
    table = lookup(project.pyproject, "tool", "maturin") or {}
    missing = []
    if table.get("use-base-python") is not True:
        missing.append("use-base-python = true")
    if table.get("editable-profile") is None:
        missing.append('editable-profile = "dev"')
    features = table.get("features") or []
    if not any(feature.endswith("extension-module") for feature in features):
        missing.append('features = ["pyo3/extension-module"]')
    return missing


def maturin_requirement(project: Project) -> tuple[str, str] | None:
    """Return maturin's entry in `requires` and what it must be; None if it is recent enough."""
    for entry in lookup(project.pyproject, "build-system", "requires") or []:
        try:
            requirement = Requirement(entry)
            floors = [
                Version(s.version)
                for s in requirement.specifier
                if s.operator in (">=", "==", "~=")
            ]
        except (InvalidRequirement, InvalidVersion):
            continue
        if requirement.name == "maturin" and max(floors, default=Version("0")) < Version(MATURIN):
            return entry, f"maturin>={MATURIN},<2"
    return None


def examine(project: Project, step: Callable[[str], None] = lambda _: None) -> Report:
    """Return the report on `project`; `step` is told what goes on, as it takes seconds.

    Raises `UserError` if a manifest cannot be read.
    """
    try:
        return Doctor(project, step).examine()
    except OSError as error:
        raise UserError(f"{error.filename or project.folder}: {error.strerror}") from None
