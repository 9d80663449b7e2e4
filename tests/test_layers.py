"""The table in CONTRIBUTING.md: which folder of src/pyo3_uv may import which, and which one writes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.checks import NAMES
from tests.commands import ROOT

SOURCES = ROOT / "src/pyo3_uv"
MODULES = sorted(SOURCES.rglob("*.py"))
FOLDERS = ["cli", "new", "adopt", "bundle", "trial", "checks", "edits", "facts"]
# What has side effects on files, as methods of paths and as functions
WRITES = re.compile(
    r"chmod|copy(2|file|fileobj|tree)?|(hard|sym)?link(_to)?|makedirs|mkdir|mkdtemp|move|removedirs|"
    r"renames?|replace|rmdir|rmtree|touch|truncate|unlink|write_(bytes|text)"
)
# Outside of edits/: into folders of their own, never into the user's files.
OWN_FOLDERS = {
    "facts/embedded.py": "a crate in a temporary folder",
    "new/prerequisites.py": "one in a temporary folder",
    "trial/copy.py": "the copy, beside the project",
    "trial/loop.py": "an environment in the copy",
}


def allowed() -> dict[str, set[str]]:
    """Return the table: what each folder may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table: dict[str, set[str]] = {}
    for names, may in re.findall(r"^\| (`[^|]+/`) \|[^|]+\| ([^|]+) \|$", text, re.MULTILINE):
        words = FOLDERS if may == "everything below" else re.findall(r"\w+", may)
        table |= {name: set(words) for name in re.findall(r"`(\w+)/`", names)}
    return table


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def writes(tree: ast.AST) -> Iterator[str]:
    """Yield the calls that write: `path.write_text(…)`, `shutil.move(…)`, `open(…, "w")`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name, of = getattr(node.func, "id", ""), ""
        if isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, ast.unparse(node.func.value)
        # str.replace has two arguments, dataclasses.replace has names; a list has `remove`, too.
        text = name == "replace" and (len(node.args) != 1 or node.keywords)
        if (WRITES.fullmatch(name) and not text) or (name == "remove" and of == "os"):
            yield name
        if name == "open":
            modes = [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
            texts = [mode.value for mode in modes if isinstance(mode, ast.Constant)]
            if of == "os" or any(set(str(text)) & set("wax+") for text in texts):
                yield name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_module(module: Path) -> None:
    name = module.relative_to(SOURCES).as_posix()
    folder = name.partition("/")[0] if "/" in name else ""
    text = module.read_text(encoding="utf-8")
    tree = ast.parse(text)

    table = allowed()
    assert table.keys() == set(FOLDERS)
    used = {found.split(".")[1] for found in imports(tree) if found.startswith("pyo3_uv.")}
    may = {*FOLDERS} if name == "__main__.py" else table.get(folder, set()) | {folder}
    assert used & {*FOLDERS} <= may, "an import against the table"

    assert text.count("\n") <= 350
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [n.name for n in node.body if isinstance(n, ast.FunctionDef)]
            assert len([m for m in methods if not m.startswith("_")]) <= 15, node.name

    # A bundle is written into folders of its own: dist/ and target/.
    if folder not in ("edits", "bundle") and name not in OWN_FOLDERS:
        assert list(writes(tree)) == [], "only edits/ writes into a project"


def test_writing_is_seen() -> None:
    calls = ["p.write_text(x)", "p.replace(q)", "shutil.rmtree(p)", "open(p, 'w')", "p.open('a')"]
    for code in (*calls, "os.remove(p)", "open(p, mode='w')", "os.open(p, flags)"):
        assert list(writes(ast.parse(code))), code
    for code in (
        "s.replace(a, b)",
        "open(p)",
        "p.read_text('utf-8')",
        "p.open('rb')",
        "l.remove(x)",
    ):
        assert not list(writes(ast.parse(code))), code


def test_every_check_is_in_the_list() -> None:
    files = {
        path.stem for path in (SOURCES / "checks").glob("*.py") if "\ndef find(" in path.read_text()
    }
    assert files == set(NAMES) and len(NAMES) == len(files)


def test_every_finding_is_documented() -> None:
    """Under a heading of its own: the report links to it."""
    text = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    named = re.findall(r"^## (.+)", text, re.MULTILINE)
    sources = [path.read_text() for path in (SOURCES / "checks").glob("*.py")]
    ids = {name for text in sources for name in re.findall(r'\b(?:id=|ID = )"([\w-]+)"', text)}
    assert sorted(named) == sorted(ids)
