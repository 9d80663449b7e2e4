"""The Python package that is made from a crate, as pyproject.toml or setup.py describe it."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pyo3_uv.facts.extension_module import Extension, extension_of
from pyo3_uv.facts.pyo3_crate import Pyo3Crate
from pyo3_uv.toml import Table, lookup, lookup_text, lookup_texts, read_if_there, read_toml


@dataclass
class PythonPackage:
    """What builds and installs it, and under which names."""

    crate: Pyo3Crate

    @cached_property
    def pyproject_path(self) -> Path | None:
        """The nearest pyproject.toml, from the crate up to its workspace or repository."""
        paths = (folder / "pyproject.toml" for folder in self.crate.upwards)
        return next((path for path in paths if path.is_file()), None)

    @cached_property
    def pyproject(self) -> Table:
        """Its content, or {}."""
        return read_toml(self.pyproject_path) if self.pyproject_path else {}

    @cached_property
    def root(self) -> Path | None:
        """The folder of the Python package: that of pyproject.toml, or of setup.py alone."""
        for folder in self.crate.upwards:
            if (folder / "pyproject.toml").is_file() or (folder / "setup.py").is_file():
                return folder
        return None

    @property
    def folder(self) -> Path:
        """That folder, where there is a package."""
        assert self.root
        return self.root

    @cached_property
    def extension(self) -> Extension | None:
        """The extension module that the package has of the crate."""
        if not self.root:
            return None
        pyproject = read_if_there(self.root / "pyproject.toml")
        return extension_of(self.root, pyproject, {self.crate.folder, self.crate.workspace})

    @property
    def maturin(self) -> bool:
        """Whether maturin builds the package."""
        return bool(self.extension and self.extension.backend == "maturin")

    @cached_property
    def module(self) -> str | None:
        """The dotted name under which the extension module is installed."""
        return (self.extension.module or self.crate.lib_name) if self.extension else None

    @property
    def python_source(self) -> str:
        """Where maturin has the Python files, relative to pyproject.toml."""
        return lookup_text(self.pyproject, "tool", "maturin", "python-source") or "."

    @property
    def build_backend(self) -> str:
        return lookup_text(self.pyproject, "build-system", "build-backend")

    @property
    def build_requires(self) -> list[str]:
        return lookup_texts(self.pyproject, "build-system", "requires")

    @property
    def has_cache_keys(self) -> bool:
        """Whether uv builds the extension module by the `cache-keys` of pyproject.toml."""
        if not self.extension or not self.pyproject_path or self.lacks_version:
            return False
        return self.pyproject_path.parent == self.root

    def builds_with(self, backend: str, floor: Version) -> bool:
        """Whether [build-system] lets a build take this version of a backend, or a newer one."""
        for entry in self.build_requires:
            with suppress(InvalidRequirement):
                requirement = Requirement(entry)
                if canonicalize_name(requirement.name) == backend:
                    newest = f"{floor.major}.{floor.minor}.9999"
                    later = (str(floor), newest, f"{floor.major}.9999")
                    return any(requirement.specifier.contains(version) for version in later)
        return True

    @property
    def lacks_version(self) -> bool:
        """Whether [project] has no version, so that uv reads nothing of pyproject.toml."""
        table = lookup(self.pyproject, "project")
        if not isinstance(table, dict):
            return False
        return "version" not in (*table, *lookup_texts(table, "dynamic"))

    @cached_property
    def distribution(self) -> str:
        """The name of the Python package."""
        return lookup_text(self.pyproject, "project", "name") or self.crate.name
