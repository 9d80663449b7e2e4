"""The gallery: renders on branches of the repository."""

import sys
from pathlib import Path

import yaml

from tests.commands import clean_environment, commit_all, git, run, uv
from tests.projects import files

BRANCHES = ["app", "extension", "minimal", "workspace"]


def release(repository: Path, tag: str) -> dict[str, str]:
    """Tag the repository, push the gallery, and return the commits of its branches."""
    git(repository, "tag", "--force", tag)
    # The environment of these tests has Copier already.
    env = clean_environment(UV_PROJECT_ENVIRONMENT=sys.prefix, UV_NO_SYNC="1", UV=str(uv()))
    run([".github/gallery.sh"], repository, env)
    listed = git(repository, "ls-remote", "origin", "refs/heads/gallery/*").splitlines()
    return {ref.rpartition("/")[2]: commit for commit, ref in map(str.split, listed)}


def test_each_release_is_a_commit(template: Path, tmp_path: Path) -> None:
    repository = tmp_path / "pyo3-uv-template"
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(tmp_path, "clone", "--quiet", "--origin", "template", str(template), str(repository))
    git(repository, "remote", "add", "origin", str(tmp_path / "origin"))

    first = release(repository, "v0.1.0")
    assert sorted(first) == BRANCHES
    project = tmp_path / "app"
    git(tmp_path, "clone", "--quiet", "--branch", "gallery/app", "origin", str(project))
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers["_src_path"] == "gh:org/pyo3-uv-template" and answers["_commit"] == "v0.1.0"
    assert answers["project_name"] == "my-project" and answers["kind"] == "app"
    assert (project / "src/main.rs").is_file()
    assert not [name for name in files(project) if name.startswith(".github/workflows/")]
    assert "Cargo.toml" not in git(repository, "status", "--short"), "the checkout is as it was"
    assert release(repository, "v0.1.0") == first

    script = repository / "template/parts/build.rs"
    script.write_text(script.read_text(encoding="utf-8") + "// More\n", encoding="utf-8")
    commit_all(repository)
    second = release(repository, "v0.2.0")
    assert sorted(second) == BRANCHES
    for name, commit in second.items():
        git(repository, "fetch", "--quiet", "origin", f"gallery/{name}")
        log = git(repository, "log", "--format=%H %s", commit).splitlines()
        assert log == [f"{commit} v0.2.0", f"{first[name]} v0.1.0"]
        changes = git(repository, "diff", "--unified=0", first[name], commit).splitlines()
        added = [line for line in changes if line.startswith("+") and line[:3] != "+++"]
        expected = ["+_commit: v0.2.0", "+// More"]
        command = 'uvx --from "pyo3-uv[bundle]==0.2.0" pyo3-uv bundle'
        expected += [f"+      - run: {command}", f"+{command}"] if name == "app" else []
        assert sorted(added) == sorted(expected)
