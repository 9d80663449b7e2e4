"""Whether an interpreter that tests start finds its standard library and `.venv`'s packages."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pyo3_uv import template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan
from pyo3_uv.probe import EmbeddedStart
from pyo3_uv.toml_edit import inline_table


class _Start(Check):
    """A start as `cargo run` starts programs in the project."""

    @cached_property
    def start(self) -> EmbeddedStart | None:
        """The embedded interpreter, None if the crate configures its interpreter itself."""
        embedded = self.examination.embedded
        if not embedded or not embedded.linked:
            return None
        if self._follows_pyo3 and not self.examination.selects_venv:
            return None  # it starts what PyO3 takes, which SelectedInterpreter finds to be another
        file = self.project.source_matching(
            r"\b(Py_InitializeFromConfig|PyConfig_Set\w+|Py_SetPythonHome|Py_SetProgramName)\b"
        )
        if file:
            fact = f"{self.project.shown(file)} configures the interpreter itself; not started"
            self.examination.facts["start"] = fact
            return None
        return embedded

    @property
    def cure(self) -> str:  # type: ignore[override]
        runner = next(line for line in self._runners.splitlines() if line.startswith("runner"))
        return (
            "give cargo a runner that starts programs inside .venv, in [target] of "
            f"{self.project.shown(self.project.config_path)}: {runner}"
        )

    @property
    def _runners(self) -> str:
        _, runners = template_files.cargo_config(self.project.sets_virtual_env)
        return runners

    @property
    def _follows_pyo3(self) -> bool:
        """Whether a runner takes the Python that PyO3 takes, as the template's own does."""
        return any(
            "PYO3_PYTHON" in str(target.get("runner"))
            for config in self.project.configs
            for target in config.content.get("target", {}).values()
        )

    def fix(self, plan: Plan) -> None:
        path = self.project.config_path
        if not template_files.add_runners(plan, path, self.project.sets_virtual_env):
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
        lines = [line.strip() for line in self.start.output.splitlines()]
        known = ("No module named 'encodings'", "failed to get the Python codec")
        errors = [line for line in lines if any(text in line for text in known)]
        error = (errors or lines[-1:] or ["it exited without output"])[0]
        return f"started as cargo run starts programs here, it says: {error}"


class OtherEnvironment(_Start):
    id = "other-environment"
    title = "an embedded interpreter does not run in .venv"
    effect = (
        "ModuleNotFoundError in cargo test for packages that are in .venv, or packages of another "
        "environment"
    )

    def find(self) -> str | None:
        if not self.start or self.start.prefix is None:
            return None
        prefix = self.start.prefix
        if Path(prefix).resolve() == self.project.venv.resolve():
            fact = f"an embedded interpreter runs in {self.project.shown(prefix)}"
            self.examination.facts["start"] = fact
            return None
        return f"started as cargo run starts programs here, its sys.prefix is {prefix}"


class Initialize(Check):
    id = "no-initialize"
    title = "nothing starts Python in tests"
    effect = "a Rust test that touches Python panics: The Python interpreter is not initialized"
    cure = 'add pyo3 with features = ["auto-initialize"] to [dev-dependencies]'

    def find(self) -> str | None:
        starts = (
            r"\b(Python::initialize|prepare_freethreaded_python|Py_Initialize\w*|"
            r"with_embedded_python_interpreter)\b"
        )
        project = self.project
        if project.has_feature("auto-initialize", (None, "dev")) or project.source_matching(starts):
            return None
        return "pyo3's auto-initialize is not enabled for tests, and no source file starts Python"

    def fix(self, plan: Plan) -> None:
        path = self.project.folder / "Cargo.toml"
        (dependency, *_) = self.project.pyo3(None)
        key = dependency.get("rename") or "pyo3"
        manifest = plan.toml(path)
        original = manifest.get("dependencies", {}).get(key)
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
        kept = (
            "version",
            "workspace",
            "path",
            "git",
            "branch",
            "tag",
            "rev",
            "registry",
            "package",
        )
        entry = {name: source[name] for name in kept if name in source}
        inline = inline_table({**entry, "features": ["auto-initialize"]})
        inline.comment("tests start Python themselves")
        if "dev-dependencies" in manifest:
            plan.edit_toml(
                path, lambda document: document["dev-dependencies"].update({key: inline})
            )
        else:
            line = f"{key} = {inline.as_string()}{inline.trivia.comment_ws}{inline.trivia.comment}"
            plan.append(path, f"[dev-dependencies]\n{line}\n")


def _enable(table: Any, key: str) -> None:
    """Add the feature to a dependency that is there."""
    if isinstance(table[key], str):
        table[key] = inline_table({"version": str(table[key])})
    table[key]["features"] = [*table[key].get("features", []), "auto-initialize"]
