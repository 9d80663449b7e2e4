"""Writing files: the only place that writes into a user's project."""

import difflib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from pyo3_uv.paths import relative
from pyo3_uv.process import UserError, run

# What files were like: their content, None where there was none
Snapshot = Mapping[Path, bytes | None]


def snapshot(paths: Iterable[Path]) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.exists() else None for path in paths}


def restore(old: Snapshot) -> None:
    """Bring files back to what they were; a folder that is empty without them goes."""
    for path, content in old.items():
        if content is None:
            remove(path)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)


def remove(path: Path) -> None:
    """Remove a file, if it is there, and its folder, if that is empty then."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all; lines that stay keep their ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.pyo3-uv")
    try:
        new.write_bytes(_keep_line_endings(path, text).encode())
        if path.exists():
            new.chmod(path.stat().st_mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _keep_line_endings(path: Path, text: str) -> str:
    """Give lines that stay the line ending that they have, new ones that of most lines."""
    if not path.exists():
        return text
    with path.open(encoding="utf-8", newline="") as file:
        old = file.read().splitlines(keepends=True)
    crlf = sum(line.endswith("\r\n") for line in old)
    if not crlf:
        return text
    new = text.splitlines(keepends=True)
    result = [line.replace("\n", "\r\n") for line in new] if 2 * crlf >= len(old) else [*new]
    plain = [line.replace("\r\n", "\n") for line in old]
    for block in difflib.SequenceMatcher(None, plain, new, autojunk=False).get_matching_blocks():
        result[block.b : block.b + block.size] = old[block.a : block.a + block.size]
    return "".join(result)


def keep_originals(paths: Iterable[Path]) -> list[Path]:
    """Copy files that will be changed beside themselves; return the copies."""
    kept = []
    for path in paths:
        if path.exists():
            names = (f"{path.name}.orig{number or ''}" for number in count())
            copies = (path.with_name(name) for name in names)
            kept.append(next(copy for copy in copies if not copy.exists()))
            shutil.copy2(path, kept[-1])
    return kept


@contextmanager
def removed_if_new(path: Path) -> Iterator[None]:
    """Remove a file that another program makes meanwhile, as cargo makes a Cargo.lock."""
    existed = path.exists()
    try:
        yield
    finally:
        if not existed:
            path.unlink(missing_ok=True)


def exclude_file(folder: Path) -> tuple[Path, Path] | None:
    """Return the root of a repository, and the file that names what only this clone ignores."""
    result = run(["git", "rev-parse", "--show-toplevel", "--git-path", "info/exclude"], folder)
    if result.code:
        return None
    top, name = result.stdout.splitlines()
    return Path(top), folder / name


def ignore_in_this_clone(path: Path) -> None:
    """Make Git ignore a file in this clone, and with it `uv build` and maturin."""
    if not (found := exclude_file(path.parent)):
        return  # There is no Git from which to keep it.
    top, exclude = found
    line = f"/{relative(path.parent.resolve() / path.name, top)}"
    text = exclude.read_text(encoding="utf-8") if exclude.exists() else ""
    if line not in text.splitlines():
        exclude.parent.mkdir(parents=True, exist_ok=True)
        exclude.write_text(f"{text.rstrip()}\n{line}\n".lstrip(), encoding="utf-8")


# ---- A new project ----


@contextmanager
def staging_folder(destination: Path) -> Iterator[Path]:
    """Yield a folder on the file system of `destination`, removed in the end.

    It lies in `destination` if that exists (its parent may be read-only), else in the parent.
    """
    parent = destination if destination.is_dir() else destination.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".pyo3-uv-", dir=parent)
    except OSError as error:
        raise UserError(f"cannot write into {parent}: {error.strerror}") from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_into_place(folder: Path, destination: Path) -> None:
    """Move a folder to `destination`, which is absent or an empty folder."""
    if destination.is_dir():
        for path in folder.iterdir():
            path.rename(destination / path.name)
    else:
        folder.rename(destination)
