"""Cargo's configuration files: where they are, and what [env] sets there.

`cargo config get` would tell, but is unstable: https://github.com/rust-lang/cargo/issues/9301
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyo3_uv.facts.environment import Environment
from pyo3_uv.facts.pyo3_crate import Pyo3Crate
from pyo3_uv.paths import relative
from pyo3_uv.toml import Table, lookup, read_toml


@dataclass(frozen=True)
class Variable:
    """An environment variable that cargo sets: where, its value, and whether the shell's gives way."""

    name: str
    config: Path
    value: str
    forced: bool


@dataclass(frozen=True)
class CargoConfig:
    """One of the configuration files that cargo reads in this folder."""

    path: Path
    content: Table

    def env(self, name: str) -> Variable | None:
        """Return a variable that [env] sets."""
        value = lookup(self.content, "env", name)
        if value is None:
            return None
        if not isinstance(value, dict):
            return Variable(name, self.path, str(value), False)
        text = str(value.get("value", ""))
        if value.get("relative"):
            text = str(self.path.parent.parent / text)
        return Variable(name, self.path, text, bool(value.get("force")))

    @property
    def python(self) -> Variable | None:
        """What names the Python to build for."""
        return self.env("PYO3_PYTHON") or self.env("VIRTUAL_ENV")


def configs_of(folder: Path) -> list[CargoConfig]:
    """Return the configuration files that cargo reads in a folder, the one that wins first."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folders = [parent / ".cargo" for parent in (folder, *folder.parents)]
    found = (config_in(path) for path in [*folders, *([] if home in folders else [home])])
    return [config for path in found if path for config in _with_included(path, set())]


def _with_included(path: Path, seen: set[Path]) -> Iterator[CargoConfig]:
    """Yield a configuration file, then what it includes: the last one wins, and it wins over all.

    https://doc.rust-lang.org/cargo/reference/config.html#including-extra-configuration-files
    """
    seen.add(path)
    config = CargoConfig(path, read_toml(path))
    yield config
    entries = config.content.get("include")
    for entry in reversed(entries if isinstance(entries, list) else []):
        name = entry.get("path") if isinstance(entry, dict) else entry
        included = path.parent / str(name)
        if included.is_file() and included not in seen:
            yield from _with_included(included, seen)


def config_in(folder: Path) -> Path | None:
    """Return the configuration file in a `.cargo`; the older name wins, as with cargo."""
    paths = (folder / name for name in ("config", "config.toml"))
    return next((path for path in paths if path.is_file()), None)


@dataclass
class CargoSettings:
    """What cargo's configuration says in a crate's folder, and where it binds to the environment."""

    crate: Pyo3Crate
    environment: Environment

    @cached_property
    def files(self) -> list[CargoConfig]:
        """The configuration files that cargo reads here, the one that wins first."""
        return configs_of(self.crate.folder)

    def variable(self, name: str) -> Variable | None:
        """Return an environment variable, as the configuration sets it."""
        return next(filter(None, (config.env(name) for config in self.files)), None)

    @property
    def python(self) -> Variable | None:
        """What names the Python to build for."""
        return self.variable("PYO3_PYTHON") or self.variable("VIRTUAL_ENV")

    @property
    def by_virtual_env(self) -> bool:
        """Whether it names the environment, as with the answer `windows`."""
        return self.python is not None and self.python.name == "VIRTUAL_ENV"

    @property
    def path(self) -> Path:
        """The configuration file for what concerns this project.

        One that names a Python already; else one that no other crate with PyO3 reads, if there is
        such a place: that crate may be tested with another Python, and have no rpath to this one.
        """
        places = list(dict.fromkeys((self.crate.workspace, self.crate.folder)))
        for config in self.files:
            if config.python and config.path.parent.parent in places:
                return config.path
        free = [place for place in places if not self.neighbours(place)]
        (place, *_) = free or places[-1:]
        return config_in(place / ".cargo") or place / ".cargo/config.toml"

    @property
    def is_bound(self) -> bool:
        """Whether `path` names a Python, so that cargo builds for it there."""
        return self.python is not None and self.python.config == self.path

    def neighbours(self, folder: Path) -> list[Path]:
        """The other crates with PyO3 that are built with the configuration in a folder."""
        return [other for other in self.crate.others if other.is_relative_to(folder)]

    @property
    def wanted_venv(self) -> str:
        """What VIRTUAL_ENV must be in `path`, relative to the folder of its `.cargo`."""
        return relative(self.environment.folder, self.path.parent.parent)

    @property
    def wanted_python(self) -> str:
        """What PYO3_PYTHON must be there."""
        executable = self.environment.executable.relative_to(self.environment.folder)
        return f"{self.wanted_venv}/{executable.as_posix()}"
