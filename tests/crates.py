"""Crates of other people: with PyO3, in shapes that are not the template's."""

import textwrap
from pathlib import Path

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv

PACKAGE = '[package]\nname = "made"\nversion = "0.1.0"\nedition = "{edition}"\n'


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder


def crate(folder: Path, tables: str, edition: str = "2021", lib: str = "", **files: str) -> Path:
    """Write a crate with these tables in its Cargo.toml."""
    manifest = PACKAGE.format(edition=edition) + "\n" + textwrap.dedent(tables).lstrip()
    return write(folder, {"Cargo.toml": manifest, "src/lib.rs": lib, **files})


MODULE = """
    #[pyo3::pymodule]
    mod made {
        #[pyo3::pyfunction]
        fn answer() -> i32 {
            41
        }
    }
    """
TEST = """
    #[cfg(test)]
    #[test]
    fn starts() {
        pyo3::Python::initialize();
    }
    """
CDYLIB = '[lib]\ncrate-type = ["cdylib", "rlib"]\n\n'
PYO3 = '[dependencies]\npyo3 = { version = "0.30", features = ["abi3-py310"] }\n'
SYSTEM = '[build-system]\nrequires = ["maturin>=1.14.1,<2"]\nbuild-backend = "maturin"\n'
PYPROJECT = SYSTEM + '\n[project]\nname = "made"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n'
IGNORED = "target\n.venv\nenv\n*.so\n__pycache__\nCargo.lock\n"
BUILD = "fn main() {\n    pyo3_build_config::add_libpython_rpath_link_args();\n}\n"


def made(folder: Path, tables: str = CDYLIB + PYO3, lib: str = MODULE, **files: str) -> Path:
    """Write a crate in a Git repository."""
    return crate(folder, tables, "2024", lib, **{".gitignore": IGNORED, **files})


def venv(folder: Path, python: Interpreter, env: dict[str, str], *packages: str) -> None:
    run([uv(), "venv", "--quiet", "--python", python.path, folder], folder.parent, env)
    if packages:
        interpreter = folder / "bin/python"
        install = [uv(), "pip", "install", "--quiet", "--python", interpreter, *packages]
        run(install, folder.parent, env)
