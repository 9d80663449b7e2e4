"""Asking git: what it prints of a repository, and how it refuses."""

import os
from pathlib import Path

from pyo3_uv.process import Result, UserError, outer_environment, run

# How git says that there is no repository. It says the same where it does not recognize one.
_NONE = "fatal: not a git repository (or any "
_NO_WORK_TREE = "fatal: this operation must be run in a work tree"


def ask(folder: Path, *arguments: str) -> Result | None:
    """Return what git prints in a folder; None outside of a work tree, or without git.

    Raises `UserError` with git's own words if it refuses the repository: as somebody else owns it,
    or as it is broken.
    """
    env = outer_environment() | {"LC_ALL": "C"}
    result = run(["git", *arguments], folder, env)
    if result.code in (0, 1):
        return result
    words = result.stderr.strip()
    if result.code == 127 or words.startswith(_NO_WORK_TREE):
        return None
    if words.startswith(_NONE):
        if not (broken := _above(folder)):
            return None
        words = f"{words}\nbut there is {broken}"
    raise UserError(f"git cannot be asked about {folder}, so that nothing is done here\n{words}")


def _above(folder: Path) -> Path | None:
    """Return the `.git` of a folder or the nearest one above it, if there is one."""
    path = folder.resolve()
    marks = (parent / ".git" for parent in (path, *path.parents))
    return next((mark for mark in marks if os.path.lexists(mark)), None)


def root_of(folder: Path) -> Path | None:
    """Return the root of the Git repository around a folder, if there is one.

    By the way up to it, as a name may have a newline, or bytes that are no text.
    """
    result = ask(folder, "rev-parse", "--is-inside-work-tree", "--show-cdup")
    inside, _, up = result.stdout.partition("\n") if result else ("", "", "")
    return (folder / up.removesuffix("\n")).resolve() if inside == "true" else None


def path_in(repository: Path, name: str) -> Path:
    """Return a path in the folder of git's own, such as `info/exclude`."""
    result = ask(repository, "rev-parse", "--git-path", name)
    assert result
    return repository / result.stdout.removesuffix("\n")
