"""The stub that stubs.py writes from the Rust source; test_cases.py has more code for it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, bring_back, commit_all, git, run, uv
from tests.conftest import Render
from tests.projects import replace
from tests.pythons import needed_libraries
from tests.sites import build
from tests.template.test_stubs import STUB, stubs
from tests.workflows import Workflow

pytestmark = pytest.mark.build

MORE = """
/// Return how many values there are.
#[pyfunction]
#[pyo3(signature = (*values))]
#[must_use]
pub fn more(values: &Bound<'_, pyo3::types::PyTuple>) -> usize {
    values.len()
}
"""
INIT = """    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        pyo3::types::PyModuleMethods::add(module, "more", 1)
    }

    /// A submodule."""
OLDER = """#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sum_of_squares, module)?)
}
"""
BY_HAND = """from collections.abc import Sequence

__all__ = ["sum_of_squares"]

def sum_of_squares(values: Sequence[float]) -> float: ...
"""


@pytest.fixture(scope="module")
def made(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    project = shared_project(middle, env, example=False, extras=["github", "pre-commit"])
    commit_all(project)
    return project


@pytest.fixture
def project(made: Path) -> Iterator[Path]:
    """Return a project that is as new for each test."""
    yield made
    bring_back(made)


def test_wheels_know_nothing_of_it(project: Path, env: dict[str, str], tmp_path: Path) -> None:
    """The module in a wheel is that of a project without the feature, byte for byte."""
    modules = []
    for name in ("with", "without"):
        if name == "with":
            stubs(project, env)
        else:
            lines = (project / "Cargo.toml").read_text()
            (project / "Cargo.toml").write_text(re.sub(r"\[features\]\nstubs.*\n\n", "", lines))
            assert "features]" not in (project / "Cargo.toml").read_text()
        run([uv(), "build", "--quiet", "--wheel", "--out-dir", tmp_path / name], project, env)
        [wheel] = (tmp_path / name).glob("*.whl")
        shutil.unpack_archive(wheel, tmp_path / name, "zip")
        [module] = (tmp_path / name / "my_project").glob("_core*.so")
        assert not [name for name in needed_libraries(module) if "python" in name]
        modules.append(module.read_bytes())
    assert b"PYO3_INTROSPECTION" not in modules[0]
    assert modules[0] == modules[1]


def test_all_kinds_of_things(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """Submodules, exceptions, enums, constants and so on, and what is written by hand beside them."""
    project = synced(middle, env, abi="version", example=True, extras=["docs"])
    for file in (*project.glob("src/*"), *project.glob("tests/*")):
        file.unlink()
    shutil.copytree(ROOT / "tests/kinds", project, dirs_exist_ok=True)
    run([uv(), "add", "--quiet", "--dev", "numpy"], project, env)
    by_hand = (project / "python/my_project/__init__.pyi").read_bytes()

    assert "warning:" not in stubs(project, env).output
    written = {path.name for path in (project / "python/my_project").rglob("_core/*.pyi")}
    assert written == {"__init__.pyi", "other.pyi", "sub.pyi"} and not (project / STUB).exists()
    assert (project / "python/my_project/__init__.pyi").read_bytes() == by_hand
    for command in ("ruff check", "ruff format --check", "mypy", "pytest"):
        run([uv(), "run", "--no-sync", *command.split()], project, env)
    build(project, env)
    output = run(
        [uv(), "run", "--no-sync", "stubtest", "--ignore-missing-stub", "my_project"], project, env
    ).output
    assert "Success: no issues found" in output

    # An object that PyO3 does not describe, and that stubtest does not find either, is named.
    replace(project / "src/lib.rs", "    /// A submodule.", INIT)
    output = stubs(project, env).output
    assert "warning: PyO3 does not describe more in my_project/_core: use #[pymodule_exp" in output
    replace(project / "src/lib.rs", INIT, "    /// A submodule.")

    # Without submodules the stub is one file again.
    library = project / "src/lib.rs"
    code, _, _ = library.read_text().partition("\n    /// A submodule")
    library.write_text(code + "}\n")
    done = stubs(project, env, check=False)
    assert done.code == 1
    assert "\nerror: cannot import name 'other' from 'my_project._core'" in done.output
    for file in project.glob("python/my_project/__init__.py*"):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not re.search(r"\b(other|sub)\b", line)))
    stubs(project, env)
    assert (project / STUB).exists()
    assert not list((project / "python/my_project").glob("_core/*.pyi"))


def add_more(project: Path) -> None:
    """Add and export a function whose arguments have no types."""
    library = project / "src/lib.rs"
    replace(library, "use super::sum_of_squares;", "use super::{more, sum_of_squares};")
    library.write_text(library.read_text() + MORE)


def test_doctor_names_the_difference(project: Path, env: dict[str, str]) -> None:
    """Its fix is stubs.py, and `fix` runs it."""
    add_more(project)
    run([uv(), "sync", "--quiet"], project, env)
    output = run([PYO3_UV, "doctor"], project, env, check=False).output
    assert f"{STUB}: my_project._core.more is not present in stub\n" in output
    assert "uv run stubs.py" in output
    fix = [PYO3_UV, "fix", "--yes", "--allow-dirty"]
    assert "healthy" in run(fix, project, env).output
    assert "def more(*values: " in (project / STUB).read_text()


def test_missing_types_are_named(project: Path, env: dict[str, str]) -> None:
    """A warning names the function; one annotation in Rust is the remedy."""
    add_more(project)
    [warning] = re.findall("^warning: .*", stubs(project, env).output, re.MULTILINE)
    assert "missing types of `def more(*values: _typeshed.Incomplete) -> int` in Rust" in warning
    assert warning.endswith("/docs/stubs.md")
    replace(project / "src/lib.rs", "(*values)", '(*values: "object")')
    assert "warning" not in stubs(project, env).output
    assert "def more(*values: object) -> int:" in (project / STUB).read_text()


def test_errors_name_the_remedy(project: Path, env: dict[str, str]) -> None:
    """Nothing is written then."""
    before = (project / STUB).read_bytes()
    library, package = project / "src/lib.rs", project / "python/my_project/__init__.py"
    code = library.read_text()

    replace(library, "values.into_iter()", "values.into_iter(1)")
    done = stubs(project, env, "--no-sync", check=False)
    assert done.code == 1 and "error[E0061]" in done.output
    assert "\nerror: maturin failed; the stub is as it was." in done.output

    # The older way to write a module, of which PyO3 describes nothing
    library.write_text(re.sub(r"(?ms)^#\[pymodule\]\nmod.*?^}\n", OLDER, code))
    done = stubs(project, env, check=False)
    assert done.code == 1
    assert "error: empty stub: PyO3 does not describe sum_of_squares in my_project" in done.output
    assert "use #[pymodule_export]" in done.output
    library.write_text(code)

    replace(package, "from ._core", "import absent\n\nfrom ._core")
    done = stubs(project, env, check=False)
    assert done.code == 1
    assert done.output.endswith(
        "\nerror: No module named 'absent'; fix that, then run `uv run stubs.py`\n"
    )
    git(project, "restore", "python")

    for tool in ("ruff", "maturin"):
        run([uv(), "pip", "uninstall", "--quiet", tool], project, env)
        done = stubs(project, env, "--no-sync", check=False)
        assert done.code == 1 and f"No module named {tool}\nerror: {tool} failed" in done.output
        assert done.output.endswith("If it is missing, run `uv sync`\n")
    assert (project / STUB).read_bytes() == before


@pytest.mark.weekly
def test_a_moved_python_folder_is_followed(project: Path, env: dict[str, str]) -> None:
    git(project, "mv", "python", "lib")
    for key in ("python-source", "mypy_path"):
        replace(project / "pyproject.toml", f'{key} = "python"', f'{key} = "lib"')
    add_more(project)
    stubs(project, env)
    assert "def more(" in (project / "lib/my_project/_core.pyi").read_text()
    assert not (project / "python").exists()
    run([uv(), "run", "--no-sync", "mypy"], project, env)

    (project / "python/my_project").mkdir(parents=True)
    shutil.copy(project / "lib/my_project/_core.pyi", project / STUB)
    done = stubs(project, env, check=False)
    assert done.code == 1 and f"error: {project / STUB} is not in {project}/lib" in done.output


@pytest.mark.weekly
def test_by_hand(project: Path, env: dict[str, str]) -> None:
    """Without stubs.py and its step, the checks of ci.yml pass; stubtest compares the stub."""
    (project / "stubs.py").unlink()
    ci = project / ".github/workflows/ci.yml"
    lines = ci.read_text().splitlines(keepends=True)
    [step] = [number for number, line in enumerate(lines) if "stubs.py --check" in line]
    ci.write_text("".join(lines[:step] + lines[step + 2 :]))
    (project / STUB).write_text(BY_HAND)
    workflow = Workflow(project, "ci.yml", env)
    workflow.run_job("lint")
    assert not [step for step in workflow.ran if "stubs.py" in step]
    assert [step for step in workflow.ran if "stubtest" in step]

    replace(project / STUB, "def sum_of_squares(values:", "def sum_of_squares(numbers:")
    output = Workflow(project, "ci.yml", env).run_job("lint", check=False)
    assert "error: my_project._core.sum_of_squares is inconsistent" in output
