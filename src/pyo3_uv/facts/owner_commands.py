"""With which commands the owners of a project build and test it, as their files have it."""

import re
from collections.abc import Iterator

from pyo3_uv.facts.project import SCRIPTS, Project
from pyo3_uv.files import text_to_search

FILES = (
    *SCRIPTS,
    *("pyproject.toml", "Taskfile.yml", "CONTRIBUTING.md", "CONTRIBUTING.rst", "README.md"),
    *("README.rst", ".github/CONTRIBUTING.md", ".github/workflows/*.yml"),
    ".github/workflows/*.yaml",
)

_DEVELOP = r"\bmaturin dev(?:elop)?\b"
_RELEASE = r".* (?:-r|--release)\b"
# What is recognized, by the command's own form, in the order in which one works
_PATTERNS = {
    "uv sync": r"\buv sync\b(?!.*--(?:no-install|only-))",
    "uv run": rf"\buv run\b(?!.*{_DEVELOP})",
    "uv run maturin develop": rf"\buv run\b.*{_DEVELOP}(?!{_RELEASE})",
    "uv run maturin develop --release": rf"\buv run\b.*{_DEVELOP}{_RELEASE}",
    "maturin develop": rf"^(?!.*\buv run\b).*{_DEVELOP}(?!{_RELEASE})",
    "maturin develop --release": rf"^(?!.*\buv run\b).*{_DEVELOP}{_RELEASE}",
    "cargo test": r"\bcargo test\b",
    "cargo nextest run": r"\bcargo nextest r(?:un)?\b",
    "uv run pytest": r"\buv run\b.*\bpytest(?: |$)",
    "pytest": r"^(?:[-@$] ?|run: |session.run |(?:python3?|coverage run) -m )*pytest(?: |$)",
}
# What does the same as another command, and less
_INCLUDED = {
    "uv sync": ("uv run", "uv run pytest"),
    "uv run": ("uv run pytest",),
    "uv run maturin develop --release": ("uv run maturin develop",),
    "maturin develop --release": ("maturin develop",),
    "pytest": ("uv run pytest",),
}


def commands_of(project: Project) -> list[str]:
    """Return the commands of a fixed list that the project's files name, in the order of work.

    A line of a file is recognized, it is never run. Where none is, a project that uses uv is taken
    to use `uv run`, and one with Rust tests `cargo test`. Of a crate without a Python package it is
    only the commands of cargo.
    """
    lines = list(_lines(project))
    found = [n for n, pattern in _PATTERNS.items() if any(re.search(pattern, x) for x in lines)]
    builds = any(name.startswith(("uv", "maturin")) for name in found)
    if not builds and project.environment.uses_uv:
        found.insert(0, "uv run")
    if not any(name.startswith("cargo") for name in found) and project.sources.programs:
        found.append("cargo test")
    if not project.package.extension:
        found = [name for name in found if name.startswith("cargo")]
    return [name for name in found if not {*_INCLUDED.get(name, ())} & {*found}]


def _lines(project: Project) -> Iterator[str]:
    """Yield the commands of these files, without what TOML, YAML and Python have between words."""
    roots = [project.repository, project.crate.workspace, project.folder]
    roots += [project.package.root] if project.package.root else []
    paths = (path for root in roots for name in FILES for path in sorted(root.glob(name)))
    for path in dict.fromkeys(path for path in paths if path.is_file()):
        for text in re.split(r"&&|[\n;|]", text_to_search(path)):
            line = re.sub(r"[\s\"'`,\[\]()]+", " ", text).strip()
            # In an array of pyproject.toml it is a requirement.
            if not line.startswith("#") and (path.suffix != ".toml" or line[-6:] != "pytest"):
                yield line.replace("uv run --no-sync ", "")
