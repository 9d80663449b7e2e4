"""Which Python PyO3 builds for, and what selects it."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.facts.project import Project
from pyo3_uv.files import text_to_search
from pyo3_uv.process import outer_environment, run

# What pyo3-ffi's build script says, where there is no Python or it does not fit
NO_INTERPRETER = r"Python( 3)? interpreter|custom build command for `pyo3-ffi"


@dataclass(frozen=True)
class Selection:
    """The interpreter that PyO3 takes: its path, what selects it, and whether that is lasting.

    `source` is `variable`, if one selects it, and where that is set: `config` or the shell.
    """

    path: str | None
    source: str
    lasting: bool
    variable: str = ""
    config: Path | None = None


def select(project: Project, env: Mapping[str, str]) -> Selection:
    """Return what PyO3 takes, in PyO3's order (pyo3-build-config, `find_interpreter`).

    `env` are the variables as a build script in the project sees them. PyO3 itself tells only
    when it has been built.
    """

    def by(variable: str, path: str | None) -> Selection:
        configured = project.cargo.variable(variable)
        lasting = configured is not None or variable == "PYO3_CONFIG_FILE"
        if configured and (configured.forced or variable not in outer_environment()):
            source = f"{variable} in {project.shown(configured.config)}"
            return Selection(path, source, lasting, variable, configured.config)
        return Selection(path, f"{variable} of the shell", lasting, variable)

    path = outer_environment()["PATH"]
    if file := env.get("PYO3_CONFIG_FILE"):
        return by("PYO3_CONFIG_FILE", _executable_in(Path(file)))
    if python := env.get("PYO3_PYTHON"):
        return by("PYO3_PYTHON", shutil.which(python, path=path) or python)
    venv, conda = env.get("VIRTUAL_ENV"), env.get("CONDA_PREFIX")
    if venv and not conda:
        return by("VIRTUAL_ENV", str(executable_of(Path(venv))))
    if conda and not venv:
        return by("CONDA_PREFIX", str(executable_of(Path(conda))))
    why = ", as VIRTUAL_ENV and CONDA_PREFIX are both set" if venv else ""
    for name in ("python", "python3"):
        found = shutil.which(name, path=path)
        if found and run([found, "--version"]).stdout.startswith("Python 3"):
            return Selection(found, f"the first {name} on PATH{why}", False)
    return Selection(None, f"nothing on PATH{why}", False)


def _executable_in(file: Path) -> str | None:
    """Return the line `executable=…` of a PYO3_CONFIG_FILE."""
    match = re.search(r"^executable=(.+)$", text_to_search(file), re.MULTILINE)
    return match[1] if match else None
