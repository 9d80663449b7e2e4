"""A plan of changes: new texts of files, commands, and what is left to the user."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import tomlkit

from pyo3_uv import toml_edit


@dataclass
class Plan:
    """What would be changed; nothing is written before `write`. A file with the text "" is removed."""

    files: dict[Path, str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    manual: list[str] = field(default_factory=list)

    def text(self, path: Path) -> str:
        """Return the text of a file with the changes so far; "" if it does not exist."""
        return self.files[path] if path in self.files else _read(path)

    def toml(self, path: Path) -> dict[str, Any]:
        """Return the content of a TOML file with the changes so far."""
        return tomlkit.parse(self.text(path)).unwrap()

    def edit_toml(self, path: Path, change: Callable[[Any], None]) -> None:
        """Change a TOML file; comments and order stay."""
        self.files[path] = toml_edit.edit(self.text(path), change)

    def append(self, path: Path, text: str) -> None:
        """Append whole tables to a TOML file."""
        old = self.text(path)
        self.files[path] = f"{old.rstrip()}\n\n{text}" if old.strip() else text

    def changed(self) -> dict[Path, str]:
        """Return the files whose text differs from what is on disk."""
        return {path: text for path, text in self.files.items() if _read(path) != text}

    def diff(self, root: Path) -> str:
        """Return a unified diff of all changed files, with paths relative to `root`."""
        parts: list[str] = []
        for path, text in self.changed().items():
            name = os.path.relpath(path, root)
            parts += difflib.unified_diff(
                _read(path).splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{name}" if path.exists() else "/dev/null",
                f"b/{name}" if text else "/dev/null",
            )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in parts)

    def write(self) -> None:
        """Write the changed files, each whole or not at all; line endings stay."""
        for path, text in self.changed().items():
            if not text:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.pyo3-uv")
            try:
                new.write_bytes(_keep_line_endings(path, text).encode())
                if path.exists():
                    new.chmod(path.stat().st_mode)
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write the changed files, and undo that if what follows fails."""
        old = {path: path.read_bytes() if path.exists() else None for path in self.changed()}
        folders = {path.parent for path in old if not path.parent.exists()}
        try:
            self.write()
            yield
        except BaseException:
            for path, content in old.items():
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)
            for folder in folders:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
            raise

    def keep_originals(self, paths: list[Path], kept: dict[Path, Path]) -> None:
        """Copy files that will be changed beside themselves, unless `kept` has a copy."""
        for path in paths:
            if path.exists() and path not in kept:
                names = (f"{path.name}.orig{number or ''}" for number in count())
                copies = (path.with_name(name) for name in names)
                kept[path] = next(copy for copy in copies if not copy.exists())
                shutil.copy2(path, kept[path])


def _read(path: Path) -> str:
    """Return the text of a file with "\\n" as line ending; "" if it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


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
