"""The template's build.rs in a crate that has none, and the PyO3 that it is written for."""

import re
from functools import partial
from pathlib import Path
from typing import Any

from packaging.version import Version

from pyo3_uv.checks.rpath_fix import CRATE, ByHand, add_build_script, lowest
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.project import Project
from pyo3_uv.paths import relative
from pyo3_uv.toml import Table, lookup, lookup_text, read_toml
from pyo3_uv.trial.outcome import Part

# A requirement as most have it: 0.28, "^0.28.2"
PLAIN = re.compile(r"\^?\d+(\.\d+){0,2}")


def part(name: str, text: str, manifest: Table) -> Part:
    """Return what adds the build script, raises PyO3 to that of the rendered manifest if it is older."""
    return Part(name, partial(_apply, text, _required(manifest)))


def why_not(project: Project, manifest: Table) -> str | None:
    """Say why the template's build.rs does not fit a crate; None if it is to be tried."""
    crate, needed = project.crate, _required(manifest)
    if script := crate.build_script:
        return (
            f"{relative(script, project.folder)} is yours; an rpath is added to it, if that is safe"
        )
    dependencies = [d for d in crate.pyo3(None) if not d["optional"] and not d["target"]]
    if not dependencies:
        return "pyo3 is optional, and it would not be built without"
    rust, own = lookup_text(manifest, "package", "rust-version"), crate.package["rust_version"]
    if own and rust and Version(own) < Version(rust):
        return f"rust-version is {own}, and PyO3 {needed} needs {rust}"
    (pyo3, *_) = dependencies
    if not _is_older(project, needed):
        return None
    if pyo3.get("path") or not str(pyo3["source"]).startswith("registry+"):
        return f"it needs PyO3 {needed}, and yours is not taken from a registry"
    if not PLAIN.fullmatch(pyo3["req"]):
        return f"it needs PyO3 {needed}, and yours must be {pyo3['req']}"
    return None


def raises(project: Project, manifest: Table) -> str:
    """Say which PyO3 the build script brings with it; "" if that is the project's already."""
    needed = _required(manifest)
    if not _is_older(project, needed):
        return ""
    return f"PyO3 {lowest(project)} becomes {needed}, which it needs"


def _is_older(project: Project, needed: str) -> bool:
    """Whether the project allows a PyO3 older than `needed`."""
    version = lowest(project)
    return version is None or version < Version(needed)


def _required(manifest: Table) -> str:
    """Return the version of PyO3 in a rendered manifest."""
    entry = lookup(manifest, "build-dependencies", CRATE)
    return str(entry.get("version") if isinstance(entry, dict) else entry)


def _apply(text: str, needed: str, project: Project, patch: Patch) -> None:
    """Make the changes, or none, and say why."""
    before = dict(patch.files)
    try:
        if _is_older(project, needed):
            for path in dict.fromkeys(
                (project.crate.manifest_path, project.crate.workspace_manifest)
            ):
                patch.edit_toml(path, partial(_raise, needed, project.crate.key))
        add_build_script(project, patch, text)
    except ByHand as error:
        patch.files = before
        patch.manual.append(str(error))


def _raise(needed: str, key: str, document: Any) -> None:
    tables = [document, *document.get("target", {}).values(), document.get("workspace", {})]
    for table in tables:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name in (key, CRATE):
                entry = table.get(kind, {}).get(name)
                if isinstance(entry, str) and PLAIN.fullmatch(entry):
                    table[kind][name] = needed
                elif isinstance(entry, dict) and PLAIN.fullmatch(str(entry.get("version", ""))):
                    entry["version"] = needed


def read_manifest(folder: Path, layout: str, name: str) -> Table:
    """Return the manifest of the crate with PyO3 in a render."""
    crate = folder / "crates" / f"{name}-python" if layout == "workspace" else folder
    return read_toml(crate / "Cargo.toml")
