"""Finding the crates that use PyO3: of a workspace, or anywhere in a repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pyo3_uv.process import UserError, run
from pyo3_uv.project import BINDINGS, Project, uses
from pyo3_uv.toml_edit import Table, lookup, read_toml


def repository_of(folder: Path) -> Path | None:
    """Return the root of the Git repository around a folder, if there is one."""
    result = run(["git", "rev-parse", "--show-toplevel"], folder)
    return Path(result.stdout.strip()) if result.code == 0 else None


def load_all(path: Path, features: tuple[str, ...] = ()) -> list[Project]:
    """Return the crates with PyO3 that `path`, a folder or a Cargo.toml, stands for.

    That is the crate of that folder; for the root of a workspace its members; for a folder without
    a crate those below it. `features` are those to build them with.

    Raises `UserError` (usage) if there is no such crate, or none with one of the features.
    """
    path = path.resolve()
    named = path.name == "Cargo.toml" and path.is_file()
    folder = path.parent if named else path
    if not folder.is_dir():
        raise UserError(f"{path} is no folder with a Cargo.toml", 2)
    manifest = next((f for f in (folder, *folder.parents) if (f / "Cargo.toml").is_file()), None)
    found = _of_workspace(manifest / "Cargo.toml") if manifest else []
    own = [project for project in found if project.folder == manifest]
    if own and (named or own[0].workspace != manifest):
        found = own
    if not found and not named:
        found = _below(folder)
    if not found and not manifest:
        raise UserError(f"there is no Cargo.toml in {folder}, above it or below it", 2)
    if not found:
        raise UserError(f"no crate in {folder} depends on pyo3 or pyo3-ffi", 2)
    for name in features:
        if not any(name in project.package["features"] for project in found):
            names = ", ".join(project.name for project in found)
            raise UserError(f"{names} has no feature {name}", 2)
    others = _crates_with_pyo3(found[0])
    for project in found:
        project.others = [other for other in others if other != project.folder]
        project.chosen = tuple(name for name in features if name in project.package["features"])
    return found


def load(path: Path, features: tuple[str, ...] = ()) -> Project:
    """Return the one crate with PyO3 that `path` stands for.

    Raises `UserError` (usage) if there is none, or more than one.
    """
    found = load_all(path, features)
    if len(found) > 1:
        names = ", ".join(str(project.folder) for project in found)
        raise UserError(f"more than one crate uses pyo3; name one of: {names}", 2)
    return found[0]


def _of_workspace(manifest: Path) -> list[Project]:
    """Return the crates with PyO3 of the workspace that a manifest belongs to."""
    read_toml(manifest)
    command = ["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path"]
    result = run([*command, str(manifest)], manifest.parent)
    if result.code == 127:
        raise UserError("cargo is not installed: https://rustup.rs")
    if result.code:
        raise UserError(f"cargo metadata failed\n{result.stderr.strip()}")
    metadata = json.loads(result.stdout)
    members = metadata["packages"]
    workspace = Path(metadata["workspace_root"])
    return [
        Project(Path(package["manifest_path"]).parent, workspace, package, members)
        for package in members
        if uses(package, *BINDINGS)
    ]


def _below(folder: Path) -> list[Project]:
    """Return those below a folder; what cargo cannot read, as a fixture, is no crate."""
    found: dict[Path, Project] = {}
    for manifest in _manifests(folder):
        if _names_pyo3(manifest) and manifest.parent not in found:
            try:
                found |= {project.folder: project for project in _of_workspace(manifest)}
            except UserError:
                continue
    return [project for path, project in sorted(found.items()) if path.is_relative_to(folder)]


def _manifests(folder: Path) -> list[Path]:
    """Return each Cargo.toml below a folder: those that Git knows, without Git all of them."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = run([*listing, "--", "Cargo.toml", "**/Cargo.toml"], folder)
    if result.code == 0:
        paths = [folder / name for name in result.stdout.split("\0") if name]
    else:
        paths = []
        for parent, folders, files in os.walk(folder):
            folders[:] = [f for f in folders if f != "target" and not f.startswith(".")]
            paths += [Path(parent, "Cargo.toml")] if "Cargo.toml" in files else []
    return sorted(path for path in paths if path.is_file())


def _names_pyo3(manifest: Path) -> bool:
    """Whether a manifest names PyO3 among its dependencies, on some platform at least."""
    content = _content(manifest)
    tables = [content, *(lookup(content, "target") or {}).values()]
    dependencies = [lookup(table, "dependencies") or {} for table in tables]
    names = {
        lookup(value, "package") or key for table in dependencies for key, value in table.items()
    }
    return bool(names & set(BINDINGS))


def _content(manifest: Path) -> Table:
    try:
        return read_toml(manifest)
    except UserError:  # a template, for instance
        return {}


def _crates_with_pyo3(project: Project) -> list[Path]:
    """Return the folders of all such crates in the repository, else in the workspace."""
    root = repository_of(project.folder) or project.workspace
    return [manifest.parent for manifest in _manifests(root) if _names_pyo3(manifest)]
