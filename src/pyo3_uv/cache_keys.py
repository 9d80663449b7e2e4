"""uv's `cache-keys`: the files whose changes make `uv sync` and `uv run` build again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import tomlkit

from pyo3_uv import rust_source, template_files
from pyo3_uv.globs import fits
from pyo3_uv.plan import Plan
from pyo3_uv.process import run
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import add, extend, inline_table, lookup

# How the template's line for the environment starts
MARKER = '{ file = ".venv'


def missing(project: Project) -> list[str]:
    """Return the files and patterns that `cache-keys` do not cover, as they would be named there.

    These are the manifests and sources of the crate and of the local crates that it is built from,
    the files that are embedded in them, and the environment.
    """
    root, keys = _root(project), lookup(project.pyproject, "tool", "uv", "cache-keys")
    patterns, folders = list[str](), set[Path]()
    for key in _defaults(project) if keys is None else keys:
        patterns.append(key if isinstance(key, str) else key.get("file", ""))
        if isinstance(key, dict) and "dir" in key:
            folders.add((root / key["dir"]).resolve())

    def covered(path: Path) -> bool:
        names = (_relative(path, root), _relative(path.resolve(), root.resolve()))
        return any(fits(pattern, name) for pattern in patterns if pattern for name in names)

    crates = [project.folder, *project.path_dependencies]
    wanted = [root / name for name in _defaults(project)]
    wanted += [folder / "Cargo.toml" for folder in crates]
    lock = project.workspace / "Cargo.lock"
    if run(["git", "check-ignore", "--quiet", str(lock)], project.workspace).code:
        wanted.append(lock)
    if project.workspace != project.folder:
        wanted.append(project.workspace / "Cargo.toml")
    if project.build_script:
        wanted.append(project.build_script)
    found = [path for path in wanted if not covered(path)]
    for folder in crates:
        sources = sorted(folder.glob("src/**/*.rs"))
        everything = folder / "src/**"
        if not all(map(covered, sources)):
            found.append(everything)
            patterns.append(_relative(everything, root))
        embedded = dict.fromkeys(
            file for source in sources for file in rust_source.embedded(source, folder)
        )
        found += [file for file in embedded if file.is_file() and not covered(file)]
    marker = (project.venv if project.venv.name == ".venv" else root / ".venv") / "pyvenv.cfg"
    known = marker.parent.resolve() in folders or covered(marker)
    # A module without a Python package lies in the environment itself.
    if not known and not project.elsewhere and _has_package(project):
        found.append(marker)
    return list(dict.fromkeys(name_of(project, path) for path in found))


def name_of(project: Project, path: Path) -> str:
    """Return a file as a key names it."""
    return _relative(path, _root(project))


def add_keys(project: Project, plan: Plan, names: Iterable[str]) -> None:
    """Add these files and patterns to `cache-keys`, which are made if there are none."""
    path = project.pyproject_path
    assert path
    uv = lookup(plan.toml(path), "tool", "uv")
    old = lookup(plan.toml(path), "tool", "uv", "cache-keys")
    names = list(dict.fromkeys([*([] if old else _defaults(project)), *names]))
    rows = [inline_table({"file": name}) for name in names]
    above = template_files.comment(template_files.PYPROJECT, MARKER).strip()
    above = above if names[-1].endswith("pyvenv.cfg") else ""
    if old:
        comment = above.removeprefix("# ")
        plan.edit_toml(path, lambda d: extend(d["tool"]["uv"]["cache-keys"], rows, comment))
        return
    lines = [f"{row.as_string()}," for row in rows]
    lines[-1:-1] = [above] if above else []
    text = "cache-keys = [\n" + "".join(f"    {line}\n" for line in lines) + "]\n"
    comment = template_files.comment(template_files.PYPROJECT, "cache-keys")
    if uv is None:
        plan.append(path, f"[tool.uv]\n{comment}{text}")
        return
    array = tomlkit.parse(text)["cache-keys"]
    plan.edit_toml(path, lambda document: add(document["tool"]["uv"], "cache-keys", array, comment))


def _defaults(project: Project) -> list[str]:
    """Return those of uv's own keys that there are files for.

    https://docs.astral.sh/uv/reference/settings/#cache-keys
    """
    names = ["pyproject.toml"]
    if not project.maturin:
        names += [name for name in ("setup.py", "setup.cfg") if (_root(project) / name).exists()]
    return names


def _root(project: Project) -> Path:
    assert project.pyproject_path
    return project.pyproject_path.parent


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _has_package(project: Project) -> bool:
    """Whether an editable install leaves the extension module in the tree."""
    assert project.module
    source = lookup(project.pyproject, "tool", "maturin", "python-source") or "."
    return (_root(project) / source / project.module.split(".")[0]).is_dir()
