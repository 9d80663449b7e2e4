"""`pyo3-uv doctor` and `pyo3-uv fix`, on projects of this template and on others."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jsonschema
import pytest

from pyo3_uv import binaries, environments, rust_source
from pyo3_uv.checks import stubs
from pyo3_uv.checks.base import Check
from pyo3_uv.checks.start import Initialize
from pyo3_uv.discovery import load
from pyo3_uv.doctor import check_project
from pyo3_uv.globs import fits
from pyo3_uv.interpreters import Interpreter
from pyo3_uv.plan import Plan

from .commands import PYO3_UV, ROOT, commit_all, exit_code, git, run, terminal, uv, with_path
from .conftest import Render
from .crates import write
from .projects import replace, tree
from .pythons import activate, environment, foreign, relocate, sync

pytestmark = pytest.mark.build
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))


def doctor(project: Path, env: dict[str, str]) -> dict[str, Any]:
    """Return the report on `project`; its files must stay as they are."""
    before = tree(project, ".venv", ".git")
    result = run([PYO3_UV, "doctor", "--json"], project, env, check=False)
    assert tree(project, ".venv", ".git") == before, "the doctor changes nothing"
    report = flat(result.output)
    assert result.code == (0 if report["ok"] else 1)
    assert report["ok"] == (report["counts"]["error"] == 0)
    return report


def flat(output: str) -> dict[str, Any]:
    """Return the JSON of a command about one project, as one dictionary; it fits the schema."""
    result = json.loads(output)
    jsonschema.validate(result, SCHEMA)
    (project,) = result.pop("projects")
    return {**result, **project, "healthy": not project["findings"]}


def ids(report: dict[str, Any]) -> list[str]:
    return [problem["id"] for problem in report["findings"]]


# ---- Healthy projects ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("python", "answers"),
    [
        ("middle", {}),
        ("middle", {"kind": "app"}),
        ("relocated", {"example": False, "abi": "version", "windows": True}),
        ("relocated", {"kind": "app", "example": False}),
    ],
    ids=["extension", "app", "minimal, windows", "minimal app"],
    indirect=["python"],
)
def test_render_is_healthy(
    synced: Render, python: Interpreter, target: Path, answers: dict[str, Any]
) -> None:
    env = environment(target, python)
    project = synced(python, env, **answers)
    report = doctor(project, env)
    assert report["findings"] == []
    facts = report["facts"]
    assert facts["environment"] == f".venv: Python {exact(python)}, shared libpython"
    assert facts["interpreter"].startswith(".venv/bin/python, from ")
    assert facts["libpython"] == f"{python.libpython}, outside the loader's path"
    if "windows" in answers:
        assert "rpath" not in facts, "the tests of the minimal module do not link libpython"
    else:
        tests, _, _ = facts["rpath"].removeprefix("in ").partition(" of ")
        assert int(tests) > 0
    shown = run([PYO3_UV, "doctor"], project, env).output
    assert shown.endswith("\nhealthy\n")


def exact(python: Interpreter) -> str:
    code = "import platform; print(platform.python_version())"
    return run([python.path, "-c", code], ROOT).output.strip()


# ---- One thing broken ----


@pytest.fixture(scope="module")
def healthy(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    project = shared_project(middle, env, python_min="3.10", extras=[])
    commit_all(project)
    return project


@pytest.fixture
def project(healthy: Path) -> Iterator[Path]:
    """Return a healthy project, which is brought back to health afterwards."""
    yield healthy
    git(healthy, "reset", "--hard", "--quiet")
    git(healthy, "clean", "-d", "--force", "--quiet")


def remove_runner(project: Path) -> None:
    config = project / ".cargo/config.toml"
    config.write_text(config.read_text().split("[target.")[0])


def remove_env(project: Path) -> None:
    config = project / ".cargo/config.toml"
    config.write_text("[target." + config.read_text().split("[target.")[1])


def remove_rpath(project: Path) -> None:
    (project / "build.rs").write_text("fn main() {}\n")


def other_python(project: Path) -> None:
    config = project / ".cargo/config.toml"
    replace(config, '".venv/bin/python"', '"../python"')
    (project.parent / "python").unlink(missing_ok=True)
    (project.parent / "python").symlink_to(sys.executable)


def leave_out_cache_keys(project: Path) -> None:
    """Take away what makes uv see an edit of a module, of an embedded file, a new environment."""
    manifest = project / "pyproject.toml"
    replace(manifest, '    { file = ".venv/pyvenv.cfg" },\n', "")
    manifest.write_text(re.sub(r'"src/\*\*[^"]*"', '"src/lib.rs"', manifest.read_text()))
    (project / "data.txt").write_text("data\n")
    git(project, "add", "data.txt")
    with (project / "src/lib.rs").open("a") as file:
        file.write('\nconst _: &str = include_str!("../data.txt");\n')


BREAK: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no PYO3_PYTHON": ("interpreter", remove_env, "the first python on PATH"),
    "other PYO3_PYTHON": ("interpreter", other_python, "from PYO3_PYTHON in .cargo/config.toml"),
    "force": (
        "force",
        lambda p: replace(
            p / ".cargo/config.toml", "relative = true }", "relative = true, force = true }"
        ),
        ".cargo/config.toml sets PYO3_PYTHON with force = true",
    ),
    "extension-module": (
        "extension-module",
        lambda p: replace(
            p / "Cargo.toml", 'features = ["abi3', 'features = ["extension-module", "abi3'
        ),
        "Cargo.toml enables",
    ),
    "extension-module by default": (
        "extension-module",
        lambda p: replace(
            p / "Cargo.toml",
            "[features]\n",
            '[features]\nx = ["pyo3/extension-module"]\ndefault = ["x"]\n',
        ),
        "Cargo.toml enables",
    ),
    "no rpath": ("libpython-not-found", remove_rpath, "and its rpath is empty"),
    "no runner": ("other-environment", remove_runner, "its sys.prefix is"),
    "no auto-initialize": (
        "no-initialize",
        lambda p: replace(p / "Cargo.toml", '"auto-initialize"', ""),
        "auto-initialize is not enabled",
    ),
    "no cache keys": (
        "cache-keys",
        leave_out_cache_keys,
        "do not cover src/**, data.txt, .venv/pyvenv.cfg",
    ),
    "slow": (
        "slow-rebuilds",
        lambda p: replace(p / "pyproject.toml", "use-base-python = true\n", ""),
        "has no use-base-python = true",
    ),
    "other #[pymodule]": (
        "module-name",
        lambda p: replace(p / "src/lib.rs", "mod _core", "mod other"),
        "#[pymodule] is called other",
    ),
    "no module": (
        "module-missing",
        lambda p: git(p, "clean", "-xdf", "--quiet", "-e", ".venv"),
        "its extension module my_project._core is gone",
    ),
    "other stub": (
        "stub",
        lambda p: replace(p / "python/my_project/_core.pyi", "def to_json", "def to_text"),
        "_core.pyi: lacks User.to_json; declares User.to_text, which is not there",
    ),
    "does not compile": (
        "build-fails",
        lambda p: replace(p / "src/lib.rs", "mod _core {", "mod _core { fn f( {}"),
        "error",
    ),
}


SEVERITIES = {
    "extension-module": "error",
    "libpython-not-found": "error",
    "no-initialize": "advice",
    "slow-rebuilds": "advice",
    "module-missing": "error",
    "build-fails": "error",
}
QUICK = {"no PYO3_PYTHON", "no runner"}
SHOWN = {"no rpath", "no runner", "slow"}  # one for each severity


@pytest.mark.parametrize(
    "broken",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BREAK],
)
def test_one_thing_broken(
    broken: str, project: Path, middle: Interpreter, env: dict[str, str]
) -> None:
    problem, damage, evidence = BREAK[broken]
    if broken == "no module":
        run([uv(), "sync", "--quiet"], project, env)  # so that uv has nothing else to build
    damage(project)
    report = doctor(project, env)
    assert ids(report) == [problem]
    assert evidence in report["findings"][0]["evidence"]
    severity = SEVERITIES.get(problem, "warning")
    assert report["findings"][0]["severity"] == severity
    if broken == "no module":
        heals(project, env, report)
    if broken not in SHOWN:
        return
    shown = run([PYO3_UV, "doctor", project / "Cargo.toml"], ROOT, env, check=False)
    assert shown.code == (severity == "error")
    assert shown.output.endswith(f"\n{severity}: 1\n")
    strict = [PYO3_UV, "doctor", "--strict", "--format", "github"]
    result = run(strict, project, env, check=False)
    assert result.code == (severity != "advice")
    level = {"advice": "notice"}.get(severity, severity)
    assert re.match(
        rf"::{level} title=[^:]*\({problem}\)(,file=[^:,]+(,line=\d+)?)?::", result.output
    )
    assert result.output.count("\n") == 1


def heals(project: Path, env: dict[str, str], report: dict[str, Any]) -> None:
    """The module is gone, which uv sync does not see, and the doctor's fix brings it back."""
    show = ["uv", "run", "--quiet", "python", "-c", "import my_project"]
    result = run(show, project, env, check=False)
    assert "ModuleNotFoundError: No module named 'my_project._core'" in result.output
    assert report["findings"][-1]["fix"] == "uv sync --reinstall-package my-project"
    run(report["findings"][-1]["fix"].split(), project, env)
    run(show, project, env)


@pytest.mark.slow
def test_moved_project(synced: Render, middle: Interpreter, env: dict[str, str]) -> None:
    """The scripts in .venv name its Python by its old path."""
    env = with_path(env, middle.path.parent)
    fix = "uv venv --clear && uv sync"
    for kind in ("extension", "app"):
        project = synced(middle, env, f"{kind}/before", kind=kind, extras=[])
        project = project.rename(project.with_name("after"))
        tool = ["uv", "run", "--quiet", "stubtest", "--help"]
        result = run(tool, project, env, check=False)
        assert result.code != 0
        assert all(part in result.output for part in ("Failed to spawn", "No such file"))
        if kind == "extension":
            report = doctor(project, env)
            assert ids(report) == ["environment-moved"]
            assert report["findings"][0]["severity"] == "error"
            assert report["findings"][0]["fix"] == fix
        run(["sh", "-c", fix], project, env)
        run(tool, project, env)
        before = project.with_name("before")
        assert str(before) not in (project / ".venv/bin/activate").read_text()
        if kind == "extension":
            run(["uv", "run", "pytest"], project, env)


def test_scripts_of_another_environment(tmp_path: Path, middle: Interpreter) -> None:
    """Those that start this environment's Python, by any path, or the system's, are none."""
    folder = tmp_path / "venv/bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(middle.path)
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    shell = "#!/bin/sh\n'''exec' '{}' \"$0\" \"$@\"\n"
    texts = {
        "own": f"#!{folder}/python\n",
        "linked": f"#!{tmp_path}/link/bin/python3\n",
        "system": f"#!{sys.base_prefix}/bin/python3\n",
        "relocatable": '#!/bin/sh\n\'\'\'exec\' "$(dirname "$0")/python" "$0" "$@"\n',
        "gone": "#!/absent/.venv/bin/python3\n",
        "spaces": shell.format("/absent/my project/.venv/bin/python"),
        "copied": f"#!{Path(sys.prefix) / 'bin/python'}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    found = environments.scripts_of_another(tmp_path / "venv")
    assert {script.name for script in found} == {"gone", "spaces", "copied"}


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


@pytest.mark.slow
def test_older_runner(project: Path, middle: Interpreter, env: dict[str, str]) -> None:
    """Through uv, as renders had it: it needs no PYO3_PYTHON, and is as good."""
    config = project / ".cargo/config.toml"
    start = config.read_text().split("[target.")[0]
    runner = 'runner = ["uv", "run", "--no-sync", "--quiet", "--"]\n'
    config.write_text(f"{start}[target.'cfg(all())']\n{runner}")
    assert doctor(project, env)["findings"] == []


@pytest.mark.slow
def test_rpath_missing_where_the_loader_finds_libpython(
    project: Path, middle: Interpreter, target: Path
) -> None:
    assert middle.libpython
    env = environment(target, middle, LD_LIBRARY_PATH=str(middle.libpython.parent))
    assert doctor(project, env)["findings"] == []
    remove_rpath(project)
    report = doctor(project, env)
    assert ids(report) == ["no-rpath"]
    assert "here the loader finds" in report["findings"][0]["evidence"]


@pytest.mark.slow
def test_shell_that_interferes(
    project: Path, middle: Interpreter, newest: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    (problem,) = doctor(project, env | {"PYO3_PYTHON": str(newest.path)})["findings"]
    assert problem["id"] == "interpreter"
    assert f"from PYO3_PYTHON of the shell; .venv has Python {middle.minor}" in problem["evidence"]
    assert problem["fix"] == "unset PYO3_PYTHON in this shell"
    (tmp_path / "config.txt").write_text(f"executable={newest.path}\n")
    file = {"PYO3_CONFIG_FILE": str(tmp_path / "config.txt")}
    problem, *_ = doctor(project, env | file)["findings"]
    assert problem["id"] == "interpreter"
    assert problem["fix"] == "unset PYO3_CONFIG_FILE in this shell"

    assert doctor(project, foreign(env, middle, tmp_path / "foreign"))["findings"] == []

    remove_env(project)
    (problem,) = doctor(project, activate(env, project / ".venv"))["findings"]
    assert problem["title"] == "PyO3 takes .venv only while it is activated"
    both = {"VIRTUAL_ENV": str(project / ".venv"), "CONDA_PREFIX": str(newest.base_prefix)}
    report = doctor(project, env | both)
    assert ids(report) == ["interpreter"], report["findings"]
    (problem,) = report["findings"]
    assert "VIRTUAL_ENV and CONDA_PREFIX are both set" in problem["evidence"]
    report = doctor(project, env | {"CONDA_PREFIX": str(newest.base_prefix)})
    assert report["findings"][0]["fix"] == "conda deactivate"


@pytest.mark.slow
def test_environment_elsewhere(
    synced: Render, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """As in containers: `.venv` is then not where PYO3_PYTHON looks."""
    env = environment(target, middle) | {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    project = synced(middle, env, extras=[])
    report = doctor(project, env)
    assert ids(report) == ["interpreter"]
    assert report["findings"][0]["fix"].startswith("export PYO3_PYTHON=")
    env["PYO3_PYTHON"] = str(tmp_path / "venv/bin/python")
    assert doctor(project, env)["findings"] == []

    sync(project, middle, env)  # Cargo.lock is new since the first build
    shutil.rmtree(tmp_path / "venv")
    next(project.glob("python/my_project/*.so")).unlink()
    sync(project, middle, env)
    report = doctor(project, env)
    assert ids(report) == ["module-missing"]
    heals(project, env, report)


@pytest.mark.slow
def test_environment_missing_or_changed(
    render: Render, middle: Interpreter, newest: Interpreter, env: dict[str, str]
) -> None:
    project = render(python_version=middle.minor, abi="version", extras=[])
    report = doctor(project, env)
    assert ids(report) == ["no-environment"]
    assert report["findings"][0]["fix"] == "uv sync"
    sync(project, middle, env)
    assert doctor(project, env)["healthy"]

    (project / ".python-version").write_text(newest.minor)
    sync(project, newest, env)
    report = doctor(project, env)
    assert ids(report) == ["stale-configuration"]
    assert f"built for libpython{middle.minor}" in report["findings"][0]["evidence"]
    assert report["findings"][0]["fix"] == "cargo clean -p pyo3-ffi"
    run(["cargo", "clean", "-p", "pyo3-ffi"], project, env)
    assert doctor(project, env)["healthy"]

    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/absent/python")
    report = doctor(project, env)
    assert ids(report) == ["no-environment"]
    assert "is there and does not start" in report["findings"][0]["evidence"]


@pytest.mark.slow
def test_relocated_python(
    synced: Render, middle: Interpreter, relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    """Standard library that is not found; libpython without its development files."""
    env = environment(target, relocated)
    project = synced(relocated, env, extras=[])
    remove_runner(project)
    report = doctor(project, env)
    assert ids(report) == ["no-standard-library"]
    assert "codec" in report["findings"][0]["evidence"]

    bare = relocate(middle, tmp_path / "cpython")
    assert bare.libpython
    for path in bare.libpython.parent.glob("libpython*"):
        if path != bare.libpython:
            path.unlink()
    project = synced(bare, env, "bare", extras=[])
    report = doctor(project, env)
    assert ids(report) == ["libpython-missing"]
    problem = report["findings"][0]
    assert f"apt install libpython{bare.minor}-dev" in problem["fix"]
    # `new` says it before it writes anything
    result = run(
        [PYO3_UV, "new", "made", "--defaults", "--python", bare.path], tmp_path, env, check=False
    )
    assert result.code == 1
    assert "cannot be linked with it" in result.output and not (tmp_path / "made").exists()


@pytest.mark.slow
def test_seed(middle: Interpreter, relocated: Interpreter, target: Path, tmp_path: Path) -> None:
    """The project of uv issue 11006: libpython, the standard library, and force."""
    for python in (middle, relocated):
        env = environment(target, python)
        project = tmp_path / python.base_prefix.name
        shutil.copytree(ROOT / "tests/seed", project)
        run([uv(), "venv", "--quiet", "--python", python.path], project, env)
        found = ids(doctor(project, env))
        start = "other-environment" if python == middle else "no-standard-library"
        assert found == ["force", "libpython-not-found", start]
        assert not (project / "Cargo.lock").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "there is no Cargo.toml"),
        ("[package", "is not valid TOML"),
        ('[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n', "depends on pyo3"),
        ("[workspace]\nmembers = []\n", "depends on pyo3"),
        ('[package]\nname = "x y"\n', "cargo metadata failed"),
    ],
)
def test_no_project(manifest: str | None, message: str, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "Cargo.toml").write_text(manifest)
        (tmp_path / "src").mkdir()
        (tmp_path / "src/lib.rs").touch()
    for command in ("doctor", "fix"):
        result = run(
            [PYO3_UV, command, tmp_path, *(["--yes"] if command == "fix" else [])],
            ROOT,
            check=False,
        )
        assert result.code in (1, 2)
        assert message in result.output
        assert "Traceback" not in result.output
    result = run([PYO3_UV, "doctor", tmp_path / "absent"], ROOT, check=False)
    assert result.code == 2


@pytest.mark.parametrize(
    ("stub", "differences"),
    [
        ("class A: ...\ndef f(x, y=1): ...\nN: int\n", []),
        ("class A: ...\ndef f(x, y=1): ...\n", ["lacks N"]),
        ("class A: ...\nN: int\n\ndef f(x): ...\n", ["f(x, y) is declared with (x)"]),
        (
            "class A: ...\nN: int\ndef f(x, y): ...\ndef g(): ...\n",
            ["declares g, which is not there"],
        ),
        # It may have more, or say it in another way.
        ("from x import *\n", []),
        ("def __getattr__(name): ...\n", []),
        ("class A: ...\nN: int\n@overload\ndef f(x): ...\n@overload\ndef f(x, y): ...\n", []),
        ("class A: ...\nN: int\ndef f(__x, __y): ...\n", []),
        ("class A: ...\nN: int\ndef f(*args): ...\n", []),
        ("from a import A, f, N\n", []),
        ("from a import A as A\nf = g\nN: int\n", []),
        # What is for type checkers, or holds for some versions only
        ("class A: ...\nN: int\ndef f(x, y): ...\nT = TypeVar('T')\nclass P(Protocol): ...\n", []),
        ("class A: ...\nN: int\ndef f(x, y): ...\nX: TypeAlias = int\nclass _B: ...\n", []),
        ("class A: ...\nN: int\nif X:\n    def f(x, y): ...\nelse:\n    def g(): ...\n", []),
        # Members
        (
            "class A:\n    def m(self): ...\nN: int\ndef f(x, y): ...\n",
            ["declares A.m, which is not there"],
        ),
        ("class A(B):\n    def args(self): ...\nN: int\ndef f(x, y): ...\n", []),
    ],
)
def test_stub_is_compared_by_names(stub: str, differences: list[str]) -> None:
    def described(kind: str, **more: Any) -> dict[str, Any]:
        return {"kind": kind, "public": True, **more}

    module = {
        "A": described("class", own=[], members=["args"]),
        "N": described("value"),
        "f": described("function", parameters=["x", "y"]),
        "_private": described("value") | {"public": False},
    }
    assert stubs.compare(module, stubs.read(stub)) == differences


def test_executables_of_other_systems_are_read(tmp_path: Path) -> None:
    """Mach-O, from a wheel for macOS (it is an extension module, so it asks for no libpython)."""
    install = [uv(), "pip", "install", "--quiet", "--target", tmp_path, "rpds-py"]
    run([*install, "--python-platform", "aarch64-apple-darwin"], tmp_path)
    [module] = tmp_path.rglob("*.so")
    found = binaries.read(module)
    assert found and "/usr/lib/libSystem.B.dylib" in found.needed
    assert found.libpython is None
    assert binaries.read(tmp_path / "rpds/__init__.py") is None


# ---- fix ----

PYTHON_TEST = """
#[cfg(test)]
mod embedded {
    use pyo3::prelude::*;

    #[test]
    fn runs_in_venv() {
        Python::attach(|py| {
            let sys = py.import("sys").unwrap();
            let prefix: std::path::PathBuf = sys.getattr("prefix").unwrap().extract().unwrap();
            let venv = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv");
            assert_eq!(prefix.canonicalize().unwrap(), venv.canonicalize().unwrap());
            py.import("json").unwrap();
        });
    }
}
"""
"""A test that touches Python, in the environment of its project."""


def uv_init(folder: Path, env: dict[str, str]) -> str:
    command = [uv(), "init", "--quiet", "--lib", "--build-backend", "maturin", "--vcs", "none"]
    run([*command, "--python-preference", "system", "--name", "made", folder], folder.parent, env)
    return "from made import hello; print(hello())"


def apply(project: Path, env: dict[str, str], *options: str) -> dict[str, Any]:
    """Run `pyo3-uv fix --yes` and return its result."""
    return flat(run([PYO3_UV, "fix", "--yes", "--json", *options], project, env).output)


@pytest.mark.slow
def test_fix_of_another_generators_project(
    relocated: Interpreter, target: Path, tmp_path: Path
) -> None:
    """Before: cargo test fails or an edit is not seen. After: both work, and quickly."""
    env = with_path(environment(target, relocated), relocated.path.parent)
    project = tmp_path / "made"
    show = uv_init(project, env)
    (project / ".python-version").write_text(f"{relocated.minor}\n")
    source = project / "src/lib.rs"
    with source.open("a") as file:
        file.write(PYTHON_TEST)
    sync(project, relocated, env)
    commit_all(project)

    def shown() -> str:
        return run([uv(), "run", "--quiet", "python", "-c", show], project, env).output

    assert run(["cargo", "test"], project, env, check=False).code != 0
    found = ids(doctor(project, env))
    wanted = {"interpreter", "extension-module", "no-initialize", "cache-keys", "slow-rebuilds"}
    assert wanted <= set(found)

    commit_all(project)
    result = apply(project, env, "--config", "committed")
    assert result["healthy"] and result["manual"] == []
    assert {".cargo/config.toml", "Cargo.toml", "build.rs", "pyproject.toml"} == set(
        result["changed"]
    )
    commit_all(project)
    assert apply(project, env)["changed"] == [], "running it twice changes nothing"
    assert doctor(project, env)["healthy"]

    assert "test embedded::runs_in_venv ... ok" in run(["cargo", "test"], project, env).output
    assert shown().startswith("Hello")
    replace(source, "Hello", "Edited")
    assert shown().startswith("Edited")
    run(["cargo", "test"], project, env)
    replace(source, "Edited", "Once more")
    compiled = run([uv(), "sync", "--verbose"], project, env).output
    assert "Compiling made" in compiled and "Compiling pyo3" not in compiled
    assert shown().startswith("Once more")


WORKSPACE = {
    "Cargo.toml": """
        [workspace]
        members = ["crates/*"]
        resolver = "3"

        [workspace.dependencies]
        # for all members
        pyo3 = { version = "0.30", features = ["extension-module"] }
        """,
    "crates/native/Cargo.toml": """
        [package]
        name = "made"
        version = "0.1.0"
        edition = "2024"

        [lib]
        name = "_native"
        crate-type = ["cdylib"]

        [dependencies]
        logic = { path = "../logic" }
        pyo3.workspace = true
        """,
    "crates/native/src/lib.rs": """
        #[pyo3::pymodule]
        mod _native {
            #[pyo3::pyfunction]
            fn answer() -> i32 {
                logic::answer()
            }
        }
        """,
    "crates/logic/Cargo.toml": '[package]\nname = "logic"\nversion = "0.1.0"\nedition = "2024"\n',
    "crates/logic/src/lib.rs": "pub fn answer() -> i32 {\n    41\n}\n",
    "python/made/__init__.py": "",
    "pyproject.toml": """
        [build-system]
        requires = ["maturin>=1.9,<2"]
        build-backend = "maturin"

        [project]
        name = "made"
        version = "0.1.0"

        [tool.maturin] # the crate is not beside this file
        manifest-path = "crates/native/Cargo.toml"
        python-source = "python"
        module-name = "made._native"

        [tool.uv]
        package = true
        """,
    ".gitignore": ".venv\n*.so\n",
}


@pytest.mark.slow
def test_fix_of_a_workspace(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """An extension module in a folder of its own, with a crate that it depends on."""
    project = write(tmp_path / "made", WORKSPACE)
    with (project / "crates/native/src/lib.rs").open("a") as file:
        file.write(PYTHON_TEST.replace(".venv", "../../.venv"))
    sync(project, middle, env)
    commit_all(project)
    result = apply(project, env, "--config", "committed")
    assert result["healthy"] and result["manual"] == []
    assert '# for all members\npyo3 = "0.30"\n' in (project / "Cargo.toml").read_text()
    run(["cargo", "test"], project, env)

    show = [uv(), "run", "--quiet", "python", "-c", "from made._native import *; print(answer())"]
    assert run(show, project, env).output == "41\n"
    replace(project / "crates/logic/src/lib.rs", "41", "42")
    assert run(show, project, env).output == "42\n"


@pytest.mark.slow
def test_fix_of_the_seed(relocated: Interpreter, target: Path, tmp_path: Path) -> None:
    """Comments and line endings are kept, and outside Git the originals."""
    env = environment(target, relocated)
    project = tmp_path / "example"
    shutil.copytree(ROOT / "tests/seed", project)
    before: dict[Path, bytes] = {}
    for path in (project / "Cargo.toml", project / ".cargo/config.toml"):
        # one line has another ending than the others, as editors leave them
        before[path] = path.read_bytes().replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1)
        path.write_bytes(before[path])
    run([uv(), "venv", "--quiet", "--python", relocated.path], project, env)
    assert run(["cargo", "test"], project, env, check=False).code != 0
    result = apply(project, env)
    assert result["healthy"]
    assert "2 passed" in run(["cargo", "test"], project, env).output
    assert sorted(result["originals"]) == [".cargo/config.toml.orig", "Cargo.toml.orig"]
    for path, content in before.items():
        assert path.with_name(f"{path.name}.orig").read_bytes() == content
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in content.splitlines(keepends=True) if b"force" not in line]
        assert lines[: len(kept)] == kept
        assert all(line.endswith(b"\r\n") for line in lines[len(kept) :])


def test_fix_fills_an_empty_table(tmp_path: Path) -> None:
    """A second table of the same name would be no valid TOML."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.rs").touch()
    manifest = tmp_path / "Cargo.toml"
    manifest.write_text(
        '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2024"\n\n'
        '[dependencies]\npyo3 = "0.30"\n\n[dev-dependencies]\n'
    )
    plan = Plan()
    Initialize(Mock(project=load(tmp_path))).apply(plan)
    assert plan.toml(manifest)["dev-dependencies"]["pyo3"]["features"] == ["auto-initialize"]


def test_check_without_a_fix_is_an_error() -> None:
    with pytest.raises(TypeError, match="Forgetful does not define id, apply"):

        class Forgetful(Check):
            def find(self) -> str | None:
                return None


@pytest.mark.slow
def test_fixes_repair_what_is_broken(
    project: Path, middle: Interpreter, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at once, in a project whose files have comments. The trial is in other tests."""
    by_hand = {"does not compile", "other #[pymodule]", "other stub"}
    for name, (_, damage, _) in BREAK.items():
        if name not in {"no PYO3_PYTHON", *by_hand}:
            damage(project)
    commit_all(project, "broken")
    before = {name: (project / name).read_text() for name in ("Cargo.toml", "pyproject.toml")}
    for name in os.environ.keys() - env.keys():
        if not name.startswith("PYTEST"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for _ in range(3):  # a fix may uncover what could not be checked before it
        plan = Plan()
        for check in check_project(load(project)).failed:
            check.apply(plan)
        plan.write()
        for command in plan.commands:
            run(command, project, env)
    assert plan.manual == [] and doctor(project, env)["healthy"]
    for name, text in before.items():
        comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
        assert all(comment in (project / name).read_text() for comment in comments)
    run(["cargo", "test"], project, env)
    run([uv(), "run", "--quiet", "pytest"], project, env)
    assert "my-project" not in run([uv(), "sync"], project, env).output
    (project / "data.txt").write_text("other\n")
    assert "~ my-project" in run([uv(), "sync"], project, env).output
    git(project, "reset", "--hard", "--quiet", "HEAD~1")
    run([uv(), "sync", "--quiet"], project, env)


@pytest.mark.slow
def test_fix_asks_and_refuses(project: Path, middle: Interpreter, env: dict[str, str]) -> None:
    damage = BREAK["force"][1]
    damage(project)
    before = tree(project, ".venv", ".git")
    result = run([PYO3_UV, "fix", "--yes"], project, env, check=False)
    assert result.code == 1 and "uncommitted changes" in result.output
    result = run([PYO3_UV, "fix", "--allow-dirty"], project, env, check=False)
    assert result.code == 2 and "add --yes" in result.output
    assert tree(project, ".venv", ".git") == before

    process = terminal([PYO3_UV, "fix", "--allow-dirty"], project, env)
    process.expect(r"-PYO3_PYTHON = .*force = true")
    process.expect("Apply")
    process.send("y")
    process.expect("healthy")
    assert exit_code(process) == 0
    assert "true, force = true" not in (project / ".cargo/config.toml").read_text()
