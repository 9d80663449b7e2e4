"""`pyo3-uv fix` on projects of other generators, of a workspace, of uv issue 11006."""

import shutil
from pathlib import Path

import pytest

from pyo3_uv.checks.report import check_project
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, commit_all, exit_code, git, run, terminal, uv, with_path
from tests.crates import write
from tests.damage import BREAK, STUB
from tests.projects import replace, tree
from tests.pythons import environment, sync
from tests.reports import doctor, fix, ids

pytestmark = pytest.mark.build


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


def uv_init(folder: Path, env: dict[str, str]) -> str:
    command = [uv(), "init", "--quiet", "--lib", "--build-backend", "maturin", "--vcs", "none"]
    run([*command, "--python-preference", "system", "--name", "made", folder], folder.parent, env)
    return "from made import hello; print(hello())"


@pytest.mark.weekly
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
    report = doctor(project, env)
    assert report["facts"]["stub"].startswith("stubtest: "), "there is no mypy in .venv: uv gets it"
    found = ids(report)
    wanted = {"interpreter", "extension-module", "no-initialize", "cache-keys", "slow-rebuilds"}
    assert wanted <= set(found)

    commit_all(project)
    result = fix(project, env, "--config", "committed")
    # Here a release build is not optimized, so that a debug build is not faster.
    assert {*result["found"]} <= {"editable-profile"} and result["manual"] == []
    changed = {".cargo/config.toml", "Cargo.lock", "Cargo.toml", "build.rs", "pyproject.toml"}
    assert set(result["changed"]) == changed
    commit_all(project)

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


@pytest.mark.weekly
def test_fix_of_a_workspace(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """An extension module in a folder of its own, with a crate that it depends on."""
    project = write(tmp_path / "made", WORKSPACE)
    with (project / "crates/native/src/lib.rs").open("a") as file:
        file.write(PYTHON_TEST.replace(".venv", "../../.venv"))
    sync(project, middle, env)
    commit_all(project)
    result = fix(project, env, "--config", "committed")
    assert {*result["found"]} <= {"editable-profile"} and result["manual"] == []
    assert '# for all members\npyo3 = "0.30"\n' in (project / "Cargo.toml").read_text()
    run(["cargo", "test"], project, env)

    show = [uv(), "run", "--quiet", "python", "-c", "from made._native import *; print(answer())"]
    assert run(show, project, env).output == "41\n"
    replace(project / "crates/logic/src/lib.rs", "41", "42")
    assert run(show, project, env).output == "42\n"


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
    result = fix(project, env)
    assert result["found"] == []
    assert "2 passed" in run(["cargo", "test"], project, env).output
    assert sorted(result["originals"]) == [
        ".cargo/config.toml.orig",
        "Cargo.lock.orig",
        "Cargo.toml.orig",
    ]
    for path, content in before.items():
        assert path.with_name(f"{path.name}.orig").read_bytes() == content
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in content.splitlines(keepends=True) if b"force" not in line]
        assert lines[: len(kept)] == kept
        assert all(line.endswith(b"\r\n") for line in lines[len(kept) :])


@pytest.mark.usefixtures("as_environment")
def test_fixes_repair_what_is_broken(project: Path, env: dict[str, str]) -> None:
    """Everything at once, in a project whose files have comments. The trial is in other tests."""
    by_hand = {"does not compile", "other #[pymodule]", "other stub", "other parameter", "no stub"}
    for name, (damage, *_) in BREAK.items():
        if name not in {"no PYO3_PYTHON", *by_hand}:
            damage(project)
    commit_all(project, "broken")
    before = {name: (project / name).read_text() for name in ("Cargo.toml", "pyproject.toml")}
    for _ in range(3):  # a fix may uncover what could not be checked before it
        patch = Patch()
        for finding in check_project(load(project)).found:
            finding.apply(patch)
        patch.write()
        for command in patch.commands:
            run(command, project, env)
    assert patch.manual == [] and doctor(project, env)["findings"] == []
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


@pytest.mark.weekly
def test_fix_asks_and_refuses(project: Path, middle: Interpreter, env: dict[str, str]) -> None:
    damage = BREAK["force"][0]
    damage(project)
    (project / STUB).unlink()  # to compare it takes longer than the rest
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
