"""Texts of the template's own files, so that what `fix` writes does not differ from a render."""

from pathlib import Path
from typing import Any

import jinja2

# The files of the template that are read; pyproject.toml of the repository puts them into the wheel.
PYTHONS = "hooks/pythons.jinja"
PYPROJECT = "template/{{ extension }}/pyproject.toml.jinja"
BUILD_SCRIPT = "template/parts/build.rs"
CARGO_CONFIG = "template/.cargo/config.toml.jinja"


def _read(name: str) -> str:
    """Return the text of a file: from the installed package, else from the checkout."""
    installed = Path(__file__).parent
    folder = installed if (installed / "hooks").is_dir() else installed.parents[1]
    return (folder / name).read_text(encoding="utf-8")


def python_versions() -> list[str]:
    """Return the versions of Python that the template offers, as "3.12" or "3.14t"."""
    table: Any = jinja2.Template(_read(PYTHONS)).module
    return [*table.releases, *table.free_threaded]


def cargo_config(windows: bool = False) -> tuple[str, str]:
    """Return .cargo/config.toml of an extension in two parts: [env], and the runners."""
    text = _read(CARGO_CONFIG)
    template = jinja2.Template(text, trim_blocks=True, keep_trailing_newline=True)
    env, start, runners = template.render(kind="extension", windows=windows).partition("[target.")
    return env.rstrip() + "\n", start + runners


def comment(name: str, key: str) -> str:
    """Return the comment above the first line that starts with `key`; `///` becomes `//`."""
    lines = [line.strip() for line in _read(name).splitlines()]
    end = start = next(number for number, line in enumerate(lines) if line.startswith(key))
    while lines[start - 1].startswith(("#", "//")):
        start -= 1
    return "".join(line.replace("///", "//", 1) + "\n" for line in lines[start:end])
