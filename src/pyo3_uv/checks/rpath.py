"""Test executables do not find libpython by an rpath."""

import re
from dataclasses import replace
from functools import partial

from pyo3_uv import shell
from pyo3_uv.checks import cache_keys, embedded_start
from pyo3_uv.checks.finding import Evidence, Finding, command, lines
from pyo3_uv.checks.rpath_fix import add_rpath
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts import executables
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.project import obstacle
from pyo3_uv.files import text_to_search


def find(facts: Facts) -> Finding | None:
    if shell.WINDOWS:
        return _find_dll(facts)
    python, missing = facts.python, _missing(facts)
    if not python or not python.libpython or not missing:
        return None
    seen, evidence = missing
    name, cargo_test = python.libpython.name, facts.project.features.cargo_test
    finding = Finding(
        id="libpython-not-found",
        severity="warning",
        title=f"the loader does not find {name}",
        seen=f"{seen}; {python.libpython} is outside the loader's path",
        evidence=evidence,
        effect=f"{cargo_test} dies with: error while loading shared libraries: "
        f"{name}: cannot open shared object file",
        remedy="call pyo3_build_config::add_libpython_rpath_link_args() in build.rs",
        fix=partial(fix, facts),
        for_rust_programs=True,
    )
    if facts.loader_finds_libpython:
        return replace(
            finding,
            id="no-rpath",
            title="test executables have no rpath to libpython",
            seen=f"{seen}; here the loader finds a {name}",
            effect="on a machine whose libpython is outside the loader's path, as those of uv and "
            f"pyenv are, {cargo_test} dies with: cannot open shared object file",
        )
    if facts.listing:
        listing, listed = facts.listing
        failed = next((line for line in listed.output.splitlines() if name in line), None)
        if listed.code and failed:
            evidence = replace(evidence, command=listing, output=failed.strip())
            return replace(finding, severity="error", evidence=evidence)
    return finding


def _find_dll(facts: Facts) -> Finding | None:
    """Find programs that do not start as Windows does not find Python's DLL: there is no rpath."""
    project, python = facts.project, facts.python
    if not python or not python.libpython or not facts.embedded or not facts.embedded.linked:
        return None
    name, folder = python.libpython.name, python.libpython.parent
    beside = {(path.parent / name).exists() for path in facts.build.executables}
    found = beside == {True} or facts.loader_finds_libpython
    where = "beside the tests" if beside == {True} else "the loader finds it"
    facts.notes["libpython"] = f"{python.libpython}, {where if found else 'not on PATH'}"
    if found:
        return None
    return Finding(
        id="libpython-not-found",
        severity="warning",
        title=f"Windows does not find {name}",
        seen=f"{folder} is not on PATH, and cargo has no runner that puts it there",
        evidence=Evidence(shell.where(name), ""),
        effect=f"{project.features.cargo_test} dies with: exit code: 0xc0000135, "
        "STATUS_DLL_NOT_FOUND",
        remedy=f"{shell.prepend_to_path(str(folder))}; for good, give cargo a runner that does it",
        fix=None if obstacle(project) else partial(embedded_start.fix, facts),
        binds_to_uv=True,
        for_rust_programs=True,
    )


def _missing(facts: Facts) -> tuple[str, Evidence] | None:
    """Return what has no rpath: an executable, else build.rs. None if libpython is found, or static."""
    project, crate, python = facts.project, facts.project.crate, facts.python
    if not python or not facts.embedded or not facts.embedded.linked:
        return None
    if not python.libpython:
        facts.notes["libpython"] = f"static, in {python.lib_dir}"
        return None
    loader = facts.loader_finds_libpython
    where = "the loader finds one of its name" if loader else "outside the loader's path"
    facts.notes["libpython"] = f"{python.libpython}, {where}"

    found = map(executables.read, facts.build.executables)
    linked = [executable for executable in found if executable and executable.libpython]
    without = [e for e in linked if not e.finds(e.libpython or "")]
    if linked:
        with_rpath = len(linked) - len(without)
        facts.notes["rpath"] = f"in {with_rpath} of {len(linked)} test executables"
    if without:
        first, *_ = without
        name = project.shown(first.path)
        needed = [f"NEEDED {first.libpython}", *(f"RUNPATH {path}" for path in first.rpaths)]
        line = f"readelf -d {shell.quote(name)} | grep -E 'python|R(UN)?PATH'"
        evidence = command(project, line, "\n".join(needed))
        evidence = replace(evidence, file=crate.build_script or crate.manifest_path)
        rpaths = ", ".join(first.rpaths) or "empty"
        return f"{name} needs {first.libpython}, and its rpath is {rpaths}", evidence
    script = crate.build_script
    if linked or (script and re.search("add_libpython_rpath|-rpath", text_to_search(script))):
        return None
    evidence = lines(project, script or crate.folder / "build.rs", "rpath")
    if script:
        return f"{project.shown(script)} passes no rpath to the linker", evidence
    return "there is no build.rs that passes an rpath to the linker", evidence


def fix(facts: Facts, patch: Patch) -> None:
    project = facts.project
    script = add_rpath(project, patch, facts.pyo3_version)
    if script and project.environment.has_cache_keys:
        cache_keys.add_keys(project, patch, [cache_keys.name_of(project, script)])
