"""A copy of a project's repository, as the work tree is, in which changes are tried."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyo3_uv.discovery import repository_of
from pyo3_uv.process import run
from pyo3_uv.project import Project

# Not copied where there is no Git to say what belongs to the project
BUILT = ("target", ".venv", "dist", "__pycache__", "node_modules", "*.so", "*.pyd")


@contextmanager
def copy_of(projects: list[Project]) -> Iterator[Path]:
    """Yield a copy of the repository, as the work tree is; it is removed at last.

    It lies beside the original, so that paths out of the repository and cargo's configuration above
    it hold. It has the environments of the original, by links, and a target folder inside the
    original's, so that dependencies are compiled once.
    """
    root = projects[0].repository
    target = _target_folder(projects[0]) / "pyo3-uv"
    beside = root.parent if os.access(root.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".pyo3-uv-", dir=beside) as folder:
        copy = Path(folder).resolve()
        if repository_of(root):
            _copy_repository(root, copy, [project.venv for project in projects])
        else:
            built = shutil.ignore_patterns(*BUILT)
            shutil.copytree(root, copy, symlinks=True, ignore=built, dirs_exist_ok=True)
        for venv in {project.venv for project in projects}:
            place = copy / os.path.relpath(venv, root)
            if venv.exists() and place.is_relative_to(copy) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(venv, target_is_directory=True)
                _ignore(copy, f"/{place.relative_to(copy).as_posix()}")
        before = os.environ.get("CARGO_TARGET_DIR")
        os.environ["CARGO_TARGET_DIR"] = str(target)
        try:
            yield copy
        finally:
            if before is None:
                del os.environ["CARGO_TARGET_DIR"]
            else:
                os.environ["CARGO_TARGET_DIR"] = before


def _target_folder(project: Project) -> Path:
    command = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    return Path(json.loads(run(command, project.folder).stdout)["target_directory"])


def _copy_repository(root: Path, copy: Path, venvs: list[Path]) -> None:
    """Copy what Git has and would have, with the history, from which some take their version.

    Single files that it ignores are also copied: lock files of libraries, a configuration of cargo
    for this clone.
    """
    if run(["git", "clone", "--quiet", "--no-checkout", "--shared", str(root), str(copy)]).code:
        run(["git", "init", "--quiet", str(copy)])
    names = _listed(root, "--cached", "--others", "--exclude-standard")
    ignored = _listed(root, "--others", "--ignored", "--exclude-standard", "--directory")
    names += [name for name in ignored if not name.endswith("/")]
    for folder in (name for name in ignored if name.endswith(".cargo/")):
        names += [str(path.relative_to(root)) for path in (root / folder).iterdir()]
    for name in names:
        source, place = root / name, copy / name
        if any(source.is_relative_to(venv) for venv in venvs):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() or source.is_file():
            shutil.copy2(source, place, follow_symlinks=False)
        elif source.is_dir():  # a submodule
            ignore = shutil.ignore_patterns(".git")
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True, ignore=ignore)
    run(["git", "reset", "--quiet"], copy)
    for line in _exclude(root).read_text().splitlines() if _exclude(root).exists() else []:
        _ignore(copy, line)


def _listed(root: Path, *options: str) -> list[str]:
    return [n for n in run(["git", "ls-files", "-z", *options], root).stdout.split("\0") if n]


def _exclude(root: Path) -> Path:
    return root / run(["git", "rev-parse", "--git-path", "info/exclude"], root).stdout.strip()


def _ignore(copy: Path, line: str) -> None:
    if repository_of(copy) == copy:
        path = _exclude(copy)
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
