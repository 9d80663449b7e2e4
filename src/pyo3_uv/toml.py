"""Reading TOML. What writes it is in edits/toml_edit.py."""

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from pyo3_uv.files import read_text
from pyo3_uv.process import UserError

Table = dict[str, Any]


def read_toml(path: Path) -> Table:
    """Return the content of a TOML file; raise `UserError` with the place of a mistake."""
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Table:
    """Return what the text of a file says; raise `UserError` with the place of a mistake."""
    try:
        return tomlkit.parse(text).unwrap()
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def read_if_there(path: Path) -> Table:
    """Return the content of a TOML file; {} without one."""
    return read_toml(path) if path.is_file() else {}


def lookup(table: Table | None, *keys: str) -> Any:
    """Return `table[keys[0]][keys[1]]…`, or None where one is missing."""
    value: Any = table
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def lookup_table(table: Table | None, *keys: str) -> Table:
    """Return the table there; {} without one, also where there is something else."""
    value = lookup(table, *keys)
    return value if isinstance(value, dict) else {}


def lookup_text(table: Table | None, *keys: str) -> str:
    """Return the string there; "" without one, also where there is something else.

    A string with NUL is something else: no path and no name has one.
    """
    value = lookup(table, *keys)
    return value if isinstance(value, str) and "\0" not in value else ""


def lookup_list(table: Table | None, *keys: str) -> list[Any]:
    """Return the array there; [] without one, also where there is something else."""
    value = lookup(table, *keys)
    return value if isinstance(value, list) else []


def lookup_texts(table: Table | None, *keys: str) -> list[str]:
    """Return the strings of the array there, without what else is in it."""
    found = [value for value in lookup_list(table, *keys) if isinstance(value, str)]
    return [value for value in found if "\0" not in value]
