"""What the question `extras` adds, used for real; and the steps of a release for this platform."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from pyo3_uv.interpreters import Interpreter

from .commands import clean_environment, commit_all, git, run, uv, with_path
from .conftest import Render
from .projects import APP_EXTRAS, EXTRAS, replace
from .pythons import environment, sync
from .tools import check_workflows, uvx
from .workflows import Workflow

kinds = pytest.mark.parametrize(
    "answers",
    [{}, {"layout": "workspace"}, {"kind": "app"}],
    ids=["extension", "workspace", "app"],
)


@pytest.fixture(scope="module")
def project(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return an extension with all extras."""
    project = shared_project(middle, env, extras=EXTRAS)
    commit_all(project)
    return project


@pytest.mark.slow
@pytest.mark.build
def test_all_extras_build_and_pass(project: Path, env: dict[str, str]) -> None:
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)
    run(["cargo", "doc", "--no-deps"], project, env | {"RUSTDOCFLAGS": "-D warnings"})
    run(["cargo", "test", "--all-targets"], project, env)
    for command in (["ruff", "check"], ["mypy"], ["stubtest", "my_project"], ["pytest"]):
        run([uv(), "run", *command], project, env)
    assert run(["git", "status", "--porcelain"], project).output == ""


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize(
    "answers",
    [
        {"example": False},
        {"layout": "workspace"},
        {"layout": "workspace", "example": False},
        {"kind": "app"},
        {"kind": "app", "example": False},
    ],
    ids=lambda answers: "-".join(map(str, answers.values())),
)
def test_all_extras_in_other_variants(
    synced: Render, env: dict[str, str], middle: Interpreter, answers: dict[str, str | bool]
) -> None:
    """The minimal ones too; proprietary, and with text that needs quotes everywhere."""
    kind = answers.get("kind", "extension")
    project = synced(
        middle,
        env,
        **answers,
        extras=EXTRAS if kind == "extension" else APP_EXTRAS,
        license="Proprietary",
        description="\"Fast\" & 'small': C:\\path, {{ x }}, 50 %",
        author_name='Ada "Countess" L., née B.',
        author_email="ada@example.org",
    )
    run(["cargo", "test", "--all-targets"], project, env)
    commit_all(project)
    run(uvx("prek", "run", "--all-files"), project, env)
    if kind == "extension":
        run([uv(), "run", "pytest"], project, env)
        run([uv(), "run", "pytest", "benchmarks", "--benchmark-disable"], project, env)
        run([uv(), "run", "mkdocs", "build", "--strict"], project, env)
        assert "test result: ok" in debug(project, env)
        run([uv(), "build", "--quiet", "--wheel"], project, env)
        run(uvx("twine", "check", "--strict", *(project / "dist").glob("*.whl")), project, env)


@pytest.mark.slow
@pytest.mark.build
def test_tools_of_the_extras_on_the_oldest_python(
    synced: Render, oldest: Interpreter, target: Path
) -> None:
    """Their newest versions need a newer one: there must be older versions that work together."""
    env = environment(target, oldest)
    project = synced(oldest, env, extras=EXTRAS, example=False)
    run([uv(), "run", "mkdocs", "build", "--strict"], project, env)
    run([uv(), "run", "pytest", "benchmarks", "--benchmark-disable"], project, env)
    run([uv(), "run", "coverage", "run", "--source=python", "-m", "pytest"], project, env)
    run([uv(), "run", "coverage", "lcov", "--quiet", "-o", "target/python.lcov"], project, env)


@pytest.mark.slow
@pytest.mark.build
def test_benchmarks(project: Path, env: dict[str, str]) -> None:
    """Each benchmark once: those of criterion ran with `cargo test --all-targets` already."""
    output = run(["cargo", "test", "--benches"], project, env).output
    assert "Testing from_json\nSuccess" in output and "Testing to_json\nSuccess" in output
    assert (
        "uv run --no-editable --reinstall-package my-project pytest benchmarks"
        in (project / "README.md").read_text()
    )
    release = ["--no-editable", "--reinstall-package", "my-project"]
    command = [uv(), "run", *release, "pytest", "benchmarks", "--benchmark-disable"]
    assert "2 passed" in run(command, project, env).output
    run([uv(), "sync"], project, env)


@pytest.mark.slow
@pytest.mark.build
def test_docs(project: Path, env: dict[str, str]) -> None:
    """The site is built in strict mode and holds the stub's docstrings."""
    run([uv(), "run", "mkdocs", "build", "--strict"], project, env)
    page = (project / "target/site/index.html").read_text(encoding="utf-8")
    assert "Read a user from JSON with" in page
    assert "A named group of users" in page


@pytest.mark.slow
@pytest.mark.build
def test_pre_commit_hooks(project: Path, env: dict[str, str]) -> None:
    offline = env | {"UV_OFFLINE": "1"}
    command = uvx("prek", "run", "--all-files", "--color", "never")
    run(uvx("prek", "--version"), project, env)
    output = run(command, project, offline).output
    assert output.count("Passed") == 6

    stub = project / "python/my_project/__init__.py"
    before = stub.read_text()
    stub.write_text(before.replace('"Group", "User"', "'Group',  'User'"))
    result = run(command, project, offline, check=False)
    assert result.code != 0 and "ruff format" in result.output
    assert stub.read_text() == before, "the hook mends it"


def debug(project: Path, env: dict[str, str]) -> str:
    """Run the Rust tests of an extension as VS Code does: without cargo's runner."""
    launch = json.loads((project / ".vscode/launch.json").read_text())["configurations"]
    [rust] = [entry for entry in launch if entry["name"] == "Rust tests"]
    build = ["cargo", *rust["cargo"]["args"], "--message-format=json"]
    lines = run(build, project, env).output.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    [program] = [message["executable"] for message in messages if message.get("executable")]
    variables = {
        key: value.replace("${workspaceFolder}", str(project)).replace("${env:PATH}", env["PATH"])
        for key, value in rust["env"].items()
    }
    return run([program], project, env | variables).output


@pytest.mark.slow
@pytest.mark.build
def test_vscode_starts_rust_tests_in_the_environment(project: Path, env: dict[str, str]) -> None:
    assert "2 passed" in debug(project, env)


@pytest.mark.slow
def test_coverage(render: Render, middle: Interpreter) -> None:
    """One report: Rust lines that only pytest reaches, and Python lines."""
    if not shutil.which("cargo-llvm-cov"):
        pytest.skip("cargo-llvm-cov is not installed")
    project = render(extras=["coverage"], python_version=middle.minor)
    env = clean_environment()
    done = run(["cargo", "llvm-cov", "show-env"], project, env, check=False)
    if done.code:
        pytest.skip(f"LLVM's tools for this rustc are missing: {done.output.splitlines()[-1]}")
    sync(project, middle, env)
    run(["./coverage.sh"], project, env)
    records = (project / "target/coverage.lcov").read_text().split("end_of_record\n")
    [rust] = [record for record in records if "users.rs\n" in record]
    number = next(
        n
        for n, line in enumerate((project / "src/users.rs").read_text().splitlines(), start=1)
        if "fn __repr__" in line
    )
    assert re.search(rf"^DA:{number},[1-9]", rust, re.MULTILINE), "only pytest calls it"
    assert any(record.count("__init__.py\n") for record in records)


# ---- Release ----


@pytest.mark.slow
@pytest.mark.build
def test_release_steps_for_this_platform(
    project: Path, env: dict[str, str], middle: Interpreter, tmp_path: Path
) -> None:
    """Build, audit, install in a clean environment, test what is installed."""
    dist = tmp_path / "dist"
    run([uv(), "build", "--quiet", "--out-dir", dist], project, env)
    [wheel] = dist.glob("*.whl")
    [sdist] = dist.glob("*.tar.gz")
    run(uvx("twine", "check", "--strict", wheel, sdist), tmp_path, env)
    assert "manylinux" in run(uvx("auditwheel", "show", wheel), tmp_path, env).output

    venv = tmp_path / "venv"
    run([uv(), "venv", "--quiet", "--python", middle.path, venv], tmp_path, env)
    install = [uv(), "pip", "install", "--quiet", "--python", venv, wheel, "pytest"]
    run(install, tmp_path, env)
    unpacked = tmp_path / "unpacked"
    shutil.unpack_archive(sdist, unpacked)
    [tests] = unpacked.glob("*/tests")
    shutil.copytree(tests, tmp_path / "tests")
    output = run([venv / "bin/python", "-m", "pytest", "tests"], tmp_path, env).output
    assert "4 passed" in output
    names = {p.name for p in unpacked.rglob("*")}
    assert {"LICENSE", "CHANGELOG.md"} <= names
    assert not names & {"__pycache__", ".venv", "target", ".mypy_cache", "dist"}
    assert os.path.getsize(wheel) < 2_000_000


# ---- Workflows ----


@kinds
def test_workflows_are_sound(render: Render, answers: dict[str, str]) -> None:
    project = render(**answers, extras=["github", "dependabot"])
    check_workflows(project)
    dependabot = project / ".github/dependabot.yml"
    run(uvx("zizmor", "--offline", dependabot), project)
    run(uvx("check-jsonschema", "--builtin-schema", "vendor.dependabot", dependabot), project)


@pytest.mark.slow
@pytest.mark.build
@kinds
def test_every_linux_step_of_ci(
    synced: Render, env: dict[str, str], middle: Interpreter, answers: dict[str, str]
) -> None:
    env = with_path(env, middle.path.parent)
    minimum = {} if answers.get("kind") == "app" else {"python_min": middle.minor}
    project = synced(middle, env, project_name="my-project", **minimum | answers)
    run(["cargo", "generate-lockfile"], project, env)
    workflow = Workflow(project, "ci.yml", env, **{"matrix.python": middle.minor})
    for job in workflow.jobs:
        workflow.run_job(job)
    assert middle.minor in json.loads(workflow.outputs["pythons"])["test"]
    assert any("clippy" in step for step in workflow.ran)
    assert any("cargo test" in step for step in workflow.ran)


@pytest.mark.parametrize(
    ("answers", "interpreters"),
    [
        ({"python_version": "3.13"}, ["3.11"]),
        (
            {"python_version": "3.13", "python_min": "3.13", "abi": "version"},
            ["3.13", "3.14", "3.15"],
        ),
        ({"python_version": "3.14t", "python_min": "3.14"}, ["3.14", "3.15", "3.14t", "3.15t"]),
        ({"python_version": "3.15", "python_min": "3.15", "abi": "abi3t"}, ["3.15"]),
    ],
)
def test_wheels_of_a_release(
    render: Render, answers: dict[str, str], interpreters: list[str]
) -> None:
    """One wheel for a stable ABI, else one for each Python."""
    project = render(extras=["github"], **answers)
    pythons = json.loads((project / ".github/pythons.json").read_text())
    assert pythons["wheels"] == interpreters


@pytest.mark.slow
@pytest.mark.build
@kinds
def test_release_as_readme_says(
    synced: Render,
    env: dict[str, str],
    middle: Interpreter,
    tmp_path: Path,
    answers: dict[str, str],
) -> None:
    """Bump, lock, changelog, commit, tag; and the workflow up to the upload."""
    kind = answers.get("kind", "extension")
    minimum = {"python_min": middle.minor} if kind == "extension" else {}
    project = synced(middle, env, example=False, extras=["github"], **minimum | answers)
    run(["cargo", "check"], project, env)
    commit_all(project)
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(project, "remote", "add", "origin", str(tmp_path / "origin"))

    release = (project / "README.md").read_text().split("## Release")[1]
    bump, *commands = re.findall(r"`((?:cargo|git) [^`]+)`", release)
    replace(project / "Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    result = run(["cargo", "check", "--locked"], project, env, check=False)
    assert "--locked was passed" in result.output, "the lock file has the old version"
    run(bump.split(), project, env)
    replace(project / "CHANGELOG.md", "## Unreleased", "## 0.2.0 - 2026-11-23")
    for command in commands:
        run(["bash", "-c", command], project, env)
    assert git(tmp_path / "origin", "tag") == "v0.2.0\n"
    assert git(project, "status", "--porcelain") == ""

    env = with_path(env | {"GITHUB_REF_NAME": "v0.2.0"}, middle.path.parent)
    wheels = "join(fromJSON(needs.check.outputs.pythons).wheels, ' ')"
    workflow = Workflow(project, "release.yml", env, **{wheels: middle.minor})
    workflow.run_job("check")
    if kind == "app":
        run(["cargo", "build", "--release", "--locked"], project, env)
        return
    workflow.run_job("sdist")
    maturin = ["maturin", "build", "--release", "--locked", "--out", "dist", "-i", middle.path]
    run([uv(), "tool", "run", *maturin], project, env)  # as the action does
    workflow.run_job("test")
    assert [path.name.split("-")[1] for path in (project / "dist").glob("*.whl")] == ["0.2.0"]

    names = ["release.yml", *(["release-crate.yml"] if "layout" in answers else [])]
    for name in names:
        wrong = Workflow(project, name, env | {"GITHUB_REF_NAME": "v0.3.0"})
        with pytest.raises(AssertionError, match=r"the tag is v0\.3\.0, the version 0\.2\.0"):
            wrong.run_job("check")
    if "layout" in answers:
        shutil.rmtree(project / "dist")
        Workflow(project, "release-crate.yml", env).run_job("check")
        crates = Path(env["CARGO_TARGET_DIR"], "package").rglob("*.crate")
        assert [path.name for path in crates] == ["my-project-0.2.0.crate"]
