"""Editing TOML with tomlkit as a person would: comments, order and layout stay."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item, Key, Table


def edit(text: str, change: Callable[[Any], None]) -> str:
    """Return `text` after `change` was applied to the document in it."""
    document = tomlkit.parse(text)
    change(document)
    return _restore_blank_lines(tomlkit.dumps(document), text)


def _restore_blank_lines(text: str, old: str) -> str:
    """Put back the blank line before a table or its comment that an edit before it has taken."""
    # Not `splitlines`: a string may have other ends of lines, which stay.
    new, before = text.removesuffix("\n").split("\n"), old.removesuffix("\n").split("\n")
    pairs = list(pairwise(before))
    after_blank = {line for previous, line in pairs if not previous.strip()}
    lines: list[str] = []
    for line in _keep_blank_lines(new, before):
        table = re.match(r"\[\[?[\w\"']", line) and line not in before[1:]
        starts = table or (line.startswith(("[", "#")) and line in after_blank)
        if starts and lines and lines[-1].strip() and (lines[-1], line) not in pairs:
            lines.append("")
        lines.append(line)
    end = "" if not old.endswith("\n") and lines[-1] == before[-1] else "\n"
    return "\n".join(lines) + end


def _keep_blank_lines(new: list[str], old: list[str]) -> list[str]:
    """Put back blank lines, of several, where nothing else was removed with them."""
    lines: list[str] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        lines += new[new_start:new_end]
        around = old[start - 1 : start] + old[end : end + 1]
        if tag in ("delete", "replace") and not any(line.strip() for line in old[start:end]):
            lines += old[start:end] if not all(line.strip() for line in around) else []
    return lines


def table_of(value: Any, key: str) -> Any:
    """Return a value to which `key` is added; raise `TOMLKitError` if that is no table."""
    if not isinstance(value, MutableMapping):
        raise TOMLKitError(f"{key} cannot be added to what is not a table")
    return value


def add(table: Any, key: str, value: Any, comment: str = "") -> None:
    """Add a key behind the last line of `table`, with a comment (whole lines) above it.

    tomlkit itself puts it behind the comments that follow, which belong to the next table.
    """
    table_of(table, key)
    body: list[tuple[Key | None, Item]] = table.value.body if isinstance(table, Table) else []
    named = [(name, item) for name, item in body if name]
    lines = [n for n, item in named if n.is_dotted() or not isinstance(item, (AoT, Table))]
    if key in table:
        table[key] = value
    elif not lines:
        for line in comment.splitlines():
            table.add(tomlkit.comment(line.removeprefix("# ")))
        table[key] = value
    else:
        item = tomlkit.item(value)
        table.value._insert_after(lines[-1], key, item)
        item.trivia.indent = comment + item.trivia.indent


def set_in(text: str, keys: Sequence[str], name: str, value: Any, comment: str = "") -> str | None:
    """Return a TOML file with a key in the table `keys`, its comment above it.

    The table is made if it is not there: before the first of its sub-tables, else at the end. None
    if that makes another file of it, as where a table is written with dotted keys.
    """
    wanted = tomlkit.parse(text).unwrap()
    table: Any = wanted
    for key in keys:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            return None
    table[name] = tomlkit.item(value).unwrap()
    for result in _candidates(text, keys, name, value, comment):
        try:
            if tomlkit.parse(result).unwrap() == wanted:
                return result
        except (TOMLKitError, ValueError):
            continue
    return None


def _candidates(
    text: str, keys: Sequence[str], name: str, value: Any, comment: str
) -> Iterator[str]:
    """Yield what may be the result of `set_in`, the best first."""
    item = tomlkit.item(value)
    row = f"{comment}{name} = {item.as_string()}{item.trivia.comment_ws}{item.trivia.comment}\n"
    dotted = r"[ \t]*\.[ \t]*".join(rf"[\"']?{re.escape(key)}[\"']?" for key in keys)
    header = re.search(rf"^[ \t]*\[[ \t]*{dotted}[ \t]*\][^\n]*\n?", text, re.MULTILINE)
    below = re.search(rf"(^#.*\n)*^[ \t]*\[\[?[ \t]*{dotted}[ \t]*\.", text, re.MULTILINE)

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        add(document, name, item, comment)

    if header:
        with suppress(TOMLKitError, KeyError, TypeError, AttributeError):
            yield edit(text, change)
        end = "" if header[0].endswith("\n") else "\n"
        yield f"{text[: header.end()]}{end}{row}{text[header.end() :]}"
    elif below:
        yield f"{text[: below.start()]}[{'.'.join(keys)}]\n{row}\n{text[below.start() :]}"
    else:
        end = "" if text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        yield f"{text}{end if text.strip() else ''}[{'.'.join(keys)}]\n{row}"
        with suppress(TOMLKitError, KeyError, TypeError, AttributeError):
            yield edit(text, change)


def extend(array: Array, values: Sequence[Any], comment: str = "") -> None:
    """Append what is missing to an array; on separate lines if its values are so.

    The comment stands on a line of its own then, above the last value.
    """
    if not isinstance(array, Array):
        raise TOMLKitError(f"{values[0]} cannot be added to what is not an array")
    values = [value for value in values if value not in array]
    if "\n" not in array.as_string():
        array.extend(values)
        return
    for value in values:
        if comment and value is values[-1]:
            array.add_line(comment=comment)
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
    table = tomlkit.parse(f"x = {{ {pairs} }}\n")["x"]
    assert isinstance(table, InlineTable)
    return table


def remove(table: Any, key: str, value: str, keep_empty: bool = False) -> bool:
    """Remove `value` from the array `table[key]`, and an array that is then empty.

    Say whether it was there.
    """
    array = table.get(key)
    if array is None or value not in array:
        return False
    array.remove(value)
    if array or keep_empty:
        return True
    if isinstance(table, InlineTable):
        # tomlkit leaves a comma, or takes the space before the brace
        fresh = inline_table({name: item for name, item in table.items() if name != key})
        table.clear()
        table._value = fresh.value
    else:
        del table[key]
    return True
