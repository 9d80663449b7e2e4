"""A crate that uses PyO3: its manifests, its cargo configuration, its environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyo3_uv import environments, rust_source
from pyo3_uv.backend import Extension, extension_of
from pyo3_uv.cargo_config import CargoConfig, config_in, configs_of
from pyo3_uv.interpreters import Interpreter, describe, executable_of
from pyo3_uv.toml_edit import Table, lookup, read_toml
from pyo3_uv.workspaces import uv_workspace_above

BINDINGS = ("pyo3", "pyo3-ffi")


@dataclass
class Project:
    """What is known of a crate without building it.

    `package` is its entry in `cargo metadata`; `workspace` and `folder` are the folders of the
    workspace's Cargo.toml and of the crate's. `others` are the folders of the repository's other
    crates with PyO3, `chosen` the features with which this one is built.
    """

    folder: Path
    workspace: Path
    package: Table
    members: list[Table] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    chosen: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.package["name"])

    @cached_property
    def manifest(self) -> Table:
        return read_toml(self.folder / "Cargo.toml")

    # ---- PyO3 ----

    @cached_property
    def binding(self) -> str:
        """The crate that binds to Python: pyo3, or pyo3-ffi alone."""
        return next(name for name in BINDINGS if uses(self.package, name))

    def pyo3(self, kind: str | None) -> list[Table]:
        """Return the dependencies on it: of kind None (normal), "dev" or "build"."""
        dependencies = self.package["dependencies"]
        return [d for d in dependencies if d["name"] == self.binding and d["kind"] == kind]

    @cached_property
    def key(self) -> str:
        """Its name in the manifest."""
        (dependency, *_) = self.pyo3(None)
        return str(dependency.get("rename") or self.binding)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features to build with: the chosen ones, else one that switches an optional PyO3 on."""
        if self.chosen or not all(d["optional"] for d in self.pyo3(None)):
            return self.chosen
        names = self.switching_on(self.key)
        if names & self.default_features:
            return ()
        packaged = self.extension.features if self.extension else ()
        written = names & self.manifest.get("features", {}).keys()  # not the implicit ones
        found = next(((name,) for name in packaged if name in names), None)
        return found or self.smallest(written or names)[:1]

    @cached_property
    def default_features(self) -> set[str]:
        """The crate's own features that are on by default, and what they switch on in PyO3."""
        return self._on("default")

    def has_feature(self, feature: str, kinds: tuple[str | None, ...] = (None,)) -> bool:
        """Whether PyO3's `feature` is on without further flags."""
        for kind in kinds:
            for dependency in self.pyo3(kind):
                key = dependency.get("rename") or self.binding
                through = {f"{key}/{feature}", f"{key}?/{feature}"}
                if feature in dependency["features"] or through & self.default_features:
                    return True
        return False

    @cached_property
    def sources(self) -> list[Path]:
        """The crate's Rust files: those of its targets' folders, and build.rs."""
        found = set(self.folder.glob("src/**/*.rs"))
        for target in self.package["targets"]:
            path = Path(target["src_path"])
            if path.parent == self.folder:
                found.add(path)
            else:
                found |= set(path.parent.rglob("*.rs"))
        return sorted(found)

    def source_matching(self, pattern: str) -> Path | None:
        """Return the first Rust file outside comments of which `pattern` matches."""
        for path in self.sources:
            text = rust_source.without_comments(path.read_text("utf-8", "replace"))
            if re.search(pattern, text):
                return path
        return None

    @cached_property
    def path_dependencies(self) -> list[Path]:
        """The folders of the local crates that this one is built from, itself left out."""
        packages = {Path(p["manifest_path"]).parent: p for p in self.members}
        found: dict[Path, None] = {}
        remaining = [self.package]
        while remaining:
            for dependency in remaining.pop()["dependencies"]:
                folder = Path(dependency["path"]) if dependency.get("path") else None
                if folder and folder not in found and dependency["kind"] != "dev":
                    found[folder] = None
                    remaining += [packages[folder]] if folder in packages else []
        return list(found)

    @cached_property
    def build_script(self) -> Path | None:
        """The crate's build.rs, if it has one."""
        for target in self.package["targets"]:
            if "custom-build" in target["kind"]:
                return Path(target["src_path"])
        return None

    @cached_property
    def lib_name(self) -> str | None:
        """The name of the library target that Python can load, if there is one."""
        for target in self.package["targets"]:
            if "cdylib" in target["crate_types"]:
                return str(target["name"])
        return None

    @cached_property
    def pymodules(self) -> list[str]:
        """The names that `#[pymodule]` gives, submodules included."""
        return [
            name
            for path in self.sources
            for name in rust_source.pymodules(path.read_text("utf-8", "replace"))
        ]

    @cached_property
    def rust_programs(self) -> bool:
        """Whether cargo starts something of this crate: tests, a program, examples or benches."""
        kinds = {kind for target in self.package["targets"] for kind in target["kind"]}
        programs = kinds & {"bin", "example", "test", "bench"}
        return bool(programs or self.source_matching(rust_source.TEST))

    @cached_property
    def starts_python(self) -> bool:
        """Whether tests, or the crate itself, start Python."""
        on = self.has_feature("auto-initialize", (None, "dev"))
        return on or self.source_matching(rust_source.START) is not None

    @property
    def cargo_test(self) -> str:
        """The command that tests it with PyO3."""
        return " ".join(["cargo test", *(f"--features {name}" for name in self.features)])

    def switching_on(self, dependency: str) -> set[str]:
        """The crate's features with which an optional dependency is built, by its key."""
        marks = (f"dep:{dependency}", f"{dependency}/")
        return {
            feature
            for feature in self.package["features"]
            if any(value.startswith(marks[1]) or value == marks[0] for value in self._on(feature))
        }

    def smallest(self, features: set[str]) -> tuple[str, ...]:
        """Return the features of which one is on where any of these is, as few as possible."""
        kept = (f for f in features if not (self._on(f) - {f}) & features)
        # A circle of features has no smallest.
        return tuple(sorted(kept)) or tuple(sorted(features))

    def _on(self, feature: str) -> set[str]:
        """What a feature of the crate switches on, itself included."""
        found: set[str] = set()
        remaining = [feature]
        while remaining:
            if (name := remaining.pop()) not in found:
                found.add(name)
                remaining += self.package["features"].get(name, [])
        return found

    @property
    def resolver(self) -> str:
        """The version of cargo's feature resolver, which the workspace's manifest sets."""
        root = read_toml(self.workspace / "Cargo.toml")
        for table in ("workspace", "package"):
            if named := lookup(root, table, "resolver"):
                return str(named)
        paths = {Path(p["manifest_path"]): p for p in self.members}
        package = paths.get(self.workspace / "Cargo.toml")
        edition = int(package["edition"]) if package else 2015  # what a root without a crate has
        return "3" if edition >= 2024 else "2" if edition >= 2021 else "1"

    # ---- Python's side ----

    @cached_property
    def pyproject_path(self) -> Path | None:
        """The nearest pyproject.toml, from the crate up to its workspace or repository."""
        for folder in self._upwards():
            if (folder / "pyproject.toml").is_file():
                return folder / "pyproject.toml"
        return None

    @cached_property
    def pyproject(self) -> Table:
        """Its content, or {}."""
        return read_toml(self.pyproject_path) if self.pyproject_path else {}

    @cached_property
    def package_root(self) -> Path | None:
        """The folder of the Python package: that of pyproject.toml, or of setup.py alone."""
        for folder in self._upwards():
            if (folder / "pyproject.toml").is_file() or (folder / "setup.py").is_file():
                return folder
        return None

    @cached_property
    def extension(self) -> Extension | None:
        """The extension module that a Python package has of this crate."""
        if not self.package_root:
            return None
        pyproject = (
            read_toml(path) if (path := self.package_root / "pyproject.toml").exists() else {}
        )
        return extension_of(self.package_root, pyproject, {self.folder, self.workspace})

    @property
    def maturin(self) -> bool:
        """Whether maturin builds a Python package from this crate."""
        return bool(self.extension and self.extension.backend == "maturin")

    @cached_property
    def module(self) -> str | None:
        """The dotted name under which the extension module is installed."""
        return (self.extension.module or self.lib_name) if self.extension else None

    @property
    def has_cache_keys(self) -> bool:
        """Whether uv builds the extension module by the `cache-keys` of pyproject.toml."""
        if not self.extension or not self.pyproject_path or self.lacks_version:
            return False
        return self.pyproject_path.parent == self.package_root

    @property
    def lacks_version(self) -> bool:
        """Whether [project] has no version, so that uv reads nothing of pyproject.toml."""
        table = lookup(self.pyproject, "project")
        return table is not None and "version" not in (*table, *table.get("dynamic", []))

    @cached_property
    def distribution(self) -> str:
        """The name of the Python package."""
        return str(lookup(self.pyproject, "project", "name") or self.name)

    def _upwards(self) -> list[Path]:
        """The crate's folder and those above it, up to the workspace's or the repository's."""
        found = []
        for folder in (self.folder, *self.folder.parents):
            found.append(folder)
            if (folder / ".git").exists():
                return found
        # In no repository: what lies above the workspace belongs to somebody else.
        return [f for f in found if f.is_relative_to(self.workspace)]

    @property
    def repository(self) -> Path:
        """The root of the workspace's repository, else of the workspaces, cargo's and uv's."""
        parents = (self.workspace, *self.workspace.parents)
        root = next((folder for folder in parents if (folder / ".git").exists()), None)
        return root or Path(os.path.commonpath((self.workspace, self.uv_root)))

    @cached_property
    def uv_workspace(self) -> Path | None:
        """The root of the uv workspace of which the project is a member, in another folder."""
        if not self.pyproject_path or lookup(self.pyproject, "tool", "uv", "workspace") is not None:
            return None
        folder = self.pyproject_path.parent
        found = uv_workspace_above(folder)
        return found.root if found and found.names(folder) and not found.excludes(folder) else None

    @property
    def uv_root(self) -> Path:
        """Where uv has the environment and its lock file."""
        return self.uv_workspace or (
            self.pyproject_path.parent if self.pyproject_path else self.folder
        )

    @property
    def syncs(self) -> bool:
        """Whether `uv sync` manages the environment here: there is a lock file, or more of uv's."""
        uv = lookup(self.pyproject, "tool", "uv") or {}
        return (self.uv_root / "uv.lock").exists() or "required-version" in uv

    @property
    def elsewhere(self) -> Path | None:
        """The environment that UV_PROJECT_ENVIRONMENT names, instead of `.venv`."""
        return environments.wanted(self.uv_root) if self.pyproject_path else None

    @cached_property
    def venv(self) -> Path:
        """The folder of the project's environment, or where uv would make it."""
        roots = list(dict.fromkeys((self.uv_root, *self._upwards())))
        return self.elsewhere or environments.find(roots) or self.uv_root / ".venv"

    @property
    def activated(self) -> bool:
        """Whether the environment is used as it is activated, and lies where nobody looks."""
        named = self.venv.name == ".venv" or self.elsewhere
        return not named and self.venv == environments.activated()

    @property
    def venv_python(self) -> Path:
        return executable_of(self.venv)

    @cached_property
    def interpreter(self) -> Interpreter | None:
        """The Python of the environment; None if there is none or it does not start."""
        return describe(self.venv_python) if self.venv_python.exists() else None

    def shown(self, path: Path | str) -> str:
        """Return `path` as seen from the crate's folder, if it lies there or in its workspace."""
        path = Path(path)
        if path.is_relative_to(self.folder):
            return str(path.relative_to(self.folder))
        roots = (self.workspace, self.uv_root, self.repository)
        inside = any(path.is_relative_to(root) for root in roots)
        return os.path.relpath(path, self.folder) if inside else str(path)

    # ---- Cargo's configuration ----

    @cached_property
    def configs(self) -> list[CargoConfig]:
        """The configuration files that cargo reads here, the one that wins first."""
        return configs_of(self.folder)

    @property
    def config_path(self) -> Path:
        """The configuration file for what concerns this project.

        One that names a Python already; else one that no other crate with PyO3 reads, if there is
        such a place: that crate may be tested with another Python, and have no rpath to this one.
        """
        places = list(dict.fromkeys((self.workspace, self.folder)))
        for config in self.configs:
            named = config.env("PYO3_PYTHON") or config.env("VIRTUAL_ENV")
            if named and config.path.parent.parent in places:
                return config.path
        free = [place for place in places if not self.neighbours(place)]
        (place, *_) = free or places[-1:]
        return config_in(place / ".cargo") or place / ".cargo/config.toml"

    @property
    def is_bound(self) -> bool:
        """Whether `config_path` names a Python, so that cargo builds for it there."""
        found = self.configured("PYO3_PYTHON") or self.configured("VIRTUAL_ENV")
        return found is not None and found[0].path == self.config_path

    def neighbours(self, folder: Path) -> list[Path]:
        """The other crates with PyO3 that are built with the configuration in a folder."""
        return [other for other in self.others if other.is_relative_to(folder)]

    @property
    def configured_venv(self) -> str:
        """What VIRTUAL_ENV must be in `config_path`, relative to the folder of its `.cargo`."""
        return Path(os.path.relpath(self.venv, self.config_path.parent.parent)).as_posix()

    @property
    def configured_python(self) -> str:
        """What PYO3_PYTHON must be there."""
        return f"{self.configured_venv}/{self.venv_python.relative_to(self.venv).as_posix()}"

    @property
    def sets_virtual_env(self) -> bool:
        """Whether cargo's configuration names the environment, as with the answer `windows`."""
        return not self.configured("PYO3_PYTHON") and bool(self.configured("VIRTUAL_ENV"))

    def configured(self, name: str) -> tuple[CargoConfig, str, bool] | None:
        """Return the file that sets an environment variable, the value, and whether by force."""
        for config in self.configs:
            if found := config.env(name):
                return config, *found
        return None


def uses(package: Table, *names: str) -> bool:
    """Whether a package of `cargo metadata` depends on one of these crates, not only in tests."""
    return any(d["name"] in names and d["kind"] is None for d in package["dependencies"])
