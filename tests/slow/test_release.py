"""A release of this repository, rehearsed: the owner's command, the workflows that its tag starts as
they are written, and what users get.
"""

# ruff: noqa: F811

import re
import shutil
import sys
import zipfile
from pathlib import Path

from tests.commands import clean_environment, git, publish, run, uv
from tests.releases import github
from tests.slow.template.test_release import index  # noqa: F401
from tests.test_release import HAND, NOTES, UPDATE
from tests.tools import uvx

VERSION = "99.0.0"
TAG = f"v{VERSION}"
REPOSITORY = "https://github.com/org/pyo3-uv-template"


def test_from_the_command_to_the_user(
    source: Path, index: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    project = shutil.copytree(source, tmp_path / "pyo3-uv-template")
    (project / "CHANGELOG.md").write_text(
        f"# Changelog\n\n{NOTES}\n## 0.0.1 - 2026-11-29\n\nOld.\n"
    )
    pushed = github(project, tmp_path, clean_environment())
    origin = tmp_path / "origin"

    # GitHub refuses the push: nothing is left of it. Then it does not.
    state = git(project, "rev-parse", "HEAD")
    hook = origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    command = [".github/release.sh", VERSION]
    output = run(command, project, pushed.env, check=False).output
    assert output.endswith("error: nothing is released and nothing changed; the reason is above\n")
    assert (git(project, "rev-parse", "HEAD"), git(project, "status", "--short")) == (state, "")
    hook.unlink()
    run(command, project, pushed.env)
    assert git(origin, "tag") == f"{TAG}\n"
    assert (
        git(origin, "rev-parse", "main", TAG).split()
        == [git(project, "rev-parse", "HEAD")[:-1]] * 2
    )
    changed = git(project, "show", "--name-only", "--format=").split()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "uv.lock"]
    run([uv(), "lock", "--check"], project, pushed.env)

    # release.yml, after its tests: `test` makes a project, as others of our tests do
    address = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REF_NAME": TAG}
    address |= {"GITHUB_REPOSITORY": "org/pyo3-uv-template"}
    packages, publishing = index
    workflow = pushed.workflow(TAG, **address, **publishing)
    workflow.actions |= {
        "pypa/gh-action-pypi-publish": lambda _, folder, env: run([uv(), "publish"], folder, env)
    }
    pushed.run(workflow, "build", "publish")
    wheel = packages / f"pyo3_uv-{VERSION}-py3-none-any.whl"
    assert {*packages.iterdir()} == {wheel, packages / f"pyo3_uv-{VERSION}.tar.gz"}
    run(uvx("twine", "check", "--strict", *packages.iterdir()), tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        page = archive.read(f"pyo3_uv-{VERSION}.dist-info/METADATA").decode()
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert f"{REPOSITORY}/blob/{TAG}/CONTRIBUTING.md" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    for _ in range(2):
        pushed.run(workflow, "release")
    notes = (pushed.releases / "notes").read_text()
    linked = f"{REPOSITORY}/blob/{TAG}/docs/stubs.md"
    assert notes == f"\n{UPDATE}\n\n- `a.py` ([why]({linked})).\n\n{HAND}\n\nNothing.\n\n"

    # gallery.yml; the environment of these tests has Copier already
    environment = {"UV_PROJECT_ENVIRONMENT": sys.prefix, "UV_NO_SYNC": "1"}
    pushed.run(pushed.workflow(TAG, "gallery.yml", **environment), "push")
    branches = ["app", "extension", "minimal", "workspace"]
    listed = git(origin, "branch", "--list", "gallery/*", "--format=%(refname:short) %(subject)")
    assert listed.splitlines() == [f"gallery/{name} {TAG}" for name in branches]

    # pages.yml, which the commit on main starts, without the upload
    pushed.run(pushed.workflow("", "pages.yml"), "build")
    assert (tmp_path / "runner/site/docs/troubleshooting/index.html").is_file()

    # A user: the newest tag is the template, and the command is that of the index.
    (tmp_path / "published").mkdir()
    env = clean_environment() | publish(origin, tmp_path / "published")
    answers = ["--defaults", "-d", "kind=app", "-d", "project_name=my-project"]
    copier = [sys.executable, "-m", "copier", "copy", *answers, "gh:org/pyo3-uv-template"]
    run([*copier, "my-project"], tmp_path, env)
    readme = (tmp_path / "my-project/README.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^uvx --from .* pyo3-uv (?=bundle$)", readme, re.MULTILINE)
    assert command == f'uvx --from "pyo3-uv[bundle]=={VERSION}" pyo3-uv '
    env |= {"UV_INDEX": publishing["UV_PUBLISH_CHECK_URL"]}
    output = run(["bash", "-c", f"{command} --version"], tmp_path, env).output
    assert output.splitlines()[-1] == f"pyo3-uv {VERSION}"
