"""The version of an extension stands in pyproject.toml, where uv and Dependabot read it."""

import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run, uv
from tests.conftest import Render
from tests.projects import read_toml, replace
from tests.workflows import TAG, Workflow


@pytest.fixture
def project(render: Render, middle: Interpreter, env: dict[str, str]) -> Path:
    """Return a workspace with lock files; nothing is built for them."""
    project = render(layout="workspace", python_version=middle.minor)
    run([uv(), "lock", "--quiet", "--python", middle.path], project, env)
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    return project


def test_uv_bumps_it(project: Path, env: dict[str, str]) -> None:
    before = (project / "Cargo.lock").read_text()
    run([uv(), "version", "--no-sync", "--bump", "minor"], project, env)
    assert read_toml(project / "pyproject.toml")["project"]["version"] == "0.2.0"
    run(["cargo", "metadata", "--format-version=1", "--locked"], project, env)
    assert (project / "Cargo.lock").read_text() == before
    run([uv(), "lock", "--check"], project, env)


def test_dependabot_can_lock(project: Path, env: dict[str, str], tmp_path: Path) -> None:
    """It has these three files, and none of Rust."""
    folder = tmp_path / "dependabot"
    folder.mkdir()
    for name in ("pyproject.toml", "uv.lock", "README.md"):
        shutil.copy(project / name, folder)
    run([uv(), "lock", "--upgrade-package", "pytest"], folder, env)


def test_release_compares_versions(project: Path, env: dict[str, str]) -> None:
    """Of tag, package and crate, as Python compares them; what is printed helps."""

    def check(tag: str, passes: bool) -> str:
        """Run the steps up to the first that builds, in both workflows."""
        tagged = env | {"GITHUB_REF_NAME": tag}
        printed = ""
        for name, job in (("release.yml", "sdist"), ("release-crate.yml", "check")):
            workflow = Workflow(project, name, tagged, **{TAG: tag})
            steps = workflow.jobs[job]["steps"]
            compares = [step for step in steps if step.get("name", "").startswith("Compare")]
            workflow.jobs[job]["steps"] = compares
            printed += workflow.run_job(job, check=passes)
        return printed

    check("v0.1.0", passes=True)
    printed = check("v0.2.0", passes=False)
    assert "the tag is v0.2.0, the version 0.1.0; run 'uv version 0.2.0'" in printed
    run([uv(), "version", "--no-sync", "1.2.0rc1"], project, env)
    workflow = Workflow(project, "release-crate.yml", env, **{TAG: "v1.2.0rc1"})
    message = workflow.run_job("check", check=False).strip()
    fix = message.rpartition(", or ")[2]
    assert fix.startswith("sed -i")
    run(["bash", "-c", fix], project, env)
    run(["cargo", "metadata", "--format-version=1", "--offline"], project, env)
    assert read_toml(project / "Cargo.toml")["workspace"]["package"]["version"] == "1.2.0-rc.1"
    for tag in ("v1.2.0rc1", "v1.2.0-rc.1"):
        check(tag, passes=True)


def test_uv_could_not_with_a_dynamic_version(project: Path, env: dict[str, str]) -> None:
    """As projects had it before."""
    replace(project / "pyproject.toml", 'version = "0.1.0"\n', 'dynamic = ["version"]\n')
    done = run([uv(), "version", "--bump", "minor"], project, env, check=False)
    assert done.code and "dynamic project versions" in done.output
