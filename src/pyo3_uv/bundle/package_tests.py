"""Which folders of packages are tests that nothing in the bundle imports or names."""

import ast
import re
from collections import defaultdict
from pathlib import PurePosixPath


def find_tests(
    texts: dict[str, dict[PurePosixPath, str]], names: str
) -> dict[str, tuple[str, ...]]:
    """Return the folders of tests inside of packages, with a slash, that nothing else names.

    `names` has the entry points. Modules outside of tests name a folder by an import, by its dotted
    name in any text, or, those beside it or below, by a string that is its name.
    """
    tests = {"tests", "test"}
    used, everything = set[PurePosixPath](), [names]
    for modules in texts.values():
        for path, text in modules.items():
            if tests.isdisjoint(path.parts[:-1]) and path.name != "conftest.py":
                everything.append(text)
                if re.search(r"\btests?\b", text):
                    used |= named_folders(path, text)
    whole = "\n".join(everything)
    unused: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for owner, modules in texts.items():
        folders = {
            x for path in modules for x in path.parents if x.name in tests and len(x.parts) > 1
        }
        kept = {x for x in folders if x in used or ".".join(x.parts) in whole}
        unused[owner] = tuple(f"{x}/" for x in sorted(folders) if kept.isdisjoint([x, *x.parents]))
    return unused


def named_folders(path: PurePosixPath, text: str) -> set[PurePosixPath]:
    """Return the folders called `tests` or `test` that a module names, with others that are none."""
    found = set[PurePosixPath]()
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return found  # It cannot be imported either.
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {PurePosixPath(*alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = path.parents[node.level - 1] if node.level else PurePosixPath()
            start /= PurePosixPath(*(node.module or "").split("."))
            found |= {start, *(start / alias.name for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in re.findall(r"^(?:[^\s]*/)?(tests?)(?:/[^\s]*)?$", node.value):
                found |= {parent / name for parent in path.parents}
    return found | {parent for folder in found for parent in folder.parents}
