"""`pyo3-uv new`: a message that says what to do, before anything is written."""

import os
import sys
from pathlib import Path

import jinja2
import pytest

from pyo3_uv import process
from pyo3_uv.facts.interpreters import SUPPORTED, Interpreter, choose, describe
from tests.commands import PYO3_UV, ROOT, clean_environment, run, with_path

README = (ROOT / "README.md").read_text(encoding="utf-8")


def clean_path(env: dict[str, str], tools: Path, *missing: str) -> dict[str, str]:
    """Return `env` with a PATH of links in `tools` to all programs that are on PATH but `missing`.

    A folder of links, as most tools share a folder with others.
    """
    tools.mkdir()
    for folder in env["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else []:
            link = tools / program.name
            if program.name not in missing and not link.is_symlink():
                link.symlink_to(program)
    return env | {"PATH": str(tools)}


def offline(python: Interpreter, tools: Path) -> dict[str, str]:
    """Return an environment in which uv knows `python` only and nothing is downloaded."""
    env = clean_environment(UV_PYTHON_SEARCH_PATH=str(python.path.parent), UV_OFFLINE="1")
    env["CARGO_NET_OFFLINE"] = "true"
    missing = [p.name for f in env["PATH"].split(":") for p in Path(f).glob("python*")]
    return with_path(clean_path(env, tools, *missing), python.path.parent)


def test_supported_versions_are_those_of_the_question() -> None:
    loader = jinja2.FileSystemLoader(ROOT / "hooks")
    table = jinja2.Environment(loader=loader).get_template("pythons.jinja").module
    assert list(SUPPORTED) == [*table.releases, *table.free_threaded]


def test_path_of_an_interpreter(
    middle: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps run in the project's folder, where a relative path and a pyenv shim mean another."""
    (tmp_path / "link").symlink_to(middle.path)
    (tmp_path / "shim").write_text(f'#!/bin/sh\nexec "{middle.path}" "$@"\n')
    (tmp_path / "shim").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert choose("./link", []).request == str(tmp_path / "link")
    shim = describe(tmp_path / "shim")
    assert shim and shim.path == middle.path


def test_command_outside_an_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As pip installs it in a container or conda: cargo is in the folder of its Python, too."""
    for base, seen in ((tmp_path, True), (tmp_path / "base", False)):
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        monkeypatch.setattr(sys, "base_prefix", str(base))
        monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}/elsewhere")
        folders = process.outer_environment()["PATH"].split(os.pathsep)
        assert (f"{tmp_path}/bin" in folders) == seen and "/elsewhere" in folders


def test_destination_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, message in (("full", "is not empty (mine.txt)"), ("file", "is not a folder")):
        result = run([PYO3_UV, "new", name, "--defaults"], tmp_path, check=False)
        assert result.code == 1
        assert message in result.output
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]


def test_questions_need_a_terminal(tmp_path: Path) -> None:
    result = run([PYO3_UV, "new", "made"], tmp_path, check=False)
    assert result.code == 2
    assert "add --defaults" in result.output


def test_old_rust_is_named(tmp_path: Path) -> None:
    """The message only: a rustc that says it is older than what the crates need."""
    env = clean_path(clean_environment(), tmp_path / "tools", "rustc")
    (tmp_path / "tools/rustc").write_text("#!/bin/sh\necho 'rustc 1.84.1 (e71f9a9a9 2025-01-27)'\n")
    (tmp_path / "tools/rustc").chmod(0o755)
    result = run([PYO3_UV, "new", "made", "--defaults"], tmp_path, env, check=False)
    assert result.code == 1
    assert "rustc 1.84.1: at least 1.85 is needed: rustup update" in result.output


MISTAKES = {
    "unknown question": (["-d", "kin=app"], 2, "no such question: kin; there are project_name"),
    "refused answer": (["-d", "abi=abi3t"], 1, "abi3t needs python_min 3.15"),
    "invalid choice": (["-d", "license=GPL"], 1, "license"),
    "derived answer": (["-d", "module_name=x"], 1, "Derived from other answers; remove it."),
    "no value": (["-d", "kind"], 2, "write KEY=VALUE"),
    "two Pythons": (["--python", "3.12", "-d", "python_version=3.13"], 2, "give one"),
    "unsupported": (["--python", "3.9"], 2, "not one of the template's: 3.10, 3.11"),
    "not installed": (["--python", "3.15t"], 1, "is not installed"),
    "no version": (["--python", "latest"], 2, "neither a version like 3.14 nor a path"),
    "no Python": (["--python", "/bin/true"], 2, "is not a Python that starts"),
    "no file": (["--answers-file", "absent.yml"], 2, "absent.yml cannot be read"),
    "no mapping": (["--answers-file", "list.yml"], 2, "has no mapping"),
    "no template": (["--template", "gh+file:///absent"], 1, ""),
    "no repository": (["--template", "git+file:///absent.git"], 1, "git: "),
    "no option": (["--pyhton", "3.12"], 2, "No such option"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str, middle: Interpreter, tmp_path: Path) -> None:
    arguments, code, message = MISTAKES[mistake]
    (tmp_path / "list.yml").write_text("[1, 2]")
    env = with_path(clean_environment(), middle.path.parent)
    result = run([PYO3_UV, "new", "made", "--defaults", *arguments], tmp_path, env, check=False)
    assert result.code == code, result.output
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["list.yml"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "advice"),
    [
        ("uv", "docs.astral.sh/uv"),
        ("cargo", "rustup.rs"),
        ("rustc", "rustup.rs"),
        ("cc", "install a C compiler"),
        ("git", "git-scm.com"),
    ],
)
def test_missing_tool_is_named(tool: str, advice: str, tmp_path: Path) -> None:
    missing = [tool, "gcc", "clang"] if tool == "cc" else [tool]
    # rustup's cargo brings a rustc that is not on PATH
    env = clean_path(clean_environment(), tmp_path / "tools", *missing)
    result = run([PYO3_UV, "new", "made", "--defaults"], tmp_path, env, check=False)
    assert result.code == 1
    assert f"{'linker' if tool == 'cc' else tool} is missing: " in result.output
    assert advice in result.output
    assert not (tmp_path / "made").exists()
