"""The name of a crate's library, which no other member of its workspace may have."""

import re
from pathlib import Path
from typing import Any

from pyo3_uv.edits.patch import Patch
from pyo3_uv.files import regular


def library_name(module: str) -> str:
    """Return a name for the library of an extension module that no other crate is likely to have.

    Not `fast_core` for `fast._core`: a crate fast-core may be there, without Python.
    """
    return "_" + re.sub(r"[^A-Za-z0-9]+", "_", module)


def rename_library(patch: Patch, crate: Path, name: str) -> None:
    """Give the library of a crate a name that no other member of its workspace has.

    uv builds members at the same time, and with one target folder (a Cargo workspace,
    CARGO_TARGET_DIR) one lib_core.so would replace another. The module in Python keeps its name, as
    maturin takes that from `module-name`.
    """
    manifest = crate / "Cargo.toml"
    old = patch.toml(manifest)["lib"]["name"]

    def change(document: Any) -> None:
        document["lib"]["name"] = name
        document["lib"]["name"].comment("members that build into one folder need different names")

    patch.edit_toml(manifest, change)
    for folder in ("benches", "examples", "tests"):
        for path in regular((crate / folder).rglob("*.rs")):
            text = re.sub(rf"\b(?<!\w::){old}::", f"{name}::", patch.text(path))
            if text != patch.text(path):
                patch.files[path] = text
