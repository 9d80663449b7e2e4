"""Glob patterns, as uv and cargo write them."""

import posixpath

from wcmatch import glob


def fits(pattern: str, path: str) -> bool:
    """Whether a pattern matches a relative path; `**` at the end is everything below, files too."""
    flags = glob.GLOBSTAR | glob.BRACE | glob.DOTGLOB
    return glob.globmatch(path, posixpath.normpath(pattern), flags=flags)
