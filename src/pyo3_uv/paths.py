"""How a path is shown to people, and written into files."""

import os
from collections.abc import Iterable
from pathlib import Path


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
