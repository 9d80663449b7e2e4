"""`pyo3-uv fix`: the doctor's cures, as changes of files and as commands.

TOML is edited by tomlkit, so comments and order stay; whole new tables are appended as text, as a
person would write them.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from packaging.version import Version
from tomlkit.items import AbstractTable, Array, InlineTable

from pyo3_uv.doctor import (
    RPATH_FUNCTION,
    Doctor,
    Report,
    maturin_requirement,
    missing_build_settings,
    missing_cache_keys,
)
from pyo3_uv.process import UserError, run
from pyo3_uv.project import Project, lookup

RUNNER = ["uv", "run", "--no-sync", "--quiet", "--"]


@dataclass
class Plan:
    """What would be changed: new texts of files, commands to run then, and what is left to do."""

    files: dict[Path, str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    def text(self, path: Path) -> str:
        """Return the text of a file with the changes so far; "" if it does not exist."""
        if path in self.files:
            return self.files[path]
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def changed(self) -> dict[Path, str]:
        """Return the files whose text differs from what is on disk."""
        return {
            path: text
            for path, text in self.files.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        }

    def diff(self, root: Path) -> str:
        """Return a unified diff of all changed files, with paths relative to `root`."""
        parts: list[str] = []
        for path, text in self.changed().items():
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            name = os.path.relpath(path, root)
            parts += difflib.unified_diff(
                old.splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{name}" if path.exists() else "/dev/null",
                f"b/{name}",
            )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in parts)

    def write(self) -> None:
        """Write the changed files, each whole or not at all."""
        for path, text in self.changed().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.pyo3-uv")
            try:
                new.write_text(text, encoding="utf-8")
                if path.exists():
                    new.chmod(path.stat().st_mode)
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)


def check_clean(project: Project) -> None:
    """Raise `UserError` if the project's work tree has uncommitted changes."""
    done = run(["git", "status", "--porcelain", "--", str(project.workspace)], project.workspace)
    if done.code == 0 and done.stdout.strip():
        raise UserError(
            "there are uncommitted changes; commit them first, so that the fix can be told from "
            f"them and undone, or add --allow-dirty\n{done.stdout.rstrip()}"
        )


def plan(report: Report, pyo3: Version | None) -> Plan:
    """Return the cures of the findings; `pyo3` is the version that was built, if known."""
    made = Plan()
    project = report.project
    for finding in report.findings:
        cure = _CURES.get(finding.id)
        if cure:
            cure(project, made, pyo3)
        else:
            made.by_hand.append(f"{finding.title}: {finding.cure}")
    if project.maturin and "cache-keys" not in report.ids and _new_build_script(project, made):
        _cache_keys(project, made, pyo3)
    return made


def _new_build_script(project: Project, made: Plan) -> bool:
    return project.build_script is None and project.folder / "build.rs" in made.files


def diagnose(project: Project, step: Callable[[str], None]) -> tuple[Report, Version | None]:
    """Return the doctor's report and PyO3's version, None where nothing could be built."""
    doctor = Doctor(project, step)
    report = doctor.examine()
    return report, doctor.build.pyo3_version if project.interpreter else _locked_pyo3(project)


def _locked_pyo3(project: Project) -> Version | None:
    lock = project.workspace / "Cargo.lock"
    match = (
        re.search(r'name = "pyo3"\nversion = "([^"]+)"', lock.read_text())
        if lock.exists()
        else None
    )
    return Version(match[1]) if match else None


# ---- Editing TOML ----


def _edit(made: Plan, path: Path, change: Callable[[Any], None]) -> None:
    old = made.text(path)
    document = tomlkit.parse(old)
    change(document)
    made.files[path] = _spaced(tomlkit.dumps(document), old)


def _spaced(text: str, old: str) -> str:
    """Put the blank line before a table back that tomlkit drops when it adds a key before it."""
    known = set(zip(old.splitlines(), old.splitlines()[1:], strict=False))
    lines: list[str] = []
    for line in text.splitlines():
        table = re.match(r"\[\[?[\w\"']", line)
        if table and lines and lines[-1].strip() and (lines[-1], line) not in known:
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _append(made: Plan, path: Path, text: str) -> None:
    """Append whole tables to a TOML file."""
    old = made.text(path)
    made.files[path] = f"{old.rstrip()}\n\n{text}" if old.strip() else text


def _extend(array: Array, values: Sequence[Any]) -> None:
    """Append to an array, on lines of their own if its values stand so."""
    if "\n" in array.as_string():
        for value in values:
            array.add_line(value)
        array.add_line(indent="")
        text = re.sub(r"\n\s*\n", "\n", array.as_string())
        fresh = tomlkit.parse(f"x = {text}")["x"]
        assert isinstance(fresh, Array)
        array.clear()
        array._value = fresh._value  # the same values, without the blank line
    else:
        for value in values:
            array.append(value)


def _inline(values: Mapping[str, Any]) -> InlineTable:
    """Return an inline table with spaces inside its braces, as cargo writes them."""
    pairs = ", ".join(f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items())
    table = tomlkit.parse(f"x = {{ {pairs} }}")["x"]
    assert isinstance(table, InlineTable)
    return table


# ---- Cures, by the finding's id ----


def _environment(project: Project, made: Plan, pyo3: Version | None) -> None:
    made.commands.append(["uv", "sync"] if project.pyproject_path else ["uv", "venv", "--clear"])


def _force(project: Project, made: Plan, pyo3: Version | None) -> None:
    configured = project.configured("PYO3_PYTHON")
    assert configured

    def change(document: Any) -> None:
        table = document["env"]
        values = table["PYO3_PYTHON"].unwrap()
        del values["force"]
        if isinstance(table["PYO3_PYTHON"], InlineTable):
            table["PYO3_PYTHON"] = _inline(values)
        else:
            table["PYO3_PYTHON"].remove("force")

    if configured[0].path.is_relative_to(project.workspace):
        _edit(made, configured[0].path, change)
    else:
        made.by_hand.append(f"remove force = true from PYO3_PYTHON in {configured[0].path}")


_ENV = """\
[env]
# PyO3 builds for the Python in .venv, activated or not. No `force = true`: it would override
# the interpreter that maturin chooses when it builds a wheel for another Python.
"""
_TARGET = """\
[target.'cfg(all())']
# Tests, examples and benches run inside .venv. Without this the interpreter in them dies with
# "No module named 'encodings'" or misses the packages of .venv.
# https://github.com/astral-sh/uv/issues/11006
"""


def _interpreter(project: Project, made: Plan, pyo3: Version | None) -> None:
    path = project.config_path
    configured = project.configured("PYO3_PYTHON") or project.configured("VIRTUAL_ENV")
    in_shell = {"PYO3_PYTHON", "PYO3_CONFIG_FILE", "UV_PROJECT_ENVIRONMENT"} & os.environ.keys()
    if in_shell or (
        configured and (configured[0].path != path or not configured[0].env("PYO3_PYTHON"))
    ):
        made.by_hand.append(
            "PyO3 is told to take another Python, by a variable of the shell or a .cargo/config.toml "
            "elsewhere: the doctor names it"
        )
        return
    values = {"value": project.configured_python, "relative": True}
    if "env" in tomlkit.parse(made.text(path)):
        _edit(made, path, lambda d: d["env"].update({"PYO3_PYTHON": _inline(values)}))
    else:
        _append(made, path, f"{_ENV}PYO3_PYTHON = {_inline(values).as_string()}\n")


def _runner(project: Project, made: Plan, pyo3: Version | None) -> None:
    path = project.config_path
    document = tomlkit.parse(made.text(path)).unwrap()
    runners = [t for t in document.get("target", {}).values() if "runner" in t]
    shown = f"runner = {RUNNER!r}".replace("'", '"')
    if runners or "cfg(all())" in document.get("target", {}):
        made.by_hand.append(
            f"{project.shown(path)} has a runner or flags of its own; start programs through uv "
            f"there: {shown}"
        )
    else:
        _append(made, path, f"{_TARGET}{shown}\n")


_CALL = """\
    // Without an rpath, `cargo test` dies with "libpython3.x.so.1.0: cannot open shared object
    // file" when libpython is outside the loader's path, as uv's and pyenv's are:
    // https://github.com/astral-sh/uv/issues/11006
"""
_FUNCTION = "    pyo3_build_config::add_libpython_rpath_link_args();\n"
# What that function does, for a PyO3 that does not have it
_OLDER = """\
    if std::env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_none() {
        if let Some(folder) = &pyo3_build_config::get().lib_dir {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        }
    }
    println!("cargo:rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
"""


def _rpath(project: Project, made: Plan, pyo3: Version | None) -> None:
    function = pyo3 is None or pyo3 >= RPATH_FUNCTION
    lines = _CALL + (_FUNCTION if function else _OLDER)
    script = project.build_script
    if script is None and not (project.folder / "build.rs").exists():
        made.files[project.folder / "build.rs"] = f"fn main() {{\n{lines}}}\n"
    elif script is None:
        made.by_hand.append(
            f"build.rs is not built (see `build` in Cargo.toml); it needs:\n{lines}"
        )
        return
    elif not _insert_in_main(made, script, lines):
        made.by_hand.append(
            f"{project.shown(script)} has no plain `fn main() {{`; put this at its start:\n{lines}"
        )
        return
    _build_dependency(project, made, pyo3)


def _insert_in_main(made: Plan, script: Path, lines: str) -> bool:
    """Put `lines` at the start of main; say False if it is not plain where that is."""
    text = made.text(script)
    heads = list(re.finditer(r"^fn main\(\)[^\n{;]*\{(?:[ \t]*\n|(?=\}))", text, re.MULTILINE))
    if len(heads) != 1 or "add_libpython_rpath_link_args" in text:
        return False
    end = heads[0].end()
    made.files[script] = text[:end].rstrip() + "\n" + lines + text[end:]
    return True


def _build_dependency(project: Project, made: Plan, pyo3: Version | None) -> None:
    dependencies = project.package["dependencies"]
    if any(d["name"] == "pyo3-build-config" and d["kind"] == "build" for d in dependencies):
        return
    (dependency, *_) = project.pyo3(None)
    version = dependency["req"].lstrip("^") if dependency["req"] != "*" else "*"
    if pyo3 and pyo3 >= RPATH_FUNCTION and pyo3.release[:2] == RPATH_FUNCTION.release[:2]:
        version = str(RPATH_FUNCTION)
    value: Any = version
    if not (dependency.get("source") or "").startswith("registry"):
        value = None
    path = project.folder / "Cargo.toml"
    if value is None:
        made.by_hand.append(
            "pyo3 is no crate of a registry here; add pyo3-build-config of the same source to "
            "[build-dependencies]"
        )
    elif "build-dependencies" in tomlkit.parse(made.text(path)):
        entry = {"pyo3-build-config": value}
        _edit(made, path, lambda d: d["build-dependencies"].update(entry))
    else:
        _append(made, path, f'[build-dependencies]\npyo3-build-config = "{value}"\n')


def _extension_module(project: Project, made: Plan, pyo3: Version | None) -> None:
    """Take the feature out of the manifests, and out of the crate's default features."""
    keys = {d.get("rename") or "pyo3" for d in project.pyo3(None)}

    def change(document: Any) -> None:
        tables = [document, *document.get("target", {}).values(), document.get("workspace", {})]
        for table in tables:
            for key in keys:
                dependency = table.get("dependencies", {}).get(key)
                if not isinstance(dependency, (AbstractTable, InlineTable)):
                    continue
                _remove(dependency, "features", "extension-module")
                if dependency.get("features") == [] and isinstance(dependency, InlineTable):
                    rest = {k: v for k, v in dependency.unwrap().items() if k != "features"}
                    table["dependencies"][key] = _inline(rest)
        own = document.get("features", {})
        for name in [n for n, values in own.items() if _enables(own, n, keys) and n != "default"]:
            _remove(own, "default", name)
        for key in keys:
            for name in (f"{key}/extension-module", f"{key}?/extension-module"):
                _remove(own, "default", name)

    for path in dict.fromkeys((project.folder / "Cargo.toml", project.workspace / "Cargo.toml")):
        _edit(made, path, change)


def _enables(own: Any, name: str, keys: set[str]) -> bool:
    values = own.get(name, [])
    return any(
        v.endswith("/extension-module") and v.split("/")[0].rstrip("?") in keys for v in values
    )


def _remove(table: Any, key: str, value: str) -> None:
    """Remove `value` from the array `table[key]`."""
    array = table.get(key)
    if array is not None and value in array:
        array.remove(value)


def _auto_initialize(project: Project, made: Plan, pyo3: Version | None) -> None:
    path = project.folder / "Cargo.toml"
    (dependency, *_) = project.pyo3(None)
    key = dependency.get("rename") or "pyo3"
    document = tomlkit.parse(made.text(path)).unwrap()
    original = lookup(document, "dependencies", key)
    comment = " # tests start Python themselves"
    if key in document.get("dev-dependencies", {}):

        def change(edited: Any) -> None:
            table = edited["dev-dependencies"]
            if isinstance(table[key], str):
                table[key] = _inline({"version": str(table[key])})
            table[key]["features"] = [*table[key].get("features", []), "auto-initialize"]

        _edit(made, path, change)
        return
    if dependency["optional"] or original is None:
        made.by_hand.append(
            f"{key} is optional or a dependency of one platform; where tests need it, add it with "
            f'the feature "auto-initialize" to [dev-dependencies] of {project.shown(path)}'
        )
        return
    if isinstance(original, str):
        original = {"version": original}
    kept = ("version", "workspace", "path", "git", "branch", "tag", "rev", "registry", "package")
    entry = {name: original[name] for name in kept if name in original}
    inline = _inline({**entry, "features": ["auto-initialize"]})
    if "dev-dependencies" in document:
        inline.comment("tests start Python themselves")
        _edit(made, path, lambda d: d["dev-dependencies"].update({key: inline}))
    else:
        _append(made, path, f"[dev-dependencies]\n{key} = {inline.as_string()}{comment}\n")


def _cache_keys(project: Project, made: Plan, pyo3: Version | None) -> None:
    path = project.pyproject_path
    assert path
    missing = missing_cache_keys(project)
    if _new_build_script(project, made):
        script = os.path.relpath(project.folder / "build.rs", path.parent)
        missing.append({"file": Path(script).as_posix()})
    old = lookup(project.pyproject, "tool", "uv", "cache-keys")
    rows = [_inline(key) for key in ([] if old else [{"file": "pyproject.toml"}]) + missing]
    if old:
        _edit(made, path, lambda d: _extend(d["tool"]["uv"]["cache-keys"], rows))
        return
    unique = list(dict.fromkeys(row.as_string() for row in rows))
    text = "cache-keys = [\n" + "".join(f"    {row},\n" for row in unique) + "]\n"
    if lookup(project.pyproject, "tool", "uv") is None:
        comment = "# `uv sync` and `uv run` rebuild when one of these has changed.\n"
        _append(made, path, f"[tool.uv]\n{comment}{text}")
    else:
        array = tomlkit.parse(text)["cache-keys"]
        _edit(made, path, lambda d: d["tool"]["uv"].update({"cache-keys": array}))


_FAST = """\
# These make rebuilds fast. uv builds in a new environment each time, and PyO3 would be
# recompiled for its path; editable installs are debug builds (wheels are release builds); and
# cargo keeps this build of PyO3 beside the one of `cargo test`.
"""


def _build_settings(project: Project, made: Plan, pyo3: Version | None) -> None:
    path = project.pyproject_path
    assert path
    missing = missing_build_settings(project)
    if lookup(tomlkit.parse(made.text(path)).unwrap(), "tool", "maturin") is None:
        _append(
            made,
            path,
            f"[tool.maturin]\n{_FAST}" + "\n".join(missing) + "\n",
        )
    else:
        values = tomlkit.parse("\n".join(missing))

        def change(document: Any) -> None:
            table = document["tool"]["maturin"]
            for key, value in values.items():
                if key == "features" and "features" in table:
                    _extend(table["features"], ["pyo3/extension-module"])
                else:
                    table[key] = value

        _edit(made, path, change)
    if required := maturin_requirement(project):
        old, new = required

        def require(document: Any) -> None:
            array = document["build-system"]["requires"]
            array[list(array).index(old)] = new

        _edit(made, path, require)


def _module_name(project: Project, made: Plan, pyo3: Version | None) -> None:
    assert project.module
    last = project.module.rpartition(".")[2]
    if project.pymodules and last not in project.pymodules:
        made.by_hand.append(
            f"maturin installs {project.module}, but #[pymodule] is called {project.pymodules[0]}: "
            "give both one name"
        )
        return

    def change(document: Any) -> None:
        document["lib"]["name"] = last

    _edit(made, project.folder / "Cargo.toml", change)


def _reinstall(project: Project, made: Plan, pyo3: Version | None) -> None:
    name = lookup(project.pyproject, "project", "name") or project.name
    made.commands.append(["uv", "sync", "--reinstall-package", str(name)])


def _clean(project: Project, made: Plan, pyo3: Version | None) -> None:
    made.commands.append(["cargo", "clean", "--package", "pyo3-ffi"])


_CURES: dict[str, Callable[[Project, Plan, Version | None], None]] = {
    "no-environment": _environment,
    "force": _force,
    "interpreter": _interpreter,
    "stale-configuration": _clean,
    "extension-module": _extension_module,
    "libpython-not-found": _rpath,
    "no-rpath": _rpath,
    "no-standard-library": _runner,
    "other-environment": _runner,
    "no-initialize": _auto_initialize,
    "cache-keys": _cache_keys,
    "slow-rebuilds": _build_settings,
    "module-name": _module_name,
    "module-missing": _reinstall,
}
