"""A crate that uses PyO3: its manifests, its cargo configuration, its environment."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyo3_uv.interpreters import Interpreter, describe, executable_of
from pyo3_uv.process import UserError, run
from pyo3_uv.toml_edit import Table, lookup, read_toml
from pyo3_uv.workspaces import uv_workspace_above


@dataclass(frozen=True)
class CargoConfig:
    """One of the configuration files that cargo reads in this folder."""

    path: Path
    content: Table

    def env(self, name: str) -> tuple[str, bool] | None:
        """Return the value that [env] gives to a variable, and whether it is forced."""
        value = lookup(self.content, "env", name)
        if value is None:
            return None
        if not isinstance(value, dict):
            return str(value), False
        text = str(value.get("value", ""))
        if value.get("relative"):
            text = str(self.path.parent.parent / text)
        return text, bool(value.get("force"))


@dataclass
class Project:
    """What is known of a crate without building it.

    `package` is its entry in `cargo metadata`; `workspace` and `folder` are the folders of the
    workspace's Cargo.toml and of the crate's.
    """

    folder: Path
    workspace: Path
    package: Table
    members: list[Table] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.package["name"])

    @cached_property
    def manifest(self) -> Table:
        return read_toml(self.folder / "Cargo.toml")

    # ---- PyO3 ----

    def pyo3(self, kind: str | None) -> list[Table]:
        """Return the dependencies on PyO3: of kind None (normal), "dev" or "build"."""
        return [
            d for d in self.package["dependencies"] if d["name"] == "pyo3" and d["kind"] == kind
        ]

    @cached_property
    def default_features(self) -> set[str]:
        """The crate's own features that are on by default, and what they switch on in PyO3."""
        table: dict[str, list[str]] = self.package["features"]
        found: set[str] = set()
        remaining = ["default"]
        while remaining:
            name = remaining.pop()
            if name not in found:
                found.add(name)
                remaining += table.get(name, [])
        return found

    def has_feature(self, feature: str, kinds: tuple[str | None, ...] = (None,)) -> bool:
        """Whether PyO3's `feature` is on without further flags."""
        for kind in kinds:
            for dependency in self.pyo3(kind):
                key = dependency.get("rename") or "pyo3"
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
            if re.search(pattern, without_comments(path.read_text("utf-8", "replace"))):
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
            if {"cdylib"} & set(target["crate_types"]):
                return str(target["name"])
        return None

    @cached_property
    def pymodules(self) -> list[str]:
        """The names that `#[pymodule]` gives, submodules included."""
        found = []
        for path in self.sources:
            text = without_comments(path.read_text("utf-8", "replace"))
            for match in re.finditer(
                r"#\[(?:pyo3::)?pymodule(?P<arguments>\([^\]]*\))?\](?P<attributes>(?:\s*#\[[^\]]*\])*)"
                r"\s*(?:pub(?:\([^)]*\))?\s+)?(?:unsafe\s+)?(?:mod|fn)\s+(?:r#)?(?P<name>\w+)",
                text,
            ):
                attributes = f"{match['arguments'] or ''}{match['attributes']}"
                named = re.search(r"\bname\s*=\s*\"(\w+)\"", attributes)
                found.append(named[1] if named else match["name"])
        return found

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
    def maturin(self) -> bool:
        """Whether maturin builds a Python package from this crate."""
        backend = lookup(self.pyproject, "build-system", "build-backend")
        if backend not in ("maturin", "maturin_bootstrap"):
            return False
        assert self.pyproject_path
        named = lookup(self.pyproject, "tool", "maturin", "manifest-path") or "Cargo.toml"
        folder = (self.pyproject_path.parent / named).parent.resolve()
        # A workspace's manifest stands for the one member that is an extension module.
        return folder == self.folder.resolve() or folder == self.workspace.resolve()

    @cached_property
    def module(self) -> str | None:
        """The dotted name under which maturin installs the extension module."""
        if not self.maturin:
            return None
        named = lookup(self.pyproject, "tool", "maturin", "module-name")
        return str(named) if named else self.lib_name

    def _upwards(self) -> list[Path]:
        """The crate's folder and those above it, up to the workspace's or the repository's."""
        found = []
        for folder in (self.folder, *self.folder.parents):
            found.append(folder)
            if (folder / ".git").exists():
                return found
        # In no repository: what lies above the workspace belongs to somebody else.
        return [f for f in found if f.is_relative_to(self.workspace)]

    @cached_property
    def uv_workspace(self) -> Path | None:
        """The root of the uv workspace of which the project is a member, in another folder."""
        if not self.pyproject_path or lookup(self.pyproject, "tool", "uv", "workspace") is not None:
            return None
        folder = self.pyproject_path.parent
        found = uv_workspace_above(folder)
        return found.root if found and found.names(folder) and not found.excludes(folder) else None

    @property
    def elsewhere(self) -> str | None:
        """The environment that UV_PROJECT_ENVIRONMENT names, instead of `.venv`."""
        return os.environ.get("UV_PROJECT_ENVIRONMENT") if self.pyproject_path else None

    @cached_property
    def venv(self) -> Path:
        """The folder of the environment that uv uses here, whether it exists or not."""
        root = self.pyproject_path.parent if self.pyproject_path else self.folder
        root = self.uv_workspace or root
        if self.elsewhere:
            return root / self.elsewhere
        if not self.pyproject_path:
            for folder in self._upwards():
                if (folder / ".venv").is_dir():
                    return folder / ".venv"
        return root / ".venv"

    @property
    def venv_python(self) -> Path:
        return executable_of(self.venv)

    @cached_property
    def interpreter(self) -> Interpreter | None:
        """The Python of `.venv`; None if there is none or it does not start."""
        return describe(self.venv_python) if self.venv_python.exists() else None

    def shown(self, path: Path | str) -> str:
        """Return `path` as seen from the crate's folder, if it lies there or in its workspace."""
        path = Path(path)
        if path.is_relative_to(self.folder):
            return str(path.relative_to(self.folder))
        roots = [root for root in (self.workspace, self.uv_workspace) if root]
        inside = any(path.is_relative_to(root) for root in roots)
        return os.path.relpath(path, self.folder) if inside else str(path)

    # ---- Cargo's configuration ----

    @cached_property
    def configs(self) -> list[CargoConfig]:
        """The configuration files that cargo reads here, the one that wins first."""
        home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        folders = [folder / ".cargo" for folder in (self.folder, *self.folder.parents)]
        found = []
        for folder in [*folders, *([] if home in folders else [home])]:
            for name in ("config", "config.toml"):
                if (folder / name).is_file():
                    found.append(CargoConfig(folder / name, read_toml(folder / name)))
                    break
        return found

    @property
    def config_path(self) -> Path:
        """The configuration file for what concerns this project: of the workspace."""
        for folder in (self.folder, self.workspace):
            for name in ("config.toml", "config"):
                if (folder / ".cargo" / name).is_file():
                    return folder / ".cargo" / name
        return self.workspace / ".cargo/config.toml"

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


def without_comments(rust: str) -> str:
    """Return Rust source without `//` and `/* */` comments (strings with `//` lose their end)."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", rust, flags=re.DOTALL)


def load(path: Path) -> Project:
    """Return the crate in `path`, a folder or a Cargo.toml; in a workspace the one with PyO3.

    Raises `UserError` (usage) if there is no crate, none that uses PyO3, or more than one.
    """
    path = path.resolve()
    folder = path.parent if path.name == "Cargo.toml" and path.is_file() else path
    if not folder.is_dir():
        raise UserError(f"{path} is no folder with a Cargo.toml", 2)
    manifest = next(
        (f / "Cargo.toml" for f in (folder, *folder.parents) if (f / "Cargo.toml").is_file()), None
    )
    if not manifest:
        raise UserError(f"there is no Cargo.toml in {folder} or above it", 2)
    read_toml(manifest)
    command = ["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path"]
    result = run([*command, str(manifest)], manifest.parent)
    if result.code == 127:
        raise UserError("cargo is not installed: https://rustup.rs")
    if result.code:
        raise UserError(f"cargo metadata failed\n{result.stderr.strip()}")
    metadata = json.loads(result.stdout)
    members = metadata["packages"]

    def uses_pyo3(package: Table) -> bool:
        return any(d["name"] == "pyo3" and d["kind"] is None for d in package["dependencies"])

    own = [p for p in members if Path(p["manifest_path"]) == manifest and uses_pyo3(p)]
    found = own or [p for p in members if uses_pyo3(p)]
    if not found:
        raise UserError(f"no crate in {manifest.parent} depends on pyo3", 2)
    if len(found) > 1:
        names = ", ".join(str(Path(p["manifest_path"]).parent) for p in found)
        raise UserError(f"more than one crate uses pyo3; name one of: {names}", 2)
    return Project(
        Path(found[0]["manifest_path"]).parent, Path(metadata["workspace_root"]), found[0], members
    )
