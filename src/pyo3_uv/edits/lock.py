"""One run at a time in a project, and what a run that was killed has left.

The lock is the operating system's, which releases it however the run ends. It lies in git's own
folder; without Git in the user's folder for such state: not in the project, which it would change,
and not in a folder for temporary files, where others could put a file of that name.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from pyo3_uv import git
from pyo3_uv.edits.files import is_temporary
from pyo3_uv.files import is_link
from pyo3_uv.process import UserError

# Where no file is written, and many are
_NOT_SEARCHED = {".git", ".venv", "node_modules", "target"}


@dataclass
class Run:
    """A run that has a project to itself.

    `left_over` says of a run before that was killed what it has left, and that this is removed
    now; "" if there was none.
    """

    root: Path
    left_over: str
    _file: Path
    _noted: list[str] = field(default_factory=list)

    def note(self, path: Path) -> None:
        """Note a folder that was made for this run, `.pyo3-uv-…` in the project or beside it.

        The next run removes it if this one is killed.
        """
        self._noted.append(str(path))
        self._write()

    def _write(self) -> None:
        """Write what was noted; a line a path, so that a line that was cut off is the last one."""
        lines = [json.dumps(text) for text in (str(os.getpid()), *self._noted)]
        self._file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def one_run(root: Path) -> Iterator[Run]:
    """Yield a run that has the project in `root`, a repository's, to itself.

    Raises `UserError` if another run is at work there.
    """
    place = _place(root)
    note = place.with_suffix(".json")
    lock = FileLock(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        process = next(iter(_read(note)), "unknown")
        raise UserError(
            f"another run (process {process}) is at work in {root}: wait until it has ended"
        ) from None
    except OSError as error:
        raise UserError(f"{place} cannot be locked: {error.strerror}") from None
    try:
        run = Run(root, _clean(root, note), note)
        run._write()
        try:
            yield run
        finally:
            note.unlink(missing_ok=True)
    finally:
        lock.release()


def _place(root: Path) -> Path:
    if repository := git.root_of(root):
        return git.path_in(repository, "pyo3-uv.lock")
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return user_state_path("pyo3-uv") / f"{name}.lock"


def _read(note: Path) -> list[str]:
    """Return the process that a note is of, and the folders in it."""
    found: list[str] = []
    if note.is_file() and not note.is_symlink():
        for line in note.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.append(str(json.loads(line)))
            except ValueError:
                break
    return found


def _clean(root: Path, note: Path) -> str:
    """Remove what a run has left whose note is still there, as it was killed; say what that is."""
    if not os.path.lexists(note):
        return ""
    process, *noted = _read(note) or ["unknown"]
    removed = [path for path in map(Path, noted) if _is_ours(path, root)]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_SEARCHED]
        removed += [path for name in files if is_temporary(path := Path(folder, name))]
    for path in (note.parent / "info").glob(".*"):
        removed += [path] if is_temporary(path) else []
    for path in removed:
        if path.is_file():
            path.unlink()
    note.unlink()
    names = "".join(f"\n  removed {path}" for path in removed)
    return (
        f"a run before (process {process}) was killed in {root}; a file that it was about to write "
        f"is as before or as it was to be{names}"
    )


def _is_ours(path: Path, root: Path) -> bool:
    """Whether a noted folder is one that a run makes: its name, its place, and no link."""
    places = {root, root.parent, Path(tempfile.gettempdir())}
    if not path.name.startswith(".pyo3-uv-") or is_link(path) or not path.is_dir():
        return False
    return path.parent.resolve() in {place.resolve() for place in places}
