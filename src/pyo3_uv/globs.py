"""Glob patterns, as uv and cargo write them."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import Path


def fits(pattern: str, path: str) -> bool:
    """Whether a pattern matches a relative path.

    `*` stays within one component, `**` is any number of them, `{a,b}` is either. `**` at the end
    is everything below, files too as with uv; pathlib matches only folders before Python 3.13.
    """
    if choice := re.search(r"\{([^{}]*)\}", pattern):
        start, end = pattern[: choice.start()], pattern[choice.end() :]
        return any(fits(f"{start}{option}{end}", path) for option in choice[1].split(","))
    return _fits(Path(os.path.normpath(pattern)).parts, Path(path).parts)


def _fits(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not patterns or not names:
        return not patterns and not names
    first, rest = patterns[0], patterns[1:]
    if first == "**":
        return not rest or _fits(rest, names) or _fits(patterns, names[1:])
    return fnmatchcase(names[0], first) and _fits(rest, names[1:])
