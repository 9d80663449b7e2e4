"""Building and linking tests, and finding libpython when they start."""

from __future__ import annotations

import re
from typing import Any

from packaging.version import Version
from tomlkit.items import AbstractTable, InlineTable

from pyo3_uv import binaries, cache_keys
from pyo3_uv.build_script import add_line, add_rpath
from pyo3_uv.checks.base import Check
from pyo3_uv.context import NO_LIBRARY, NO_SYMBOLS
from pyo3_uv.membership import library_name, rename_library
from pyo3_uv.plan import Plan
from pyo3_uv.toml_edit import lookup, remove

# The first PyO3 that knows PYO3_BUILD_EXTENSION_MODULE; wheels of an older one link libpython
# unless they are built with the feature
MODULE_VARIABLE = Version("0.26")


class ExtensionModule(Check):
    id = "extension-module"
    explains = NO_SYMBOLS
    about_rust_programs = True

    def find(self) -> str | None:
        project = self.project
        if not project.has_feature("extension-module"):
            return None
        dependencies = [d for d in project.pyo3(None) if "extension-module" in d["features"]]
        on, why = ("always on", "") if dependencies else ("on by default", " by default")
        if dependencies and all(d["optional"] for d in dependencies):
            names = project.switching_on(project.key)
            if not names & project.default_features:
                # rather one that the crate names than the implicit one
                feature = min(names & project.manifest.get("features", {}).keys() or names)
                on, why = "on wherever pyo3 is", f" wherever pyo3 is on, as with {feature}"
        if self.context.python and self.context.fails_with(NO_SYMBOLS):
            self.show_build()
        else:
            self.show(project.folder / "Cargo.toml", "extension-module")
        self.title = f"the feature extension-module is {on}"
        self.effect = (
            f"{project.cargo_test} does not link a test that touches Python (undefined symbol: "
            "PyExc_TypeError), as libpython is left out of every build"
        )
        self.fix = f"remove it from Cargo.toml; {self._backend}"
        return f"Cargo.toml enables pyo3's extension-module{why}"

    @property
    def _backend(self) -> str:
        """What builds extension modules without that line, as pyproject.toml says."""
        backend = lookup(self.project.pyproject, "build-system", "build-backend") or ""
        if self.project.maturin:
            return (
                "maturin sets PYO3_BUILD_EXTENSION_MODULE by itself, and "
                'features = ["pyo3/extension-module"] in [tool.maturin] keeps its builds apart'
            )
        if backend.startswith("setuptools"):
            # setuptools-rust 1.5 to 1.13, _binding_features
            return (
                "setuptools-rust enables pyo3/extension-module by itself where it builds the "
                "module, with `binding` PyO3"
            )
        return "set PYO3_BUILD_EXTENSION_MODULE=1 where the module for Python is built"

    def apply(self, plan: Plan) -> None:
        """Take the feature out of the manifests, and out of the crate's default features."""
        project = self.project
        keys = {d.get("rename") or project.binding for d in project.pyo3(None)}
        through = {f"{key}{mark}/extension-module" for key in keys for mark in ("", "?")}

        def change(document: Any) -> None:
            tables = [document, *document.get("target", {}).values(), document.get("workspace", {})]
            for table in tables:
                for key in keys:
                    dependency = table.get("dependencies", {}).get(key)
                    if not isinstance(dependency, (AbstractTable, InlineTable)):
                        continue
                    removed = remove(dependency, "features", "extension-module")
                    if removed and isinstance(dependency, InlineTable) and len(dependency) == 1:
                        table["dependencies"][key] = dependency.get("version", dependency)
            own = document.get("features", {})
            enabling = [name for name, values in own.items() if through & set(values)]
            for name in {*enabling, *through} - {"default"}:
                remove(own, "default", name, keep_empty=True)

        for path in dict.fromkeys(
            (project.folder / "Cargo.toml", project.workspace / "Cargo.toml")
        ):
            plan.edit_toml(path, change)
        version = self.context.pyo3_version
        if project.maturin and project.pyproject_path and version and version < MODULE_VARIABLE:
            feature = f"{project.key}/extension-module"
            add_line(plan, project.pyproject_path, ("tool", "maturin"), "features", [feature])


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
                self.show(project.folder / "Cargo.toml", "^name")
                self.fix = (
                    f'set name = "{self._name}" in [lib] of Cargo.toml; module-name in '
                    "[tool.maturin] stays"
                )
                return f"[lib] name is {project.lib_name}, as in {package['name']}"
        return None

    @property
    def _name(self) -> str:
        return library_name(self.project.module or f"{self.project.name}._core")

    def apply(self, plan: Plan) -> None:
        if lookup(self.project.pyproject, "tool", "maturin", "module-name"):
            rename_library(plan, self.project.folder, self._name)
        else:
            self.leave_to_user(plan)  # the module is called as the library is


class LibpythonMissing(Check):
    id = "libpython-missing"
    effect = "a test or program that uses Python does not link"
    explains = NO_LIBRARY
    about_rust_programs = True

    def find(self) -> str | None:
        python, embedded = self.context.python, self.context.embedded
        if not python or not embedded or embedded.linked:
            return None
        missing = re.search(NO_LIBRARY, embedded.output)
        if not missing:
            return None  # the linker itself: TestsBuild shows what it says
        library = f"lib{python.lib_name}"
        self.title = f"{library} is not there for the linker"
        self.fix = (
            "install the development files of this Python (Debian and Ubuntu: "
            f"apt install {library}-dev; Fedora: dnf install python3-devel), or use another"
        )
        suffix = "so" if python.libpython else "a"
        self.see(f"ls {python.lib_dir}/{library}.{suffix}", "No such file or directory")
        if self.context.fails_with(NO_LIBRARY):
            self.show_build()
        return f"{python.lib_dir} has no {library}.{suffix} (linker: {missing[0]})"

    def apply(self, plan: Plan) -> None:
        self.leave_to_user(plan)


class _Rpath(Check):
    """Whether test executables find libpython by their rpath; build.rs, if there are none."""

    fix = "call pyo3_build_config::add_libpython_rpath_link_args() in build.rs"
    about_rust_programs = True

    def missing(self) -> str | None:
        """Return what has no rpath, None where libpython is found or static."""
        project, python = self.project, self.context.python
        embedded, facts = self.context.embedded, self.context.facts
        if not python or not embedded or not embedded.linked:
            return None
        if not python.libpython:
            facts["libpython"] = f"static, in {python.lib_dir}"
            return None
        loader = self.context.loader_finds_libpython
        where = "the loader finds one of its name" if loader else "outside the loader's path"
        facts["libpython"] = f"{python.libpython}, {where}"

        executables = map(binaries.read, self.context.build.executables)
        linked = [binary for binary in executables if binary and binary.libpython]
        without = [binary for binary in linked if not binary.finds(binary.libpython or "")]
        if linked:
            with_rpath = len(linked) - len(without)
            facts["rpath"] = f"in {with_rpath} of {len(linked)} test executables"
        if without:
            rpaths = ", ".join(without[0].rpaths) or "empty"
            executable = project.shown(without[0].path)
            self.file = project.build_script or project.folder / "Cargo.toml"
            needed = [
                f"NEEDED {without[0].libpython}",
                *(f"RUNPATH {p}" for p in without[0].rpaths),
            ]
            self.see(f"readelf -d {executable} | grep -E 'python|R(UN)?PATH'", "\n".join(needed))
            return f"{executable} needs {without[0].libpython}, and its rpath is {rpaths}"
        script = project.build_script
        if linked or (
            script and re.search("add_libpython_rpath|-rpath", script.read_text("utf-8"))
        ):
            return None
        self.show(script or project.folder / "build.rs", "rpath")
        if script:
            return f"{project.shown(script)} passes no rpath to the linker"
        return "there is no build.rs that passes an rpath to the linker"

    def apply(self, plan: Plan) -> None:
        script = add_rpath(self.project, plan, self.context.pyo3_version)
        if script and self.project.has_cache_keys:
            cache_keys.add_keys(self.project, plan, [cache_keys.name_of(self.project, script)])


class LibpythonNotFound(_Rpath):
    id = "libpython-not-found"

    def find(self) -> str | None:
        python, missing = self.context.python, self.missing()
        if not python or not python.libpython or not missing:
            return None
        if self.context.loader_finds_libpython:
            return None
        name = python.libpython.name
        if listed := self.context.listing:
            failed = next((line for line in listed.output.splitlines() if name in line), None)
            if listed.code and failed:
                self.severity, self.command, self.output = "error", listed.command, failed
        self.title = f"the loader does not find {name}"
        self.effect = (
            f"{self.project.cargo_test} dies with: error while loading shared libraries: "
            f"{name}: cannot open shared object file"
        )
        return f"{missing}; {python.libpython} is outside the loader's path"


class NoRpath(_Rpath):
    id = "no-rpath"
    title = "test executables have no rpath to libpython"

    def find(self) -> str | None:
        python, missing = self.context.python, self.missing()
        if not python or not python.libpython or not missing:
            return None
        if not self.context.loader_finds_libpython:
            return None
        self.effect = (
            "on a machine whose libpython is outside the loader's path, as those of uv and pyenv "
            f"are, {self.project.cargo_test} dies with: cannot open shared object file"
        )
        return f"{missing}; here the loader finds a {python.libpython.name}"
