"""Finding the crates that use PyO3: of a workspace, or anywhere in a repository."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pyo3_uv.facts import git
from pyo3_uv.facts.project import Project
from pyo3_uv.facts.pyo3_crate import BINDINGS, Pyo3Crate, uses
from pyo3_uv.files import regular, text_to_search
from pyo3_uv.git import root_of
from pyo3_uv.process import UserError, run
from pyo3_uv.toml import lookup, read_toml


def load_all(path: Path, features: tuple[str, ...] = ()) -> list[Project]:
    """Return the crates with PyO3 that `path`, any file or folder of a project, stands for.

    That is the crate that it belongs to; for the root of a workspace the members; for a folder
    without a crate those below it, else those of the Python project around it. `features` are those
    to build them with.

    Raises `UserError` (usage) if there is no such path or crate, or none with one of the features.
    """
    if not os.path.exists(path):
        raise UserError(f"{path} does not exist", 2)
    path = Path(os.path.realpath(path))
    named = _manifest_of(path)
    folder = named.parent if named else path if path.is_dir() else path.parent
    manifest = next((f for f in (folder, *folder.parents) if (f / "Cargo.toml").is_file()), None)
    found = workspace = _of_workspace(manifest / "Cargo.toml") if manifest else []
    own = [project for project in found if project.folder == manifest]
    if own and (named or own[0].crate.workspace != manifest):
        found = own
    if not found and not named:
        found = _below(folder)
    if not found and not manifest and (project := _python_project_around(folder)):
        found = _below(project)
    if not found and not manifest:
        raise UserError(f"there is no Cargo.toml in {folder}, above it or below it", 2)
    if not found:
        raise UserError(f"no crate in {folder} depends on pyo3 or pyo3-ffi", 2)
    for name in features:
        if not any(name in project.crate.package["features"] for project in found):
            names = ", ".join(project.crate.name for project in found)
            raise UserError(f"{names} has no feature {name}", 2)
    root = root_of(found[0].folder) or found[0].crate.workspace
    others = [project.folder for project in _below(root, workspace)]
    for crate in (project.crate for project in found):
        crate.others = [other for other in others if other != crate.folder]
        crate.chosen = tuple(name for name in features if name in crate.package["features"])
    return found


def _manifest_of(path: Path) -> Path | None:
    """Return the crate's manifest that a file names: a Cargo.toml itself, or maturin's settings."""
    if path.name == "Cargo.toml" and path.is_file():
        return path
    if path.name == "pyproject.toml" and path.is_file():
        name = lookup(read_toml(path), "tool", "maturin", "manifest-path")
        manifest = Path(os.path.realpath(path.parent / str(name or "")))
        return manifest if manifest.name == "Cargo.toml" and manifest.is_file() else None
    return None


def _python_project_around(folder: Path) -> Path | None:
    """Return the nearest folder above with a pyproject.toml, in a repository not beyond its root."""
    for parent in folder.parents:
        if (parent / "pyproject.toml").is_file() or (parent / ".git").exists():
            return parent
    return None


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
    members, target = metadata["packages"], Path(metadata["target_directory"])
    workspace = Path(metadata["workspace_root"])
    return [
        Project(Pyo3Crate(Path(p["manifest_path"]).parent, workspace, p, members, target))
        for p in members
        if uses(p, *BINDINGS)
    ]


def _below(folder: Path, workspace: Iterable[Project] = ()) -> list[Project]:
    """Return those below a folder, with a `workspace` that is known; a fixture may be no crate."""
    found = {project.folder: project for project in workspace}
    for manifest in _manifests(folder):
        known = any(manifest in project.crate.member_manifests for project in found.values())
        if not known and "pyo3" in text_to_search(manifest):
            with suppress(UserError):  # cargo cannot read it
                found |= {project.folder: project for project in _of_workspace(manifest)}
    return [project for path, project in sorted(found.items()) if path.is_relative_to(folder)]


def _manifests(folder: Path) -> list[Path]:
    """Return each Cargo.toml below a folder: those that Git knows, without Git all of them."""
    patterns = ("--", "Cargo.toml", "**/Cargo.toml")
    names = git.listed(folder, "--cached", "--others", "--exclude-standard", *patterns)
    if names is not None:
        paths = [folder / name for name in names]
    else:
        paths = []
        for parent, folders, files in os.walk(folder):
            folders[:] = [f for f in folders if f != "target" and not f.startswith(".")]
            paths += [Path(parent, "Cargo.toml")] if "Cargo.toml" in files else []
    return regular(paths)
