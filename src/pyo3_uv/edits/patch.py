"""A patch: new texts of files, commands, and what is left to the user."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from pyo3_uv.edits import toml_edit
from pyo3_uv.edits.files import remove, restore, snapshot, write
from pyo3_uv.paths import relative
from pyo3_uv.toml import lookup


@dataclass
class Patch:
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

    def add_line(self, path: Path, keys: tuple[str, ...], name: str, value: Any) -> None:
        """Add a line to a table of a TOML file, which is made if it is not there.

        An array that is there is extended.
        """
        if isinstance(value, dict):
            plain = value.keys() == {"version"}
            value = value["version"] if plain else toml_edit.inline_table(value)
        if lookup(self.toml(path), *keys) is None:
            text = toml_edit.inline_table({"x": value}).as_string()
            self.append(path, f"[{'.'.join(keys)}]\n{name} = {text[len('{ x = ') : -len(' }')]}\n")
            return

        def change(document: Any) -> None:
            for key in keys:
                document = document[key]
            if isinstance(value, list) and name in document:
                toml_edit.extend(document[name], value)
            else:
                toml_edit.add(document, name, value)

        self.edit_toml(path, change)

    def changed(self) -> dict[Path, str]:
        """Return the files whose text differs from what is on disk."""
        return {path: text for path, text in self.files.items() if _read(path) != text}

    def diff(self, root: Path) -> str:
        """Return a unified diff of all changed files, with paths relative to `root`."""
        parts: list[str] = []
        for path, text in self.changed().items():
            name = relative(path, root)
            parts += difflib.unified_diff(
                _read(path).splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{name}" if path.exists() else "/dev/null",
                f"b/{name}" if text else "/dev/null",
            )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in parts)

    def write(self) -> None:
        """Write the changed files, each whole or not at all."""
        for path, text in self.changed().items():
            if text:
                write(path, text)
            else:
                remove(path)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write the changed files, and undo that if what follows fails."""
        old = snapshot(self.changed())
        try:
            self.write()
            yield
        except BaseException:
            restore(old)
            raise


def _read(path: Path) -> str:
    """Return the text of a file with "\\n" as line ending; "" if it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
