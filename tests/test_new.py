"""`pyo3-uv new`: from an empty folder to green tests, or a message that says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jinja2
import pexpect
import pytest

from pyo3_uv import process
from pyo3_uv.interpreters import SUPPORTED, Interpreter, choose, describe

from .commands import (
    PYO3_UV,
    ROOT,
    clean_environment,
    exit_code,
    git,
    publish,
    run,
    terminal,
    uv,
    with_path,
)
from .conftest import QUESTIONS, Render
from .projects import read_toml, stored
from .pythons import environment, sync

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


@pytest.mark.build
@pytest.mark.parametrize("kind", ["extension", pytest.param("app", marks=pytest.mark.slow)])
def test_new_ends_with_green_tests(
    render: Render, middle: Interpreter, target: Path, tmp_path: Path, kind: str
) -> None:
    """Offline, without any answer: `pyo3-uv new ../myproj --defaults`."""
    cached = render(python_version=middle.minor, kind=kind)
    sync(cached, middle, environment(target, middle))
    run(["cargo", "fetch"], cached, environment(target, middle))
    env = offline(middle, tmp_path / "tools") | {"CARGO_TARGET_DIR": str(target)}
    (tmp_path / "here").mkdir()
    command = [PYO3_UV, "new", "../myproj", "--defaults", "-d", f"kind={kind}"]
    output = run(command, tmp_path / "here", env).output
    project = tmp_path / "myproj"
    assert f"for Python {middle.minor}" in output
    steps = ["uv sync", "git commit", "uv run pytest", "cargo test"]
    for step in steps if kind == "extension" else [s for s in steps if "pytest" not in s]:
        assert f"ok     {step}" in output
    assert "cd ../myproj" in output

    assert git(project, "status", "--porcelain") == ""
    committed = git(project, "ls-files").split()
    assert {"uv.lock", "Cargo.lock", ".copier-answers.yml"} <= set(committed)
    assert (project / ".python-version").read_text() == f"{middle.minor}\n"
    assert not list(tmp_path.glob(".pyo3-uv*"))


@pytest.mark.slow
@pytest.mark.build
def test_json(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """And all ways to answer: a file, -d, --python with a path."""
    (tmp_path / "answers.yml").write_text(
        "_src_path: elsewhere\nproject_name: from-file\nexample: false\nextras: []\n"
    )
    command = [PYO3_UV, "new", "made", "--json", "--defaults", "--python", middle.path]
    command += ["--answers-file", "answers.yml", "-d", "project_name=given"]
    result = json.loads(run(command, tmp_path, env).output)
    assert result["ok"] is True
    assert result["project"] == str(tmp_path / "made")
    assert result["python"]["version"] == middle.minor
    assert result["python"]["shared"] is True
    assert [step["ok"] for step in result["steps"]] == [True] * 5
    answers = stored(tmp_path / "made")
    assert (answers["project_name"], answers["example"], answers["extras"]) == ("given", False, [])
    assert answers["_src_path"] == str(ROOT)


@pytest.mark.slow
@pytest.mark.build
def test_failing_step_keeps_what_was_done(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """The step's output in full, and the commands to go on with, which then work."""
    command = [PYO3_UV, "new", "made", "--defaults", "--python", middle.path, "-d", "extras=[]"]
    broken = env | {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_NO_CACHE": "1"}
    result = run(command, tmp_path, broken, check=False)
    assert result.code == 1
    assert "failed uv sync" in result.output and "127.0.0.1:9" in result.output
    assert "What was done is kept" in result.output
    commands = [line.strip() for line in result.output.split("Go on with:")[1].splitlines()]
    assert commands[2].startswith("cd made")
    run(["bash", "-ec", "\n".join(commands)], tmp_path, env)
    assert "Cargo.lock" in git(tmp_path / "made", "ls-files")


@pytest.mark.slow
@pytest.mark.build
def test_no_identity_and_a_repository_around(
    middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """git without a name is no reason to stop; a folder in a repository is left to that."""
    env = environment(target, middle, HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM="1")
    env |= {"CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))}
    env |= {"RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))}
    env |= {"UV_CACHE_DIR": run([uv(), "cache", "dir"], ROOT).output.strip()}
    env = {k: v for k, v in env.items() if not k.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    # Else git makes an identity of the machine's name.
    (tmp_path / ".gitconfig").write_text("[user]\nuseConfigOnly = true\n")
    env["GIT_CONFIG_GLOBAL"] = str(tmp_path / ".gitconfig")
    command = [PYO3_UV, "new", "--defaults", "--python", middle.path, "-d", "extras=[]"]
    output = run([*command, "outer"], tmp_path, env).output
    assert "git does not know who you are" in output and "ok     cargo test" in output
    assert "uv.lock" in git(tmp_path / "outer", "ls-files"), "everything is staged"

    output = run([*command, "outer/inner"], tmp_path, env).output
    assert "left to you: the folder is in the repository" in output
    assert not (tmp_path / "outer/inner/.git").exists()


@pytest.mark.slow
@pytest.mark.build
def test_installed_command_takes_the_published_template(
    template: Path, middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    """`uvx --from git+https://…`, literally, with a local bare clone behind the address."""
    env = (
        environment(target, middle) | publish(template, tmp_path) | {"UV_PYTHON": str(middle.path)}
    )
    [command] = re.findall(r"^uvx --from .* new ", README, re.MULTILINE)
    arguments = ["made", "--defaults", "--python", middle.path, "-d", "example=false"]
    run([*command.split(), *arguments], tmp_path, env)
    answers = stored(tmp_path / "made")
    assert answers["_src_path"] == "gh:org/pyo3-uv-template"

    # What `fix` writes is what the template renders: its texts are in the wheel.
    config = tmp_path / "made/.cargo/config.toml"
    rendered = config.read_text()
    config.unlink()
    fix = [*command.removesuffix(" new ").split(), "fix", "--yes", "--allow-dirty"]
    fix += ["--rust-tests", "--config", "committed"]
    run(fix, tmp_path / "made", env)
    assert config.read_text() == rendered


@pytest.mark.slow
@pytest.mark.build
def test_released_command_takes_the_template_of_its_version(
    template: Path, middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """`uvx pyo3-uv`, from the wheel that a release publishes; a newer template is there already."""
    run([uv(), "build", "--quiet", "--wheel", "--out-dir", tmp_path / "dist"], ROOT)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    env = env | publish(template, tmp_path) | {"UV_PYTHON": str(middle.path)}
    version = read_toml(ROOT / "pyproject.toml")["project"]["version"]
    repository = tmp_path / "org/pyo3-uv-template.git"
    git(repository, "tag", f"v{version}")
    newer = git(repository, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "newer").strip()
    git(repository, "tag", "v99.0.0", newer)
    command = [uv(), "tool", "run", "--from", wheel, "pyo3-uv", "new", "made", "--defaults"]
    run([*command, "--python", middle.path, "-d", "example=false"], tmp_path, env)
    assert stored(tmp_path / "made")["_commit"] == f"v{version}"


# ---- Nothing is written ----

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


def test_old_rust_is_named(tmp_path: Path) -> None:
    """The message only: a rustc that says it is older than what the crates need."""
    env = clean_path(clean_environment(), tmp_path / "tools", "rustc")
    (tmp_path / "tools/rustc").write_text("#!/bin/sh\necho 'rustc 1.84.1 (e71f9a9a9 2025-01-27)'\n")
    (tmp_path / "tools/rustc").chmod(0o755)
    result = run([PYO3_UV, "new", "made", "--defaults"], tmp_path, env, check=False)
    assert result.code == 1
    assert "rustc 1.84.1: at least 1.85 is needed: rustup update" in result.output


# ---- At a terminal ----


def dialogue(tmp_path: Path, middle: Interpreter, target: Path) -> pexpect.spawn:
    env = with_path(environment(target, middle), middle.path.parent)
    return terminal([PYO3_UV, "new", "asked", "-d", "extras=[]"], tmp_path, env)


@pytest.mark.slow
@pytest.mark.build
def test_dialogue(middle: Interpreter, target: Path, tmp_path: Path) -> None:
    """Enter at each prompt; the Pythons that are there are offered first."""
    process = dialogue(tmp_path, middle, target)
    process.expect("Python version")
    process.expect("installed, shared libpython")
    process.send("\r")
    for name, question in QUESTIONS.items():
        if name not in ("python_version", "windows", "extras"):
            process.expect_exact(str(question["help"]))
            process.send("\r")
    process.expect("ok.*cargo test")
    assert exit_code(process) == 0
    assert (tmp_path / "asked/Cargo.lock").is_file()


@pytest.mark.slow
def test_ctrl_c_at_a_prompt_leaves_nothing(
    middle: Interpreter, target: Path, tmp_path: Path
) -> None:
    for question in ("Python version", "Author's name"):
        process = dialogue(tmp_path, middle, target)
        process.expect("Python version")
        if question != "Python version":
            process.send("\r")
            for _ in range(2):
                process.expect(r"\?")
                process.send("\r")
            process.expect(question)
        process.send("\x03")
        assert exit_code(process) == 130
        assert "Traceback" not in process.before
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.build
def test_ctrl_c_in_a_step(middle: Interpreter, target: Path, tmp_path: Path) -> None:
    """What is rendered stays, and the commands to go on with are named."""
    command = [PYO3_UV, "new", "made", "--defaults", "--python", middle.path, "-d", "extras=[]"]
    process = subprocess.Popen(
        # A shell's background jobs ignore Ctrl-C, and so do their children, unless told otherwise.
        ["/usr/bin/env", "--default-signal=INT", *command],
        cwd=tmp_path,
        env=environment(target, middle),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "made/.venv").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert "What was done is kept" in output and "uv sync" in output
    assert (tmp_path / "made/Cargo.toml").is_file()
    assert not list(tmp_path.glob(".pyo3-uv*"))
    shutil.rmtree(tmp_path / "made")
