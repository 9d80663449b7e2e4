"""What builds a Python package from a crate, as pyproject.toml and setup.py say it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyo3_uv.files import text_to_search
from pyo3_uv.toml import Table, lookup_list, lookup_table, lookup_text, lookup_texts


@dataclass(frozen=True)
class Extension:
    """An extension module that is made from a crate: its backend, its dotted name.

    `module` is None where the library's name is that of the module, `features` are those of the
    crate with which the backend builds it.
    """

    backend: Literal["maturin", "setuptools-rust"]
    module: str | None
    features: tuple[str, ...] = ()


def extension_of(folder: Path, pyproject: Table, crates: set[Path]) -> Extension | None:
    """Return what the project in `folder` makes from a crate, which `crates` name.

    These are the crate's folder and that of its workspace, whose manifest stands for the one
    member that is an extension module.
    """
    backend = lookup_text(pyproject, "build-system", "build-backend") or "setuptools.build_meta"
    if backend in ("maturin", "maturin_bootstrap"):
        table = lookup_table(pyproject, "tool", "maturin")
        if _is_one(folder, table, "manifest-path", crates):
            module = lookup_text(table, "module-name") or None
            return Extension("maturin", module, tuple(lookup_texts(table, "features")))
    elif backend.startswith("setuptools"):
        # https://setuptools-rust.readthedocs.io/en/latest/reference.html
        modules = lookup_list(pyproject, "tool", "setuptools-rust", "ext-modules")
        for table in (*modules, *_from_setup(folder / "setup.py")):
            if _is_one(folder, table, "path", crates):
                module = lookup_text(table, "target") or None
                features = tuple(lookup_texts(table, "features"))
                return Extension("setuptools-rust", module, features)
    return None


def _is_one(folder: Path, table: Table, key: str, crates: set[Path]) -> bool:
    manifest = folder / (lookup_text(table, key) or "Cargo.toml")
    return manifest.parent.resolve() in {crate.resolve() for crate in crates}


def _from_setup(path: Path) -> Iterator[Table]:
    """Yield the arguments of each `RustExtension(target, path, …)` that are written out.

    What is computed is left out, as setup.py is not run.
    """
    try:
        tree = ast.parse(text_to_search(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("RustExtension"):
            continue
        positional = zip(("target", "path"), node.args, strict=False)
        named = ((keyword.arg or "", keyword.value) for keyword in node.keywords)
        table: Table = {}
        for name, value in (*positional, *named):
            try:
                table[name] = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
        yield table
