"""Whether uv builds when it must, and no more; whether what it installed can be imported."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pyo3_uv import template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan
from pyo3_uv.process import run
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import extend, inline_table, lookup

# The first maturin with use-base-python and editable-profile
MATURIN = "1.14.1"


class CacheKeys(Check):
    id = "cache-keys"
    title = "uv does not rebuild when it must"
    cure = "add them to cache-keys in [tool.uv] of pyproject.toml"

    def find(self) -> str | None:
        if not self.project.maturin or not (missing := missing_cache_keys(self.project)):
            return None
        effects = []
        if any(path.name != "pyvenv.cfg" for path in missing):
            effects.append(
                "uv sync and uv run do not rebuild when these change: the import is stale"
            )
        if any(path.name == "pyvenv.cfg" for path in missing):
            effects.append(
                "after git clean, uv sync installs the cached editable wheel whose module is gone: "
                "ModuleNotFoundError (uv issue 11390)"
            )
        self.effect = "; ".join(effects)
        shown = ", ".join(_relative(self.project, path) for path in missing)
        return f"cache-keys in [tool.uv] do not cover {shown}"

    def fix(self, plan: Plan) -> None:
        add_cache_keys(self.project, plan, missing_cache_keys(self.project))


def missing_cache_keys(project: Project) -> list[Path]:
    """Return the files and patterns that `cache-keys` has to name: sources, manifests, environment.

    A key that covers a file by another pattern counts.
    """
    root = _root(project)
    keys = lookup(project.pyproject, "tool", "uv", "cache-keys") or [{"file": "pyproject.toml"}]
    covered: set[Path] = set()
    folders: set[Path] = set()
    for key in keys:
        pattern = key if isinstance(key, str) else key.get("file")
        if pattern and not Path(pattern).is_absolute():
            covered |= {path.resolve() for path in (*root.glob(pattern), root / pattern)}
        if isinstance(key, dict) and "dir" in key:
            folders.add((root / key["dir"]).resolve())

    manifests = [project.folder, *project.path_dependencies]
    wanted = [root / "pyproject.toml", *(folder / "Cargo.toml" for folder in manifests)]
    wanted.append(project.workspace / "Cargo.lock")
    if project.workspace != project.folder:
        wanted.append(project.workspace / "Cargo.toml")
    if project.build_script:
        wanted.append(project.build_script)
    missing = [path for path in wanted if path.resolve() not in covered]
    for folder in manifests:
        if any(path.resolve() not in covered for path in folder.glob("src/**/*.rs")):
            missing.append(folder / "src/**/*.rs")
    marker = project.venv / "pyvenv.cfg"
    known = project.venv.resolve() in folders or marker.resolve() in covered
    # A module without a Python package lies in the environment itself.
    if not known and not project.elsewhere and _has_package(project):
        missing.append(marker)
    return missing


def add_cache_keys(project: Project, plan: Plan, paths: Iterable[Path]) -> None:
    """Add these files and patterns to `cache-keys`, which are made if there are none."""
    path = project.pyproject_path
    assert path
    uv = lookup(plan.toml(path), "tool", "uv")
    old = lookup(plan.toml(path), "tool", "uv", "cache-keys")
    names = dict.fromkeys([] if old else ["pyproject.toml"])
    names |= dict.fromkeys(_relative(project, wanted) for wanted in paths)
    rows = [inline_table({"file": name}) for name in names]
    if old:
        plan.edit_toml(path, lambda document: extend(document["tool"]["uv"]["cache-keys"], rows))
        return
    text = "cache-keys = [\n" + "".join(f"    {row.as_string()},\n" for row in rows) + "]\n"
    if uv is None:
        comment = template_files.comment(template_files.PYPROJECT, "cache-keys")
        plan.append(path, f"[tool.uv]\n{comment}{text}")
    else:
        array = tomlkit.parse(text)["cache-keys"]
        plan.edit_toml(path, lambda document: document["tool"]["uv"].update({"cache-keys": array}))


def _root(project: Project) -> Path:
    assert project.pyproject_path
    return project.pyproject_path.parent


def _relative(project: Project, path: Path) -> str:
    return Path(os.path.relpath(path, _root(project))).as_posix()


def _has_package(project: Project) -> bool:
    """Whether an editable install leaves the extension module in the tree."""
    assert project.module
    source = lookup(project.pyproject, "tool", "maturin", "python-source") or "."
    return (_root(project) / source / project.module.split(".")[0]).is_dir()


class SlowRebuilds(Check):
    id = "slow-rebuilds"
    title = "each edit is slow to build"
    effect = (
        "uv builds in a new environment each time and in release mode: seconds instead of tenths "
        "for an edit, and pyo3 is compiled again (always without abi3)"
    )
    cure = "set them in [tool.maturin] of pyproject.toml"

    def find(self) -> str | None:
        if not self.project.maturin or not (missing := self._missing()):
            return None
        return f"[tool.maturin] has no {', '.join(missing)}"

    def _missing(self) -> list[str]:
        """Return the settings that keep rebuilds small, as TOML."""
        table = lookup(self.project.pyproject, "tool", "maturin") or {}
        missing = []
        if table.get("use-base-python") is not True:
            missing.append("use-base-python = true")
        if table.get("editable-profile") is None:
            missing.append('editable-profile = "dev"')
        features = table.get("features") or []
        if not any(feature.endswith("extension-module") for feature in features):
            missing.append('features = ["pyo3/extension-module"]')
        return missing

    def fix(self, plan: Plan) -> None:
        path, settings = self.project.pyproject_path, "\n".join(self._missing())
        assert path

        def change(document: Any) -> None:
            table = document["tool"]["maturin"]
            for key, value in tomlkit.parse(settings).items():
                if key == "features" and "features" in table:
                    extend(table["features"], ["pyo3/extension-module"])
                else:
                    table[key] = value

        if lookup(plan.toml(path), "tool", "maturin") is None:
            comment = template_files.comment(template_files.PYPROJECT, "use-base-python")
            plan.append(path, f"[tool.maturin]\n{comment}{settings}\n")
        else:
            plan.edit_toml(path, change)
        if old := _outdated_maturin(self.project):

            def require(document: Any) -> None:
                array = document["build-system"]["requires"]
                array[list(array).index(old)] = f"maturin>={MATURIN},<2"

            plan.edit_toml(path, require)


def _outdated_maturin(project: Project) -> str | None:
    """Return maturin's entry in `requires` if it allows one that does not know the settings."""
    for entry in lookup(project.pyproject, "build-system", "requires") or []:
        try:
            requirement = Requirement(entry)
            floors = [
                Version(specifier.version)
                for specifier in requirement.specifier
                if specifier.operator in (">=", "==", "~=")
            ]
        except (InvalidRequirement, InvalidVersion):
            continue
        if requirement.name == "maturin" and max(floors, default=Version("0")) < Version(MATURIN):
            return str(entry)
    return None


class ModuleName(Check):
    id = "module-name"
    explains_build_failure = True

    def find(self) -> str | None:
        project = self.project
        if not project.module or not project.lib_name:
            return None
        last = project.module.rpartition(".")[2]
        pymodules = project.pymodules
        if pymodules and last not in pymodules:
            self.title = "the module's name is not that of its #[pymodule]"
            self.effect = (
                "ImportError: dynamic module does not define module export function "
                f"(PyInit_{last})"
            )
            self.cure = (
                f"give #[pymodule], [lib] name and the last part of module-name one name: {last}"
            )
            return f"maturin installs {project.module}, #[pymodule] is called {pymodules[0]}"
        # In a workspace it may have to differ from those of the other members, see LibraryName.
        if project.lib_name == last or len(project.members) > 1 or project.uv_workspace:
            return None
        self.title = "the module's name is not that of [lib]"
        self.effect = (
            "the library that cargo builds has no PyInit function of its own name; tools that take "
            "the module's name from [lib] do not find it"
        )
        self.cure = f'set name = "{last}" in [lib] of Cargo.toml'
        return f"maturin installs {project.module}, [lib] name is {project.lib_name}"

    def fix(self, plan: Plan) -> None:
        project = self.project
        assert project.module
        last = project.module.rpartition(".")[2]
        if project.pymodules and last not in project.pymodules:
            self.leave_to_user(plan)
            return

        def change(document: Any) -> None:
            document["lib"]["name"] = last

        plan.edit_toml(project.folder / "Cargo.toml", change)


class ModuleMissing(Check):
    """Whether `.venv` finds the extension module; nothing of it is executed."""

    id = "module-missing"
    effect = "ModuleNotFoundError, and uv sync changes nothing where it trusts its cache"

    @property
    def _distribution(self) -> str:
        return str(lookup(self.project.pyproject, "project", "name") or self.project.name)

    @property
    def _command(self) -> list[str]:
        # Without --inexact a sync in a member's folder uninstalls the other members.
        inexact = ["--inexact"] if self.project.uv_workspace else []
        return ["uv", "sync", *inexact, "--reinstall-package", self._distribution]

    def find(self) -> str | None:
        project, name = self.project, self._distribution
        if not project.module or not project.interpreter or not project.pyproject_path:
            return None
        script = [str(project.venv_python), "-c", _FIND_MODULE, name, project.module]
        result = run(script, project.pyproject_path.parent)
        try:
            found = json.loads(result.stdout)
        except ValueError:
            return None
        if found["module"]:
            shown = project.shown(found["module"])
            self.examination.facts["module"] = f"{project.module} is {shown}"
            return None
        self.title = f"import {project.module} fails"
        self.cure = shlex.join(self._command)
        if found["installed"]:
            return f"{name} is installed in .venv, its extension module {project.module} is gone"
        return f"{name} is not installed in .venv"

    def fix(self, plan: Plan) -> None:
        plan.commands.append(self._command)


_FIND_MODULE = """
import json, sys
from importlib import metadata
from importlib.machinery import PathFinder

name, dotted = sys.argv[1:]
try:
    installed = bool(metadata.distribution(name))
except metadata.PackageNotFoundError:
    installed = False
top, _, rest = dotted.partition(".")
spec, path = PathFinder.find_spec(top), None
# maturin makes a package around a module that is no part of one
for part in rest.split(".") if rest else [top]:
    path = spec.submodule_search_locations if spec else None
    if path is None:
        spec = None if rest else spec
        break
    spec = PathFinder.find_spec(spec.name + "." + part, path)
print(json.dumps({"installed": installed, "module": spec.origin if spec else None}))
"""
