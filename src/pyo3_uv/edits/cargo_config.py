"""What makes cargo build for an environment and start programs in it, as the template has it."""

from pathlib import Path
from typing import Any

import tomlkit

from pyo3_uv import template_texts
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import inline_table, table_of
from pyo3_uv.toml import lookup_table


def set_python(patch: Patch, path: Path, python: str, windows: bool = False) -> None:
    """Make PyO3 build for `python`, in the cargo configuration in the file `path`.

    `python` is relative to the folder of `.cargo`: an executable, with `windows` an environment.
    """
    values: dict[str, Any] = {"value": python, "relative": True}
    if windows:
        values["force"] = True
    name = "VIRTUAL_ENV" if windows else "PYO3_PYTHON"
    if "env" not in patch.toml(path):
        env, _ = template_texts.cargo_config(windows)
        patch.append(path, env)
    patch.edit_toml(
        path, lambda document: table_of(document["env"], name).update({name: inline_table(values)})
    )


def add_runners(patch: Patch, path: Path, windows: bool = False) -> bool:
    """Add the runners to a cargo configuration; say False if it has some, or flags, of its own."""
    _, runners = template_texts.cargo_config(windows)
    targets = lookup_table(patch.toml(path), "target")
    known = tomlkit.parse(runners).unwrap()["target"].keys()
    if targets.keys() & known or any("runner" in lookup_table(targets, name) for name in targets):
        return False
    patch.append(path, runners)
    return True
