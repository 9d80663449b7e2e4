"""Editing TOML as a person would, and changes that are undone."""

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from pyo3_uv.edits import toml_edit
from pyo3_uv.edits.patch import Patch
from tests.crates import write
from tests.projects import files, tree


def test_what_is_added_stands_before_the_comment_of_the_next_table() -> None:
    text = "[a]\nx = 1 # one\n\n# of b\n[b]\ny.z = 2\n\n# of c\n\n[c.d]\n"

    def change(document: Any) -> None:
        toml_edit.add(document["a"], "new", toml_edit.inline_table({"k": 1}))
        toml_edit.add(document["b"], "new", ["v"])
        toml_edit.add(document["c"], "new", 3)

    assert toml_edit.edit(text, change) == (
        '[a]\nx = 1 # one\nnew = { k = 1 }\n\n# of b\n[b]\ny.z = 2\nnew = ["v"]\n\n# of c\n\n'
        "[c]\nnew = 3\n\n[c.d]\n"
    )


TABLES = [
    "",
    "[a.b]\n# x\ny = 1\n",
    "[a]\nb.y = 1\n",
    "a.b.y = 1\n",
    "[a]\nb = { y = 1 }\n",
    "# one\n[a.b.c]\nx = 1\n\n[z]\nx = 1\n",
    "[z]\nx = 1\n\n# of the index\n[[a.b.c]]\nx = 1\n",
    "[a.b]\ny = [\n    1, # one\n]\n\n[z]\nx = 1\n\n# of c\n[a.b.c]\nx = 1\n",
    "[a.b.c]\nx = 1\n\n[z]\nx = 1\n\n[a.b.d]\nx = 1",
]


@pytest.mark.parametrize("text", TABLES)
def test_a_line_is_added_to_whatever_table_there_is(text: str) -> None:
    """All else stays, and the comment stands above the line."""
    result = toml_edit.set_in(text, ("a", "b"), "new", ["v"], "# why\n")
    assert result
    wanted = tomlkit.parse(text).unwrap()
    wanted.setdefault("a", {}).setdefault("b", {})["new"] = ["v"]
    assert tomlkit.parse(result).unwrap() == wanted
    lines = result.splitlines()
    if "# why" in lines:
        assert lines[lines.index("# why") + 1].endswith('new = ["v"]')
    rest = iter(lines)
    assert all(line in rest for line in text.splitlines()) or "{ y = 1" in text


def test_changes_are_undone(tmp_path: Path) -> None:
    write(tmp_path, {"old.toml": "old", "gone.toml": "gone"})
    before = tree(tmp_path)
    texts = {"old.toml": "new", "gone.toml": "", ".cargo/config.toml": "new"}
    patch = Patch({tmp_path / name: text for name, text in texts.items()})
    with pytest.raises(KeyboardInterrupt), patch.written():
        assert files(tmp_path) == {"old.toml", ".cargo/config.toml"}
        raise KeyboardInterrupt
    assert tree(tmp_path) == before and not (tmp_path / ".cargo").exists()
