"""Editing TOML as a person would, and changes that are undone."""

from pathlib import Path
from typing import Any

import pytest

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


def test_changes_are_undone(tmp_path: Path) -> None:
    write(tmp_path, {"old.toml": "old", "gone.toml": "gone"})
    before = tree(tmp_path)
    texts = {"old.toml": "new", "gone.toml": "", ".cargo/config.toml": "new"}
    patch = Patch({tmp_path / name: text for name, text in texts.items()})
    with pytest.raises(KeyboardInterrupt), patch.written():
        assert files(tmp_path) == {"old.toml", ".cargo/config.toml"}
        raise KeyboardInterrupt
    assert tree(tmp_path) == before and not (tmp_path / ".cargo").exists()
