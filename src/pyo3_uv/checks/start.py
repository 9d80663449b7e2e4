"""Whether an interpreter that tests start finds its standard library and `.venv`'s packages."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pyo3_uv import binding, template_files
from pyo3_uv.build_script import SOURCE
from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan
from pyo3_uv.probe import EmbeddedStart
from pyo3_uv.toml_edit import add, inline_table


class _Start(Check):
    """A start as `cargo run` starts programs in the project."""

    about_rust_programs = True
    binds_to_uv = True
    command = "pyo3-uv start"

    @cached_property
    def start(self) -> EmbeddedStart | None:
        """The embedded interpreter, None if the crate configures its interpreter itself."""
        embedded = self.context.embedded
        if not embedded or not embedded.linked:
            return None
        file = self.project.source_matching(
            r"\b(Py_InitializeFromConfig|PyConfig_Set\w+|Py_SetPythonHome|Py_SetProgramName)\b"
        )
        if file:
            fact = f"{self.project.shown(file)} configures the interpreter itself; not started"
            self.context.facts["start"] = fact
            return None
        return embedded

    @property
    def fix(self) -> str:  # type: ignore[override]
        if why_not := binding.obstacle(self.project):
            venv = self.project.shown(self.project.venv)
            return f"activate {venv} before cargo test ({why_not})"
        runner = next(line for line in self._runners.splitlines() if line.startswith("runner"))
        return (
            "give cargo a runner that starts programs inside .venv, in [target] of "
            f"{self.project.shown(self.project.config_path)}: {runner}"
        )

    @property
    def _runners(self) -> str:
        _, runners = template_files.cargo_config(self.project.sets_virtual_env)
        return runners

    def apply(self, plan: Plan) -> None:
        path = self.project.config_path
        if binding.obstacle(self.project):
            self.leave_to_user(plan)
        elif not template_files.add_runners(plan, path, self.project.sets_virtual_env):
            plan.manual.append(
                f"{self.project.shown(path)} has a runner or flags of its own; start programs "
                f"inside .venv there, as in:\n{self._runners}"
            )


class StandardLibrary(_Start):
    id = "no-standard-library"
    title = "an embedded interpreter does not find its standard library"
    effect = "cargo test and cargo run die when they start Python"

    def find(self) -> str | None:
        if not self.start or self.start.prefix is not None:
            return None
        self.severity = "error" if self.project.starts_python else "warning"
        lines = [line.strip() for line in self.start.output.splitlines()]
        known = ("No module named 'encodings'", "failed to get the Python codec")
        errors = [line for line in lines if any(text in line for text in known)]
        error = (errors or lines[-1:] or ["it exited without output"])[0]
        self.output = error
        return f"started as cargo run starts programs here, it says: {error}"


class OtherEnvironment(_Start):
    id = "other-environment"

    def find(self) -> str | None:
        selected = self.context.selection.path
        if not selected or not self.context.in_venv(selected):
            return None  # SelectedInterpreter finds that
        if not self.start or self.start.prefix is None:
            return None
        prefix = self.start.prefix
        if Path(prefix).resolve() == self.project.venv.resolve():
            fact = f"an embedded interpreter runs in {self.project.shown(prefix)}"
            self.context.facts["start"] = fact
            return None
        self.output = f"sys.prefix {prefix}"
        venv = self.project.shown(self.project.venv)
        self.title = f"an embedded interpreter does not run in {venv}"
        self.effect = (
            f"ModuleNotFoundError in cargo test for packages that are in {venv}, or packages of "
            "another environment"
        )
        return f"started as cargo run starts programs here, its sys.prefix is {prefix}"


class Initialize(Check):
    id = "no-initialize"
    title = "nothing starts Python in tests"
    effect = "a Rust test that touches Python panics: The Python interpreter is not initialized"
    fix = 'add pyo3 with features = ["auto-initialize"] to [dev-dependencies]'
    severity = "advice"
    about_rust_programs = True

    def find(self) -> str | None:
        project = self.project
        if project.binding != "pyo3" or project.starts_python:
            return None
        self.show(project.folder / "Cargo.toml", "auto-initialize")
        return "pyo3's auto-initialize is not enabled for tests, and no source file starts Python"

    def apply(self, plan: Plan) -> None:
        path = self.project.folder / "Cargo.toml"
        (dependency, *_), key = self.project.pyo3(None), self.project.key
        manifest = plan.toml(path)
        original = manifest.get("dependencies", {}).get(key)
        if self.project.resolver == "1":
            # It unites the features of dev-dependencies with those of every build.
            root = self.project.shown(self.project.workspace / "Cargo.toml")
            plan.manual.append(
                f"cargo would also switch {key}'s auto-initialize on in wheels, because {root} has "
                'feature resolver 1 (the default before edition 2021); set resolver = "2" there, '
                f"in [package] or [workspace], then {self.fix}"
            )
            return
        if key in manifest.get("dev-dependencies", {}):
            plan.edit_toml(path, lambda document: _enable(document["dev-dependencies"], key))
            return
        if dependency["optional"] or original is None:
            plan.manual.append(
                f"{key} is optional or a dependency of one platform; where tests need it, add it "
                f'with the feature "auto-initialize" to [dev-dependencies] of '
                f"{self.project.shown(path)}"
            )
            return
        source = {"version": original} if isinstance(original, str) else original
        kept = (*SOURCE, "workspace", "package", "default-features")
        entry = {name: source[name] for name in kept if name in source}
        inline = inline_table({**entry, "features": ["auto-initialize"]})
        inline.comment("tests start Python themselves")
        if "dev-dependencies" in manifest:
            plan.edit_toml(path, lambda document: add(document["dev-dependencies"], key, inline))
        else:
            line = f"{key} = {inline.as_string()}{inline.trivia.comment_ws}{inline.trivia.comment}"
            plan.append(path, f"[dev-dependencies]\n{line}\n")


def _enable(table: Any, key: str) -> None:
    """Add the feature to a dependency that is there."""
    if isinstance(table[key], str):
        table[key] = inline_table({"version": str(table[key])})
    table[key]["features"] = [*table[key].get("features", []), "auto-initialize"]
