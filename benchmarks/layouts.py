"""The four layouts that are compared: each has its own settings, all have the same example."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import copier
import tomlkit

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, clean_environment, run, uv

NAME = "my-project"
PYO3 = "0.30"
# Crates of the layouts; all others are third-party.
OWN_CRATES = {"my-project", "my_project", "example"}


@dataclass(frozen=True)
class Layout:
    """A way to lay out a project, and what its users must do where the plain commands fail."""

    name: str
    make: Callable[[Path, Interpreter], None]
    notices_edits: bool  # `uv run` rebuilds by itself after an edit of a Rust file
    help: str  # what `cargo test` needs; "": nothing
    repair: Callable[[Path], None] = lambda project: None  # what it needs in the project's files


def ours(project: Path, python: Interpreter) -> None:
    """Render the template as it is in the checkout."""
    copier.run_copy(
        str(ROOT),
        project,
        data={"python_version": python.minor},
        defaults=True,
        vcs_ref="HEAD",
        quiet=True,
    )


def uv_init(project: Path, python: Interpreter, pyo3: str | None = PYO3) -> None:
    command = ["init", "--quiet", "--lib", "--build-backend", "maturin", "--vcs", "none"]
    run([uv(), *command, "--python", python.path, project], project.parent, clean_environment())
    (project / ".gitignore").write_text("__pycache__/\n.venv\ntarget/\n")
    add_example(project, python, "src", pyo3)


def uv_init_own_pyo3(project: Path, python: Interpreter) -> None:
    """The only one with another version of PyO3: the one that `uv init` writes."""
    uv_init(project, python, pyo3=None)


def maturin_new(project: Path, python: Interpreter) -> None:
    """`--mixed`, as the example has Python files; they need a module `_core` in the package."""
    command = ["--quiet", "maturin", "new", "--mixed", "--bindings", "pyo3", project]
    run([uv(), "tool", "run", *command], project.parent, clean_environment())
    shutil.rmtree(project / "python/tests")
    with toml(project / "Cargo.toml") as manifest:
        manifest["lib"]["name"] = "_core"
    with toml(project / "pyproject.toml") as pyproject:
        pyproject["tool"]["maturin"]["module-name"] = "my_project._core"
        # Its ">=3.8" leaves uv no pytest to choose.
        pyproject["project"]["requires-python"] = ">=3.11"
    add_example(project, python, "python")


def seed(project: Path, python: Interpreter) -> None:
    """The project of the issue has no Python package: it gets the least that makes it one."""
    shutil.copytree(ROOT / "tests/seed", project)
    (project / ".gitignore").write_text("__pycache__/\n.venv\ntarget/\n*.so\n")
    with toml(project / "Cargo.toml") as manifest:
        manifest["lib"] = {"name": "_core", "crate-type": ["cdylib"]}
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n\n'
        f'[project]\nname = "{NAME}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n\n'
        '[tool.maturin]\nmodule-name = "my_project._core"\npython-source = "python"\n'
    )
    add_example(project, python, "python")


def add_example(
    project: Path, python: Interpreter, python_source: str, pyo3: str | None = PYO3
) -> None:
    """Put the example of our render into `project`: sources, tests, and the packages they need.

    The settings of the project stay, but for the version of PyO3 unless `pyo3` is None.
    """
    render = project.parent / "example" / NAME
    ours(render, python)
    for source in render.glob("src/*.rs"):
        shutil.copy(source, project / "src")
    for source, target in (("tests", "tests"), ("python", python_source)):
        shutil.copytree(render / source, project / target, dirs_exist_ok=True)

    with toml(project / "Cargo.toml") as manifest, toml(render / "Cargo.toml") as example:
        given = manifest["dependencies"]["pyo3"]
        given = {"version": given} if isinstance(given, str) else given
        manifest["dependencies"] |= example["dependencies"]
        manifest["dev-dependencies"] = example["dev-dependencies"]
        for table in ("dependencies", "dev-dependencies"):
            manifest[table]["pyo3"]["version"] = pyo3 or given["version"]
        features = {*given.get("features", ()), "serde"}
        manifest["dependencies"]["pyo3"]["features"] = sorted(features)
    with toml(project / "pyproject.toml") as theirs, toml(render / "pyproject.toml") as example:
        theirs["dependency-groups"] = example["dependency-groups"]
    shutil.rmtree(render.parent)


def remove_extension_module(project: Path) -> None:
    """As PyO3 advises: with the feature, tests do not link."""
    with toml(project / "Cargo.toml") as manifest:
        manifest["dependencies"]["pyo3"]["features"].remove("extension-module")


@contextmanager
def toml(path: Path) -> Iterator[tomlkit.TOMLDocument]:
    """Yield the document in a file, which is written back at the end."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    yield document
    path.write_text(tomlkit.dumps(document), encoding="utf-8")


ACTIVATED = "`.venv` activated, LD_LIBRARY_PATH"
LAYOUTS = [
    Layout("this template", ours, notices_edits=True, help=""),
    Layout(
        "uv init",
        uv_init,
        notices_edits=True,
        help=f"{ACTIVATED}, no `extension-module` in Cargo.toml",
        repair=remove_extension_module,
    ),
    Layout("maturin new", maturin_new, notices_edits=False, help=ACTIVATED),
    Layout("the issue's", seed, notices_edits=False, help=ACTIVATED),
]
UV_INIT_OWN_PYO3 = Layout(
    "uv init, its own PyO3", uv_init_own_pyo3, notices_edits=True, help=ACTIVATED
)


def third_party(crates: Iterable[str]) -> list[str]:
    """Return the crates that are not those of a layout."""
    return [crate for crate in crates if crate not in OWN_CRATES]
