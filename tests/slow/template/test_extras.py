"""What the question `extras` adds, used for real."""

import json
import re
import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import clean_environment, commit_all, git, run, uv
from tests.conftest import Render
from tests.projects import EXTRAS, bindings
from tests.pythons import environment, sync
from tests.sites import Page, build, search
from tests.tools import uvx

NEEDS_PACKAGES = """
#[test]
fn test_packages() {
    pyo3::Python::attach(|py| pyo3::types::PyModule::import(py, "pytest").map(|_| ())).unwrap();
}
"""


@pytest.fixture(scope="module")
def project(shared_project: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return an extension with all extras."""
    project = shared_project(middle, env, extras=EXTRAS)
    commit_all(project)
    return project


@pytest.mark.weekly
@pytest.mark.build
def test_tools_of_the_extras_on_the_oldest_python(
    synced: Render, oldest: Interpreter, target: Path
) -> None:
    """Their newest versions need a newer one: there must be older versions that work together."""
    env = environment(target, oldest)
    project = synced(oldest, env, extras=EXTRAS, example=False)
    text = Page(build(project, env) / "index.html").text
    assert "values: SupportsGetItem[int, SupportsFloat | SupportsIndex], ) -> float" in text
    assert "TypeError values is not a sequence of numbers." in text
    run([uv(), "run", "pytest", "benchmarks", "--benchmark-disable"], project, env)
    run(["cargo", "test", "--benches"], project, env)
    run([uv(), "run", "coverage", "run", "--source=python", "-m", "pytest"], project, env)
    run([uv(), "run", "coverage", "lcov", "--quiet", "-o", "target/python.lcov"], project, env)


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

    # Without --reinstall-package an edited Python file is stale in silence.
    init = project / "python/my_project/__init__.py"
    init.write_text(init.read_text() + "\nMINE = 1\n")
    show = ["python", "-c", "import my_project; print(hasattr(my_project, 'MINE'))"]
    for options, seen in ((release[:1], "False"), (release, "True"), ([], "True")):
        assert run([uv(), "run", "--quiet", *options, *show], project, env).output == f"{seen}\n"
    git(project, "checkout", "--", ".")


@pytest.fixture(scope="module")
def site(project: Path, env: dict[str, str]) -> Path:
    return build(project, env)


@pytest.mark.build
def test_docs(site: Path) -> None:
    """The site has the stub's signatures, with types, and its docstrings; nothing of the inside."""
    page = Page(site / "index.html")
    assert "from_json(text: str) -> User Read a user from JSON with username, friends" in page.text
    assert "__new__( username: str, group: Group | None = None, friends: " in page.text
    assert "Group ¶ A named group of users, immutable. name property ¶ name: str" in page.text
    anchors = {anchor for anchor in page.anchors if anchor.startswith("my_project.")}
    assert {"my_project.User.friends", "my_project.User.to_json"} <= anchors
    assert not [anchor for anchor in anchors if "_core" in anchor or "__all__" in anchor]


@pytest.mark.build
@pytest.mark.browser
def test_search_in_docs(site: Path) -> None:
    found = search(site, "from_json", "#my_project.User.from_json")
    assert "from_json(text: str) -> User" in found["shown"]


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


@pytest.mark.build
@pytest.mark.parametrize("layout", ["single", pytest.param("workspace", marks=pytest.mark.weekly)])
def test_vscode_starts_rust_tests_in_the_environment(
    synced: Render, middle: Interpreter, env: dict[str, str], layout: str
) -> None:
    """By launch.json and by "Debug" above a test: both go around cargo's runner."""
    project = synced(middle, env, layout=layout, extras=["vscode"])
    with (bindings(project) / "src/lib.rs").open("a") as file:
        file.write(NEEDS_PACKAGES)
    launch = json.loads((project / ".vscode/launch.json").read_text())["configurations"]
    [rust] = [entry for entry in launch if entry["name"] == "Rust tests"]
    build = ["cargo", *rust["cargo"]["args"], "--message-format=json"]
    lines = run(build, project, env).output.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    [program] = [message["executable"] for message in messages if message.get("executable")]
    settings = json.loads((project / ".vscode/settings.json").read_text())
    failing = run([program], project, env, check=False).output
    assert "No module named 'pytest'" in failing or "encodings" in failing
    for variables in (rust["env"], settings["rust-analyzer.runnables.extraEnv"]):
        expanded = {
            key: value.replace("${workspaceFolder}", str(project)).replace(
                "${env:PATH}", env["PATH"]
            )
            for key, value in variables.items()
        }
        assert "test_packages ... ok" in run([program], project, env | expanded).output


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
