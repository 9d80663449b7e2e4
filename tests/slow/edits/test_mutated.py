"""Manifests as nobody should write them: no traceback, no hang, nothing written outside.

By hand, for longer: `pytest -m slow -p no:cacheprovider --hypothesis-profile hunt` and this file.
"""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from tomlkit.exceptions import TOMLKitError

from pyo3_uv.checks import CHECKS, cache_keys, embedded_start, no_initialize, no_version, rpath
from pyo3_uv.edits.cargo_config import set_python
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.discovery import load_all
from pyo3_uv.facts.selection import Selection
from pyo3_uv.process import UserError
from pyo3_uv.toml import read_toml
from tests.crates import PYPROJECT
from tests.projects import tree
from tests.reports import facts_of

EXAMPLES = 80 if settings.get_current_profile_name() == "same" else 5_000
# Those that need no build, and no registry
ASKED = [c for c in CHECKS if not c.__name__.endswith(("auto_initialize", "libpython_missing"))]

FILES = {
    "Cargo.toml": """\
[package]
name = "made" # a name
version = "0.1.0"
edition = "2024"
include = ["/src"]

[lib]
crate-type = ["cdylib", "rlib"]

# what it needs
[dependencies]
pyo3 = { version = "0.30", features = ["extension-module"], optional = true }

[features]
default = ["python"]
python = ["dep:pyo3", "pyo3/extension-module"]

[workspace]
members = ["inner"]
resolver = "2"

[workspace.dependencies]
pyo3 = "0.30"
""",
    "inner/Cargo.toml": """\
[package]
name = "inner"
version = "0.1.0"

[dependencies]
pyo3.workspace = true

[target.'cfg(unix)'.build-dependencies]
cc = "1"
""",
    "pyproject.toml": PYPROJECT
    + """
[project.optional-dependencies]
x = ["y"]

[tool.maturin]
manifest-path = "Cargo.toml"
module-name = "made._core"
python-source = "python"
features = ["pyo3/extension-module"]
exclude = [{ path = "build.rs", format = "sdist" }, "*.x"]

[tool.uv]
cache-keys = [{ file = "pyproject.toml" }, { dir = "src" }, "x"]

[tool.uv.workspace]
members = ["packages/*"]

[[tool.setuptools-rust.ext-modules]]
target = "made._core"
path = "Cargo.toml"
features = ["a"]
""",
    ".cargo/config.toml": """\
include = ["other.toml"]

[env]
PYO3_PYTHON = { value = ".venv/bin/python", relative = true, force = true }
VIRTUAL_ENV = "x"

[target.x86_64-unknown-linux-gnu]
runner = ["x", "y"]
rustflags = ["-C", "link-arg=x"]
""",
    ".cargo/other.toml": '[env]\nX = "x"\n',
    "MANIFEST.in": "include src/*\nrecursive-include src *.rs\n",
    "Makefile": "all:\n\tcargo test\n",
    "setup.py": "from setuptools_rust import RustExtension\nRustExtension('a.b', path='Cargo.toml')\n",
    "build.rs": "fn main() {\n}\n",
    "src/lib.rs": '#[pyo3::pymodule]\nmod _core {}\nconst X: &str = include_str!("x.txt");\n',
    "inner/src/lib.rs": "",
}
MUTATED = [name for name in FILES if not name.endswith("src/lib.rs")]
BYTES = [
    b"\0",
    b"\r",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\x1b",
    b"\n",
    b"[",
    b'"',
    b"=",
    "\u2028".encode(),
]
VALUES = ["", "x", "\0", "/", "../..", "!", "[", "**", 3, -1.5, True, [], [[]], [3], ["x", {}], {}]
VALUES += [
    {"file": 3},
    {"workspace": True},
    {"path": "x"},
    [{"path": 3}],
    [{}],
    "setuptools.build_meta",
]


@st.composite
def bytes_of(draw: st.DrawFn, content: bytes) -> bytes:
    """Return content with a part gone, doubled or replaced."""
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + draw(st.sampled_from([1, 9, 999])))))
    new = draw(st.sampled_from([b"", content[start:end] * 2, *BYTES]))
    return draw(st.sampled_from([content[:start] + new + content[end:], content[:start]]))


@st.composite
def types_of(draw: st.DrawFn, content: bytes) -> bytes:
    """Return TOML in which a value has another type, or is one more, or gone."""
    try:
        document = tomlkit.parse(content.decode()).unwrap()
    except (TOMLKitError, ValueError):
        return content
    table: Any = document
    for _ in range(draw(st.integers(0, 3))):
        inner = [v for v in (table.values() if isinstance(table, dict) else table)]
        inner = [value for value in inner if isinstance(value, dict | list) and value]
        if inner:
            table = draw(st.sampled_from(inner))
    keys = list(table if isinstance(table, dict) else range(len(table)))
    if keys:
        key = draw(st.sampled_from(keys))
        if draw(st.integers(0, 5)):
            table[key] = draw(st.sampled_from(VALUES))
        else:
            del table[key]
    return tomlkit.dumps(document).encode()


@st.composite
def projects(draw: st.DrawFn) -> dict[str, bytes]:
    files = {name: text.encode() for name, text in FILES.items()}
    for name in draw(st.sets(st.sampled_from(["setup.py", "build.rs", "MANIFEST.in"]))):
        del files[name]
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([n for n in MUTATED if n in files]))
        mutate: Callable[[bytes], st.SearchStrategy[bytes]] = bytes_of
        if name.endswith(".toml") and draw(st.integers(0, 3)):
            mutate = types_of
        files[name] = draw(mutate(files[name]))
        if not draw(st.integers(0, 9)):
            files[name] = files[name].replace(b"\n", b"\r\n")
    return files


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` in what takes longer."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.weekly
@settings(max_examples=EXAMPLES)
@given(projects())
def test_mutated(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name, limit(60):
        folder = Path(name).resolve()
        root = folder / "root"
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        (folder / "Cargo.toml").write_text("[workspace]\n")
        (folder / "pyproject.toml").write_text("")
        outside = tree(folder, "root")
        with suppress(UserError):
            for project in load_all(root):
                check_one(project.crate.manifest_path, root)
        assert tree(folder, "root") == outside


def check_one(manifest: Path, root: Path) -> None:
    facts = facts_of(manifest)
    facts.__dict__["selection"] = Selection("/usr/bin/python3", "PATH", False)
    project, fixes = facts.project, list[Callable[[Patch], object]]()
    for check in ASKED:
        with suppress(UserError):
            finding = check.find(facts)
            if finding:
                finding.located(project).as_dict(project.folder)
                fixes.append(finding.apply)
    for check in (rpath, embedded_start, cache_keys, no_initialize):
        fixes.append(lambda patch, check=check: check.fix(facts, patch))
    if project.package.lacks_version:
        fixes.append(lambda patch: no_version.fix(facts, patch))
    fixes.append(lambda p: set_python(p, project.cargo.path, project.cargo.wanted_python))
    whole = Patch(root=root)
    for fix in fixes:
        for patch in (Patch(root=root), whole):
            with suppress(UserError):
                fix(patch)
                patch.diff(root)
                for path in patch.changed():
                    if path.suffix == ".toml":
                        patch.toml(path)
    valid = {}
    for path in whole.changed():
        with suppress(UserError):
            valid[path] = path.suffix == ".toml" and bool(read_toml(path) or True)
    whole.write()
    for path, was in valid.items():
        if was:
            read_toml(path)
    shutil.rmtree(root / "target", ignore_errors=True)
