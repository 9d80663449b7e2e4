"""What can be read off Rust source without compiling it."""

import re
from pathlib import Path

from pyo3_uv.files import text_to_search


def without_comments(rust: str) -> str:
    """Return Rust source without `//` and `/* */` comments (strings with `//` lose their end)."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", rust, flags=re.DOTALL)


# A test, or the module of tests; also those of rstest, test-case and proptest
TEST = r"#\[(?:\w+::)*(?:test|rstest|test_case|proptest|cfg\(test\))\b|\bproptest!"

# What starts an interpreter
START = (
    r"\b(Python::initialize|prepare_freethreaded_python|Py_Initialize\w*|"
    r"with_embedded_python_interpreter)\b"
)


def pymodules(rust: str) -> list[str]:
    """Return the names that `#[pymodule]` gives, submodules included."""
    found = []
    for match in re.finditer(
        r"#\[(?:pyo3::)?pymodule(?P<arguments>\([^\]]*\))?\](?P<attributes>(?:\s*#\[[^\]]*\])*)"
        r"\s*(?:pub(?:\([^)]*\))?\s+)?(?:unsafe\s+)?(?:mod|fn)\s+(?:r#)?(?P<name>\w+)",
        without_comments(rust),
    ):
        attributes = f"{match['arguments'] or ''}{match['attributes']}"
        named = re.search(r"\bname\s*=\s*\"(\w+)\"", attributes)
        found.append(named[1] if named else match["name"])
    return found


def embedded(source: Path, crate: Path) -> list[Path]:
    """Return the files that a source of a crate embeds.

    What only the crate's documentation or a module of tests at the end embeds is no part of the
    library.
    """
    rust = without_comments(text_to_search(source))
    rust = re.split(r"#\[cfg\(test\)\]\s*(?:pub\s+)?mod\s+\w+\s*\{", rust)[0]
    rust = re.sub(r"#!\[[^\]]*\bdoc\s*=\s*include_str!", "", rust)
    found = []
    for match in re.finditer(
        r"\binclude(?:_str|_bytes)?!\s*[({\[]\s*"
        r"(?P<manifest>concat!\s*\(\s*env!\s*\(\s*\"CARGO_MANIFEST_DIR\"\s*\)\s*,\s*)?"
        r"r?#*\"(?P<path>[^\"]+)\"",
        rust,
    ):
        path = match["path"]
        found.append(crate / path.lstrip("/") if match["manifest"] else source.parent / path)
    return found
