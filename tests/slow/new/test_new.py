"""`pyo3-uv new`: from an empty folder to green tests."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import (
    PYO3_UV,
    ROOT,
    Terminal,
    exit_code,
    git,
    publish,
    run,
    terminal,
    uv,
    with_path,
)
from tests.conftest import QUESTIONS, Render
from tests.new.test_new import README, offline
from tests.projects import read_toml, stored
from tests.pythons import environment, fast, sync

pytestmark = pytest.mark.build


@pytest.mark.parametrize("kind", ["extension", "app"])
def test_new_ends_with_green_tests(
    render: Render, middle: Interpreter, target: Path, tmp_path: Path, kind: str
) -> None:
    """Offline, without any answer: `pyo3-uv new ../myproj --defaults`."""
    cached = render(python_version=middle.minor, kind=kind)
    sync(cached, middle, environment(target, middle))
    run(["cargo", "fetch"], cached, environment(target, middle))
    env = offline(middle, tmp_path / "tools") | fast(target)
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


def test_json(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """And all ways to answer: a file, -d, --python with a path."""
    (tmp_path / "answers.yml").write_text(
        "_src_path: elsewhere\nproject_name: from-file\nexample: false\nextras: []\n"
    )
    command = [PYO3_UV, "new", "made", "--format=json", "--defaults", "--python", middle.path]
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


def dialogue(tmp_path: Path, middle: Interpreter, target: Path) -> Terminal:
    env = with_path(environment(target, middle), middle.path.parent)
    return terminal([PYO3_UV, "new", "asked", "-d", "extras=[]"], tmp_path, env)


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
