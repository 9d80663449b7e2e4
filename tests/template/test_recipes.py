"""docs/recipes.md: which recipes there are, how short they are."""

import re
from dataclasses import dataclass

import pytest

from tests.commands import ROOT

PAGE = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
NOT_RUN = "Not run"
MAX_LINES = 20


@dataclass(frozen=True)
class Block:
    """A block of code, and the file that the line above names."""

    path: str | None
    language: str
    text: str

    def code(self) -> list[str]:
        """Return the lines without blank ones and Rust's doc comments."""
        lines = map(str.strip, self.text.splitlines())
        return [line for line in lines if line and not line.startswith(("///", "//!"))]


def blocks(text: str) -> list[Block]:
    pattern = r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$"
    found = re.findall(pattern, text, re.DOTALL | re.MULTILINE)
    return [Block(path or None, language, code) for path, language, code in found]


INTRODUCTION, *PARTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = dict(part.split("\n\n", 1) for part in PARTS)
RECIPES = {title: blocks(text) for title, text in SECTIONS.items() if NOT_RUN not in text}


def test_a_recipe_has_a_test_or_says_that_it_is_not_run() -> None:
    assert len(RECIPES) == 5 and len(SECTIONS) == 11
    for title, text in SECTIONS.items():
        paths = [block.path for block in blocks(text)]
        tests = [path for path in paths if path and path.startswith("tests/test_")]
        assert len(tests) == (title in RECIPES), title
        assert (title in RECIPES) != text.startswith(NOT_RUN), title


@pytest.mark.parametrize("title", SECTIONS)
def test_recipes_are_short(title: str) -> None:
    """What registers a function in src/lib.rs is not counted."""
    found = [block for block in blocks(SECTIONS[title]) if block.path != "src/lib.rs"]
    lines = [line for block in found for line in block.code()]
    assert 0 < len(lines) <= MAX_LINES, lines


def test_crates_go_with_the_pyo3_of_the_template() -> None:
    manifest = (ROOT / "template/{{ single }}/Cargo.toml.jinja").read_text(encoding="utf-8")
    [pyo3] = set(re.findall(r'^pyo3 = \{ version = "([\d.]+)"', manifest, re.MULTILINE))
    for crate in ("numpy", "pyo3-async-runtimes"):
        assert f"cargo add {crate}@{pyo3}\n" in PAGE or f"cargo add {crate}@{pyo3} " in PAGE
