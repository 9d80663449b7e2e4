"""Whether uv builds when it must, and no more; whether what it installed can be imported."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pyo3_uv import cache_keys, template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan
from pyo3_uv.process import run
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import add, extend, lookup

# The first maturin with use-base-python and editable-profile
MATURIN = "1.14.1"


class NoVersion(Check):
    id = "no-version"
    title = "uv cannot read pyproject.toml"
    effect = "uv sync, uv run, uv build and uv pip install stop with that error"
    fix = 'add dynamic = ["version"] to [project]: maturin takes the version from Cargo.toml'

    def find(self) -> str | None:
        if not self.project.maturin or not self.project.lacks_version:
            return None
        self.see("uv version 2>&1 | tail -n 3")
        assert self.project.pyproject_path
        self.file = self.project.pyproject_path
        return '[project] has neither a version nor dynamic = ["version"]'

    def apply(self, plan: Plan) -> None:
        assert self.project.pyproject_path

        def change(document: Any) -> None:
            project = document["project"]
            if "dynamic" in project:
                extend(project["dynamic"], ["version"])
            else:
                add(project, "dynamic", ["version"])

        plan.edit_toml(self.project.pyproject_path, change)


class CacheKeys(Check):
    id = "cache-keys"
    title = "uv does not rebuild when it must"

    def find(self) -> str | None:
        if not self.project.has_cache_keys or not (missing := cache_keys.missing(self.project)):
            return None
        marker = [name for name in missing if name.endswith("pyvenv.cfg")]
        effects = []
        if len(missing) > len(marker):
            effects.append("uv sync and uv run do not see a change of these: the import is stale")
        if marker:
            effects.append(
                "after git clean, uv sync installs the cached editable wheel whose module is gone: "
                "ModuleNotFoundError (uv issue 11390)"
            )
        self.effect = "; ".join(effects)
        lines = ", ".join(f'{{ file = "{name}" }}' for name in missing)
        self.fix = f"add to cache-keys in [tool.uv] of pyproject.toml: {lines}"
        assert self.project.pyproject_path
        self.show(self.project.pyproject_path, r"cache-keys|^ *\{ *file")
        return f"cache-keys in [tool.uv] do not cover {', '.join(missing)}"

    def apply(self, plan: Plan) -> None:
        cache_keys.add_keys(self.project, plan, cache_keys.missing(self.project))


class SlowRebuilds(Check):
    id = "slow-rebuilds"
    title = "each edit is slow to build"
    effect = (
        "uv builds in a new environment each time and in release mode: seconds instead of tenths "
        "for an edit, and pyo3 is compiled again (always without abi3)"
    )
    fix = "set them in [tool.maturin] of pyproject.toml"
    severity = "advice"

    def find(self) -> str | None:
        if not self.project.maturin or self.project.lacks_version:
            return None
        if not (missing := self._missing()):
            return None
        assert self.project.pyproject_path
        self.show(self.project.pyproject_path, "^(use-base-python|editable-profile|features)")
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
        known = any(feature.endswith("extension-module") for feature in features)
        if not known and not self.project.has_feature("extension-module"):
            missing.append(f'features = ["{self.project.key}/extension-module"]')
        return missing

    def apply(self, plan: Plan) -> None:
        path, settings = self.project.pyproject_path, tomlkit.parse("\n".join(self._missing()))
        assert path

        def change(document: Any) -> None:
            table = document["tool"]["maturin"]
            for key, value in settings.items():
                if key == "features" and "features" in table:
                    extend(table["features"], value)
                else:
                    add(table, key, value, template_files.comment(template_files.PYPROJECT, key))

        if lookup(plan.toml(path), "tool", "maturin") is None:
            plan.append(path, "[tool.maturin]\n")
        plan.edit_toml(path, change)
        if old := _outdated_maturin(self.project):
            new = re.sub(r">=\s*[\d.]+", f">={MATURIN}", old, count=1)
            new = f"maturin>={MATURIN},<2" if new == old else new

            def require(document: Any) -> None:
                array = document["build-system"]["requires"]
                array[list(array).index(old)] = new

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
    title = "the module's name is not that of its #[pymodule]"

    def find(self) -> str | None:
        project = self.project
        if not project.module or not project.pymodules:
            return None
        last = project.module.rpartition(".")[2]
        if last in project.pymodules:
            return None
        source = project.source_matching(r"#\[(?:pyo3::)?pymodule")
        assert source
        self.show(source, r"#\[(pyo3::)?pymodule")
        self.effect = (
            f"ImportError: dynamic module does not define module export function (PyInit_{last})"
        )
        self.fix = f"give #[pymodule] and the last part of the module's name one name: {last}"
        return (
            f"{project.extension.backend if project.extension else 'maturin'} installs "
            f"{project.module}, #[pymodule] is called {project.pymodules[0]}"
        )

    def apply(self, plan: Plan) -> None:
        self.leave_to_user(plan)


class ModuleMissing(Check):
    """Whether `.venv` finds the extension module; nothing of it is executed."""

    id = "module-missing"

    def _reinstall(self, *options: str) -> list[str]:
        name = self.project.distribution
        if self.project.syncs:
            return ["uv", "sync", *options, "--reinstall-package", name]
        python, root = str(self.project.venv_python), self.project.package_root
        assert root
        folder = os.path.relpath(root, self.project.folder)
        install = ["uv", "pip", "install", "--python", self.project.shown(python), "--no-deps"]
        return [*install, "--reinstall", "--editable", folder]

    def find(self) -> str | None:
        project, name = self.project, self.project.distribution
        if not project.module or not project.interpreter or not project.package_root:
            return None
        # Nothing of uv can install it without a version; a moved environment is made again.
        if project.lacks_version or self.context.environment_moved:
            return None
        script = [str(project.venv_python), "-c", _FIND_MODULE, name, project.module]
        # In a folder of its own, so that no package is found because it lies here.
        result = run(script, self.context.probe.crate)
        try:
            found = json.loads(result.stdout)
        except ValueError:
            return None
        if found["module"]:
            shown = project.shown(found["module"])
            self.context.facts["module"] = f"{project.module} is {shown}"
            return None
        import_it = f"import {project.module}"
        self.command = f"{project.shown(project.venv_python)} -Bc '{import_it}'"
        script = [str(project.venv_python), "-Bc", import_it]
        lines = run(script, project.folder).output.splitlines()
        self.output = lines[-1] if lines else ""
        # Without --inexact uv uninstalls the other members of a workspace.
        self.fix = shlex.join(self._reinstall(*(["--inexact"] if project.uv_workspace else [])))
        venv = project.shown(project.venv)
        self.installed = found["installed"]
        if self.installed:
            self.severity, self.title = "error", f"{import_it} fails"
            self.effect = "ModuleNotFoundError, and uv sync changes nothing: it trusts the metadata"
            return f"{name} is installed in {venv}, its extension module {project.module} is gone"
        self.severity = "advice"
        self.title = f"{name} is not installed in {venv}, so its module was not checked"
        self.effect = f"ModuleNotFoundError at {import_it}, until it is installed"
        return f"{venv} has no {name}"

    def apply(self, plan: Plan) -> None:
        if self.installed:
            plan.commands.append(self._reinstall("--inexact", "--frozen"))
        else:
            self.leave_to_user(plan)


_FIND_MODULE = """
import json, sys
from importlib import metadata, util
from importlib.machinery import PathFinder

name, dotted = sys.argv[1:]
try:
    installed = bool(metadata.distribution(name))
except metadata.PackageNotFoundError:
    installed = False
top, _, rest = dotted.partition(".")
spec, path = util.find_spec(top), None  # nothing is imported for that
# maturin makes a package around a module that is no part of one
for part in rest.split(".") if rest else [top]:
    path = spec.submodule_search_locations if spec else None
    if path is None:
        spec = None if rest else spec
        break
    spec = PathFinder.find_spec(spec.name + "." + part, path)
print(json.dumps({"installed": installed, "module": spec.origin if spec else None}))
"""
