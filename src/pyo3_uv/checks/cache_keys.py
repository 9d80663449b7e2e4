"""uv's `cache-keys` do not name all files whose changes must make `uv sync` build again."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import tomlkit

from pyo3_uv import template_texts
from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import extend, inline_table
from pyo3_uv.facts import git, rust_source
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.globs import fits
from pyo3_uv.facts.project import Project
from pyo3_uv.files import regular
from pyo3_uv.paths import relative
from pyo3_uv.toml import lookup, lookup_list, lookup_table, lookup_text

# How the template's line for the environment starts
MARKER = '{ file = ".venv'


def find(facts: Facts) -> Finding | None:
    project, pyproject = facts.project, facts.project.package.pyproject_path
    if not pyproject or not project.environment.has_cache_keys or not (names := missing(project)):
        return None
    marker = [name for name in names if name.endswith("pyvenv.cfg")]
    effects = []
    if len(names) > len(marker):
        effects.append("uv sync and uv run do not see a change of these: the import is stale")
    if marker:
        effects.append(
            "after git clean, uv sync installs the cached editable wheel whose module is gone: "
            "ModuleNotFoundError (uv issue 11390)"
        )
    keys = ", ".join(f'{{ file = "{name}" }}' for name in names)
    return Finding(
        id="cache-keys",
        severity="warning",
        title="uv does not rebuild when it must",
        seen=f"cache-keys in [tool.uv] do not cover {', '.join(names)}",
        evidence=lines(project, pyproject, r"cache-keys|^ *\{ *file"),
        effect="; ".join(effects),
        remedy=f"add to cache-keys in [tool.uv] of pyproject.toml: {keys}",
        fix=partial(fix, facts),
    )


def fix(facts: Facts, patch: Patch) -> None:
    add_keys(facts.project, patch, missing(facts.project))


def missing(project: Project) -> list[str]:
    """Return the files and patterns that `cache-keys` do not cover, as they would be named there.

    These are the manifests and sources of the crate and of the local crates that it is built from,
    the files that are embedded in them, and the environment.
    """
    root, uv = project.package.folder, lookup_table(project.package.pyproject, "tool", "uv")
    keys = lookup_list(uv, "cache-keys") if "cache-keys" in uv else _defaults(project)
    tables = [{"file": key} if isinstance(key, str) else key for key in keys]
    patterns = [lookup_text(table, "file") for table in tables]
    named = filter(None, (lookup_text(table, "dir") for table in tables))
    folders = {(root / name).resolve() for name in named}

    def covered(path: Path) -> bool:
        names = (relative(path, root), relative(path.resolve(), root.resolve()))
        return any(fits(pattern, name) for pattern in patterns if pattern for name in names)

    crate = project.crate
    crates = [crate.folder, *crate.path_dependencies]
    wanted = [root / name for name in _defaults(project)]
    wanted += [folder / "Cargo.toml" for folder in crates]
    lock = crate.workspace / "Cargo.lock"
    if not git.is_ignored(lock):
        wanted.append(lock)
    if crate.workspace != crate.folder:
        wanted.append(crate.workspace_manifest)
    if crate.build_script:
        wanted.append(crate.build_script)
    found = [path for path in wanted if not covered(path)]
    for folder in crates:
        sources = regular(folder.glob("src/**/*.rs"))
        everything = folder / "src/**"
        if not all(map(covered, sources)):
            found.append(everything)
            patterns.append(relative(everything, root))
        embedded = dict.fromkeys(
            file for source in sources for file in rust_source.embedded(source, folder)
        )
        found += [file for file in embedded if file.is_file() and not covered(file)]
    venv = project.environment.folder
    marker = (venv if venv.name == ".venv" else root / ".venv") / "pyvenv.cfg"
    known = marker.parent.resolve() in folders or covered(marker)
    # A module without a Python package lies in the environment itself.
    if not known and not project.environment.elsewhere and _has_package(project):
        found.append(marker)
    return list(dict.fromkeys(name_of(project, path) for path in found))


def name_of(project: Project, path: Path) -> str:
    """Return a file as a key names it."""
    return relative(path, project.package.folder)


def add_keys(project: Project, patch: Patch, names: Iterable[str]) -> None:
    """Add these files and patterns to `cache-keys`, which are made if there are none."""
    path = project.package.pyproject_path
    assert path
    old = lookup(patch.toml(path), "tool", "uv", "cache-keys")
    names = list(dict.fromkeys([*([] if old else _defaults(project)), *names]))
    rows = [inline_table({"file": name}) for name in names]
    above = template_texts.comment(template_texts.PYPROJECT, MARKER).strip()
    above = above if names[-1].endswith("pyvenv.cfg") else ""
    if old:
        comment = above.removeprefix("# ")
        patch.edit_toml(path, lambda d: extend(d["tool"]["uv"]["cache-keys"], rows, comment))
        return
    lines = [f"{row.as_string()}," for row in rows]
    lines[-1:-1] = [above] if above else []
    text = "cache-keys = [\n" + "".join(f"    {line}\n" for line in lines) + "]\n"
    comment = template_texts.comment(template_texts.PYPROJECT, "cache-keys")
    patch.add_line(path, ("tool", "uv"), "cache-keys", tomlkit.parse(text)["cache-keys"], comment)


def _defaults(project: Project) -> list[str]:
    """Return those of uv's own keys that there are files for.

    https://docs.astral.sh/uv/reference/settings/#cache-keys
    """
    names = ["pyproject.toml"]
    if not project.package.maturin:
        names += [
            name for name in ("setup.py", "setup.cfg") if (project.package.folder / name).exists()
        ]
    return names


def _has_package(project: Project) -> bool:
    """Whether an editable install leaves the extension module in the tree."""
    package = (project.package.module or "").partition(".")[0]
    source = project.package.folder / project.package.python_source
    return bool(package) and (source / package).is_dir()
