"""PyO3's feature extension-module is on in cargo's own builds."""

from functools import partial
from typing import Any

from packaging.version import Version
from tomlkit.items import AbstractTable, InlineTable

from pyo3_uv.checks.finding import Finding, failing_build, lines
from pyo3_uv.edits.patch import Patch
from pyo3_uv.edits.requirement import too_low
from pyo3_uv.edits.toml_edit import remove
from pyo3_uv.facts.build import NO_SYMBOLS
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.python_package import PythonPackage

# The first PyO3 that knows PYO3_BUILD_EXTENSION_MODULE, and the first maturin that sets it; wheels
# by older ones link libpython unless they are built with the feature
MODULE_VARIABLE = Version("0.26")
SETS_VARIABLE = Version("1.9.4")


def find(facts: Facts) -> Finding | None:
    project, features = facts.project, facts.project.features
    crate = project.crate
    if not facts.enables("extension-module"):
        return None
    dependencies = [d for d in crate.pyo3(None) if "extension-module" in d["features"]]
    on, why = ("always on", "") if dependencies else ("on by default", " by default")
    if dependencies and all(d["optional"] for d in dependencies):
        names = features.switching_on(crate.key)
        if not names & features.default:
            # rather one that the crate names than the implicit one
            feature = min(names & crate.manifest.get("features", {}).keys() or names)
            on, why = "on wherever pyo3 is", f" wherever pyo3 is on, as with {feature}"
    fails = facts.python is not None and facts.fails_with(NO_SYMBOLS)
    return Finding(
        id="extension-module",
        severity="error" if fails else "warning",
        title=f"the feature extension-module is {on}",
        seen=f"Cargo.toml enables pyo3's extension-module{why}",
        evidence=failing_build(facts)
        if fails
        else lines(project, crate.manifest_path, "extension-module"),
        effect=f"{features.cargo_test} does not link a test that touches Python (undefined symbol: "
        "PyExc_TypeError), as libpython is left out of every build",
        remedy=f"remove it from Cargo.toml; {_without_it(project.package)}",
        fix=partial(fix, facts),
        for_rust_programs=True,
        explains=NO_SYMBOLS,
    )


def _without_it(package: PythonPackage) -> str:
    """Say what builds extension modules without that line."""
    if package.maturin:
        return (
            "maturin 1.9.4 sets PYO3_BUILD_EXTENSION_MODULE by itself, and "
            'features = ["pyo3/extension-module"] in [tool.maturin] keeps its builds apart'
        )
    if package.build_backend.startswith("setuptools"):
        # setuptools-rust 1.5 to 1.13, _binding_features
        return (
            "setuptools-rust enables pyo3/extension-module by itself where it builds the "
            "module, with `binding` PyO3"
        )
    return "set PYO3_BUILD_EXTENSION_MODULE=1 where the module for Python is built"


def fix(facts: Facts, patch: Patch) -> None:
    """Take the feature out of the manifests, and out of the crate's default features."""
    crate, package = facts.project.crate, facts.project.package
    keys = {d.get("rename") or crate.binding for d in crate.pyo3(None)}
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

    for path in dict.fromkeys((crate.manifest_path, crate.workspace_manifest)):
        patch.edit_toml(path, change)
    version = facts.pyo3_version
    if not (package.maturin and package.pyproject_path and version):
        return
    if version < MODULE_VARIABLE or too_low(package.build_requires, "maturin", SETS_VARIABLE):
        feature = f"{crate.key}/extension-module"
        patch.add_line(package.pyproject_path, ("tool", "maturin"), "features", [feature])
