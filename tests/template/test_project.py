"""Rendered projects, built and tested with real interpreters; the seed's failures before that."""

import itertools
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, commit_all, run, uv
from tests.conftest import Render
from tests.projects import (
    INTEGRATION_TEST,
    Loop,
    bindings,
    edit,
    files,
    nextest,
    read_toml,
    shown,
)
from tests.pythons import environment, foreign, needed_libraries, shared_interpreters, sync

pytestmark = pytest.mark.build


# ---- The failures of the issue, without this template ----


def seed(folder: Path, python: Interpreter, env: dict[str, str], rpath: bool) -> str:
    """Run `cargo test` in the seed's project, with its author's build.rs if `rpath`."""
    project = folder / "example"
    shutil.copytree(ROOT / "tests/seed", project)
    run([uv(), "venv", "--quiet", "--python", python.path, ".venv"], project, env)
    if rpath:
        assert python.libpython
        directive = f"cargo:rustc-link-arg=-Wl,-rpath,{python.libpython.parent}"
        (project / "build.rs").write_text(f'fn main() {{ println!("{directive}"); }}\n')
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    return result.output


@pytest.mark.parametrize("python", ["middle", "relocated"], indirect=True)
def test_seed_misses_libpython(python: Interpreter, target: Path, tmp_path: Path) -> None:
    output = seed(tmp_path, python, environment(target, python), rpath=False)
    assert f"libpython{python.minor}.so.1.0: cannot open shared object file" in output


def test_seed_misses_the_standard_library(
    relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    output = seed(tmp_path, relocated, environment(target, relocated), rpath=True)
    assert "failed to get the Python codec" in output
    assert "No module named 'encodings'" in output


# ---- The same in a render ----

DOCTEST = """
/// ```
/// pyo3::Python::attach(|py| py.import("json").map(|_| ())).unwrap();
/// ```
pub fn documented() {}
"""

EXAMPLE = """
use pyo3::prelude::*;

fn main() -> PyResult<()> {
    Python::attach(|py| {
        let sys = py.import("sys")?;
        py.import("pytest")?;
        println!("prefix: {}", sys.getattr("prefix")?);
        println!("arguments: {:?}", std::env::args().skip(1).collect::<Vec<_>>());
        Ok(())
    })
}
"""


@pytest.fixture(scope="module")
def project(
    request: pytest.FixtureRequest, shared_project: Render, python: Interpreter, target: Path
) -> Iterator[Path]:
    """Return a render with a `.venv` of `python` and tests of our own in it."""
    env = environment(target, python)
    folder = shared_project(python, env, python_min="3.10", layout=request.param)
    crate = bindings(folder)
    (crate / "tests").mkdir(exist_ok=True)
    (crate / "tests/integration.rs").write_text(INTEGRATION_TEST)
    (crate / "examples").mkdir()
    (crate / "examples/embedded.rs").write_text(EXAMPLE)
    with (crate / "src/lib.rs").open("a") as file:
        file.write(DOCTEST)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shell(
    request: pytest.FixtureRequest, python: Interpreter, target: Path, tmp_path: Path
) -> dict[str, str]:
    env = environment(target, python, EXPECTED_PYTHON=python.minor)
    if request.param == "nothing activated":
        return env
    return foreign(env, python, tmp_path / "foreign")


@pytest.mark.parametrize(
    ("project", "python", "shell"),
    [
        ("single", "middle", "nothing activated"),
        ("single", "relocated", "nothing activated"),
        pytest.param("single", "oldest", "foreign VIRTUAL_ENV", marks=pytest.mark.slow),
        pytest.param("single", "newest", "nothing activated", marks=pytest.mark.slow),
        pytest.param("workspace", "relocated", "foreign VIRTUAL_ENV", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_commands_pass(project: Path, shell: dict[str, str]) -> None:
    output = run(["cargo", "test"], project, shell).output
    for test in ("test_serialize", "test_deserialize", "interpreter_is_that_of_venv", "documented"):
        assert any(test in line and line.endswith(" ok") for line in output.splitlines()), output
    assert "warning" not in output.lower(), "rustdoc warns without RUSTDOC_DOCTEST_BIN_PATH"

    count = 3 if bindings(project) == project else 4
    assert f"{count} tests run: {count} passed" in nextest(project, shell)
    if bindings(project) != project:
        for member in sorted(project.glob("crates/*")):
            for place, options in ((member, []), (project, ["--package", member.name])):
                output = run(["cargo", "test", *options], place, shell).output
                core = member != bindings(project)
                assert ("test_serialize" in output) == core
                assert ("interpreter_is_that_of_venv" in output) != core

    output = run(
        ["cargo", "run", "--quiet", "--example", "embedded", "--", "--x"], project, shell
    ).output
    assert f"prefix: {project / '.venv'}\n" in output
    assert 'arguments: ["--x"]' in output

    assert "4 passed" in run([uv(), "run", "pytest"], project, shell).output


# ---- Wheels ----


@pytest.mark.parametrize(
    ("abi", "layout", "tag"),
    [
        ("abi3", "single", "cp310-abi3"),
        pytest.param("version", "single", "cp{version}-cp{version}", marks=pytest.mark.slow),
        pytest.param("abi3", "workspace", "cp310-abi3", marks=pytest.mark.slow),
    ],
)
def test_wheel_for_another_python(
    synced: Render,
    middle: Interpreter,
    oldest: Interpreter,
    env: dict[str, str],
    tmp_path: Path,
    abi: str,
    layout: str,
    tag: str,
) -> None:
    """With `middle` in .venv, sdist and wheel for the oldest Python can be imported there."""
    project = synced(middle, env, python_min="3.10", abi=abi, example=False, layout=layout)
    run([uv(), "build", "--python", oldest.path], project, env)
    [wheel] = (project / "dist").glob("*.whl")
    [sdist] = (project / "dist").glob("*.tar.gz")
    assert f"-{tag.format(version=oldest.minor.replace('.', ''))}-" in wheel.name

    for archive in (wheel, sdist):
        venv = tmp_path / f"venv-{archive.suffix}"
        run([uv(), "venv", "--quiet", "--python", oldest.path, venv], tmp_path, env)
        install = [uv(), "pip", "install", "--quiet", "--no-cache", "--python", venv, archive]
        run(install, tmp_path, env)
        code = "import my_project; print(my_project.sum_of_squares([3, 4]))"
        assert run([venv / "bin/python", "-c", code], tmp_path, env).output == "25.0\n"
        [module] = venv.glob("lib/python*/site-packages/my_project/_core.*.so")
        assert not [name for name in needed_libraries(module) if "python" in name]

    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"my_project/__init__.py", "my_project/_core.pyi", "my_project/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    rust = {path for path in files(project) if path.endswith((".rs", "Cargo.toml"))}
    assert {*rust, "Cargo.lock", "LICENSE", "README.md", "PKG-INFO"} <= names
    assert not any(name.endswith((".so", ".pyc")) or ".venv" in name for name in names)


# ---- The loop of editing and testing ----

COMMANDS = {
    "cargo test": ["cargo", "test"],
    "cargo clippy": ["cargo", "clippy", "--all-targets"],
    "cargo nextest": ["cargo", "nextest", "run"],
    "pytest": [str(uv()), "run", "pytest"],
    "uv sync": [str(uv()), "sync"],
    "stubs.py": [str(uv()), "run", "stubs.py"],
    # as rust-analyzer calls it with the settings of the extra "vscode"
    "rust-analyzer": ["cargo", "clippy", "--workspace", "--all-targets", "--keep-going", "--quiet"],
}
COMMANDS["rust-analyzer"].append("--message-format=json-diagnostic-rendered-ansi")


@pytest.fixture(
    params=[
        {"abi": "abi3"},
        pytest.param({"layout": "workspace"}, marks=pytest.mark.slow),
    ],
    ids=lambda answers: "-".join(answers.values()),
)
def loop(request: pytest.FixtureRequest, render: Render, middle: Interpreter, target: Path) -> Loop:
    project = render(python_version=middle.minor, **request.param)
    loop = Loop(project, environment(target, middle))
    edit(loop.project, "First")
    sync(project, middle, loop.env)
    return loop


def test_an_edit_recompiles_this_crate_only(loop: Loop) -> None:
    if not shutil.which("cargo-nextest"):
        pytest.skip("cargo-nextest is not installed")
    cold = list(itertools.chain(*(loop.run(command) for command in COMMANDS.values())))
    assert "pyo3" in cold, "the wrapper sees what cargo compiles"
    crate = read_toml(bindings(loop.project) / "Cargo.toml")["package"]["name"]

    order = [(name, activated) for name in COMMANDS for activated in (False, True)]
    random.Random(11006).shuffle(order)
    for number, (name, activated) in enumerate(order):
        edit(loop.project, f"Edit {number}")
        compiled = loop.run(COMMANDS[name], activated)
        assert set(compiled) == {crate}, f"{name}, activated: {activated}"
        if name in ("pytest", "uv sync"):
            assert loop.run([str(uv()), "sync"]) == []
            assert shown(loop.project, loop.env) == f"Edit {number}"
    edit(loop.project, "Last")
    assert shown(loop.project, loop.env) == "Last"
    assert loop.run([str(uv()), "sync"]) == [], "an idle uv sync compiles nothing"


def test_import_after_git_clean(loop: Loop) -> None:
    """A cached editable wheel does not hide that its module is gone (uv issue 11390)."""
    commit_all(loop.project)
    for _ in range(2):
        run(["git", "clean", "-xdf", "--quiet"], loop.project)
        assert not list(loop.project.glob("python/my_project/*.so"))
        python_version = (loop.project / ".python-version").read_text().strip()
        [python] = [i for i in shared_interpreters() if i.minor == python_version]
        sync(loop.project, python, loop.env)
        assert shown(loop.project, loop.env) == "First"


# ---- Another Python in .venv ----


@pytest.mark.parametrize(
    "answers",
    [
        {},
        pytest.param({"windows": True}, marks=pytest.mark.slow),
        pytest.param({"layout": "workspace"}, marks=pytest.mark.slow),
    ],
    ids=lambda answers: "-".join(answers) or "unix",
)
def test_another_python_in_venv(
    synced: Render,
    middle: Interpreter,
    newest: Interpreter,
    env: dict[str, str],
    answers: dict[str, str | bool],
) -> None:
    project = synced(middle, env, abi="version", **answers)
    run(["cargo", "test"], project, env)

    (project / ".python-version").write_text(newest.minor)
    sync(project, newest, env)
    if "windows" not in answers:
        result = run(["cargo", "test"], project, env, check=False)
        assert result.code != 0
        assert f"libpython{middle.minor}" in result.output
        assert f"libpython{newest.minor}" in result.output
        assert "`cargo clean -p pyo3-ffi`" in result.output
        run(["cargo", "clean", "-p", "pyo3-ffi"], project, env)
    # With VIRTUAL_ENV instead of PYO3_PYTHON, PyO3 notices by itself.
    tests = bindings(project) / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "integration.rs").write_text(INTEGRATION_TEST)
    run(["cargo", "test"], project, env | {"EXPECTED_PYTHON": newest.minor})
    run([uv(), "run", "pytest"], project, env)
