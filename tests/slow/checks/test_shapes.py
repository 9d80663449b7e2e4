"""`pyo3-uv doctor` and `fix` on projects of other shapes than the template's."""

import json
import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, commit_all, git, run, uv
from tests.crates import (
    BUILD,
    CDYLIB,
    IGNORED,
    MODULE,
    PYO3,
    PYPROJECT,
    SYSTEM,
    TEST,
    crate,
    made,
    venv,
    write,
)
from tests.projects import replace
from tests.pythons import activate, environment
from tests.reports import FOR_SPEED, doctor, doctors, finding, fix, ids, refused

pytestmark = pytest.mark.build
UV = "\n[tool.uv]\npackage = true\n"


@pytest.mark.weekly
def test_library_name_that_was_chosen(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """As in jiter, where the library of the crate beside it has the module's name."""
    members = '[workspace]\nmembers = ["made", "python"]\nresolver = "3"\n'
    write(tmp_path, {"Cargo.toml": members, ".gitignore": IGNORED})
    crate(tmp_path / "made", "", "2024")
    tables = '[lib]\nname = "made_python"\ncrate-type = ["cdylib", "rlib"]\n\n'
    pyproject = PYPROJECT + '\n[tool.maturin]\nmodule-name = "made"\n'
    project = made(tmp_path / "python", tables + PYO3, **{"pyproject.toml": pyproject})
    replace(project / "Cargo.toml", 'name = "made"', 'name = "made-python"')
    commit_all(tmp_path)
    venv(project / ".venv", middle, env, "-e", str(project))
    report = doctor(tmp_path, env)
    assert not set(ids(report)) & {"module-name", "library-name"}


def test_features_of_an_optional_pyo3(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """It is checked with PyO3 on; other features are added by --features."""
    tables = '[features]\npython = ["dep:pyo3"]\nmore = []\n\n[dependencies]\n'
    tables += 'pyo3 = { version = "0.30", optional = true, features = ["auto-initialize"] }\n'
    lib = MODULE.replace(
        "    #[pyo3::pymodule]", '    #[cfg(feature = "python")]\n    #[pyo3::pymodule]'
    )
    test = TEST.replace("cfg(test)", 'cfg(all(test, feature = "python"))')
    project = made(tmp_path / "made", CDYLIB + tables, lib + test)
    commit_all(project)
    venv(project / ".venv", middle, env)
    report = doctor(project, env | {"PYO3_PYTHON": str(middle.path)})
    assert finding(report, "libpython-not-found")["severity"] == "error"
    assert (
        "cargo test --features python dies with" in finding(report, "libpython-not-found")["effect"]
    )
    report = doctor(project, env, "--features", "python,more")
    assert "cargo test --features python --features more" in json.dumps(report)
    result = run([PYO3_UV, "doctor", "--features", "less"], project, env, check=False)
    assert (result.code, result.output) == (2, "error: made has no feature less\n")

    result = fix(project, env, "--config", "committed")
    assert not refused(result)
    run(["cargo", "check"], project, env)
    assert (
        "test starts ... ok" in run(["cargo", "test", "--features", "python"], project, env).output
    )


@pytest.mark.weekly
def test_pyo3_ffi_alone(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """As in orjson: no #[pymodule], no auto-initialize."""
    lib = """
        /// Starts Python.
        ///
        /// # Safety
        ///
        /// At the start of the program.
        pub unsafe fn start() -> bool {
            unsafe {
                pyo3_ffi::Py_InitializeEx(0);
                pyo3_ffi::Py_IsInitialized() != 0
            }
        }

        #[test]
        fn starts() {
            assert!(unsafe { start() });
        }
        """
    project = made(tmp_path / "made", CDYLIB + '[dependencies]\npyo3-ffi = "0.30"\n', lib)
    commit_all(project)
    venv(project / ".venv", middle, env)
    assert run(["cargo", "test"], project, env, check=False).code
    report = doctor(project, env)
    assert "libpython-not-found" in ids(report) and "no-initialize" not in ids(report)
    result = fix(project, env, "--config", "local")
    assert result["ok"] and not refused(result) and result["manual"] == []
    run(["cargo", "test"], project, env)


@pytest.mark.weekly
def test_crates_of_a_repository(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """Without a crate at its root, all are checked, in one report; what is no manifest is not."""
    first = made(tmp_path / "first", **{"pyproject.toml": PYPROJECT + UV})
    second = made(tmp_path / "rust/second", CDYLIB + PYO3, MODULE + TEST)
    replace(second / "Cargo.toml", 'name = "made"', 'name = "second"')
    crate(tmp_path / "third", "")
    write(tmp_path, {"template/Cargo.toml": "[package]\nname = {{ name }}\n"})
    commit_all(tmp_path)
    venv(tmp_path / ".venv", middle, env)
    reports = doctors(tmp_path, env)
    assert [Path(report["project"]) for report in reports] == [first, tmp_path / "rust/second"]
    assert reports[0]["facts"]["environment"].startswith("../.venv: ")
    assert "rust-tests" in ids(reports[0]) and "interpreter" in ids(reports[1])
    annotations = run([PYO3_UV, "doctor", "--format=github"], tmp_path, env, check=False).output
    assert ",file=first/pyproject.toml" in annotations and "file=rust/second/" in annotations
    assert [r["project"] for r in doctors(first / "src", env)] == [str(first)]
    result = run([PYO3_UV, "doctor", tmp_path / "third"], tmp_path, env, check=False)
    assert result.code == 2 and "depends on pyo3" in result.output

    result = fix(tmp_path, env, "--config", "none")
    expected = {"../rust/second/Cargo.toml", "../rust/second/build.rs", "pyproject.toml"}
    assert set(result["changed"]) == expected and not refused(result)
    assert not list(tmp_path.rglob(".cargo"))
    run(["cargo", "test"], tmp_path / "rust/second", env)


@pytest.mark.parametrize(
    "kind",
    [
        "other name",
        *(
            pytest.param(k, marks=pytest.mark.weekly)
            for k in ("root", "activated", "conda", "variable")
        ),
    ],
)
def test_environment_that_is_there(
    kind: str, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """It is found, and `fix` makes no other one."""
    repository = tmp_path / "repository"
    project = made(repository / "bindings", CDYLIB + PYO3, MODULE + TEST)
    write(project, {"pyproject.toml": PYPROJECT})
    commit_all(repository)
    elsewhere = tmp_path / "elsewhere"
    folder = {"root": repository / ".venv", "other name": repository / "env"}.get(kind, elsewhere)
    venv(folder, middle, env)
    if kind == "activated":
        env = activate(env, folder)
    elif kind == "conda":
        (folder / "conda-meta").mkdir()
        env = activate(env, folder) | {"VIRTUAL_ENV": "", "CONDA_PREFIX": str(folder)}
    elif kind == "variable":
        env = env | {"UV_PROJECT_ENVIRONMENT": str(folder)}
    report = doctor(repository, env)
    named = str(folder) if folder == elsewhere else f"../{folder.name}"
    assert report["facts"]["environment"].startswith(f"{named}: Python {middle.version}")
    assert ("interpreter" in ids(report)) == (kind not in ("activated", "conda"))
    if kind in ("activated", "other name"):
        result = fix(repository, env, "--config", "committed")
        config = project / ".cargo/config.toml"
        assert config.exists() == (folder != elsewhere)
        if config.exists():
            assert result["ok"] and f'value = "{named}/bin/python"' in config.read_text()
        run(["cargo", "test"], project, env)
    found = {path.parent for path in tmp_path.rglob("pyvenv.cfg")}
    assert found == {folder} and not list(tmp_path.rglob("uv.lock"))


@pytest.mark.weekly
def test_package_that_was_never_installed_or_is_gone(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    project = made(tmp_path / "made", **{"pyproject.toml": PYPROJECT, "made/__init__.py": ""})
    replace(
        project / "pyproject.toml",
        "[project]",
        '[tool.maturin]\nmodule-name = "made.made"\n\n[project]',
    )
    commit_all(project)
    venv(project / ".venv", middle, env, "pytest")
    report = doctor(project, env)
    never = finding(report, "module-missing")
    assert (never["severity"], never["evidence"]) == ("hint", ".venv has no made")
    assert "cache" not in never["effect"]

    install = [uv(), "pip", "install", "--quiet", "--editable", "."]
    run(install, project, env)
    [module] = (project / "made").glob("*.so")
    module.unlink()
    report = doctor(project, env)
    gone = finding(report, "module-missing")
    assert gone["severity"] == "error" and "No module named 'made.made'" in gone["output"]
    fix(project, env)
    assert module.exists() and not (project / "uv.lock").exists()
    assert run([uv(), "pip", "show", "--quiet", "pytest"], project, env).code == 0

    # With a lock file, too, which stays as it is
    run([uv(), "lock", "--quiet"], project, env)
    lock = (project / "uv.lock").read_bytes()
    commit_all(project)
    module.unlink()
    fix(project, env)
    assert module.exists() and (project / "uv.lock").read_bytes() == lock
    assert run([uv(), "pip", "show", "--quiet", "pytest"], project, env).code == 0


@pytest.mark.weekly
def test_evidence_of_one_python(
    middle: Interpreter, newest: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """That which cargo takes today, not the one of .venv, which it takes after another fix."""
    tables = (
        CDYLIB + '[dependencies]\npyo3 = { version = "0.30", features = ["auto-initialize"] }\n'
    )
    project = made(tmp_path / "made", tables, MODULE + TEST)
    commit_all(project)
    venv(project / ".venv", newest, env)
    env = env | {"PYO3_PYTHON": str(middle.path)}
    report = doctor(project, env)
    shown = finding(report, "libpython-not-found")
    assert middle.libpython and newest.libpython
    assert middle.libpython.name in shown["effect"] and middle.libpython.name in shown["output"]
    assert newest.libpython.name not in json.dumps(report)
    assert "other-environment" not in ids(report)
    repeated = run(["sh", "-c", shown["command"]], project, env, check=False).output
    assert shown["output"] in repeated


@pytest.mark.weekly
def test_neighbour_passes_as_before(
    middle: Interpreter, relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    """A crate of the workspace with tests of its own, which are run with another Python."""
    env = environment(target, middle)
    project = made(tmp_path / "bindings", CDYLIB + PYO3, MODULE + TEST)
    host(tmp_path / "host")
    members = '[workspace]\nmembers = ["bindings", "host"]\nresolver = "3"\n'
    write(tmp_path, {"Cargo.toml": members, ".gitignore": IGNORED})
    commit_all(tmp_path)
    venv(project / ".venv", relocated, env)
    run(["cargo", "test", "--package", "host"], tmp_path, env)
    result = fix(project, env, "--config", "committed")
    assert result["ok"] and not refused(result)
    run(["cargo", "test", "--package", "host"], tmp_path, env)
    assert list(tmp_path.rglob(".cargo")) == [project / ".cargo"]
    run(["cargo", "test"], project, env)


def host(folder: Path) -> None:
    """Write a crate that embeds Python."""
    tables = '[dependencies]\npyo3 = { version = "0.30", features = ["auto-initialize"] }\n'
    tables += '\n[build-dependencies]\npyo3-build-config = "0.30"\n'
    crate(folder, tables, "2024", "#[test]\nfn f() {\n    pyo3::Python::attach(|_| ());\n}\n")
    replace(folder / "Cargo.toml", "made", "host")
    (folder / "build.rs").write_text(BUILD)


@pytest.mark.weekly
def test_configuration_that_would_hit_others(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Of tools in folders below, as in tokenizers, or of a Makefile that chooses the Python."""
    project = made(tmp_path / "made", CDYLIB + PYO3, MODULE + TEST)
    host(project / "tools/host")
    commit_all(project)
    venv(project / ".venv", middle, env)
    report = doctor(project, env)
    text = finding(report, "interpreter")["remedy"]
    assert text.startswith("activate .venv before cargo test (.cargo/config.toml would also hold")
    git(project, "rm", "-r", "--quiet", "tools")
    write(project, {"Makefile": "test:\n\tPYTHONHOME=$(HOME) cargo test\n"})
    report = doctor(project, env)
    assert "Makefile chooses the Python of cargo itself" in finding(report, "interpreter")["remedy"]
    commit_all(project)
    result = fix(project, env, "--config", "committed")
    assert not (project / ".cargo").exists()
    assert any("Makefile chooses the Python" in text for text in result["manual"])
    assert "build.rs" in result["changed"], "the rest is done"


@pytest.mark.weekly
def test_project_that_uv_cannot_read(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """`cargo test` must not need uv, where [project] has no version or is missing."""
    tables = CDYLIB + PYO3.replace('"abi3-py310"', '"abi3-py310", "auto-initialize"')
    project = made(tmp_path / "made", tables, MODULE + TEST, **{"pyproject.toml": SYSTEM + UV})
    venv(project / ".venv", middle, env)
    report = doctor(project, env)
    assert {"libpython-not-found", "cache-keys", "module-missing"} <= set(ids(report))
    (project / "pyproject.toml").write_text(PYPROJECT.replace('version = "0.1.0"\n', "") + UV)
    commit_all(project)
    assert run([uv(), "run", "--no-sync", "python", "-V"], project, env, check=False).code
    report = doctor(project, env)
    unread = finding(report, "no-version")
    assert unread["severity"] == "warning" and "project.dynamic" in unread["output"]
    assert not set(ids(report)) & {"cache-keys", "slow-rebuilds", "module-missing"}, "these need uv"
    result = fix(project, env, "--config", "committed")
    assert not refused(result) and result["failed"] == []
    assert {*ids(result["projects"][0])} - FOR_SPEED == {"module-missing"}
    run(["cargo", "test"], project, env)
    run([uv(), "sync", "--quiet"], project, env)


SETUPTOOLS = """
    [build-system]
    requires = ["setuptools", "setuptools-rust>=1.12"]
    build-backend = "setuptools.build_meta"

    [project]
    name = "made"
    version = "0.1.0"
    requires-python = ">=3.10"

    [tool.setuptools]
    packages = ["made"]
    """


NAMED = {
    "pyproject.toml": '[[tool.setuptools-rust.ext-modules]]\ntarget = "made.made"\npath = "rust/Cargo.toml"\n',
    "setup.py": 'RustExtension("made.made", path="rust/Cargo.toml", binding=Binding.PyO3)',
}


@pytest.mark.weekly
@pytest.mark.parametrize("where", NAMED)
def test_setuptools_rust(
    where: str, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """From the repository's root. Before: an edit was not seen by `uv sync`."""
    made(tmp_path / "rust", CDYLIB + PYO3)
    files = {"pyproject.toml": SETUPTOOLS, "made/__init__.py": "", ".gitignore": IGNORED}
    write(tmp_path, files)
    if where == "setup.py":
        code = (
            "from setuptools import setup\nfrom setuptools_rust import Binding, RustExtension\n\n"
        )
        (tmp_path / where).write_text(f"{code}setup(rust_extensions=[{NAMED[where]}])\n")
    else:
        with (tmp_path / where).open("a") as file:
            file.write(f"\n{NAMED[where]}")
    show = [uv(), "run", "--quiet", "python", "-c", "from made.made import answer; print(answer())"]
    run([uv(), "sync", "--quiet", "--python", middle.path], tmp_path, env)
    commit_all(tmp_path)
    shutil.rmtree(tmp_path / "build", ignore_errors=True)
    assert run(show, tmp_path, env).output == "41\n"
    replace(tmp_path / "rust/src/lib.rs", "41", "42")
    assert run(show, tmp_path, env).output == "41\n", "the failure exists"
    git(tmp_path, "checkout", "--quiet", ".")
    report = doctor(tmp_path, env)
    assert finding(report, "cache-keys")["severity"] == "warning"
    assert "slow-rebuilds" not in ids(report), "these are settings of maturin"
    assert report["facts"]["module"].startswith("made.made is ../made/")
    result = fix(tmp_path, env)
    assert result["changed"] == ["../pyproject.toml"] and not refused(result)
    replace(tmp_path / "rust/src/lib.rs", "41", "43")
    assert run(show, tmp_path, env).output == "43\n"
