"""Rendered projects, built and tested with real interpreters; the seed's failures before that."""

from __future__ import annotations

import itertools
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import ROOT, commit_all, run, uv
from .conftest import Render
from .projects import (
    INTEGRATION_TEST,
    Loop,
    bindings,
    edit,
    files,
    nextest,
    read_toml,
    replace,
    shown,
)
from .pythons import PYTHONS, environment, foreign, needed_libraries, shared_interpreters, sync

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


@pytest.mark.parametrize("python", PYTHONS, indirect=True)
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


LAYOUTS = ["single", pytest.param("workspace", marks=pytest.mark.slow)]


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


@pytest.fixture(
    params=["nothing activated", pytest.param("foreign VIRTUAL_ENV", marks=pytest.mark.slow)]
)
def shell(
    request: pytest.FixtureRequest, python: Interpreter, target: Path, tmp_path: Path
) -> dict[str, str]:
    env = environment(target, python, EXPECTED_PYTHON=python.minor)
    if request.param == "nothing activated":
        return env
    return foreign(env, python, tmp_path / "foreign")


@pytest.mark.parametrize(
    ("project", "python"),
    [
        ("single", "middle"),
        ("single", "relocated"),
        pytest.param("single", "oldest", marks=pytest.mark.slow),
        pytest.param("single", "newest", marks=pytest.mark.slow),
        pytest.param("workspace", "relocated", marks=pytest.mark.slow),
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


# ---- Variants ----


@pytest.mark.slow
def test_checks_are_clean_without_a_stable_abi(
    synced: Render, middle: Interpreter, env: dict[str, str]
) -> None:
    project = synced(middle, env, abi="version", windows=True, example=False)
    run(["cargo", "fmt", "--check"], project, env)
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)
    run(["cargo", "test"], project, env)
    for command in (
        ["ruff", "format", "--check"],
        ["ruff", "check"],
        ["mypy"],
        ["stubtest", "my_project"],
        ["pytest"],
    ):
        run([uv(), "run", *command], project, env)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["single", "workspace"])
def test_readme_of_the_render(
    synced: Render, middle: Interpreter, env: dict[str, str], layout: str
) -> None:
    """The example in it runs, and so does every command."""
    for example in (True, False):
        project = synced(middle, env, f"p{example}", example=example, layout=layout)
        readme = (project / "README.md").read_text(encoding="utf-8")
        code = readme.split("```python\n")[1].split("```")[0]
        run([uv(), "run", "python", "-c", code], project, env)
    for block in readme.split("```sh\n")[1:]:
        for line in block.split("```")[0].strip().splitlines():
            command = line.split(" # ")[0].strip()
            run(["bash", "-c", command], project, env)
    assert sorted(path.suffix for path in (project / "dist").glob("*-*")) == [".gz", ".whl"]


# ---- Wheels ----


@pytest.mark.parametrize(
    ("abi", "tag"),
    [
        ("abi3", "cp310-abi3"),
        pytest.param("version", "cp{version}-cp{version}", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_wheel_for_another_python(
    synced: Render,
    middle: Interpreter,
    oldest: Interpreter,
    env: dict[str, str],
    tmp_path: Path,
    abi: str,
    tag: str,
    layout: str,
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


@pytest.mark.slow
def test_force_breaks_wheels_for_another_python(
    synced: Render, middle: Interpreter, oldest: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Why PYO3_PYTHON has no `force = true`, which stands in the seed."""
    project = synced(middle, env, python_min="3.10", abi="version", example=False)
    config = project / ".cargo/config.toml"
    config.write_text(
        config.read_text().replace("relative = true }", "relative = true, force = true }")
    )
    run([uv(), "build", "--wheel", "--quiet", "--python", oldest.path], project, env)
    [wheel] = (project / "dist").glob("*.whl")
    venv = tmp_path / "venv"
    run([uv(), "venv", "--quiet", "--python", oldest.path, venv], tmp_path, env)
    run([uv(), "pip", "install", "--quiet", "--python", venv, wheel], tmp_path, env)
    done = run([venv / "bin/python", "-c", "import my_project"], tmp_path, env, check=False)
    assert done.code != 0
    assert "undefined symbol: Py" in done.output


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


@pytest.mark.slow
@pytest.mark.parametrize("loop", [{"layout": "workspace"}], indirect=True)
def test_an_edit_of_the_core(loop: Loop) -> None:
    core = loop.project / "crates/my-project"
    (core / "tests").mkdir()
    (core / "tests/users.rs").write_text("#[test]\nfn test_nothing() {}\n")
    # Without PyO3, syn has fewer features, so cargo keeps a second build of it.
    alone = ["cargo", "test", "--package", "my-project"]
    for command in (*COMMANDS.values(), alone):
        loop.run(command)
    replace(core / "src/users.rs", "at most 63 levels", "no more than 63 levels")
    both = {"my-project", "my-project-python"}
    assert set(loop.run(COMMANDS["uv sync"])) == both
    code = "from my_project import User; User.from_json('')"
    result = run([uv(), "run", "python", "-c", code], loop.project, loop.env, check=False)
    assert "ValueError: not the JSON of a user, no more than 63 levels deep" in result.output
    for command in (alone, COMMANDS["cargo test"], COMMANDS["rust-analyzer"]):
        assert set(loop.run(command)) <= both

    # What Python cannot see: the core's own tests
    replace(core / "tests/users.rs", "test_nothing", "test_still_nothing")
    assert "my-project" not in loop.run(COMMANDS["uv sync"])
    assert loop.run(alone) == ["my-project"]


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


@pytest.mark.slow
def test_relocated_python_of_the_same_version(
    synced: Render, middle: Interpreter, relocated: Interpreter, env: dict[str, str]
) -> None:
    assert relocated.minor == middle.minor
    project = synced(middle, env)
    run(["cargo", "test"], project, env)
    run([uv(), "venv", "--quiet", "--clear", "--python", relocated.path], project, env)
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert str(relocated.base_prefix) in result.output and str(middle.base_prefix) in result.output


@pytest.mark.slow
def test_no_venv(render: Render, middle: Interpreter, env: dict[str, str]) -> None:
    project = render(python_version=middle.minor)
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert f"{project}/.venv/bin/python" in result.output
    sync(project, middle, env)
    run(["cargo", "test"], project, env)
    shutil.rmtree(project / ".venv")
    result = run(["cargo", "test"], project, env, check=False)
    assert result.code != 0
    assert "is gone; run `uv sync`" in result.output


@pytest.mark.slow
def test_other_interpreter_in_the_environment(
    synced: Render, middle: Interpreter, newest: Interpreter, env: dict[str, str]
) -> None:
    """The user's PYO3_PYTHON wins, with a warning; conda is an error, as PyO3 ignores .venv."""
    project = synced(middle, env, "unix")
    exported = env | {"PYO3_PYTHON": str(newest.path)}
    output = run(["cargo", "test", "--no-run"], project, exported).output
    assert "warning" in output and "unset PYO3_PYTHON" in output

    project = synced(middle, env, "windows", abi="version", windows=True)
    conda = env | {"CONDA_PREFIX": str(newest.base_prefix)}
    result = run(["cargo", "test"], project, conda, check=False)
    assert result.code != 0
    assert "`conda deactivate`" in result.output
    run(["cargo", "test"], project, env)
