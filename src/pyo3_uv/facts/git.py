"""What git says of a repository and its files.

All raise `UserError` if git refuses the repository: that is not the same as none.
"""

from collections.abc import Iterable
from pathlib import Path

from pyo3_uv.git import ask
from pyo3_uv.paths import relative


def is_tracked(path: Path) -> bool:
    """Whether a file is one of the repository's."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    name = relative(path, folder)
    result = ask(folder, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", name)
    return result is not None and result.code == 0


def is_ignored(path: Path) -> bool:
    result = ask(path.parent, "check-ignore", "--quiet", "--", path.name)
    return result is not None and result.code == 0


def listed(folder: Path, *options: str) -> list[str] | None:
    """Return what `git ls-files` names, relative to `folder`; None outside a repository."""
    result = ask(folder, "ls-files", "-z", *options)
    return [name for name in result.stdout.split("\0") if name] if result else None


def uncommitted(repository: Path, folders: Iterable[Path]) -> str:
    """Return what `git status` says of tracked files in these folders; "" if nothing."""
    command = ("--literal-pathspecs", "status", "--porcelain", "--untracked-files=no")
    result = ask(repository, *command, "--", *map(str, folders))
    return result.stdout.rstrip() if result else ""
