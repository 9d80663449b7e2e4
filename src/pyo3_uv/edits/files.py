"""Writing files: the only place that writes into a user's project.

Nothing is written outside of its root: that of a patch, or the repository that a file lies in.
"""

import difflib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from pyo3_uv import git
from pyo3_uv.files import BOM, read_bytes, read_text
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError

# What files were like: their content, None where there was none
Snapshot = Mapping[Path, bytes | None]


def snapshot(paths: Iterable[Path]) -> dict[Path, bytes | None]:
    return {path: read_bytes(path) if path.exists() else None for path in paths}


def destination(path: Path, root: Path | None = None) -> Path:
    """Return the file that is written for `path`: where a link, or one above it, leads.

    Raises `UserError` if that is outside of `root`, in git's own folder, or no file.
    """
    root = root or _repository(path)
    real = Path(os.path.realpath(path))
    if root:
        top = Path(os.path.realpath(root))
        if not real.is_relative_to(top):
            raise UserError(f"{path} leads to {real}, outside of {root}: it is not written")
        if ".git" in real.relative_to(top).parts:
            raise UserError(f"{path} leads to {real}, git's own: it is not written")
    if os.path.lexists(real) and not real.is_file():
        raise UserError(f"{path} is not a regular file: it is not written")
    return real


def _repository(path: Path) -> Path | None:
    """Return the repository that a file lies in, by its path; not one that a link leads to."""
    found = [parent for parent in path.parents if os.path.lexists(parent / ".git")]
    for folder in found:
        if folder.resolve() == found[-1].resolve() / folder.relative_to(found[-1]):
            return folder
    return None


def restore(old: Snapshot, root: Path | None = None) -> None:
    """Bring files back to what they were; a folder that is empty without them goes."""
    for path, content in old.items():
        if content is None:
            remove(path, root)
        else:
            write(path, content, root)


def remove(path: Path, root: Path | None = None) -> None:
    """Remove a file, if it is there, and its folder, if that is empty then."""
    real = destination(path, root)
    real.unlink(missing_ok=True)
    if real.parent.is_dir() and not any(real.parent.iterdir()):
        real.parent.rmdir()


def write(
    path: Path,
    content: bytes,
    root: Path | None = None,
    like: Path | None = None,
    executable: bool = False,
) -> None:
    """Write a file, whole or not at all, with the mode that it has, or that of the file `like`.

    A new one may be a program, `executable` by all who may read it.

    Raises `UserError` if it is not to be written, or cannot be.
    """
    real = destination(path, root)
    # Not foreseeable, so that nobody can have put a link there, which `x` would not follow either.
    new = real.with_name(f".{secrets.token_hex(8)}.pyo3-uv")
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("xb") as file:
                file.write(content)
            if (like or real).exists():
                new.chmod(stat.S_IMODE((like or real).stat().st_mode))
            elif executable:
                mode = stat.S_IMODE(new.stat().st_mode)
                new.chmod(mode | (mode & 0o444) >> 2)
            new.replace(real)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def is_temporary(path: Path) -> bool:
    """Whether a file is one that `write` has made, and would have given its name."""
    named = re.fullmatch(r"\.[0-9a-f]{16}\.pyo3-uv", path.name)
    return bool(named) and path.is_file() and not path.is_symlink()


def is_held(path: Path) -> bool:
    """Whether the system refuses to write a file, as it is loaded; nothing is written.

    Windows does that for libraries and programs, Linux for programs.
    """
    if not os.access(path, os.W_OK):
        return False
    try:
        path.open("r+b").close()
    except OSError:
        return True
    return False


def encoded(text: str, old: bytes) -> bytes:
    """Return a new text of a file as the bytes that are written.

    Lines that stay or are replaced keep their ending, and new ones have that of most lines; a byte
    order mark stays.
    """
    before = old.decode()
    mark = BOM if before.startswith(BOM) else ""
    crlf = before.count("\r\n")
    if not crlf:
        return f"{mark}{text}".encode()
    lines, new = lines_of(before.removeprefix(BOM)), lines_of(text)
    result = [line.replace("\n", "\r\n") for line in new] if 2 * crlf >= len(lines) else [*new]
    plain = [line.replace("\r\n", "\n") for line in lines]
    matcher = difflib.SequenceMatcher(None, plain, new, autojunk=False)
    for tag, i, end, j, new_end in matcher.get_opcodes():
        if tag == "equal":
            result[j:new_end] = lines[i:end]
        elif tag == "replace" and end - i == new_end - j:
            ends = ["\r\n" if line.endswith("\r\n") else "\n" for line in lines[i:end]]
            result[j:new_end] = [
                line.replace("\n", e) for line, e in zip(new[j:new_end], ends, strict=True)
            ]
    return f"{mark}{''.join(result)}".encode()


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, as git has them: `splitlines` knows others, too."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def keep_originals(paths: Iterable[Path], root: Path | None = None) -> list[Path]:
    """Copy files that will be changed beside themselves; return the copies."""
    kept = []
    for path in paths:
        if path.exists():
            names = (f"{path.name}.orig{number or ''}" for number in count())
            copies = (path.with_name(name) for name in names)
            kept.append(next(copy for copy in copies if not os.path.lexists(copy)))
            write(kept[-1], read_bytes(path), root, like=path)
    return kept


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Bring a file back that another program changes or makes meanwhile, as cargo a Cargo.lock."""
    old = snapshot([path])
    try:
        yield
    finally:
        if snapshot([path]) != old:
            restore(old)


def write_elsewhere(path: Path, text: str) -> None:
    """Write a file that the user names, wherever it is."""
    write(path, text.encode(), path.parent)


def exclude_file(folder: Path) -> tuple[Path, Path] | None:
    """Return the root of a repository, and the file that names what only this clone ignores."""
    top = git.root_of(folder)
    return (top, git.path_in(top, "info/exclude")) if top else None


def ignore_in_this_clone(path: Path) -> None:
    """Make Git ignore a file in this clone, and with it `uv build` and maturin."""
    if not (found := exclude_file(path.parent)):
        return  # There is no Git from which to keep it.
    top, exclude = found
    name = relative(path.parent.resolve() / path.name, top)
    line = "/" + re.sub(r"[\\*?[]", r"\\\g<0>", name).replace("\n", "?")
    text = read_text(exclude) if exclude.exists() else ""
    if line not in text.split("\n"):
        new = f"{text.rstrip()}\n{line}\n".lstrip()
        old = read_bytes(exclude) if exclude.exists() else b""
        write(exclude, encoded(new, old), exclude.parents[1])


def link_folder(link: Path, folder: Path) -> None:
    """Make a link to a folder: on Windows, where most users may make no symbolic one, a junction."""
    try:
        from _winapi import CreateJunction

        CreateJunction(str(folder), str(link))
    except (ImportError, OSError):  # another system; a junction does not lead to another machine
        if link.is_dir():  # CreateJunction leaves it
            link.rmdir()
        link.symlink_to(folder, target_is_directory=True)


def may_link(folder: Path) -> bool:
    """Whether symbolic links can be made in a folder: else it is WinError 1314 on Windows."""
    link = folder / f".{secrets.token_hex(8)}.pyo3-uv"
    try:
        link.symlink_to("nothing")
        return link.is_symlink()
    except OSError:
        return False
    finally:
        link.unlink(missing_ok=True)


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
