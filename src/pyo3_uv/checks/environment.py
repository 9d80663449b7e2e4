"""The environment, and whether PyO3 builds for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tomlkit.items import InlineTable

from pyo3_uv import template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.interpreters import describe
from pyo3_uv.plan import Plan
from pyo3_uv.toml_edit import inline_table


class Environment(Check):
    id = "no-environment"
    effect = "PyO3 has no Python of this project to build for, or takes another one"
    explains_build_failure = True

    def find(self) -> str | None:
        project = self.project
        venv, executable = project.shown(project.venv), project.shown(project.venv_python)
        if python := project.interpreter:
            fact = f"{venv}: Python {python.version}, {python.linkage} libpython"
            self.examination.facts["environment"] = fact
            return None
        self.cure = "uv sync" if project.pyproject_path else "uv venv"
        if project.venv_python.exists() or project.venv_python.is_symlink():
            self.title = f"{venv} does not start"
            self.cure += "" if project.pyproject_path else " --clear"
            return f"{executable} is there and does not start"
        self.title = f"there is no {venv}"
        return f"{executable} does not exist"

    def fix(self, plan: Plan) -> None:
        plan.commands.append(
            ["uv", "sync"] if self.project.pyproject_path else ["uv", "venv", "--clear"]
        )


class Force(Check):
    id = "force"
    title = "force = true on PYO3_PYTHON"
    effect = (
        "it overrides the interpreter that maturin passes: a wheel for another Python is built for "
        "this one, and its import fails with an undefined symbol"
    )
    cure = "remove force = true; without it the value holds unless somebody passes another"

    def find(self) -> str | None:
        configured = self.project.configured("PYO3_PYTHON")
        if not configured or not configured[2]:
            return None
        return f"{self.project.shown(configured[0].path)} sets PYO3_PYTHON with force = true"

    def fix(self, plan: Plan) -> None:
        configured = self.project.configured("PYO3_PYTHON")
        assert configured
        path = configured[0].path

        def change(document: Any) -> None:
            table = document["env"]
            values = table["PYO3_PYTHON"].unwrap()
            del values["force"]
            if isinstance(table["PYO3_PYTHON"], InlineTable):
                table["PYO3_PYTHON"] = inline_table(values)
            else:
                table["PYO3_PYTHON"].remove("force")

        if path.is_relative_to(self.project.workspace):
            plan.edit_toml(path, change)
        else:
            plan.manual.append(f"remove force = true from PYO3_PYTHON in {path}")


class SelectedInterpreter(Check):
    id = "interpreter"
    explains_build_failure = True

    def find(self) -> str | None:
        project, selection = self.project, self.examination.selection
        shown = project.shown(selection.path) if selection.path else "none"
        self.examination.facts["interpreter"] = f"{shown}, from {selection.source}"
        if not project.interpreter:
            return None
        if self.examination.selects_venv:
            return None
        if selection.path and os.path.isabs(selection.path) and not Path(selection.path).exists():
            self.title = "PyO3 is told to take a Python that is not there"
            self.effect = "cargo does not build: failed to run the Python interpreter"
        elif selection.path and self.examination.in_venv(selection.path):
            self.title = "PyO3 takes .venv only while it is activated"
            self.effect = "in a shell in which it is not activated, PyO3 takes another Python"
        else:
            self.title = "PyO3 takes another Python than .venv"
            self.effect = (
                "cargo test and cargo run use another Python than uv run, without the packages of "
                "the project"
            )
        self.cure = self._select()
        other = describe(selection.path, project.folder) if selection.path else None
        version = f"Python {other.version}" if other else "no Python that starts"
        return (
            f"PyO3 takes {selection.path} ({version}), from {selection.source}; "
            f"{project.shown(project.venv)} has Python {project.interpreter.version}"
        )

    def _select(self) -> str:
        """Return what makes PyO3 take `.venv`: it depends on what made it take something else."""
        project, source = self.project, self.examination.selection.source
        variable, _, where = source.partition(" ")
        configured = project.configured("PYO3_PYTHON") or project.configured("VIRTUAL_ENV")
        if variable == "CONDA_PREFIX":
            return "conda deactivate"
        if project.elsewhere:
            return 'export PYO3_PYTHON="$UV_PROJECT_ENVIRONMENT/bin/python"'
        if where == "of the shell" and (configured or variable.startswith("PYO3_")):
            return f"unset {variable} in this shell"
        setting = f'PYO3_PYTHON = {{ value = "{project.configured_python}", relative = true }}'
        if project.sets_virtual_env:
            setting = (
                f'VIRTUAL_ENV = {{ value = "{project.configured_venv}", relative = true, ... }}'
            )
        cure = f"set {setting} in [env] of {project.shown(project.config_path)}"
        return f"conda deactivate, or {cure}" if "both set" in source else cure

    def fix(self, plan: Plan) -> None:
        project, path = self.project, self.project.config_path
        configured = project.configured("PYO3_PYTHON") or project.configured("VIRTUAL_ENV")
        in_shell = {"PYO3_PYTHON", "PYO3_CONFIG_FILE", "UV_PROJECT_ENVIRONMENT"} & os.environ.keys()
        windows = project.sets_virtual_env
        is_set = windows and configured and Path(configured[1]).resolve() == project.venv.resolve()
        if in_shell or is_set or (configured and configured[0].path != path):
            plan.manual.append(
                "PyO3 is told to take another Python, by a variable of the shell or a "
                ".cargo/config.toml elsewhere: the doctor names it"
            )
            return
        python = project.configured_venv if windows else project.configured_python
        template_files.set_python(plan, path, python, windows)


class StaleConfiguration(Check):
    id = "stale-configuration"
    title = "PyO3 is configured for a Python that .venv no longer has"
    effect = "cargo test goes on with the old Python, as PyO3 watches the text of PYO3_PYTHON"
    cure = "cargo clean -p pyo3-ffi"
    explains_build_failure = True

    def find(self) -> str | None:
        python, selected = self.project.interpreter, self.examination.selection.path
        if not python or not selected or not self.examination.in_venv(selected):
            return None
        config = self.examination.build.config
        executable = config.get("executable")
        if not executable or not self.examination.in_venv(executable):
            return None
        configured = f"lib{config.get('lib_name')} in {config.get('lib_dir')}"
        current = f"lib{python.lib_name} in {python.lib_dir}"
        if os.name == "nt" or configured == current:
            return None
        return f"PyO3 was built for {configured}; .venv has {current}"

    def fix(self, plan: Plan) -> None:
        plan.commands.append(["cargo", "clean", "--package", "pyo3-ffi"])
