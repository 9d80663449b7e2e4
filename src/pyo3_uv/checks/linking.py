"""Building and linking tests, and finding libpython when they start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from packaging.version import Version
from tomlkit.items import AbstractTable, InlineTable

from pyo3_uv import binaries, template_files
from pyo3_uv.checks.base import Check
from pyo3_uv.checks.rebuilds import add_cache_keys
from pyo3_uv.membership import library_name, rename_library
from pyo3_uv.plan import Plan
from pyo3_uv.toml_edit import inline_table, lookup, remove

# The first PyO3 with add_libpython_rpath_link_args
RPATH_FUNCTION = Version("0.29.2")


class ExtensionModule(Check):
    id = "extension-module"
    title = "the feature extension-module is always on"
    effect = (
        "cargo test does not link (undefined symbol: PyExc_TypeError), as libpython is left out of "
        "every build"
    )
    cure = (
        "remove it from Cargo.toml; maturin sets PYO3_BUILD_EXTENSION_MODULE by itself, and "
        'features = ["pyo3/extension-module"] in [tool.maturin] keeps its builds apart'
    )
    explains_build_failure = True

    def find(self) -> str | None:
        if not self.project.has_feature("extension-module"):
            return None
        return "Cargo.toml enables pyo3's extension-module by default"

    def fix(self, plan: Plan) -> None:
        """Take the feature out of the manifests, and out of the crate's default features."""
        project = self.project
        keys = {d.get("rename") or "pyo3" for d in project.pyo3(None)}
        through = {f"{key}{mark}/extension-module" for key in keys for mark in ("", "?")}

        def change(document: Any) -> None:
            tables = [document, *document.get("target", {}).values(), document.get("workspace", {})]
            for table in tables:
                for key in keys:
                    dependency = table.get("dependencies", {}).get(key)
                    if not isinstance(dependency, (AbstractTable, InlineTable)):
                        continue
                    remove(dependency, "features", "extension-module")
                    if dependency.get("features") == [] and isinstance(dependency, InlineTable):
                        rest = {k: v for k, v in dependency.unwrap().items() if k != "features"}
                        table["dependencies"][key] = inline_table(rest)
            own = document.get("features", {})
            enabling = [name for name, values in own.items() if through & set(values)]
            for name in {*enabling, *through} - {"default"}:
                remove(own, "default", name)

        for path in dict.fromkeys(
            (project.folder / "Cargo.toml", project.workspace / "Cargo.toml")
        ):
            plan.edit_toml(path, change)


class LibraryName(Check):
    id = "library-name"
    title = "two crates of the workspace have libraries of one name"
    effect = (
        "cargo warns of an output filename collision: it writes both into one file, and uv may "
        "install the other crate's module"
    )

    def find(self) -> str | None:
        project = self.project
        for package in project.members:
            names = [t["name"] for t in package["targets"] if "cdylib" in t["crate_types"]]
            if package["name"] != project.name and project.lib_name in names:
                self.cure = (
                    f'set name = "{self._name}" in [lib] of Cargo.toml; module-name in '
                    "[tool.maturin] stays"
                )
                return f"[lib] name is {project.lib_name}, as in {package['name']}"
        return None

    @property
    def _name(self) -> str:
        return library_name(self.project.module or f"{self.project.name}._core")

    def fix(self, plan: Plan) -> None:
        if lookup(self.project.pyproject, "tool", "maturin", "module-name"):
            rename_library(plan, self.project.folder, self._name)
        else:
            self.leave_to_user(plan)  # the module is called as the library is


class LibpythonMissing(Check):
    id = "libpython-missing"
    effect = "cargo test and cargo run do not link"
    explains_build_failure = True

    def find(self) -> str | None:
        python, embedded = self.project.interpreter, self.examination.embedded
        if not python or not embedded or embedded.linked:
            return None
        # what GNU ld, lld, Apple's ld and rustc itself (for a static one) say
        missing = re.search(
            rf"(cannot find|unable to find library|library not found for) -l{python.lib_name}\b"
            rf"|could not find native static library `{python.lib_name}`",
            embedded.output,
        )
        if not missing:
            return None  # the linker itself: TestsBuild shows what it says
        library = f"lib{python.lib_name}"
        self.title = f"{library} is not there for the linker"
        self.cure = (
            "install the development files of this Python (Debian and Ubuntu: "
            f"apt install {library}-dev; Fedora: dnf install python3-devel), or use another"
        )
        suffix = "so" if python.libpython else "a"
        return f"{python.lib_dir} has no {library}.{suffix} (linker: {missing[0]})"

    def fix(self, plan: Plan) -> None:
        self.leave_to_user(plan)


class _Rpath(Check):
    """Whether test executables find libpython by their rpath; build.rs, if there are none."""

    cure = "call pyo3_build_config::add_libpython_rpath_link_args() in build.rs"

    def missing(self) -> str | None:
        """Return what has no rpath, None where libpython is found or static."""
        project, python = self.project, self.project.interpreter
        embedded, facts = self.examination.embedded, self.examination.facts
        if not python or not embedded or not embedded.linked:
            return None
        if not python.libpython:
            facts["libpython"] = f"static, in {python.lib_dir}"
            return None
        loader = self.examination.loader_finds_libpython
        where = "found by the loader" if loader else "outside the loader's path"
        facts["libpython"] = f"{python.libpython}, {where}"

        executables = map(binaries.read, self.examination.build.executables)
        linked = [binary for binary in executables if binary and binary.libpython]
        without = [binary for binary in linked if not binary.finds(binary.libpython or "")]
        if linked:
            with_rpath = len(linked) - len(without)
            facts["rpath"] = f"in {with_rpath} of {len(linked)} test executables"
        if without:
            rpaths = ", ".join(without[0].rpaths) or "empty"
            executable = project.shown(without[0].path)
            return f"{executable} needs {without[0].libpython}, and its rpath is {rpaths}"
        script = project.build_script
        if linked or (
            script and re.search("add_libpython_rpath|-rpath", script.read_text("utf-8"))
        ):
            return None
        if script:
            return f"{project.shown(script)} passes no rpath to the linker"
        return "there is no build.rs that passes an rpath to the linker"

    def fix(self, plan: Plan) -> None:
        project, script = self.project, self.project.build_script
        version = self.examination.pyo3_version
        comment = template_files.comment(template_files.BUILD_SCRIPT, "fn add_rpath")
        lines = "".join(f"    {line}\n" for line in comment.splitlines())
        lines += _CALL if version is None or version >= RPATH_FUNCTION else _CALL_OLDER
        if script is None and not (project.folder / "build.rs").exists():
            plan.files[project.folder / "build.rs"] = f"fn main() {{\n{lines}}}\n"
            if project.maturin:
                add_cache_keys(project, plan, [project.folder / "build.rs"])
        elif script is None:
            plan.manual.append(
                f"build.rs is not built (see `build` in Cargo.toml); it needs:\n{lines}"
            )
            return
        elif not _insert_in_main(plan, script, lines):
            plan.manual.append(
                f"{project.shown(script)} has no plain `fn main() {{`; put this at its start:\n{lines}"
            )
            return
        self._add_build_dependency(plan, version)

    def _add_build_dependency(self, plan: Plan, pyo3: Version | None) -> None:
        dependencies = self.project.package["dependencies"]
        if any(d["name"] == "pyo3-build-config" and d["kind"] == "build" for d in dependencies):
            return
        (dependency, *_) = self.project.pyo3(None)
        if not (dependency.get("source") or "").startswith("registry"):
            plan.manual.append(
                "pyo3 is no crate of a registry here; add pyo3-build-config of the same source to "
                "[build-dependencies]"
            )
            return
        version = dependency["req"].removeprefix("^")
        if pyo3 and pyo3 >= RPATH_FUNCTION and pyo3.release[:2] == RPATH_FUNCTION.release[:2]:
            version = str(RPATH_FUNCTION)
        path = self.project.folder / "Cargo.toml"
        if "build-dependencies" in plan.toml(path):
            entry = {"pyo3-build-config": version}
            plan.edit_toml(path, lambda document: document["build-dependencies"].update(entry))
        else:
            plan.append(path, f'[build-dependencies]\npyo3-build-config = "{version}"\n')


_CALL = "    pyo3_build_config::add_libpython_rpath_link_args();\n"
# What that function does, for a PyO3 that does not have it
_CALL_OLDER = """\
    if std::env::var_os("PYO3_BUILD_EXTENSION_MODULE").is_none() {
        if let Some(folder) = &pyo3_build_config::get().lib_dir {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        }
    }
    println!("cargo:rerun-if-env-changed=PYO3_BUILD_EXTENSION_MODULE");
"""


def _insert_in_main(plan: Plan, script: Path, lines: str) -> bool:
    """Put `lines` at the start of main; say False if it is not plain where that is."""
    text = plan.text(script)
    heads = list(re.finditer(r"^fn main\(\)[^\n{;]*\{(?:[ \t]*\n|(?=\}))", text, re.MULTILINE))
    if len(heads) != 1 or "add_libpython_rpath_link_args" in text:
        return False
    end = heads[0].end()
    plan.files[script] = text[:end].rstrip() + "\n" + lines + text[end:]
    return True


class LibpythonNotFound(_Rpath):
    id = "libpython-not-found"

    def find(self) -> str | None:
        python, missing = self.project.interpreter, self.missing()
        if not python or not python.libpython or not missing:
            return None
        if self.examination.loader_finds_libpython:
            return None
        name = python.libpython.name
        self.title = f"the loader does not find {name}"
        self.effect = (
            "cargo test and cargo run die with: error while loading shared libraries: "
            f"{name}: cannot open shared object file"
        )
        return f"{missing}; {python.libpython} is outside the loader's path"


class NoRpath(_Rpath):
    id = "no-rpath"
    title = "test executables have no rpath to libpython"
    effect = (
        "on a machine whose libpython is outside the loader's path, as those of uv and pyenv are, "
        "cargo test dies with: cannot open shared object file"
    )

    def find(self) -> str | None:
        python, missing = self.project.interpreter, self.missing()
        if not python or not missing or not self.examination.loader_finds_libpython:
            return None
        return f"{missing}; here the loader finds {python.libpython}"
