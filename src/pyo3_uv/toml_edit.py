"""Reading TOML, and editing it with tomlkit as a person would: comments, order and layout stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import Array, InlineTable

from pyo3_uv.process import UserError

Table = dict[str, Any]


def read_toml(path: Path) -> Table:
    """Return the content of a TOML file; raise `UserError` with the place of a mistake."""
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except (ParseError, ValueError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def lookup(table: Table | None, *keys: str) -> Any:
    """Return `table[keys[0]][keys[1]]…`, or None where one is missing."""
    value: Any = table
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def edit(text: str, change: Callable[[Any], None]) -> str:
    """Return `text` after `change` was applied to the document in it."""
    document = tomlkit.parse(text)
    change(document)
    return _restore_blank_lines(tomlkit.dumps(document), text)


def _restore_blank_lines(text: str, old: str) -> str:
    """Put the blank line before a table back that tomlkit drops when it adds a key before it."""
    known = set(zip(old.splitlines(), old.splitlines()[1:], strict=False))
    lines: list[str] = []
    for line in text.splitlines():
        table = re.match(r"\[\[?[\w\"']", line)
        if table and lines and lines[-1].strip() and (lines[-1], line) not in known:
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def extend(array: Array, values: Sequence[Any]) -> None:
    """Append to an array; on separate lines if its values are on separate lines."""
    if "\n" not in array.as_string():
        array.extend(values)
        return
    for value in values:
        array.add_line(value)
    array.add_line(indent="")
    text = re.sub(r"\n\s*\n", "\n", array.as_string())
    fresh = tomlkit.parse(f"x = {text}")["x"]
    assert isinstance(fresh, Array)
    array.clear()
    array._value = fresh._value  # the same values, without the blank line


def inline_table(values: Mapping[str, Any]) -> InlineTable:
    """Return an inline table with spaces inside its braces, as cargo writes them."""
    pairs = ", ".join(f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items())
    table = tomlkit.parse(f"x = {{ {pairs} }}")["x"]
    assert isinstance(table, InlineTable)
    return table


def remove(table: Any, key: str, value: str) -> None:
    """Remove `value` from the array `table[key]`, if it is there."""
    array = table.get(key)
    if array is not None and value in array:
        array.remove(value)
