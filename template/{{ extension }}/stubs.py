"""Write the stub of the extension module, _core.pyi, from the Rust source.

uv run stubs.py            writes it
uv run stubs.py --check    changes nothing, and fails if it is out of date
"""

import argparse
import ast
import difflib
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
# The feature extension-module and the base Python are those of `uv sync`: so this build of PyO3 lies
# beside the others, and no command has to compile PyO3 again. https://pyo3.rs/latest/type-stub
FEATURES = "stubs,pyo3/extension-module"
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
GENERATE = ["maturin", "generate-stubs", "--features", FEATURES, "--interpreter", PYTHON, "--out"]
UNKNOWN = "\ndef __getattr__("  # how PyO3 says that there is more in the module


def main() -> None:
    """Write the stub or check it; if that fails, say why and what to do."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check

    with tempfile.TemporaryDirectory() as folder:
        run([*GENERATE, folder])
        new = read(Path(folder), Path(folder).rglob("*.pyi"))
    new = {name: format_stub(name, text) for name, text in new.items()}
    python = PROJECT / "python"
    # A module with submodules has a folder of stubs.
    old = read(python, [*python.glob("*/_core.pyi"), *python.glob("*/_core/**/*.pyi")])

    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ""), new.get(name, "")
        path = f"python/{name}"
        if check:
            lines = before.splitlines(), after.splitlines()
            print(*difflib.unified_diff(*lines, path, "Rust", lineterm=""), sep="\n", end="")
        elif not after:
            (python / name).unlink()
            print(f"removed {path}")
        elif before != after:
            (python / name).parent.mkdir(parents=True, exist_ok=True)
            (python / name).write_text(after, encoding="utf-8", newline="\n")
            print(f"wrote {path}")
        if UNKNOWN in after:
            print(f"note: {path} is incomplete: PyO3 does not describe all that is in the module")
            print("https://github.com/org/pyo3-uv-template/blob/main/docs/stubs.md")
    if check and old != new:
        sys.exit("\nerror: the stub is not that of the Rust source; run `uv run stubs.py`")


def read(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the texts of files by their names in a folder."""
    return {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in files}


def format_stub(name: str, text: str) -> str:
    """Return a stub as ruff, whose settings are in pyproject.toml, accepts it."""
    if UNKNOWN in text:
        text = add_exceptions(name, text)
    text = add_imports(text)
    for command in (["check", "--fix-only", "--unsafe-fixes"], ["format"]):
        text = run(["ruff", *command, "--quiet", "--stdin-filename", f"python/{name}", "-"], text)
    return text


def add_exceptions(name: str, text: str) -> str:
    """Declare what PyO3 does not describe: the exceptions of `create_exception!`."""
    package, module, *submodules = name.removesuffix(".pyi").removesuffix("/__init__").split("/")
    try:
        found = importlib.import_module(f"{package}.{module}")
        for submodule in submodules:
            found = getattr(found, submodule)
    except (ImportError, AttributeError) as error:
        sys.exit(f"error: {error}; mend that, then run `uv run stubs.py`")
    pattern = r"^(?:class|def|async def) (\w+)|^(\w+): |^from \. import (\w+)"
    names = {name for names in re.findall(pattern, text, re.MULTILINE) for name in names}
    for new in found.__all__:
        kind = getattr(found, new)
        if new not in names and isinstance(kind, type) and issubclass(kind, BaseException):
            base = kind.__base__ or BaseException
            if base.__module__ == "builtins" or base.__name__ in names:
                body = repr(kind.__doc__) if kind.__doc__ else "..."
                text += f"\nclass {new}({base.__name__}):\n    {body}\n"
                names.add(new)
    if names.issuperset(found.__all__):
        start, _, rest = text.partition(UNKNOWN)
        _, _, rest = rest.partition("\n")
        text = f"{start}\n{rest}\n__all__ = {sorted(found.__all__)}\n"
    return text


def add_imports(text: str) -> str:
    """Import the modules of types that are strings, as in signature = (x: "datetime.date")."""
    tree = ast.parse(text)
    modules, own = set(), {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            parts = ast.walk(ast.parse(annotation.value, mode="eval"))
            dotted = [part for part in parts if isinstance(part, ast.Attribute)]
            prefixes = [part.value for part in dotted]
            modules |= {ast.unparse(part.value) for part in dotted if part not in prefixes}
    lines = text.splitlines(keepends=True)
    docstring = tree.body[0].end_lineno if ast.get_docstring(tree) is not None else 0
    imports = [f"import {name}\n" for name in modules if name.split(".")[0] not in own]
    return "".join([*lines[:docstring], *sorted(imports), *lines[docstring:]])


def run(command: list[str], text: str | None = None) -> str:
    """Run a tool of .venv in the project; return what it prints if it is given a text."""
    stdout = None if text is None else subprocess.PIPE
    try:
        done = subprocess.run(
            command, cwd=PROJECT, input=text, stdout=stdout, encoding="utf-8", check=True
        )
    except FileNotFoundError:
        sys.exit(f"error: {command[0]} is not in .venv; run `uv sync`, then `uv run stubs.py`")
    except subprocess.CalledProcessError:
        sys.exit(f"error: {' '.join(command[:2])} failed; the stub is as it was")
    return done.stdout or ""


if __name__ == "__main__":
    main()
