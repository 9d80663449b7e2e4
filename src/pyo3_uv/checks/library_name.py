"""Two crates of a workspace have libraries of one name."""

from functools import partial

from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.edits.library_name import library_name, rename_library
from pyo3_uv.facts.facts import Facts
from pyo3_uv.toml import lookup


def find(facts: Facts) -> Finding | None:
    project, crate = facts.project, facts.project.crate
    for member in crate.members:
        names = [t["name"] for t in member["targets"] if "cdylib" in t["crate_types"]]
        if member["name"] == crate.name or crate.lib_name not in names:
            continue
        name = library_name(project.package.module or f"{crate.name}._core")
        # Without module-name the module is called as the library is.
        names_module = lookup(project.package.pyproject, "tool", "maturin", "module-name")
        return Finding(
            id="library-name",
            severity="warning",
            title="two crates of the workspace have libraries of one name",
            seen=f"[lib] name is {crate.lib_name}, as in {member['name']}",
            evidence=lines(project, crate.manifest_path, "^name"),
            effect="cargo warns of an output filename collision: it writes both into one file, and "
            "uv may install the other crate's module",
            remedy=f'set name = "{name}" in [lib] of Cargo.toml; module-name in [tool.maturin] stays',
            fix=partial(rename_library, crate=crate.folder, name=name) if names_module else None,
        )
    return None
