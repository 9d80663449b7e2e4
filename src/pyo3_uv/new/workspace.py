"""Projects inside a workspace of uv or of cargo: what must differ in them, and in its root."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from tomlkit.items import AbstractTable

from pyo3_uv import shell, template_texts
from pyo3_uv.edits.cargo_config import add_runners, set_python
from pyo3_uv.edits.library_name import library_name, rename_library
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.toml_edit import extend, inline_table
from pyo3_uv.facts.cargo_config import CargoConfig, Variable, config_in
from pyo3_uv.facts.interpreters import Python, choose, describe, executable_of
from pyo3_uv.facts.workspaces import Workspace, cargo_workspace_above, uv_workspace_above
from pyo3_uv.files import read_text
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError
from pyo3_uv.toml import lookup, read_if_there

# ---- The new project as a member ----


@dataclass(frozen=True)
class Member:
    """The workspaces of which a project is a member: their roots, or None.

    With `shared_config` cargo's configuration is that of the Cargo workspace: it is read in all
    folders from which cargo is run there.
    """

    folder: Path
    uv: Path | None
    cargo: Path | None
    shared_config: bool = False

    def __bool__(self) -> bool:
        return bool(self.uv or self.cargo)

    def __str__(self) -> str:
        if self.uv == self.cargo:
            return f"the uv and Cargo workspace in {self.uv}"
        found = [(self.uv, "uv workspace"), (self.cargo, "Cargo workspace")]
        return " and ".join(f"the {kind} in {root}" for root, kind in found if root)

    @property
    def root(self) -> Path:
        """The topmost folder in which something is shared."""
        return min((r for r in (self.uv, self.cargo, self.folder) if r), key=lambda r: len(r.parts))

    @property
    def venv(self) -> Path:
        return (self.uv or self.folder) / ".venv"

    @property
    def environment(self) -> Path:
        """The environment that uv uses now."""
        return self.venv.parent / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")

    # ---- Answers ----

    def fixed_answers(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answers that follow from where the project is."""
        fixed: dict[str, Any] = {"kind": "extension"} if self else {}
        if self.cargo:
            fixed["layout"] = "single"
        # The template asks it, and takes an answer, of an extension for one version only.
        if self.cargo and self.shared_config and answers.get("abi") == "version":
            fixed["windows"] = self._windows(answers)
        return fixed

    def _windows(self, answers: Mapping[str, Any]) -> bool:
        """Whether the Cargo workspace's configuration is, or is to be, for Windows too."""
        if self._configured:
            return self._configured.name == "VIRTUAL_ENV"
        given = str(answers.get("windows", os.name == "nt")).lower()
        return given in ("true", "yes", "y", "1", "on")

    @property
    def user_defaults(self) -> dict[str, Any]:
        """The defaults that are others here: GitHub, pre-commit and editors read the root's files."""
        return {"extras": []} if self else {}

    def python(self, request: str | None, choices: list[Python]) -> Python | None:
        """Return the Python that the uv workspace has or pins; None if it leaves the choice.

        Raises `UserError` if `request` is another one.
        """
        if not self.uv:
            return None
        pin = self.uv / ".python-version"
        executable = executable_of(self.environment)
        if describe(executable):
            source, python = self.environment, choose(str(executable), choices)
        elif pin.is_file() and (
            version := re.match(r"(?:cpython[@-])?(3\.\d+(?:\.\d+)?t?)\s", read_text(pin) + "\n")
        ):
            source, python = pin, choose(version[1], choices)
        else:
            return None
        if request and choose(request, choices).minor != python.minor:
            raise UserError(
                f"{source} of the uv workspace has Python {python.minor}: leave {request} out, or "
                "change that first: "
                + shell.chain(f"cd {self.uv}", f"uv python pin {request}", "uv sync --all-packages")
            )
        return python

    def allowed(self, choices: list[Python]) -> list[Python]:
        """Return the Pythons that the `requires-python` of the uv workspace allows."""
        assert self.uv
        required = lookup(read_if_there(self.uv / "pyproject.toml"), "project", "requires-python")
        try:
            versions = SpecifierSet(required or "")
        except InvalidSpecifier:
            return choices
        return [p for p in choices if versions.contains(p.version, prereleases=True)]

    # ---- Changes of the roots ----

    @property
    def _config(self) -> Path:
        """The Cargo workspace's configuration file."""
        assert self.cargo
        return config_in(self.cargo / ".cargo") or self.cargo / ".cargo/config.toml"

    def root_changes(self, patch: Patch, answers: Mapping[str, Any]) -> list[str]:
        """Add to `patch` what makes the folder a member; return what stays as it is, and why."""
        notes = []
        if self.uv:
            _add_member(patch, self.uv / "pyproject.toml", self.folder, "tool", "uv", "workspace")
        if self.cargo:
            _add_member(patch, self.cargo / "Cargo.toml", self.folder, "workspace")
        if self.cargo and self.shared_config:
            path, windows = self._config, self._windows(answers)
            if not self._configured:
                venv = relative(self.venv, self.cargo)
                python = venv if windows else f"{venv}/bin/python"
                set_python(patch, path, python, windows)
            targets = patch.toml(path).get("target", {}).values()
            runs = any("runner" in target for target in targets)
            if not add_runners(patch, path, windows) and not runs:
                _, runners = template_texts.cargo_config(windows)
                notes.append(
                    f"{path} has settings of its own in [target]; tests that start Python need "
                    f"this there:\n{runners}"
                )
        elif self.cargo and self.conflict:
            notes.append(
                f"{self.conflict}, and stays so. The project has a .cargo/config.toml of its own: "
                "run cargo in its folder"
            )
        return notes

    @property
    def _configured(self) -> Variable | None:
        """What names the environment in the Cargo workspace's configuration."""
        return CargoConfig(self._config, read_if_there(self._config)).python

    @property
    def conflict(self) -> str | None:
        """What in the Cargo workspace's configuration is for another environment."""
        if not (found := self._configured):
            return None
        venv = Path(found.value)
        if found.name == "PYO3_PYTHON":
            venv = venv.parent.parent
        if os.path.realpath(venv) == os.path.realpath(self.venv):
            return None
        return f"{found.name} in {self._config} names {found.value}, not {self.venv}"

    # ---- Changes of a rendered project ----

    def adapt(self, project: Path, patch: Patch) -> None:
        """Add to `patch` what makes the render in `project` fit into `folder`."""
        keys: dict[str, list[str]] = {}
        config = project / ".cargo/config.toml"
        if self.uv:
            # uv reads the one in the workspace's root only.
            patch.files[project / ".python-version"] = ""
            venv = relative(self.venv, self.folder)
            keys[".venv/pyvenv.cfg"] = [f"{venv}/pyvenv.cfg"]
            patch.files[config] = patch.text(config).replace('value = ".venv', f'value = "{venv}')
        if self.cargo:
            up = relative(self.cargo, self.folder)
            keys["Cargo.lock"] = [f"{up}/Cargo.lock", f"{up}/Cargo.toml"]
            if self.shared_config:
                patch.files[config] = ""
        manifest = project / "pyproject.toml"
        patch.edit_toml(manifest, lambda document: _replace_keys(document, keys))
        maturin = patch.toml(manifest)["tool"]["maturin"]
        crate = (project / maturin.get("manifest-path", "Cargo.toml")).parent
        rename_library(patch, crate, library_name(maturin["module-name"]))

    def check_name(self, name: str) -> None:
        """Raise `UserError` if another member has this name: nothing in the workspace would work."""
        for root, manifest, keys in (
            (self.uv, "pyproject.toml", ("project", "name")),
            (self.cargo, "Cargo.toml", ("package", "name")),
        ):
            for path in _manifests(root, manifest) if root else ():
                other = lookup(read_if_there(path), *keys)
                if path.parent != self.folder and canonicalize_name(str(other)) == (
                    canonicalize_name(name)
                ):
                    raise UserError(
                        f"{path} of the workspace is called {other} too; choose another name: "
                        f"-d project_name=..."
                    )


def _manifests(root: Path, name: str) -> Iterator[Path]:
    """Return the manifests of a workspace's root and of its members."""
    content = read_if_there(root / name)
    workspace = lookup(content, "workspace") or lookup(content, "tool", "uv", "workspace") or {}
    yield root / name
    for pattern in workspace.get("members", []):
        yield from root.glob(os.path.normpath(f"{pattern}/{name}"))


def _add_member(patch: Patch, path: Path, folder: Path, *keys: str) -> None:
    """Add a folder to the `members` of a workspace, unless they name it already."""
    table = lookup(patch.toml(path), *keys)
    assert table is not None
    if Workspace(path.parent, table.get("members", []), []).names(folder):
        return
    name = relative(folder, path.parent)

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        if "members" in document:
            extend(document["members"], [name])
        else:
            document["members"] = [name]

    patch.edit_toml(path, change)


def _replace_keys(document: Any, names: Mapping[str, list[str]]) -> None:
    """Replace files in uv's `cache-keys` by others."""
    array = document["tool"]["uv"]["cache-keys"]
    added = []
    for key in array:
        if isinstance(key, (AbstractTable, dict)) and key.get("file") in names:
            first, *rest = names[key["file"]]
            key["file"] = first
            added += rest
    if added:
        extend(array, [inline_table({"file": name}) for name in added])


# ---- What lies above a new project ----


@dataclass(frozen=True)
class Surroundings:
    """The workspaces above the folder of a new project."""

    folder: Path
    uv: Workspace | None
    cargo: Workspace | None
    note: str = ""

    @property
    def whole(self) -> Member:
        """The project as a member of all of them."""
        uv, cargo = (w.root if w else None for w in (self.uv, self.cargo))
        found = Member(self.folder, uv, cargo)
        return replace(found, shared_config=bool(found.cargo and not found.conflict))

    @property
    def without_edits(self) -> Member:
        """The project as a member of those that name its folder already."""
        uv, cargo = (w.root if w and w.names(self.folder) else None for w in (self.uv, self.cargo))
        return Member(self.folder, uv, cargo)

    @property
    def exclusion(self) -> str:
        """How the folder becomes independent of the Cargo workspace."""
        assert self.cargo
        name = relative(self.folder, self.cargo.root)
        return f'add "{name}" to `exclude` in [workspace] of {self.cargo.root / "Cargo.toml"}'

    def fits(self, answers: Mapping[str, Any]) -> bool:
        """Whether a project with these answers can be a member."""
        nested = self.cargo and answers.get("layout") == "workspace"
        return answers.get("kind") != "app" and not nested

    def check(self, answers: Mapping[str, Any]) -> None:
        """Raise `UserError` for answers with which the project cannot lie here."""
        if self.cargo and answers.get("layout") == "workspace":
            raise UserError(
                f"layout=workspace makes a Cargo workspace, and {self.folder} lies in that of "
                f"{self.cargo.root}; choose layout=single or another folder, or {self.exclusion}"
            )
        if answers.get("kind") != "app":
            return
        own = "an app has an environment of its own and is no member of a workspace"
        if self.uv and self.uv.names(self.folder):
            name = relative(self.folder, self.uv.root)
            raise UserError(
                f'{own}; choose another folder, or add "{name}" to `exclude` in '
                f"[tool.uv.workspace] of {self.uv.root / 'pyproject.toml'}"
            )
        if self.cargo:
            raise UserError(f"{own}; choose another folder, or {self.exclusion}")


def surroundings_of(folder: Path) -> Surroundings:
    uv, note = uv_workspace_above(folder), ""
    if uv and uv.excludes(folder):
        note = f"the uv workspace in {uv.root} excludes this folder: a project of its own"
        uv = None
    return Surroundings(folder, uv, cargo_workspace_above(folder), note)
