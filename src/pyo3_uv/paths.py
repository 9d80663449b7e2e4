"""How a path, and other text of a user's files, is shown to people, and written into files."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

# What a terminal obeys, or shows in another order than it is: control characters but tab and
# newline, marks of the direction of writing; and what no output takes (bytes of a name that is not
# UTF-8)
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def relative(path: Path | str, folder: Path) -> str:
    """Return `path` as seen from a folder, with `/`, as manifests have it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def shown(path: Path | str, folder: Path, roots: Iterable[Path]) -> str:
    """Return `path` as seen from a folder, if it lies there or in one of `roots`."""
    path = Path(path)
    if path.is_relative_to(folder):
        return str(path.relative_to(folder))
    inside = any(path.is_relative_to(root) for root in roots)
    return os.path.relpath(path, folder) if inside else str(path)


def printable(text: str) -> str:
    """Return text with escapes, such as `\\x1b`, for what would change how a terminal shows it."""

    def escape(match: re.Match[str]) -> str:
        code = ord(match[0])
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    return _UNPRINTABLE.sub(escape, text)
