"""A crate that uses PyO3, with what belongs to it: its Python package, its environment."""

import os
import re
from functools import cached_property
from pathlib import Path

from pyo3_uv.facts import rust_source
from pyo3_uv.facts.cargo_config import CargoSettings
from pyo3_uv.facts.environment import Environment
from pyo3_uv.facts.features import Features
from pyo3_uv.facts.pyo3_crate import Pyo3Crate
from pyo3_uv.facts.python_package import PythonPackage
from pyo3_uv.facts.sources import Sources
from pyo3_uv.files import text_to_search
from pyo3_uv.paths import shown


class Project:
    """What is known of such a crate without building it."""

    def __init__(self, crate: Pyo3Crate) -> None:
        self.crate = crate
        self.folder = crate.folder
        self.package = PythonPackage(crate)
        self.environment = Environment(self.package)
        self.cargo = CargoSettings(crate, self.environment)
        self.sources = Sources(crate)

    @cached_property
    def features(self) -> Features:
        extension = self.package.extension
        return Features(self.crate, extension.features if extension else ())

    @cached_property
    def starts_python(self) -> bool:
        """Whether tests, or the crate itself, start Python."""
        on = self.features.of_pyo3("auto-initialize", (None, "dev"))
        return on or self.sources.matching(rust_source.START) is not None

    @property
    def repository(self) -> Path:
        """The root of the workspace's repository, else of the workspaces, cargo's and uv's."""
        workspace = self.crate.workspace
        parents = (workspace, *workspace.parents)
        root = next((folder for folder in parents if (folder / ".git").exists()), None)
        return root or Path(os.path.commonpath((workspace, self.environment.uv_root)))

    def shown(self, path: Path | str) -> str:
        """Return `path` as seen from the crate's folder, if it lies there or in its repository."""
        roots = (self.crate.workspace, self.environment.uv_root, self.repository)
        return shown(path, self.folder, roots)


# Files in which people give cargo an environment of its own
SCRIPTS = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "noxfile.py", "tox.ini")


def obstacle(project: Project) -> str | None:
    """Say why a configuration that names the environment would break something; None if it does not.

    Cargo applies it to whatever is built in its folder and below.
    """
    config, root = project.cargo.path, project.repository
    folder, path = config.parent.parent, project.shown(config)
    if not project.environment.folder.is_relative_to(root):
        return f"it lies outside of {root}, so {path} cannot name it for others"
    if project.cargo.is_bound:
        return None
    if neighbours := project.cargo.neighbours(folder):
        names = ", ".join(project.shown(other) for other in neighbours)
        return f"{path} would also hold for {names}, with PyO3, but perhaps no rpath to libpython"
    for parent in (folder, *folder.parents):
        for script in (parent / name for name in SCRIPTS):
            if re.search(r"\b(PYTHONHOME|PYO3_PYTHON)\b", text_to_search(script)):
                return f"{project.shown(script)} chooses the Python of cargo itself"
        if parent == root:
            break
    return None


def activate(project: Project, why_not: str) -> str:
    """Say what is left where cargo is not configured."""
    return f"activate {project.shown(project.environment.folder)} before cargo test ({why_not})"
