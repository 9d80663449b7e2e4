"""PyO3 was built for a Python that the environment no longer has."""

import os

from pyo3_uv import shell
from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.facts.build import NO_LIBRARY
from pyo3_uv.facts.facts import Facts
from pyo3_uv.process import run


def find(facts: Facts) -> Finding | None:
    project, environment = facts.project, facts.project.environment
    python, selected = environment.interpreter, facts.selection.path
    if not python or not selected or not environment.has(selected):
        return None
    config = facts.build.config
    executable = config.get("executable")
    if not executable or not environment.has(executable):
        return None
    configured = f"lib{config.get('lib_name')} in {config.get('lib_dir')}"
    current = f"lib{python.lib_name} in {python.lib_dir}"
    if os.name == "nt" or configured == current:
        return None
    script = "import sysconfig as s; print(*map(s.get_config_var, ('INSTSONAME', 'LIBDIR')))"
    command = shell.join([project.shown(environment.executable), "-c", script])
    output = run([environment.executable, "-c", script]).output
    venv = project.shown(environment.folder)
    return Finding(
        id="stale-configuration",
        severity="error",
        title="PyO3 is configured for a Python that the environment no longer has",
        seen=f"PyO3 was built for {configured}; {venv} has {current}",
        evidence=Evidence(command, output),
        effect="cargo test goes on with the old Python, as PyO3 watches the text of PYO3_PYTHON",
        remedy="cargo clean -p pyo3-ffi",
        fix=lambda patch: patch.commands.append(["cargo", "clean", "--package", "pyo3-ffi"]),
        explains=f"{NO_LIBRARY}|cargo clean -p pyo3-ffi",  # so the template's own build.rs
    )
