"""A copy of a project's repository, as the work tree is, in which changes are tried."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pyo3_uv.edits.files import exclude_file, ignore_in_this_clone, link_folder, may_link, unchanged
from pyo3_uv.facts import git
from pyo3_uv.facts.project import Project
from pyo3_uv.files import is_link
from pyo3_uv.git import root_of
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError, run

# Not copied where there is no Git to say what belongs to the project
BUILT = ("target", ".venv", "dist", "__pycache__", "node_modules", "*.so", "*.pyd")


@contextmanager
def copy_of(projects: list[Project], note: Callable[[Path], object]) -> Iterator[Path]:
    """Yield a copy of the repository, as the work tree is; it is removed in the end.

    It lies beside the original, so that paths out of the repository and cargo's configuration above
    it hold. It has the environments of the original, by links. `note` is told where it is.
    """
    root = projects[0].repository
    beside = root.parent if os.access(root.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".pyo3-uv-", dir=beside) as folder:
        copy = Path(folder).resolve()
        note(copy)
        venvs = {project.environment.folder for project in projects}
        _copy(root, copy, venvs)
        for venv in venvs:
            place = copy / relative(venv, root)
            if venv.exists() and place.is_relative_to(copy) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                link_folder(place, venv)
                if root_of(copy) == copy:
                    ignore_in_this_clone(place)
        yield copy


@contextmanager
def one_target(projects: list[Project]) -> Iterator[None]:
    """Let cargo build in a folder inside the project's target folder, the copy and the original.

    Dependencies are compiled once then, and the builds and the lock files of the project stay as
    they are.
    """
    before = os.environ.get("CARGO_TARGET_DIR")
    os.environ["CARGO_TARGET_DIR"] = str(projects[0].crate.target / "pyo3-uv")
    try:
        with ExitStack() as stack:
            for workspace in {project.crate.workspace for project in projects}:
                stack.enter_context(unchanged(workspace / "Cargo.lock"))
            yield
    finally:
        del os.environ["CARGO_TARGET_DIR"]
        if before is not None:
            os.environ["CARGO_TARGET_DIR"] = before


def _copy(root: Path, copy: Path, venvs: set[Path]) -> None:
    """Copy what Git has and would have, with the history, from which some take their version.

    Single files that it ignores are also copied: lock files of libraries, a configuration of cargo
    for this clone.
    """
    skipped, built = set(venvs), list(BUILT)
    if root_of(root):
        if run(["git", "clone", "--quiet", "--no-checkout", "--shared", str(root), str(copy)]).code:
            run(["git", "init", "--quiet", str(copy)])
        ignored = git.listed(root, "--others", "--ignored", "--exclude-standard", "--directory")
        folders = [n for n in ignored or [] if n.endswith("/") and not n.endswith(".cargo/")]
        skipped, built = skipped | {root / name for name in folders}, []
    matching, links = shutil.ignore_patterns(".git", *built), may_link(copy)

    def skip(folder: str, names: list[str]) -> set[str]:
        paths = [Path(folder, name) for name in names]
        special = [p for p in paths if not (p.is_symlink() or p.is_dir() or p.is_file())]
        # What else they lead to is copied, if it is there and no folder that they are in.
        followed = (p for p in paths if is_link(p) and not (links and p.is_symlink()))
        special += [p for p in followed if not p.exists() or p.is_relative_to(p.resolve())]
        return matching(folder, names) | {p.name for p in (*special, *(skipped & set(paths)))}

    try:
        shutil.copytree(root, copy, symlinks=links, ignore=skip, dirs_exist_ok=True)
    except OSError as error:
        raise UserError(f"{root} cannot be copied: {error}") from None
    if built:
        return
    if (found := exclude_file(root)) and found[1].exists():
        (copy / ".git/info").mkdir(exist_ok=True)
        shutil.copy2(found[1], copy / ".git/info/exclude")
    run(["git", "reset", "--quiet"], copy)
