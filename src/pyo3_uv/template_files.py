"""Texts of the template's own files, so that what `fix` writes does not differ from a render."""

from __future__ import annotations

from pathlib import Path

import jinja2

PYPROJECT = "{% if kind == 'extension' %}pyproject.toml{% endif %}.jinja"
BUILD_SCRIPT = "build.rs"


def _read(name: str) -> str:
    """Return the text of a file: from the installed package, else from the checkout."""
    installed = Path(__file__).with_name("template")
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "template"
    return (folder / name).read_text(encoding="utf-8")


def cargo_config() -> tuple[str, str]:
    """Return .cargo/config.toml of an extension in two parts: [env], and the runners."""
    template = jinja2.Template(
        _read(".cargo/config.toml.jinja"), trim_blocks=True, keep_trailing_newline=True
    )
    env, start, runners = template.render(kind="extension", windows=False).partition("[target.")
    return env.rstrip() + "\n", start + runners


def comment(name: str, key: str) -> str:
    """Return the comment above the first line that starts with `key`; `///` becomes `//`."""
    lines = _read(name).splitlines()
    end = start = next(number for number, line in enumerate(lines) if line.startswith(key))
    while lines[start - 1].startswith(("#", "//")):
        start -= 1
    return "".join(line.replace("///", "//", 1) + "\n" for line in lines[start:end])
