"""The environment, and whether PyO3 builds for it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from tomlkit.items import InlineTable

from pyo3_uv import binding, environments, template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.context import NO_LIBRARY, Selection
from pyo3_uv.plan import Plan
from pyo3_uv.process import run
from pyo3_uv.toml_edit import inline_table, lookup

# Without --inexact uv uninstalls what is not in its lock file, without --frozen it may change that
SYNC = ["uv", "sync", "--inexact", "--frozen"]

# What pyo3-ffi's build script says, where there is no Python or it does not fit
NO_INTERPRETER = r"Python( 3)? interpreter|custom build command for `pyo3-ffi"


class Environment(Check):
    id = "no-environment"
    effect = "what is installed, and whether tests run in it, was not checked"

    def find(self) -> str | None:
        project = self.project
        venv, executable = project.shown(project.venv), project.shown(project.venv_python)
        self.explains = "" if self.context.python else NO_INTERPRETER
        if python := project.interpreter:
            fact = f"{venv}: Python {python.version}, {python.linkage} libpython"
            self.context.facts["environment"] = fact
            return None
        self.command = f"{executable} --version"
        if project.venv_python.exists() or project.venv_python.is_symlink():
            self.severity = "error"
            self.output = run([project.venv_python, "--version"]).output
            self.title = f"{venv} does not start"
            self.fix = "uv sync" if project.syncs else f"uv venv --clear {shlex.quote(venv)}"
            return f"{executable} is there and does not start"
        self.severity, self.output = "advice", "No such file or directory"
        self.title = f"there is no {venv}, so some checks were skipped"
        self.fix = "uv sync" if lookup(project.pyproject, "project", "name") else "uv venv"
        return f"{executable} does not exist, and no other environment was found"

    def apply(self, plan: Plan) -> None:
        if self.project.syncs:
            plan.commands.append(SYNC)
        else:
            self.leave_to_user(plan)


class MovedEnvironment(Check):
    id = "environment-moved"
    severity = "error"

    def find(self) -> str | None:
        project = self.project
        scripts = environments.scripts_of_another(project.venv)
        if not project.interpreter or not scripts:
            return None
        self.context.environment_moved = True
        names = [script.name for script in scripts]
        name = "pytest" if "pytest" in names else names[0]
        script = project.venv_python.with_name(name)
        python, venv = scripts[script], project.shown(project.venv)
        self.title = f"{venv} was moved or renamed, or copied from another project"
        self.see(f"head -n 2 {shlex.quote(project.shown(script))}")
        self.effect = f"uv run {name} fails: Failed to spawn: `{name}`, No such file or directory"
        if python.exists():
            self.effect = f"uv run {name} runs with the packages of {python.parent.parent}"
        self.fix = self._make_again(venv)
        return f"{project.shown(script)} starts {python}, not {project.shown(project.venv_python)}"

    def _make_again(self, venv: str) -> str:
        project = self.project
        command = ["uv", "venv", "--clear"]
        if venv != ".venv":
            command.append(venv)
        if not project.syncs or (project.venv.name != ".venv" and not project.elsewhere):
            return f"{shlex.join(command)}, then install the packages again"
        sync = "uv sync --all-packages" if project.uv_workspace else "uv sync"
        return f"{shlex.join(command)} && {sync}"

    def apply(self, plan: Plan) -> None:
        self.leave_to_user(plan)  # it would uninstall what was installed by hand


class Force(Check):
    id = "force"
    title = "force = true on PYO3_PYTHON"
    effect = (
        "it overrides the interpreter that maturin passes: a wheel for another Python is built for "
        "this one, and its import fails with an undefined symbol"
    )
    fix = "remove force = true; without it the value holds unless somebody passes another"

    def find(self) -> str | None:
        configured = self.project.configured("PYO3_PYTHON")
        if not configured or not configured[2]:
            return None
        self.show(configured[0].path, "PYO3_PYTHON|force")
        return f"{self.project.shown(configured[0].path)} sets PYO3_PYTHON with force = true"

    def apply(self, plan: Plan) -> None:
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
    binds_to_uv = True
    about_rust_programs = True
    explains = NO_INTERPRETER

    def find(self) -> str | None:
        project, selection = self.project, self.context.selection
        shown = project.shown(selection.path) if selection.path else "none"
        self.context.facts["interpreter"] = f"{shown}, from {selection.source}"
        if not project.interpreter or self.context.selects_venv:
            return None
        venv = project.shown(project.venv)
        if selection.path and os.path.isabs(selection.path) and not Path(selection.path).exists():
            self.title = "PyO3 is told to take a Python that is not there"
            self.effect = "cargo does not build: failed to run the Python interpreter"
        elif selection.path and self.context.in_venv(selection.path):
            self.title = f"PyO3 takes {venv} only while it is activated"
            self.effect = "in a shell in which it is not activated, PyO3 takes another Python"
        else:
            self.title = f"PyO3 takes another Python than {venv}"
            self.effect = (
                f"{project.cargo_test} and cargo run use another Python than uv run, without the "
                "packages of the project"
            )
        self.fix = self._select()
        self._show(selection)
        if selection.path:
            self.explains += f"|{re.escape(selection.path)}"  # the template's own build.rs names it
        if self.context.fails_with(self.explains):
            self.about_rust_programs = False
            self.show_build()
        other = self.context.python
        version = f"Python {other.version}" if other else "no Python that starts"
        return (
            f"PyO3 takes {selection.path} ({version}), from {selection.source}; "
            f"{venv} has Python {project.interpreter.version}"
        )

    def _show(self, selection: Selection) -> None:
        """Say what names the interpreter: a configuration, a variable or PATH."""
        variable, _, where = selection.source.partition(" ")
        configured = self.project.configured(variable)
        if where.startswith("in ") and configured:
            self.show(configured[0].path, variable)
        elif where == "of the shell":
            self.see(f'echo "${variable}"', os.environ.get(variable, ""))
        else:
            self.see("command -v python python3", selection.path or "")

    def _select(self) -> str:
        """Return what makes PyO3 take the environment; it depends on what it takes now."""
        project, source = self.project, self.context.selection.source
        variable, _, where = source.partition(" ")
        configured = project.configured("PYO3_PYTHON") or project.configured("VIRTUAL_ENV")
        if variable == "CONDA_PREFIX":
            return "conda deactivate"
        if project.elsewhere:
            return 'export PYO3_PYTHON="$UV_PROJECT_ENVIRONMENT/bin/python"'
        if where == "of the shell" and (configured or variable.startswith("PYO3_")):
            return f"unset {variable} in this shell"
        if why_not := binding.obstacle(project):
            return f"activate {project.shown(project.venv)} before cargo test ({why_not})"
        setting = f'PYO3_PYTHON = {{ value = "{project.configured_python}", relative = true }}'
        if project.sets_virtual_env:
            setting = (
                f'VIRTUAL_ENV = {{ value = "{project.configured_venv}", relative = true, ... }}'
            )
        fix = f"set {setting} in [env] of {project.shown(project.config_path)}"
        return f"conda deactivate, or {fix}" if "both set" in source else fix

    def apply(self, plan: Plan) -> None:
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
        if binding.obstacle(project):
            self.leave_to_user(plan)
            return
        python = project.configured_venv if windows else project.configured_python
        template_files.set_python(plan, path, python, windows)


class StaleConfiguration(Check):
    id = "stale-configuration"
    title = "PyO3 is configured for a Python that the environment no longer has"
    effect = "cargo test goes on with the old Python, as PyO3 watches the text of PYO3_PYTHON"
    fix = "cargo clean -p pyo3-ffi"
    severity = "error"
    explains = f"{NO_LIBRARY}|cargo clean -p pyo3-ffi"  # so the template's own build.rs

    def find(self) -> str | None:
        python, selected = self.project.interpreter, self.context.selection.path
        if not python or not selected or not self.context.in_venv(selected):
            return None
        config = self.context.build.config
        executable = config.get("executable")
        if not executable or not self.context.in_venv(executable):
            return None
        configured = f"lib{config.get('lib_name')} in {config.get('lib_dir')}"
        current = f"lib{python.lib_name} in {python.lib_dir}"
        if os.name == "nt" or configured == current:
            return None
        name = self.project.shown(self.project.venv_python)
        script = "import sysconfig as s; print(*map(s.get_config_var, ('INSTSONAME', 'LIBDIR')))"
        self.command = f'{name} -c "{script}"'
        self.output = run([self.project.venv_python, "-c", script]).output
        venv = self.project.shown(self.project.venv)
        return f"PyO3 was built for {configured}; {venv} has {current}"

    def apply(self, plan: Plan) -> None:
        plan.commands.append(["cargo", "clean", "--package", "pyo3-ffi"])
