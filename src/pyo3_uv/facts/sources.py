"""A crate's Rust files, and what they say about Python."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyo3_uv.facts import rust_source
from pyo3_uv.facts.pyo3_crate import Pyo3Crate
from pyo3_uv.files import regular, text_to_search


@dataclass
class Sources:
    """The Rust files of a crate."""

    crate: Pyo3Crate

    @cached_property
    def files(self) -> list[Path]:
        """The crate's Rust files: those of its targets' folders, and build.rs."""
        found = set(self.crate.folder.glob("src/**/*.rs"))
        for target in self.crate.targets:
            path = Path(target["src_path"])
            if path.parent == self.crate.folder:
                found.add(path)
            else:
                found |= set(path.parent.rglob("*.rs"))
        return regular(found)

    def matching(self, pattern: str) -> Path | None:
        """Return the first Rust file outside comments of which `pattern` matches."""
        for path in self.files:
            text = rust_source.without_comments(text_to_search(path))
            if re.search(pattern, text):
                return path
        return None

    @cached_property
    def pymodules(self) -> list[str]:
        """The names that `#[pymodule]` gives, submodules included."""
        texts = (text_to_search(path) for path in self.files)
        return [name for text in texts for name in rust_source.pymodules(text)]

    @cached_property
    def programs(self) -> bool:
        """Whether cargo starts something of this crate: tests, a program, examples or benches."""
        kinds = {kind for target in self.crate.targets for kind in target["kind"]}
        return bool(kinds & {"bin", "example", "test", "bench"} or self.matching(rust_source.TEST))
