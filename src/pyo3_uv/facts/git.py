"""What git says of a repository and its files."""

from collections.abc import Iterable
from pathlib import Path

from pyo3_uv.process import run


def repository_of(folder: Path) -> Path | None:
    """Return the root of the Git repository around a folder, if there is one."""
    result = run(["git", "rev-parse", "--show-toplevel"], folder)
    return Path(result.stdout.strip()) if result.code == 0 else None


def is_tracked(path: Path) -> bool:
    """Whether a file is one of the repository's."""
    folder = next(parent for parent in path.parents if parent.is_dir())
    return run(["git", "ls-files", "--error-unmatch", str(path)], folder).code == 0


def is_ignored(path: Path) -> bool:
    return run(["git", "check-ignore", "--quiet", str(path)], path.parent).code == 0


def listed(folder: Path, *options: str) -> list[str] | None:
    """Return what `git ls-files` names, relative to `folder`; None outside a repository."""
    result = run(["git", "ls-files", "-z", *options], folder)
    return [name for name in result.stdout.split("\0") if name] if result.code == 0 else None


def uncommitted(repository: Path, folders: Iterable[Path]) -> str:
    """Return what `git status` says of tracked files in these folders; "" if nothing."""
    command = ["git", "status", "--porcelain", "--untracked-files=no", "--", *map(str, folders)]
    result = run(command, repository)
    return result.stdout.rstrip() if result.code == 0 else ""
