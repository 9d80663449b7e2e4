"""Write the stub of the extension module from the Rust source; with --check, only compare."""

import difflib
import importlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# As in `uv sync`, so that no command compiles PyO3 again; https://pyo3.rs/latest/type-stub
FEATURES = "stubs,pyo3/extension-module"
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
HELP = "https://github.com/org/pyo3-uv-template/blob/main/docs/stubs.md"
NAME = r"(?m)^(?:class|def|async def) (?!__getattr__)(\w+)|^(\w+): |^from \. import (\w+)"
EXIT = r"\1: type[BaseException] | None\2: BaseException | None\3: types.TracebackType | None"
HEAD = 'import _typeshed, types, typing\n_T = typing.TypeVar("_T")\n'  # ruff removes the unused
GENERIC = r"(typing.Generic[_T]):\1\n    def __class_getitem__(cls, key: object) -> object: ..."
PLAIN = {"SupportsFloat | SupportsIndex": "float", "SupportsIndex": "int"}
PLAIN["SupportsGetItem[int, "] = "list["


def main(check: bool) -> None:
    """Write the stub or check it; if that fails, say why and what to do."""
    with tempfile.TemporaryDirectory() as out:
        run("maturin", "generate-stubs", "-F", FEATURES, "-i", PYTHON, "-o", out)
        files = {path.relative_to(out).as_posix(): path for path in Path(out).rglob("*.pyi")}
        texts = {re.sub(r"(/__init__)?\.pyi$", "", f): files[f].read_text("utf-8") for f in files}
    texts = {n: re.sub(r", (?=(\w+) as \1\b)", "\nfrom . import ", t) for n, t in texts.items()}
    stub = min(texts, key=len)
    try:
        module = importlib.import_module(stub.replace("/", "."))
    except ImportError as error:
        sys.exit(f"error: {error}; fix that, then run `uv run stubs.py`")
    source = Path(sys.modules[stub.split("/")[0]].__path__[0]).parent  # maturin's python-source
    if strays := [path for path in Path.cwd().glob(f"*/{stub}.pyi") if source not in path.parents]:
        sys.exit(f"error: {strays[0]} is not in {source}, as the package; remove it, or `uv sync`")
    for name in sorted(texts, key=len, reverse=True):
        complete(name, stub, module, texts)
    new = {}
    for name, text in texts.items():
        path = source / f"{name}{'/__init__' * any(n.startswith(f'{name}/') for n in texts)}.pyi"
        ruff = ["--quiet", "--stdin-filename", str(path), "-"]
        fixed = run("ruff", "check", "--fix-only", "--unsafe-fixes", *ruff, text=text)
        new[path] = run("ruff", "format", *ruff, text=fixed)
    old = {p: p.read_text("utf-8") for e in (".pyi", "/**/*.pyi") for p in source.glob(stub + e)}
    for path in sorted(old | new):
        before, after = (found.get(path, "").splitlines(keepends=True) for found in (old, new))
        sys.stdout.writelines(difflib.unified_diff(before, after, str(path), "Rust"))
        if path in new and not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(new[path], encoding="utf-8", newline="\n")
        elif not check:
            path.unlink()
    if check and old != new:
        sys.exit("error: the stub is not that of the Rust source; run `uv run stubs.py`")


def complete(name: str, stub: str, module: object, texts: dict[str, str]) -> None:
    """Declare what PyO3 does not describe, as type checkers expect it; name what stays unknown."""
    text, (parent, _, own) = texts[name], name.rpartition("/")
    for submodule in name.removeprefix(stub).split("/")[1:]:
        module = getattr(module, submodule)
    known = {word for words in re.findall(NAME, text) for word in words if word}
    names = set(vars(module)["__all__"] if "\ndef __getattr__(" in text else [])  # there is more
    for new in sorted(names - known):
        if isinstance(kind := getattr(module, new), type) and issubclass(kind, BaseException):
            b = next(k for k in kind.mro()[1:] if k.__module__ == "builtins" or k.__name__ in names)
            text += f"\nclass {new}({b.__name__}):\n    {(kind.__doc__ or new)!r}\n"
            known.add(new)
    if missing := ", ".join(sorted(names - known)):
        advice = f"PyO3 does not describe {missing} in {name}: use #[pymodule_export]; {HELP}"
        is_empty = not known and name == stub
        sys.exit(f"error: empty stub: {advice}") if is_empty else print(f"warning: {advice}")
    elif names:
        text = re.sub(r"\ndef __getattr__.*", f"\n__all__ = {sorted(names)}", text)
    if not known and name != stub:  # a submodule that a function fills
        del texts[name]
        texts[parent] = re.sub(f"from . import {own} .*", f"{own}: types.ModuleType", texts[parent])
        return
    for new in known:
        if hasattr(getattr(module, new, None), "__class_getitem__"):
            text = re.sub(rf'(?<=class {new}):(?: \.\.\.)?(\n    """(?:.|\n)*?""")?', GENERIC, text)
    for old in re.findall(r"(?m)^ *(?:async )?def (?!__getattr__).*", text):
        line = re.sub(r"(\*+\w+)(?=[,)])", r"\1: _typeshed.Incomplete", old)
        line = re.sub(r"(exit__\(self, (?:/, )?\w+)[^,]*(, \w+)[^,]*(, \w+)[^,)]*", EXIT, line)
        if "Incomplete" in line:
            print(f"warning: write the missing types of `{line.strip(' .:')}` in Rust; {HELP}")
        parts = re.split(r"((?:dict|set)\[[^:=>]*)", line)
        for protocol, plain in PLAIN.items():  # a dict[str, int] is no dict[str, SupportsIndex]
            parts[1::2] = [part.replace(protocol, plain) for part in parts[1::2]]
        text = text.replace(old, "".join(parts))
    named = " ".join(re.findall(r'(?:: |-> )"(.*?)"', text))
    head = "".join(f"import {word}\n" for word in re.findall(r"\b([a-z_][\w.]*)\.\w", named)) + HEAD
    texts[name] = re.sub(r'\A("""(?:.|\n)*?"""\n)?', lambda docs: docs[0] + head, text)


def run(tool: str, *arguments: str, text: str = "") -> str:
    """Run a tool of .venv, and return what it prints."""
    command = [sys.executable, "-m", tool, *arguments]
    done = subprocess.run(command, input=text, stdout=-1, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"error: {tool} failed; the stub is as it was. If it is missing, run `uv sync`")
    return done.stdout


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    main(check="--check" in sys.argv)
