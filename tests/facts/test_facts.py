"""What is found out without a build, and with one: patterns, workspaces, sources, executables."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pyo3_uv.checks import module_missing
from pyo3_uv.facts import executables, rust_source
from pyo3_uv.facts.build import build_tests
from pyo3_uv.facts.cargo_config import configs_of
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.globs import fits
from pyo3_uv.facts.interpreters import Interpreter
from pyo3_uv.facts.workspaces import Workspace, cargo_workspace_above, uv_workspace_above
from tests.commands import clean_environment, run, uv
from tests.crates import PYPROJECT, crate, made, venv, write
from tests.projects import replace
from tests.reports import facts_of
from tests.workspaces import CARGO_ROOT, UV_ROOT


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("src/**", ["src/lib.rs", "src/a/b.json"], ["Cargo.toml", "crates/a/src/lib.rs"]),
        ("src/**/*.rs", ["src/lib.rs", "src/a/b.rs"], ["src/a/b.json"]),
        ("crates/*/**", ["crates/a/Cargo.toml", "crates/a/src/lib.rs"], ["crates/x.rs"]),
        ("./src/*.{rs,json}", ["src/lib.rs", "src/a.json"], ["src/a.txt", "src/a/b.rs"]),
        ("../x/src/**", ["../x/src/lib.rs"], ["src/lib.rs"]),
        ("src", [], ["src/lib.rs"]),
    ],
)
def test_cache_keys_are_patterns(pattern: str, matched: list[str], others: list[str]) -> None:
    assert [path for path in (*matched, *others) if fits(pattern, path)] == matched


@pytest.mark.parametrize(
    ("pattern", "folder", "named"),
    [
        ("packages/fast", "packages/fast", True),
        ("./packages/fast/", "packages/fast", True),
        ("packages/*", "packages/fast", True),
        ("packages/f*", "packages/slow", False),
        ("packages/*", "packages/a/fast", False),
        ("packages/*", "fast", False),
        ("packages/**", "packages/a/fast", True),
        ("**/fast", "fast", True),
        ("*", "../fast", False),
    ],
)
def test_patterns(pattern: str, folder: str, named: bool, tmp_path: Path) -> None:
    found = Workspace(tmp_path / "root", [pattern], [])
    below = tmp_path / folder[3:] if folder.startswith("../") else tmp_path / "root" / folder
    assert found.names(below) == named


def test_nearest_manifest_decides(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": UV_ROOT.format(members="*"), "Cargo.toml": CARGO_ROOT})
    write(tmp_path / "inner", {"pyproject.toml": '[project]\nname = "inner"\n'})
    write(tmp_path / "inner", {"Cargo.toml": '[package]\nname = "inner"\n'})
    assert uv_workspace_above(tmp_path / "inner/fast") is None
    found = cargo_workspace_above(tmp_path / "inner/fast")
    assert found and found.root == tmp_path
    (tmp_path / "Cargo.toml").write_text(CARGO_ROOT + 'exclude = ["inner/fast"]\n')
    assert cargo_workspace_above(tmp_path / "inner/fast") is None


def test_embedded_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "src/lib.rs": """
                #![doc = include_str!("../README.md")]
                // include_str!("../comment.txt")
                const A: &str = include_str!("a.txt");
                const B: &[u8] = include_bytes!(r"../data/b.bin");
                const C: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/c.txt"));
                #[cfg(test)]
                mod tests {
                    const D: &str = include_str!("../tests/d.txt");
                }
                """
        },
    )
    found = rust_source.embedded(tmp_path / "src/lib.rs", tmp_path)
    names = [path.resolve().relative_to(tmp_path.resolve()).as_posix() for path in found]
    assert names == ["src/a.txt", "data/b.bin", "c.txt"]


def test_included_configuration_of_cargo(tmp_path: Path) -> None:
    """Before: what `include` names was not read. The one that includes wins, then the last one."""
    write(
        tmp_path,
        {
            ".cargo/config.toml": """
                include = [{ path = "none.toml", optional = true }, "a.toml", "more/b.toml"]
                env.X = "config"
                """,
            ".cargo/a.toml": 'include = ["config.toml"]\nenv = { X = "a", Y = "a", Z = "a" }\n',
            ".cargo/more/b.toml": 'env.Y = "b"\nenv.W = { value = "w", relative = true }\n',
        },
    )
    found = configs_of(tmp_path)
    values = {name: next(filter(None, (c.env(name) for c in found))) for name in "XYZW"}
    folder = tmp_path / ".cargo"
    assert {name: (v.value, v.config) for name, v in values.items()} == {
        "X": ("config", folder / "config.toml"),
        "Y": ("b", folder / "more/b.toml"),
        "Z": ("a", folder / "a.toml"),
        "W": (str(folder / "w"), folder / "more/b.toml"),
    }


def test_module_of_another_project(middle: Interpreter, tmp_path: Path) -> None:
    """Before: healthy, though the environment has another checkout's editable install."""
    for name in ("one", "two"):
        made(tmp_path / name, **{"pyproject.toml": PYPROJECT})
        (tmp_path / name / "made.abi3.so").touch()
    project = tmp_path / "one"
    venv(project / ".venv", middle, clean_environment())
    [packages] = (project / ".venv").glob("lib/python*/site-packages")

    def install(source: Path) -> None:
        """What an editable install leaves."""
        url = f'{{"url": "{source.as_uri()}", "dir_info": {{"editable": true}}}}'
        files = {"METADATA": "Name: made\nVersion: 0.1.0\n", "direct_url.json": url}
        write(packages / "made-0.1.0.dist-info", files)
        (packages / "made.pth").write_text(f"{source}\n")

    install(tmp_path / "two")
    facts = facts_of(project)
    facts.probe = SimpleNamespace(crate=tmp_path)  # type: ignore[assignment]
    found = module_missing.find(facts)
    assert found and found.id == "other-module" and str(tmp_path / "two") in found.seen
    install(project)
    facts = facts_of(project)
    facts.probe = SimpleNamespace(crate=tmp_path)  # type: ignore[assignment]
    assert module_missing.find(facts) is None
    assert facts.notes["module"] == "made is made.abi3.so"


def test_executables_of_other_systems_are_read(tmp_path: Path) -> None:
    """Mach-O, from a wheel for macOS (it is an extension module, so it asks for no libpython)."""
    install = [uv(), "pip", "install", "--quiet", "--target", tmp_path, "rpds-py"]
    run([*install, "--python-platform", "aarch64-apple-darwin"], tmp_path)
    [module] = tmp_path.rglob("*.so")
    found = executables.read(module)
    assert found and "/usr/lib/libSystem.B.dylib" in found.needed
    assert found.libpython is None
    assert executables.read(tmp_path / "rpds/__init__.py") is None


@pytest.mark.build
def test_crate_with_the_name_of_a_dependency(
    middle: Interpreter, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: "specification `made` is ambiguous", as in blake3's Python package."""
    crate(tmp_path / "core", "", lib="pub fn answer() -> i32 {\n    42\n}\n")
    replace(tmp_path / "core/Cargo.toml", "0.1.0", "0.2.0")
    tables = '[dependencies]\npyo3 = "0.30"\ncore-made = { package = "made", path = "../core" }\n'
    project = crate(tmp_path / "made", tables, lib="pub use core_made::answer;\n")
    for name, value in (env | {"PYO3_PYTHON": str(middle.path)}).items():
        monkeypatch.setenv(name, value)
    build = build_tests(load(project))
    assert build.ok, build.errors
    assert build.executables
