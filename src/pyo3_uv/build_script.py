"""The call in build.rs that gives test executables an rpath, with all that it needs.

`pyo3_build_config` works only in the build script of a crate that is being built with PyO3; called
in another build it panics: "`pyo3_build_config::get()` requires a direct dependency on `pyo3`".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from pyo3_uv import template_files
from pyo3_uv.plan import Plan
from pyo3_uv.project import Project
from pyo3_uv.toml_edit import Table, add, extend, inline_table, lookup, read_toml

CRATE = "pyo3-build-config"

# The first PyO3 with add_libpython_rpath_link_args, and the first one in which that is silent on
# Windows, where the linker does not know -rpath
RPATH_FUNCTION = Version("0.28")
RPATH_FUNCTION_ON_WINDOWS = Version("0.29.2")

# The first setuptools-rust that sets PYO3_BUILD_EXTENSION_MODULE. With an older one build.rs does not
# know that a module is built, and the wheel gets a RUNPATH of the machine that built it.
SETUPTOOLS_RUST = Version("1.12")

# How a manifest says where a crate comes from
SOURCE = ("version", "registry", "path", "git", "branch", "tag", "rev")

_CALL = "pyo3_build_config::add_libpython_rpath_link_args();\n"
# What that function does, for a PyO3 that does not have it
_CALL_OLDER = """\
println!("cargo:rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
let extension_module = std::env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_some();
let lib_dir = pyo3_build_config::get().lib_dir.as_ref();
if let Some(folder) = lib_dir.filter(|_| cfg!(unix) && !extension_module) {
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
}
"""


class ByHand(Exception):
    """There is no edit that is safe; the message says why, and what there is to do."""


@dataclass(frozen=True)
class _Dependency:
    """How build.rs gets at `pyo3_build_config`.

    `features` are the crate's features of which one must be on, none if PyO3 always is. `entry` is
    what [build-dependencies] needs, `shared` what [workspace.dependencies] does, and `enabling` the
    features that are to switch the new dependency on.
    """

    features: tuple[str, ...] = ()
    entry: Table | None = None
    shared: Table | None = None
    enabling: tuple[str, ...] = ()


def add_rpath(project: Project, plan: Plan, pyo3: Version | None) -> Path | None:
    """Add the call and what it needs to `plan`, or a text for the user; return a new build.rs.

    `pyo3` is the version that is built, None if that is not known.
    """
    try:
        dependency = _dependency(project, plan)
    except ByHand as error:
        plan.manual.append(f"test executables need an rpath to libpython: {error}")
        return None
    lines = _lines(pyo3 or _lowest(project), dependency.features)
    script, path = project.build_script, project.folder / "build.rs"
    if script is None and not path.exists():
        plan.files[path] = f"fn main() {{\n{lines}}}\n"
        _keep_in_sdist(project, plan, path)
    elif script is None:
        plan.manual.append(f"build.rs is not built (see `build` in Cargo.toml); it needs:\n{lines}")
        return None
    elif reason := _insert_in_main(plan, script, lines):
        plan.manual.append(f"{project.shown(script)} {reason}; put this at its start:\n{lines}")
        if dependency.entry:
            plan.manual.append(f"{CRATE} in [build-dependencies], of the same source as pyo3")
        return None
    _add_dependency(project, plan, dependency)
    _require_setuptools_rust(project, plan)
    return path if script is None else None


def _lowest(project: Project) -> Version | None:
    """Return the lowest version that the requirement for PyO3 names."""
    match = re.search(r"\d+(\.\d+)*", project.pyo3(None)[0]["req"])
    return Version(match[0]) if match else None


def _lines(pyo3: Version | None, features: tuple[str, ...]) -> str:
    """Return the statements for main, with the reason above them."""
    code, conditions = _CALL, []
    if pyo3 and pyo3 < RPATH_FUNCTION:
        code = _CALL_OLDER
    elif pyo3 and pyo3 < RPATH_FUNCTION_ON_WINDOWS:
        conditions.append("unix")
    names = [f'feature = "{name}"' for name in features]
    conditions += [f"any({', '.join(names)})"] if len(names) > 1 else names
    if conditions:
        if code.count("\n") > 1:
            code = "{\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "}\n"
        condition = conditions[0] if len(conditions) == 1 else f"all({', '.join(conditions)})"
        code = f"#[cfg({condition})]\n{code}"
    comment = template_files.comment(
        template_files.BUILD_SCRIPT, "pyo3_build_config::add_libpython"
    )
    return "".join(f"    {line}\n" for line in (comment + code).splitlines())


# ---- The build-dependency ----


def _dependency(project: Project, plan: Plan) -> _Dependency:
    """Find out what [build-dependencies] needs, or raise `ByHand`; nothing is changed."""
    always = [d for d in project.pyo3(None) if not d["target"]]
    if not always:
        raise ByHand(
            "pyo3 is a dependency of some platforms only, so that build.rs may call "
            f"pyo3_build_config::add_libpython_rpath_link_args() only there; with {CRATE} in "
            "[build-dependencies], do so where the variable DEP_PYO3_PYTHON_PYO3_CONFIG is set"
        )
    (pyo3, *_) = always
    known = [
        d
        for d in project.package["dependencies"]
        if d["name"] == CRATE and d["kind"] == "build" and not d["target"] and not d["rename"]
    ]
    own = project.manifest.get("features", {})
    key = project.key
    with_pyo3 = project.switching_on(key) if pyo3["optional"] else None
    if known:
        features = with_pyo3
        if known[0]["optional"]:
            with_crate = project.switching_on(CRATE)
            features = with_crate if features is None else features & with_crate
        if features is None:
            return _Dependency()
        if not features:
            raise ByHand(
                f"pyo3 and {CRATE} are optional, and no feature switches both on; make one do so, "
                "and call pyo3_build_config::add_libpython_rpath_link_args() in build.rs under it"
            )
        return _Dependency(project.smallest(features))
    entry, shared = _entry(project, plan, key)
    if with_pyo3 is None:
        return _Dependency((), entry, shared)
    # An implicit feature is made explicit: it is also on where another one, or setuptools-rust
    # with `--features pyo3/extension-module`, switches pyo3 on.
    enabling = (key,) if key not in own and key in with_pyo3 else project.smallest(with_pyo3)
    return _Dependency(enabling, {**entry, "optional": True}, shared, enabling)


def _entry(project: Project, plan: Plan, key: str) -> tuple[Table, Table | None]:
    """Return pyo3-build-config of the same source as PyO3: for the crate, and for the workspace."""
    manifest, root = project.folder / "Cargo.toml", project.workspace / "Cargo.toml"
    shared = lookup(plan.toml(root), "workspace", "dependencies") or {}
    pyo3 = plan.toml(manifest)["dependencies"][key]
    if not isinstance(pyo3, dict) or not pyo3.get("workspace"):
        source = _source(pyo3, manifest.parent)
        same = CRATE in shared and _source(shared[CRATE], root.parent, sibling=False) == source
        return ({"workspace": True} if same else source), None
    if CRATE in shared:
        return {"workspace": True}, None
    return {"workspace": True}, _source(shared[key], root.parent)


def _source(pyo3: Table | str, folder: Path, sibling: bool = True) -> Table:
    """Return the source of pyo3-build-config, from that of PyO3 in a manifest in `folder`."""
    if isinstance(pyo3, str):
        return {"version": pyo3}
    source = {name: pyo3[name] for name in SOURCE if name in pyo3}
    if sibling and "path" in source:
        path = Path(source["path"], CRATE)
        if not (folder / path / "Cargo.toml").exists():
            raise ByHand(
                f"pyo3 is taken from {source['path']}, where there is no {CRATE}; add that, of the "
                "same version, to [build-dependencies], and call "
                "pyo3_build_config::add_libpython_rpath_link_args() in build.rs"
            )
        source["path"] = Path(os.path.normpath(path)).as_posix()
    return source


def _add_dependency(project: Project, plan: Plan, dependency: _Dependency) -> None:
    manifest, root = project.folder / "Cargo.toml", project.workspace / "Cargo.toml"
    if dependency.shared:
        add_line(plan, root, ("workspace", "dependencies"), CRATE, dependency.shared)
    if dependency.entry:
        add_line(plan, manifest, ("build-dependencies",), CRATE, dependency.entry)
    for feature in dependency.enabling:
        known = lookup(plan.toml(manifest), "features", feature) is not None
        values = [f"dep:{CRATE}"] if known else [f"dep:{feature}", f"dep:{CRATE}"]
        add_line(plan, manifest, ("features",), feature, values)


def add_line(plan: Plan, path: Path, keys: tuple[str, ...], name: str, value: Any) -> None:
    """Add a line to a table of a TOML file, which is made if it is not there.

    An array that is there is extended.
    """
    if isinstance(value, dict):
        value = value["version"] if value.keys() == {"version"} else inline_table(value)
    if lookup(plan.toml(path), *keys) is None:
        text = inline_table({"x": value}).as_string()
        plan.append(path, f"[{'.'.join(keys)}]\n{name} = {text[len('{ x = ') : -len(' }')]}\n")
        return

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        if isinstance(value, list) and name in document:
            extend(document[name], value)
        else:
            add(document, name, value)

    plan.edit_toml(path, change)


# ---- build.rs ----


def _insert_in_main(plan: Plan, script: Path, lines: str) -> str | None:
    """Put `lines` at the start of main; say why not where that is not safe."""
    text = plan.text(script)
    heads = list(re.finditer(r"^fn main\(\)[^\n{;]*\{(?:[ \t]*\n|(?=\}))", text, re.MULTILINE))
    if len(heads) != 1 or "add_libpython_rpath_link_args" in text:
        return "has no plain `fn main() {`"
    if "rerun-if" not in text and re.search(r"\b(fs|File|Command)\b|\bcompile", text):
        # The call prints rerun-if-env-changed, after which cargo no longer looks at files.
        return "has no rerun-if-changed; print one for each file that it reads"
    end = heads[0].end()
    plan.files[script] = text[:end].rstrip() + "\n" + lines + text[end:]
    return None


def _keep_in_sdist(project: Project, plan: Plan, script: Path) -> None:
    """Name a new build.rs where a manifest lists what a source distribution has."""
    manifest, root = project.folder / "Cargo.toml", project.workspace / "Cargo.toml"
    name = script.name
    package = read_toml(manifest).get("package", {})
    lists: dict[str, tuple[Path, tuple[str, ...]]] = {
        key: (manifest, ("package", key)) for key in ("include", "exclude") if key in package
    }
    for key in lists:
        if isinstance(package[key], dict):
            lists[key] = (root, ("workspace", "package", key))
    if "include" in lists:
        path, keys = lists["include"]
        patterns = lookup(plan.toml(path), *keys) or []
        if not any(_matches(pattern, name) for pattern in patterns):
            rooted = patterns and all(pattern.startswith("/") for pattern in patterns)
            add_line(plan, path, keys[:-1], keys[-1], [f"/{name}" if rooted else name])
    elif "exclude" in lists:
        path, keys = lists["exclude"]
        patterns = lookup(plan.toml(path), *keys) or []
        if any(_matches(pattern, name) for pattern in patterns):
            shown = project.shown(path)
            plan.manual.append(f"`exclude` in {shown} keeps {name} out of the source distribution")
    if project.pyproject_path:
        _keep_in_python_sdist(project, plan, script)


def _keep_in_python_sdist(project: Project, plan: Plan, script: Path) -> None:
    assert project.pyproject_path
    folder = project.pyproject_path.parent
    name = Path(os.path.relpath(script, folder)).as_posix()
    for entry in lookup(project.pyproject, "tool", "maturin", "exclude") or []:
        entry = {"path": entry, "format": "sdist"} if isinstance(entry, str) else entry
        if "sdist" in entry.get("format", "sdist") and _matches(entry["path"], name):
            plan.manual.append(
                f"`exclude` in [tool.maturin] of {project.shown(project.pyproject_path)} keeps "
                f"{name} out of the source distribution"
            )
    backend = lookup(project.pyproject, "build-system", "build-backend") or ""
    listed = folder / "MANIFEST.in"
    if not backend.startswith("setuptools") or not listed.exists() or name.startswith(".."):
        return
    lines = [line.split() for line in plan.text(listed).splitlines()]
    covering = {"include", "global-include", "recursive-include"}
    parents = Path(name).parents
    for command, *patterns in filter(None, lines):
        if command == "graft" and any(Path(p) in parents for p in patterns):
            return
        if command == "recursive-include":
            directory, *patterns = patterns
            patterns = [f"{directory}/{p}" for p in patterns]
        if command in covering and any(_matches(p, name) for p in patterns):
            return
    text = plan.text(listed)
    plan.files[listed] = (text if text.endswith("\n") else f"{text}\n") + f"include {name}\n"


def _require_setuptools_rust(project: Project, plan: Plan) -> None:
    """Raise the lower bound of setuptools-rust in [build-system], if that is plain."""
    path = project.pyproject_path
    for entry in lookup(project.pyproject, "build-system", "requires") or []:
        match = re.fullmatch(r"setuptools[-_.]rust\s*(>=\s*([\d.]+))?(.*)", entry, re.IGNORECASE)
        if not path or not match or (match[2] and Version(match[2]) >= SETUPTOOLS_RUST):
            continue
        if match[1] or not match[3]:
            text = f"setuptools-rust>={SETUPTOOLS_RUST}{match[3]}"
            if Requirement(text).specifier.contains(Version(f"{SETUPTOOLS_RUST}.0")):
                plan.edit_toml(path, partial(_replace, old=entry, new=text))
                continue
        plan.manual.append(
            f"`requires` in {project.shown(path)} has {entry}, with which wheels get a RUNPATH to "
            f"the libpython of the machine that builds them; setuptools-rust>={SETUPTOOLS_RUST} "
            "sets PYO3_BUILD_EXTENSION_MODULE, and they get none"
        )


def _replace(document: Any, old: str, new: str) -> None:
    requires = document["build-system"]["requires"]
    if old in requires:
        requires[requires.index(old)] = new


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern, as in .gitignore, names a file."""
    return fnmatchcase(name, pattern.removeprefix("/").removeprefix("**/"))
