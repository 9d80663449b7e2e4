"""A patch: new texts of files, commands, and what is left to the user."""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from pyo3_uv.edits import toml_edit
from pyo3_uv.edits.files import (
    destination,
    encoded,
    lines_of,
    remove,
    restore,
    snapshot,
    write,
)
from pyo3_uv.files import read_bytes, read_text
from pyo3_uv.paths import relative
from pyo3_uv.process import UserError
from pyo3_uv.toml import lookup, parse


@dataclass
class Patch:
    """What would be changed; nothing is written before `write`. A file with the text "" is removed.

    `executable` are those of the files that are programs. Nothing is written outside of `root`; without one that is the repository that a file lies in.
    """

    files: dict[Path, str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    manual: list[str] = field(default_factory=list)
    root: Path | None = None
    executable: set[Path] = field(default_factory=set)

    def text(self, path: Path) -> str:
        """Return the text of a file with the changes so far; "" if it does not exist."""
        return self.files[path] if path in self.files else _read(path)

    def toml(self, path: Path) -> dict[str, Any]:
        """Return the content of a TOML file with the changes so far."""
        return parse(self.text(path), path)

    def edit_toml(self, path: Path, change: Callable[[Any], None]) -> None:
        """Change a TOML file; comments and order stay.

        Raises `UserError` if it has something else where `change` expects a table or an array.
        """
        try:
            self._set_toml(path, toml_edit.edit(self.text(path), change))
        except TOMLKitError as error:
            raise UserError(f"{path} cannot be changed: {error}") from None

    def append(self, path: Path, text: str) -> None:
        """Append whole tables to a TOML file; raise `UserError` if it has them inline."""
        old = self.text(path)
        end = "" if old.endswith("\n\n") else "\n" if old.endswith("\n") else "\n\n"
        self._set_toml(path, f"{old}{end}{text}" if old.strip() else text)

    def _set_toml(self, path: Path, text: str) -> None:
        """Keep a new text if it is valid: a table cannot be appended where it is written inline."""
        try:
            tomlkit.parse(text)
        except TOMLKitError as error:
            raise UserError(f"{path} cannot be changed: {error}") from None
        self.files[path] = text

    def add_line(
        self, path: Path, keys: tuple[str, ...], name: str, value: Any, comment: str = ""
    ) -> None:
        """Add a line to a table of a TOML file, which is made if it is not there.

        An array that is there is extended. What cannot be added so is left to the user.
        """
        if isinstance(value, dict) and not isinstance(value, InlineTable):
            plain = value.keys() == {"version"}
            value = value["version"] if plain else toml_edit.inline_table(value)
        table = lookup(self.toml(path), *keys)
        if not isinstance(table, dict | None):
            raise UserError(f"{'.'.join(keys)} in {path} is not a table")
        if isinstance(value, list) and isinstance(table, dict) and name in table:

            def change(document: Any) -> None:
                for key in keys:
                    document = document[key]
                toml_edit.extend(document[name], value, comment.removeprefix("# "))

            self.edit_toml(path, change)
        elif text := toml_edit.set_in(self.text(path), keys, name, value, comment):
            self.files[path] = text
        else:
            line = f"{name} = {tomlkit.item(value).as_string()}"
            self.manual.append(f"add to [{'.'.join(keys)}] of {path}: {line}")

    def changed(self) -> dict[Path, str]:
        """Return the files whose text differs from what is on disk."""
        return {path: text for path, text in self.files.items() if _read(path) != text}

    def diff(self, root: Path) -> str:
        """Return a unified diff of all changed files, with paths relative to `root`.

        `git apply` makes of it what `write` writes. Raises `UserError` as that does.
        """
        parts: list[str] = []
        for path, text in self.changed().items():
            name = relative(destination(path, self.root), Path(os.path.realpath(root)))
            old = read_bytes(path) if path.exists() else None
            if old is None and path in self.executable:
                head = f"diff --git {_name('a', name).rstrip()} {_name('b', name).rstrip()}"
                parts += [f"{head}\n", "new file mode 100755\n"]
            parts += difflib.unified_diff(
                lines_of((old or b"").decode()),
                lines_of(encoded(text, old or b"").decode()),
                _name("a", name) if old is not None else "/dev/null",
                _name("b", name) if text else "/dev/null",
            )
        missing = "\n\\ No newline at end of file\n"
        return "".join(line if line.endswith("\n") else f"{line}{missing}" for line in parts)

    def check(self) -> None:
        """Raise `UserError` if a changed file is not to be written, as it lies outside."""
        for path in self.changed():
            destination(path, self.root)

    def write(self) -> None:
        """Write the changed files, each whole or not at all.

        Raises `UserError` before the first one if one of them is not to be written.
        """
        self.check()
        for path, text in self.changed().items():
            if text:
                old = read_bytes(path) if path.exists() else b""
                write(path, encoded(text, old), self.root, executable=path in self.executable)
            else:
                remove(path, self.root)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write the changed files, and undo that if what follows fails."""
        self.check()
        old = snapshot(self.changed())
        try:
            self.write()
            yield
        except BaseException:
            restore(old, self.root)
            raise


def _read(path: Path) -> str:
    """Return the text of a file with "\\n" as line ending; "" if it does not exist."""
    return read_text(path) if path.exists() else ""


def _name(side: str, name: str) -> str:
    """Return a file's name in the head of a diff, quoted as git quotes it."""
    name = f"{side}/{name}"
    if re.fullmatch(r'[^\x00-\x1f"\\\x7f-\U0010ffff]*', name):
        return f"{name}\t" if " " in name else name  # else what follows the space is a date
    known = {ord(c): f"\\{e}" for c, e in zip('\a\b\t\n\v\f\r"\\', 'abtnvfr"\\', strict=True)}
    return (
        '"'
        + "".join(
            known.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}")
            for b in os.fsencode(name)
        )
        + '"'
    )
