"""What the checks ask of a project; what takes seconds is done once, when it is needed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from packaging.version import Version

from pyo3_uv import shell
from pyo3_uv.facts import executables
from pyo3_uv.facts.build import BUILD_TESTS, NO_LIBRARY, NO_SYMBOLS, Build, build_tests, options
from pyo3_uv.facts.embedded import EmbeddedStart, Probe
from pyo3_uv.facts.installed import Installed, find_installed
from pyo3_uv.facts.interpreters import Interpreter, describe
from pyo3_uv.facts.project import Project
from pyo3_uv.facts.selection import Selection, select
from pyo3_uv.process import Result, run


@dataclass
class Facts:
    """A project, its build, and an interpreter that is started in it.

    `notes` are what the report shows of them, in the order in which they were found out; `found_ids`
    are those of findings so far; `step` is told what is going on.
    """

    project: Project
    probe: Probe
    step: Callable[[str], None]
    notes: dict[str, str] = field(default_factory=dict)
    found_ids: set[str] = field(default_factory=set)
    build_explained: bool = False  # a finding before says why the build fails

    @cached_property
    def build(self) -> Build:
        """The build of the tests; nothing is built where cargo would not start any program."""
        if not self.project.sources.programs:
            return Build(True, "")
        self.step(self.build_command)
        return build_tests(self.project)

    @property
    def build_command(self) -> str:
        """What shows a person how the build of the tests ends."""
        return shell.join([*BUILD_TESTS, *options(self.project)])

    def fails_with(self, messages: str) -> bool:
        """Whether the tests are not built, and a line of the output matches."""
        return not self.build.ok and bool(re.search(messages, self.build.errors))

    @cached_property
    def pyo3_version(self) -> Version | None:
        """The version that was built, or that is locked if it was not: an optional one is not."""
        if self.build.pyo3_version:
            return self.build.pyo3_version
        # "registry+…#pyo3@0.30.1", "path+…/pyo3#0.30.1"
        package = run(["cargo", "pkgid", self.project.crate.binding], self.project.folder)
        match = re.search(r"[#@](\d[^#@]*)$", package.stdout.strip())
        return Version(match[1]) if match else None

    @cached_property
    def feature_tree(self) -> str:
        """What cargo says of PyO3's features and of what enables them, without tests; "" if nothing.

        A line is `1pyo3 feature "auto-initialize"`, the lines below it are what enables that.
        """
        binding, version = self.project.crate.binding, str(self.pyo3_version or "")
        spec = f"{binding}@{version}" if re.fullmatch(r"[\d.]+", version) else binding
        tree = ["cargo", "tree", "--quiet", "--edges=normal,features", "--prefix=depth"]
        command = [*tree, f"--invert={spec}", *options(self.project)]
        return run(command, self.project.folder).stdout

    def enables(self, feature: str) -> bool:
        """Whether a feature of PyO3 is on in cargo's own builds of the crate."""
        if not self.project.features.of_pyo3(feature):
            return False
        tree = self.feature_tree
        return not tree or f'\n1{self.project.crate.binding} feature "{feature}"' in tree

    @cached_property
    def rust_uses_python(self) -> bool:
        """Whether Rust tests, or a program, use Python: they start it, or link libpython."""
        if not self.project.sources.programs:
            return False
        if self.project.starts_python:
            return True
        if not self.build.ok:
            return self.fails_with(f"{NO_SYMBOLS}|{NO_LIBRARY}")
        found = (executables.read(path) for path in self.build.executables)
        return any(executable and executable.libpython for executable in found)

    @cached_property
    def listing(self) -> tuple[str, Result] | None:
        """The command that lists the library's tests, and how it ended; None if there are none.

        Other tests may have a harness of their own, which runs them whatever the options are.
        """
        libraries = [t for t in self.project.crate.targets if "custom-build" not in t["kind"]]
        if not self.project.sources.programs or not any(
            t["test"] and {"lib", "rlib", "cdylib"} & set(t["kind"]) for t in libraries
        ):
            return None
        self.step("cargo test --lib -- --list")
        command = ["cargo", "test", "--quiet", "--lib", *options(self.project), "--", "--list"]
        return shell.join(command), run(command, self.project.folder)

    @cached_property
    def selection(self) -> Selection:
        """The interpreter that PyO3 takes."""
        return select(self.project, self.probe.env)

    @property
    def selects_venv(self) -> bool:
        """Whether that is the Python of the environment, in any shell in which one works on it."""
        environment = self.project.environment
        path, lasting = self.selection.path, self.selection.lasting or environment.activated
        return lasting and path is not None and environment.has(path)

    @cached_property
    def python(self) -> Interpreter | None:
        """The Python that cargo builds for today, that of the environment or another."""
        path = self.selection.path
        if path and self.project.environment.has(path):
            return self.project.environment.interpreter
        return describe(path, self.project.folder) if path else None

    @cached_property
    def installed(self) -> Installed | None:
        """What the environment has of the package and its extension module."""
        package, environment = self.project.package, self.project.environment
        if not package.module or not environment.interpreter:
            return None
        python, scratch = environment.executable, self.probe.crate
        return find_installed(python, package.distribution, package.module, scratch)

    @cached_property
    def embedded(self) -> EmbeddedStart | None:
        """An embedded interpreter of that Python, which finds its libpython."""
        if not self.python:
            return None
        self.step("starting an embedded interpreter")
        return self.probe.start(self.python, rpath=True)

    @cached_property
    def loader_finds_libpython(self) -> bool:
        """Whether a program without rpath finds its libpython."""
        if not self.python:
            return False
        self.step("starting one without rpath")
        return not self.probe.start(self.python, rpath=False).misses_libpython
