"""No test, and nothing in the crate, starts Python."""

from functools import partial
from typing import Any

from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.checks.rpath_fix import SOURCE
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import add, inline_table
from pyo3_uv.facts.facts import Facts

REMEDY = 'add pyo3 with features = ["auto-initialize"] to [dev-dependencies]'


def find(facts: Facts) -> Finding | None:
    project = facts.project
    if project.crate.binding != "pyo3" or project.starts_python:
        return None
    return Finding(
        id="no-initialize",
        severity="hint",
        title="nothing starts Python in tests",
        seen="pyo3's auto-initialize is not enabled for tests, and no source file starts Python",
        evidence=lines(project, project.crate.manifest_path, "auto-initialize"),
        effect="a Rust test that touches Python panics: The Python interpreter is not initialized",
        remedy=REMEDY,
        fix=partial(fix, facts),
        for_rust_programs=True,
    )


def fix(facts: Facts, patch: Patch) -> None:
    project, crate = facts.project, facts.project.crate
    path = crate.manifest_path
    (dependency, *_), key = crate.pyo3(None), crate.key
    manifest = patch.toml(path)
    original = manifest.get("dependencies", {}).get(key)
    if crate.resolver == "1":
        # It unites the features of dev-dependencies with those of every build.
        root = project.shown(crate.workspace_manifest)
        patch.manual.append(
            f"cargo would also switch {key}'s auto-initialize on in wheels, because {root} has "
            'feature resolver 1 (the default before edition 2021); set resolver = "2" there, '
            f"in [package] or [workspace], then {REMEDY}"
        )
        return
    if key in manifest.get("dev-dependencies", {}):
        patch.edit_toml(path, lambda document: _enable(document["dev-dependencies"], key))
        return
    if dependency["optional"] or original is None:
        patch.manual.append(
            f"{key} is optional or a dependency of one platform; where tests need it, add it "
            f'with the feature "auto-initialize" to [dev-dependencies] of {project.shown(path)}'
        )
        return
    source = {"version": original} if isinstance(original, str) else original
    kept = (*SOURCE, "workspace", "package", "default-features")
    entry = {name: source[name] for name in kept if name in source}
    inline = inline_table({**entry, "features": ["auto-initialize"]})
    inline.comment("tests start Python themselves")
    if "dev-dependencies" in manifest:
        patch.edit_toml(path, lambda document: add(document["dev-dependencies"], key, inline))
    else:
        line = f"{key} = {inline.as_string()}{inline.trivia.comment_ws}{inline.trivia.comment}"
        patch.append(path, f"[dev-dependencies]\n{line}\n")


def _enable(table: Any, key: str) -> None:
    """Add the feature to a dependency that is there."""
    if isinstance(table[key], str):
        table[key] = inline_table({"version": str(table[key])})
    table[key]["features"] = [*table[key].get("features", []), "auto-initialize"]
