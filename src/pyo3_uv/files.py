"""Reading a user's text files: regular ones, not too large, UTF-8 with or without a byte order mark."""

import os
from collections.abc import Iterable
from pathlib import Path

from pyo3_uv.process import UserError

LIMIT = 10_000_000  # bytes; no file that a person writes is larger
BOM = "\ufeff"
_JUNCTION = 0xA0000003  # stat.IO_REPARSE_TAG_MOUNT_POINT, which only Windows has


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises `UserError` if it is not there, cannot be read, is larger than `LIMIT`, or is none that
    ends, such as a pipe.
    """
    try:
        if not path.is_file():  # before it is opened, as that waits for the other end of a pipe
            what = "is not a regular file" if path.exists() else "does not exist"
            raise UserError(f"{path} {what}")
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LIMIT:
        raise UserError(f"{path} is larger than {LIMIT // 1_000_000} MB, too large to be read")
    return content


def read_text(path: Path) -> str:
    """Return the text of a file, with "\\n" for "\\r\\n" and without a byte order mark.

    Raises `UserError` as `read_bytes` does, and if it is not UTF-8.
    """
    try:
        return _as_text(read_bytes(path).decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def text_to_search(path: Path) -> str:
    """Return the same of a file that is only searched: "" without one, whatever its encoding.

    Raises `UserError` if it cannot be read, or is larger than `LIMIT`.
    """
    return _as_text(read_bytes(path).decode(errors="replace")) if path.is_file() else ""


def _as_text(content: str) -> str:
    return content.removeprefix(BOM).replace("\r\n", "\n")


def is_link(path: Path) -> bool:
    """Whether a path is a link to another one: a symbolic link, or a junction of Windows."""
    return path.is_symlink() or (
        os.path.lexists(path) and getattr(path.lstat(), "st_reparse_tag", 0) == _JUNCTION
    )


def regular(paths: Iterable[Path]) -> list[Path]:
    """Return the files among `paths`, sorted: no folders, no pipes, no links that lead nowhere.

    Emacs locks a file that is edited with a link to nothing beside it, `.#lib.rs`.
    """
    return sorted(path for path in paths if path.is_file())
