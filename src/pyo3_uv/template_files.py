"""Texts of the template's own files, so that what `fix` writes does not differ from a render."""

from __future__ import annotations

from pathlib import Path

CARGO_CONFIG = ".cargo/config.toml.jinja"
PYPROJECT = "{% if kind == 'extension' %}pyproject.toml{% endif %}.jinja"
BUILD_SCRIPT = "build.rs"


def _lines(name: str) -> list[str]:
    """Return the lines of a file: from the installed package, else from the checkout."""
    installed = Path(__file__).with_name("template")
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "template"
    return (folder / name).read_text(encoding="utf-8").splitlines()


def comment(name: str, key: str) -> str:
    """Return the comment above the first line that starts with `key`; `///` becomes `//`."""
    lines = _lines(name)
    end = start = next(number for number, line in enumerate(lines) if line.startswith(key))
    while lines[start - 1].startswith(("#", "//")):
        start -= 1
    return "".join(line.replace("///", "//", 1) + "\n" for line in lines[start:end])


def line(name: str, key: str) -> str:
    """Return the first line that starts with `key`."""
    return next(line for line in _lines(name) if line.startswith(key)) + "\n"
