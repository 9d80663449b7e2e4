"""A crate that uses PyO3, as `cargo metadata` and its manifest describe it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyo3_uv.toml import Table, lookup, read_toml

BINDINGS = ("pyo3", "pyo3-ffi")


@dataclass
class Pyo3Crate:
    """What is known of a crate without building it.

    `package` is its entry in `cargo metadata`, `members` are those of its workspace. `folder` and
    `workspace` are the folders of the two manifests, `target` is where cargo builds. `others` are
    the folders of the repository's other crates with PyO3, `chosen` the features to build with.
    """

    folder: Path
    workspace: Path
    package: Table
    members: list[Table]
    target: Path
    others: list[Path] = field(default_factory=list)
    chosen: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.package["name"])

    @property
    def manifest_path(self) -> Path:
        return self.folder / "Cargo.toml"

    @property
    def workspace_manifest(self) -> Path:
        return self.workspace / "Cargo.toml"

    @cached_property
    def manifest(self) -> Table:
        return read_toml(self.manifest_path)

    @cached_property
    def member_manifests(self) -> dict[Path, Table]:
        return {Path(p["manifest_path"]): p for p in self.members}

    @property
    def targets(self) -> list[Table]:
        return list(self.package["targets"])

    @cached_property
    def build_script(self) -> Path | None:
        """The crate's build.rs, if it has one."""
        scripts = (t["src_path"] for t in self.targets if "custom-build" in t["kind"])
        return next(map(Path, scripts), None)

    @cached_property
    def lib_name(self) -> str | None:
        """The name of the library target that Python can load, if there is one."""
        return next((str(t["name"]) for t in self.targets if "cdylib" in t["crate_types"]), None)

    @cached_property
    def path_dependencies(self) -> list[Path]:
        """The folders of the local crates that this one is built from, itself left out."""
        packages = {path.parent: package for path, package in self.member_manifests.items()}
        found: dict[Path, None] = {}
        remaining = [self.package]
        while remaining:
            for dependency in remaining.pop()["dependencies"]:
                folder = Path(dependency["path"]) if dependency.get("path") else None
                if folder and folder not in found and dependency["kind"] != "dev":
                    found[folder] = None
                    remaining += [packages[folder]] if folder in packages else []
        return list(found)

    @property
    def resolver(self) -> str:
        """The version of cargo's feature resolver, which the workspace's manifest sets."""
        root = read_toml(self.workspace_manifest)
        for table in ("workspace", "package"):
            if named := lookup(root, table, "resolver"):
                return str(named)
        package = self.member_manifests.get(self.workspace_manifest)
        edition = int(package["edition"]) if package else 2015  # what a root without a crate has
        return "3" if edition >= 2024 else "2" if edition >= 2021 else "1"

    @cached_property
    def upwards(self) -> list[Path]:
        """Its folder and those above it, up to the workspace's or the repository's."""
        found = []
        for folder in (self.folder, *self.folder.parents):
            found.append(folder)
            if (folder / ".git").exists():
                return found
        # In no repository: what lies above the workspace belongs to somebody else.
        return [f for f in found if f.is_relative_to(self.workspace)]

    @cached_property
    def binding(self) -> str:
        """The crate that binds to Python: pyo3, or pyo3-ffi alone."""
        return next(name for name in BINDINGS if uses(self.package, name))

    def pyo3(self, kind: str | None) -> list[Table]:
        """Return the dependencies on PyO3: of kind None (normal), "dev" or "build"."""
        dependencies = self.package["dependencies"]
        return [d for d in dependencies if d["name"] == self.binding and d["kind"] == kind]

    @cached_property
    def key(self) -> str:
        """PyO3's name in the manifest, which may be another (`package = "pyo3"`)."""
        (dependency, *_) = self.pyo3(None)
        return str(dependency.get("rename") or self.binding)


def uses(package: Table, *names: str) -> bool:
    """Whether a package of `cargo metadata` depends on one of these crates, not only in tests."""
    return any(d["name"] in names and d["kind"] is None for d in package["dependencies"])
