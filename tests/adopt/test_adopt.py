"""`pyo3-uv adopt`: what it proposes and leaves alone, what it refuses; nothing is built or written."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pyo3_uv.cli import app
from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.process import UserError
from tests.commands import commit_all, git
from tests.crates import BUILD, CDYLIB, MODULE, PYO3, PYPROJECT, SYSTEM, crate, made, write
from tests.projects import replace, tree

UV = "\n[tool.uv]\n"
GITHUB = '\n[project.urls]\nSource = "https://github.com/ada/made"\n'


def project(folder: Path, pyproject: str = PYPROJECT + UV, **files: str) -> Path:
    """Write an extension project, and commit it."""
    made(folder, **{"pyproject.toml": pyproject, ".python-version": "3.12\n", **files})
    commit_all(folder)
    return folder


def environment(folder: Path) -> None:
    python = executable_of(folder / ".venv")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)


def invoke(folder: Path, template: Path, *options: str) -> Any:
    """Run the command in this process, as each start takes a second; the project stays as it is."""
    before = tree(folder, ".git")
    arguments = ["adopt", str(folder), "--template", str(template), *options]
    result = CliRunner().invoke(app, arguments)
    assert tree(folder, ".git") == before
    return result


def adopt(folder: Path, template: Path, *options: str) -> dict[str, Any]:
    """Return what `adopt --explain` says of a project."""
    result = invoke(folder, template, "--explain", "--format=json", *options)
    assert result.exception is None, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refused(folder: Path, template: Path, *options: str, code: int = 1) -> str:
    """Return the one line with which `adopt` refuses a project."""
    error = invoke(folder, template, "--defaults", *options).exception
    assert isinstance(error, UserError) and error.code == code, error
    assert "\n" not in str(error)
    return str(error)


# ---- What is refused ----

SETUPTOOLS = """
    [build-system]
    requires = ["setuptools", "setuptools-rust"]
    build-backend = "setuptools.build_meta"

    [project]
    name = "made"
    version = "0.1.0"

    [[tool.setuptools-rust.ext-modules]]
    target = "made"
    """
PROGRAM = "fn main() {\n    pyo3::Python::initialize();\n}\n"


@pytest.mark.parametrize(
    ("tables", "files", "reason"),
    [
        ("", {"pyproject.toml": PYPROJECT}, "depends on pyo3"),
        (CDYLIB + PYO3, {"pyproject.toml": SETUPTOOLS}, "is built by setuptools-rust"),
        (PYO3, {"src/main.rs": PROGRAM}, "is a program that embeds Python"),
        (CDYLIB + PYO3, {}, "no pyproject.toml has a build backend"),
        (CDYLIB + PYO3, {"pyproject.toml": SYSTEM}, "has no [project] with a name"),
        (
            CDYLIB + PYO3,
            {
                "pyproject.toml": PYPROJECT,
                ".copier-answers.yml": "_src_path: gh:pawamoy/copier-uv\n",
            },
            "was made from another template, gh:pawamoy/copier-uv",
        ),
    ],
    ids=["no PyO3", "setuptools-rust", "an app", "no backend", "no name", "another template"],
)
def test_refused(
    template: Path, tmp_path: Path, tables: str, files: dict[str, str], reason: str
) -> None:
    made(tmp_path, tables, **files)
    commit_all(tmp_path)
    assert reason in refused(tmp_path, template, code=2 if reason == "depends on pyo3" else 1)


def test_uncommitted_changes(template: Path, tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "src/lib.rs").write_text("// mine\n")
    assert "uncommitted changes (M src/lib.rs)" in refused(folder, template)
    git(folder, "rm", "--quiet", "--cached", "Cargo.toml", "src/lib.rs")
    git(folder, "commit", "--quiet", "-m", "without")
    assert "uncommitted changes (?? Cargo.toml)" in refused(folder, template)


def test_outside_of_git(template: Path, tmp_path: Path) -> None:
    made(tmp_path, **{"pyproject.toml": PYPROJECT})
    assert "is in no Git repository" in refused(tmp_path, template)


def test_answers_that_the_project_gives(template: Path, tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert "there is none: run uv sync" in refused(folder, template)
    environment(folder)
    for answer in ("kind=app", "example=true", "layout=workspace"):
        assert "in this project: leave it out" in refused(folder, template, "-d", answer, code=2)
    assert "no such question: stubs" in refused(folder, template, "-d", "stubs=x", code=2)
    docs = refused(folder, template, "-d", "extras=[docs,github]", code=2)
    assert docs.startswith("docs among extras would need more")
    assert "use pyo3-uv fix --config local" in refused(folder, template, "--config=local", code=2)


def test_a_template_that_no_update_finds(template: Path, tmp_path: Path) -> None:
    folder, clone = project(tmp_path / "made"), tmp_path / "pyo3-uv-template"
    environment(folder)
    git(tmp_path, "clone", "--quiet", str(template), str(clone))
    (clone / "copier.yml").write_text((clone / "copier.yml").read_text() + "# mine\n")
    assert "has uncommitted changes: commit them first" in refused(folder, clone)


def test_twice(template: Path, tmp_path: Path) -> None:
    """What was made from the template is left to `copier update`."""
    for source in (template, "gh:someone/pyo3-uv-template", "https://x.org/pyo3-uv-template.git"):
        answers = f"_commit: v0.1.0\n_src_path: {source}\n"
        folder = project(tmp_path / Path(str(source)).name, **{".copier-answers.yml": answers})
        assert adopt(folder, template) == {"added": [], "changed": [], "left": {}}
        replace(folder / "Cargo.toml", "0.1.0", "0.2.0")
        adopt(folder, template)


# ---- What is proposed ----


def test_answers(template: Path, tmp_path: Path) -> None:
    pyproject = (
        PYPROJECT.replace('"made"', '"Made-It"').replace("3.10", "3.11")
        + 'description = "Fast\\n  things"\nlicense = { text = "MIT/Apache-2.0" }\n'
        + 'authors = [{ name = "Ada L", email = "ada@example.org" }, { name = "Bob" }]\n'
    )
    result = adopt(project(tmp_path, pyproject + GITHUB + UV), template)
    assert result["answers"] == {
        "project_name": "Made-It",
        "description": "Fast things",
        "author_name": "Ada L",
        "author_email": "ada@example.org",
        "repository": "https://github.com/ada/made",
        "license": "MIT OR Apache-2.0",
        "kind": "extension",
        "layout": "single",
        "python_version": "3.12",
        "python_min": "3.11",
        "abi": "abi3",
        "example": False,
        "extras": ["dependabot"],
    }
    assert result["notes"].keys() == {"extras"}


def test_what_the_template_does_not_offer(template: Path, tmp_path: Path) -> None:
    """Each has a note: yours stays."""
    pyproject = PYPROJECT.replace("3.10", "3.8") + 'license = "BSD-3-Clause"\n'
    folder = project(tmp_path, pyproject + UV)
    (folder / ".python-version").write_text("3.9\n")
    replace(folder / "Cargo.toml", ', features = ["abi3-py310"]', "")
    commit_all(folder)
    result = adopt(folder, template, "-d", "python_version=3.13")
    answers = result["answers"]
    assert (answers["python_version"], answers["python_min"]) == ("3.13", "3.10")
    assert (answers["license"], answers["abi"]) == ("MIT", "version")
    assert {"python_version", "python_min", "license"} < result["notes"].keys()
    assert ".python-version" in result["left"]


@pytest.mark.parametrize(
    ("remote", "extras"),
    [
        ("git@github.com:ada/made.git", ["dependabot"]),
        ("git@gitlab.com:ada/made.git", []),
        ("https://codeberg.org/ada/made", []),
        (None, []),
    ],
)
def test_host(template: Path, tmp_path: Path, remote: str | None, extras: list[str]) -> None:
    """Files for GitHub are proposed there only."""
    folder = project(tmp_path)
    if remote:
        git(folder, "remote", "add", "origin", remote)
    result = adopt(folder, template)
    assert result["answers"]["extras"] == extras
    assert (".github/dependabot.yml" in result["added"]) == bool(extras)
    if remote:
        host = remote.replace("git@", "https://").replace(".com:", ".com/").removesuffix(".git")
        assert result["answers"]["repository"] == host


# ---- What is added, and what is left alone ----


def test_files(template: Path, tmp_path: Path) -> None:
    result = adopt(project(tmp_path), template)
    assert {*result["added"]} == {".cargo/config.toml", ".copier-answers.yml", "build.rs"}
    assert result["same"] == [".python-version"]
    assert result["left"].keys() == {".gitattributes", ".gitignore", "stubs.py"}


def test_what_is_the_user_s_own(template: Path, tmp_path: Path) -> None:
    """Workflows, settings of cargo and of git, a build script, a stub: each with the reason."""
    own = {
        ".github/workflows/CI.yml": "on: push\n",
        ".github/renovate.json": "{}\n",
        ".cargo/config.toml": "[build]\n",
        "build.rs": BUILD,
        "made.pyi": "def answer() -> int: ...\n",
        ".gitignore": "target/\n.venv\n*.so\n*.pyd\n",
        ".gitattributes": "* text=auto\n",
        "README.md": "# Mine\n",
    }
    folder = project(tmp_path, PYPROJECT + GITHUB + UV, **own)
    extras = "extras=[github,dependabot,vscode]"
    result = adopt(folder, template, "-d", extras)
    assert result["added"] == [
        ".copier-answers.yml",
        ".vscode/launch.json",
        ".vscode/settings.json",
    ]
    left = result["left"]
    for name in (".github/workflows/ci.yml", ".github/workflows/release.yml"):
        assert "you have workflows (CI.yml)" in left[name]
    assert "renovate.json" in left[".github/dependabot.yml"]
    assert "build.rs is yours" in left["build.rs"]
    assert "made.pyi is yours" in left["stubs.py"]
    assert {".cargo/config.toml", ".gitignore", ".gitattributes"} < left.keys()
    assert "README.md" not in left


def test_workflows_that_are_wanted(template: Path, tmp_path: Path) -> None:
    folder = project(tmp_path, PYPROJECT + GITHUB + UV)
    result = adopt(folder, template, "-d", "extras=[github]")
    assert {".github/workflows/ci.yml", ".github/check-release.sh"} < {*result["added"]}
    assert ".gitattributes" in result["added"], "for the script"


def test_cargo_is_bound_where_uv_is_used(template: Path, tmp_path: Path) -> None:
    """Else everybody who runs cargo there would need `.venv`, CI too."""
    folder = project(tmp_path, PYPROJECT, **{"README.md": "    maturin develop\n"})
    result = adopt(folder, template)
    assert "--config committed adds it" in result["left"][".cargo/config.toml"]
    assert ".cargo/config.toml" in adopt(folder, template, "--config=committed")["added"]
    leave = adopt(folder, template, "--config=committed", "--leave=build.rs")["left"]
    assert leave["build.rs"] == "as you said"


def test_in_a_subfolder(template: Path, tmp_path: Path) -> None:
    """Of a repository whose root is above: GitHub reads no files there."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "https://github.com/ada/made")
    folder = tmp_path / "bindings/python"
    made(folder, **{"pyproject.toml": PYPROJECT + UV, ".python-version": "3.12\n"})
    commit_all(tmp_path)
    result = adopt(folder, template, "-d", "extras=[dependabot,vscode]")
    assert {".cargo/config.toml", "build.rs", ".vscode/launch.json"} < {*result["added"]}
    assert "at the root" in result["left"][".github/dependabot.yml"]
    assert adopt(folder, template)["answers"]["extras"] == []


def test_a_crate_elsewhere(template: Path, tmp_path: Path) -> None:
    """Beside pyproject.toml there is nothing to build: no build.rs there."""
    pyproject = PYPROJECT + '\n[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n' + UV
    crate(tmp_path / "rust", CDYLIB + PYO3, "2024", MODULE)
    write(tmp_path, {"pyproject.toml": pyproject, ".python-version": "3.12\n"})
    commit_all(tmp_path)
    result = adopt(tmp_path, template)
    assert ".copier-answers.yml" in result["added"] and "build.rs" not in result["added"]
    assert "the crate lies in rust" in result["left"]["build.rs"]
    assert "the crate lies in rust" in result["left"]["Cargo.toml"]


def test_a_workspace(template: Path, tmp_path: Path) -> None:
    """One of the template's shape: a crate without Python, and one with the bindings."""
    manifest = '\n[tool.maturin]\nmanifest-path = "crates/made-python/Cargo.toml"\n'
    package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n\n'
    logic = '[dependencies]\nmade = { path = "../made" }\n'
    pyo3 = PYO3.removeprefix("[dependencies]\n")
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nresolver = "3"\n',
        "pyproject.toml": PYPROJECT + manifest + UV,
        "crates/made/Cargo.toml": package.format("made"),
        "crates/made/src/lib.rs": "",
        "crates/made-python/Cargo.toml": package.format("made-python") + CDYLIB + logic + pyo3,
        "crates/made-python/src/lib.rs": MODULE,
    }
    commit_all(write(tmp_path, files))
    result = adopt(tmp_path, template, "-d", "python_version=3.12")
    assert result["answers"]["layout"] == "workspace"
    assert {"crates/made-python/build.rs", ".cargo/config.toml"} < {*result["added"]}
    assert not any(name.endswith("Cargo.toml") for name in result["left"])


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ('[dependencies]\npyo3 = { version = "0.30", optional = true }\n', "pyo3 is optional"),
        ('[dependencies]\npyo3 = "=0.28.3"\n', "and yours must be =0.28.3"),
    ],
)
def test_a_build_script_that_does_not_fit(
    template: Path, tmp_path: Path, tables: str, reason: str
) -> None:
    made(tmp_path, CDYLIB + tables, **{"pyproject.toml": PYPROJECT + UV})
    commit_all(tmp_path)
    assert reason in adopt(tmp_path, template)["left"]["build.rs"]
