"""The fix of the check `rpath`: the call in build.rs that gives executables one, and what it needs.

`pyo3_build_config` works only in the build script of a crate that is being built with PyO3; called
in another build it panics: "`pyo3_build_config::get()` requires a direct dependency on `pyo3`".
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version
from pathspec import GitIgnoreSpec

from pyo3_uv import template_texts
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.requirement import raised, replace_requirement, too_low
from pyo3_uv.facts.project import Project
from pyo3_uv.paths import relative
from pyo3_uv.toml import Table, lookup, lookup_list, lookup_text, lookup_texts

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


def add_rpath(project: Project, patch: Patch, pyo3: Version | None) -> Path | None:
    """Add the call and what it needs to `patch`, or a text for the user; return a new build.rs.

    `pyo3` is the version that is built, None if that is not known.
    """
    try:
        dependency = _dependency(project, patch)
    except ByHand as error:
        patch.manual.append(f"test executables need an rpath to libpython: {error}")
        return None
    lines = _lines(pyo3 or lowest(project), dependency.features)
    script, path = project.crate.build_script, project.folder / "build.rs"
    if script is None and not path.exists():
        patch.files[path] = f"fn main() {{\n{lines}}}\n"
        _keep_in_sdist(project, patch, path)
    elif script is None:
        patch.manual.append(
            f"build.rs is not built (see `build` in Cargo.toml); it needs:\n{lines}"
        )
        return None
    elif reason := _insert_in_main(patch, script, lines):
        patch.manual.append(f"{project.shown(script)} {reason}; put this at its start:\n{lines}")
        if dependency.entry:
            patch.manual.append(f"{CRATE} in [build-dependencies], of the same source as pyo3")
        return None
    _add_dependency(project, patch, dependency)
    _require_setuptools_rust(project, patch)
    return path if script is None else None


def add_build_script(project: Project, patch: Patch, text: str) -> None:
    """Add a whole build.rs that needs `pyo3_build_config` whatever the features are.

    Raises `ByHand`, before anything is changed, if PyO3 is not always there.
    """
    dependency = _dependency(project, patch)
    if dependency.features:
        raise ByHand("pyo3 is optional")
    patch.files[path := project.folder / "build.rs"] = text
    _keep_in_sdist(project, patch, path)
    _add_dependency(project, patch, dependency)


def lowest(project: Project) -> Version | None:
    """Return the lowest version that the requirement for PyO3 names."""
    match = re.search(r"\d+(\.\d+)*", project.crate.pyo3(None)[0]["req"])
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
    comment = template_texts.comment(
        template_texts.BUILD_SCRIPT, "pyo3_build_config::add_libpython"
    )
    return "".join(f"    {line}\n" for line in (comment + code).splitlines())


# ---- The build-dependency ----


def _dependency(project: Project, patch: Patch) -> _Dependency:
    """Find out what [build-dependencies] needs, or raise `ByHand`; nothing is changed."""
    crate, switches = project.crate, project.features
    always = [d for d in crate.pyo3(None) if not d["target"]]
    if not always:
        raise ByHand(
            "pyo3 is a dependency of some platforms only, so that build.rs may call "
            f"pyo3_build_config::add_libpython_rpath_link_args() only there; with {CRATE} in "
            "[build-dependencies], do so where the variable DEP_PYO3_PYTHON_PYO3_CONFIG is set"
        )
    (pyo3, *_) = always
    known = [
        d
        for d in crate.package["dependencies"]
        if d["name"] == CRATE and d["kind"] == "build" and not d["target"] and not d["rename"]
    ]
    own, key = crate.manifest.get("features", {}), crate.key
    with_pyo3 = switches.switching_on(key) if pyo3["optional"] else None
    if known:
        features = with_pyo3
        if known[0]["optional"]:
            with_crate = switches.switching_on(CRATE)
            features = with_crate if features is None else features & with_crate
        if features is None:
            return _Dependency()
        if not features:
            raise ByHand(
                f"pyo3 and {CRATE} are optional, and no feature switches both on; make one do so, "
                "and call pyo3_build_config::add_libpython_rpath_link_args() in build.rs under it"
            )
        return _Dependency(switches.smallest(features))
    entry, shared = _entry(project, patch, key)
    if with_pyo3 is None:
        return _Dependency((), entry, shared)
    # An implicit feature is made explicit: it is also on where another one, or setuptools-rust
    # with `--features pyo3/extension-module`, switches pyo3 on.
    enabling = (key,) if key not in own and key in with_pyo3 else switches.smallest(with_pyo3)
    return _Dependency(enabling, {**entry, "optional": True}, shared, enabling)


def _entry(project: Project, patch: Patch, key: str) -> tuple[Table, Table | None]:
    """Return pyo3-build-config of the same source as PyO3: for the crate, and for the workspace."""
    manifest, root = project.crate.manifest_path, project.crate.workspace_manifest
    shared = lookup(patch.toml(root), "workspace", "dependencies") or {}
    pyo3 = patch.toml(manifest)["dependencies"][key]
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


def _add_dependency(project: Project, patch: Patch, dependency: _Dependency) -> None:
    manifest, root = project.crate.manifest_path, project.crate.workspace_manifest
    if dependency.shared:
        patch.add_line(root, ("workspace", "dependencies"), CRATE, dependency.shared)
    if dependency.entry:
        patch.add_line(manifest, ("build-dependencies",), CRATE, dependency.entry)
    for feature in dependency.enabling:
        known = lookup(patch.toml(manifest), "features", feature) is not None
        values = [f"dep:{CRATE}"] if known else [f"dep:{feature}", f"dep:{CRATE}"]
        patch.add_line(manifest, ("features",), feature, values)


# ---- build.rs ----


def _insert_in_main(patch: Patch, script: Path, lines: str) -> str | None:
    """Put `lines` at the start of main; say why not where that is not safe."""
    text = patch.text(script)
    heads = list(re.finditer(r"^fn main\(\)[^\n{;]*\{(?:[ \t]*\n|(?=\}))", text, re.MULTILINE))
    if len(heads) != 1 or "add_libpython_rpath_link_args" in text:
        return "has no plain `fn main() {`"
    if "rerun-if" not in text and re.search(r"\b(fs|File|Command)\b|\bcompile", text):
        # The call prints rerun-if-env-changed, after which cargo no longer looks at files.
        return "has no rerun-if-changed; print one for each file that it reads"
    end = heads[0].end()
    patch.files[script] = text[:end].rstrip() + "\n" + lines + text[end:]
    return None


def _keep_in_sdist(project: Project, patch: Patch, script: Path) -> None:
    """Name a new build.rs where a manifest lists what a source distribution has."""
    manifest, root = project.crate.manifest_path, project.crate.workspace_manifest
    name = script.name
    package = project.crate.manifest.get("package", {})
    key = next((key for key in ("include", "exclude") if key in package), None)
    if key:
        inherited = isinstance(package[key], dict)
        path, table = (root, ("workspace", "package")) if inherited else (manifest, ("package",))
        patterns = lookup_texts(patch.toml(path), *table, key)
        if key == "include" and not _matches(patterns, name):
            rooted = patterns and all(pattern.startswith("/") for pattern in patterns)
            patch.add_line(path, table, key, [f"/{name}" if rooted else name])
        elif key == "exclude" and _matches(patterns, name):
            shown = project.shown(path)
            patch.manual.append(f"`exclude` in {shown} keeps {name} out of the source distribution")
    if project.package.pyproject_path:
        _keep_in_python_sdist(project, project.package.pyproject_path, patch, script)


def _keep_in_python_sdist(project: Project, pyproject: Path, patch: Patch, script: Path) -> None:
    folder = pyproject.parent
    name = relative(script, folder)
    for entry in lookup_list(project.package.pyproject, "tool", "maturin", "exclude"):
        table = {"path": entry} if isinstance(entry, str) else entry
        formats = [lookup_text(table, "format"), *lookup_texts(table, "format")]
        of_sdist = "sdist" in formats or lookup(table, "format") is None
        if of_sdist and _matches([lookup_text(table, "path")], name):
            patch.manual.append(
                f"`exclude` in [tool.maturin] of {project.shown(pyproject)} keeps "
                f"{name} out of the source distribution"
            )
    listed, setuptools = (
        folder / "MANIFEST.in",
        project.package.build_backend.startswith("setuptools"),
    )
    if not setuptools or not listed.exists() or name.startswith(".."):
        return
    covering: list[str] = []
    for command, *patterns in filter(None, map(str.split, patch.text(listed).splitlines())):
        if command == "recursive-include":
            covering += [f"/{patterns[0]}/**/{pattern}" for pattern in patterns[1:]]
        elif command in ("include", "graft"):
            covering += [f"/{pattern}" for pattern in patterns]
        elif command == "global-include":
            covering += patterns
    if _matches(covering, name):
        return
    text = patch.text(listed)
    patch.files[listed] = (text if text.endswith("\n") else f"{text}\n") + f"include {name}\n"


def _require_setuptools_rust(project: Project, patch: Patch) -> None:
    """Raise the lower bound of setuptools-rust in [build-system], if that is plain."""
    path = project.package.pyproject_path
    entry = too_low(project.package.build_requires, "setuptools-rust", SETUPTOOLS_RUST)
    if not path or not entry:
        return
    if new := raised(entry, SETUPTOOLS_RUST):
        replace_requirement(patch, path, entry, new)
        return
    patch.manual.append(
        f"`requires` in {project.shown(path)} has {entry}, with which wheels get a RUNPATH to "
        f"the libpython of the machine that builds them; setuptools-rust>={SETUPTOOLS_RUST} "
        "sets PYO3_BUILD_EXTENSION_MODULE, and they get none"
    )


def _matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a pattern, as in .gitignore, names a file."""
    try:
        return GitIgnoreSpec.from_lines(patterns).match_file(name)
    except ValueError:  # none that git takes
        return False
