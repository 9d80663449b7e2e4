"""`pyo3-uv adopt` for real: the owner's commands before and after, and `copier update` from then on."""

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, clean_environment, commit_all, git, run, uv, with_path
from tests.crates import CDYLIB, MODULE, PYO3, PYPROJECT, TEST, crate, venv, write
from tests.projects import replace, tree
from tests.pythons import environment, sync

pytestmark = pytest.mark.build

COMMENT = "//! Lets tests and examples find libpython"


@pytest.fixture
def clone(template: Path, tmp_path: Path) -> Path:
    """Return a clone of the template, to which a test adds commits."""
    folder = tmp_path / "pyo3-uv-template"
    git(tmp_path, "clone", "--quiet", str(template), str(folder))
    return folder


def release(clone: Path) -> None:
    """Commit a later version of the template: build.rs, a manifest and one file more differ."""
    replace(clone / "template/parts/build.rs", COMMENT, f"// later\n{COMMENT}")
    replace(clone / "template/{{ extension }}/pyproject.toml.jinja", "ruff>=", "ruff>0,>=")
    (clone / "template/.later").write_text("later\n")
    commit_all(clone, "later")


def update(project: Path, command: str = "copier update") -> None:
    words = [sys.executable, "-m", *shlex.split(command), "--defaults", "--vcs-ref", "HEAD"]
    run(words, project, clean_environment())


def changes(project: Path) -> dict[str, str]:
    """Return the files that differ from the last commit, with git's marks."""
    lines = git(project, "status", "--porcelain", "--untracked-files=all", ".").splitlines()
    return {line[3:]: line[:2].strip() for line in lines}


def test_project_of_uv_init(middle: Interpreter, target: Path, clone: Path, tmp_path: Path) -> None:
    """Its PyO3 is older than the one that the template's build.rs needs."""
    env = with_path(environment(target, middle), middle.path.parent)
    project = tmp_path / "made"
    command = [uv(), "init", "--quiet", "--package", "--build-backend", "maturin", "--vcs", "none"]
    run([*command, "--python-preference", "system", project], tmp_path, env)
    (project / ".python-version").write_text(f"{middle.minor}\n")
    sync(project, middle, env)
    git(project, "init", "--quiet")
    git(project, "add", ".", ":!*.so", ":!.venv")  # there is no .gitignore
    git(project, "commit", "--quiet", "-m", "state")
    before = tree(project, ".git", ".venv", "target")

    options = ["--defaults", "--format=json", "--template", clone]
    result: dict[str, Any] = json.loads(run([PYO3_UV, "adopt", *options], project, env).output)
    added = [".cargo/config.toml", ".copier-answers.yml", ".gitignore", "build.rs"]
    assert result["added"] == added
    assert {*result["changed"]} == {"Cargo.lock", "Cargo.toml", "pyproject.toml"}
    assert {
        name for name in result["refused"] if name not in ("slow-rebuilds", "editable-profile")
    } == set()
    assert any("cargo test" in name for name in result["passed"]) and result["loop"]

    undone = tmp_path / "undone"
    shutil.copytree(project, undone, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    run(["bash", "-c", result["undo"]], undone, env)
    assert tree(undone, ".git", ".venv", "target") == before

    write(project, {"tests/start.rs": TEST.replace("#[cfg(test)]", "")})
    run(["cargo", "test"], project, env)
    show = ["python", "-c", "from made import main; main()"]
    assert run([uv(), "run", "--quiet", *show], project, env).output == "Hello from made!\n"
    commit_all(project, "adopted")

    update(project)
    assert changes(project) == {}
    release(clone)
    update(project, result["update"])
    assert changes(project) == {".copier-answers.yml": "M", ".later": "??", "build.rs": "M"}
    assert (project / "build.rs").read_text().startswith(f"// later\n{COMMENT}")
    run(["cargo", "test"], project, env)
    commit_all(project, "updated")
    again = json.loads(run([PYO3_UV, "adopt", *options], project, env).output)
    assert again["added"] == again["changed"] == [] and changes(project) == {}


BUILD_SCRIPT = 'fn main() {\n    println!("cargo:rerun-if-changed=build.rs");\n}\n'


@pytest.mark.weekly
def test_in_a_subfolder_with_maturin_develop(
    middle: Interpreter, target: Path, clone: Path, tmp_path: Path
) -> None:
    """Of a repository with other code, with a build script of its own; first as a patch."""
    env = with_path(environment(target, middle), middle.path.parent)
    top, project = tmp_path / "things", tmp_path / "things/python"
    tables = CDYLIB + PYO3
    crate(project, tables, "2024", MODULE + TEST, **{"build.rs": BUILD_SCRIPT})
    readme = "# Made\n\n    maturin develop\n    cargo test\n"
    write(project, {"pyproject.toml": PYPROJECT, "README.md": readme})
    write(top, {".gitignore": "target/\n.venv\n*.so\n*.pyd\n", "other/main.c": "int main() {}\n"})
    venv(project / ".venv", middle, env, "maturin")
    commit_all(top)
    options = ["--template", str(clone), str(project)]
    command = [PYO3_UV, "adopt", *options, "--config=committed"]
    run([*command, "--patch", tmp_path / "patch"], tmp_path, env)
    assert changes(top) == {}

    git(top, "apply", str(tmp_path / "patch"))
    names = {f"python/{name}" for name in (".cargo/config.toml", ".copier-answers.yml")}
    assert names < changes(top).keys()
    assert all(name.startswith("python/") for name in changes(top))
    text = (project / "build.rs").read_text()
    assert "add_libpython_rpath_link_args" in text and "rerun-if-changed=build.rs" in text
    manifest = (project / "pyproject.toml").read_text()
    assert "use-base-python" not in manifest and "editable-profile" not in manifest
    run(["cargo", "test"], project, env)
    commit_all(top, "adopted")
    update(project)
    assert changes(top) == {}
    release(clone)
    update(project)
    arrived = {"python/.copier-answers.yml": "M", "python/.later": "??"}
    assert changes(top) == {
        **arrived,
        "python/build.rs": "UU",
        "python/pyproject.toml": "UU",
    }
    git(project, "checkout", "--quiet", "--ours", "build.rs", "pyproject.toml")
    assert (project / "build.rs").read_text() == text
