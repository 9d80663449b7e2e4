"""`copier update` in a project that was made from an older release and edited since."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from support import ROOT, clean_environment, commit_all, git, run

OLD, NEW = "v0.0.1", "v0.0.2"


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two releases: an older one that differs as releases do, and HEAD.

    The older one does not ask for `windows` and `extras`, has another version of PyO3, a sentence
    less in README.md and a file that is gone since.
    """
    repository = tmp_path_factory.mktemp("releases") / "pyo3-uv-template"
    shutil.copytree(template, repository)
    extension = repository / "template/{{ if_extension }}"
    questions = repository / "copier.yml"
    text = questions.read_text(encoding="utf-8")
    start = text.index("windows:\n")
    end = text.index("# ----", start)
    extras = 'extras:\n  type: json\n  default: "[]"\n  when: false\n\n'
    questions.write_text(text[:start] + extras + text[end:], encoding="utf-8")
    config = extension / ".cargo/config.toml.jinja"
    text = config.read_text(encoding="utf-8")
    start, middle, end = text.index("{% if"), text.index("{% else"), text.index("{% endif")
    unix = text[middle:end].split("\n", 1)[1]
    config.write_text(text[:start] + unix + text[end:].split("\n", 1)[1], encoding="utf-8")
    replace(questions, 'version = "0.30"', 'version = "0.29"')
    replace(extension / "README.md.jinja", "; nothing has to be activated", "")
    (repository / "template/Makefile").write_text("test:\n\tcargo test\n")
    commit_all(repository, "older")
    git(repository, "tag", OLD)

    git(repository, "checkout", "--quiet", "HEAD~", "--", ".")
    (repository / "template/Makefile").unlink()
    commit_all(repository, "newer")
    git(repository, "tag", NEW)
    assert git(repository, "diff", "HEAD", "HEAD~2") == ""
    return repository


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def project(releases: Path, tmp_path: Path) -> Path:
    """Return a project made from the older release, in git."""
    folder = tmp_path / "my-project"
    copy = ["copy", "--defaults", "--vcs-ref", OLD, "-d", "python_version=3.12"]
    copier(tmp_path, *copy, "-d", "author_name=Ada", str(releases), str(folder))
    commit_all(folder)
    return folder


def copier(cwd: Path, *args: str) -> str:
    return run([sys.executable, "-m", "copier", *args], cwd, clean_environment()).output


def contents(project: Path) -> dict[str, str]:
    names = git(project, "ls-files", "--cached", "--others", "--exclude-standard").split()
    paths = {name: project / name for name in names}
    return {name: p.read_text(encoding="utf-8") for name, p in paths.items() if p.exists()}


def test_update_keeps_edits_and_equals_a_fresh_render(
    releases: Path, project: Path, tmp_path: Path
) -> None:
    """The user has bumped the version, added a dependency, a test and a question's answer."""
    assert (project / "Makefile").exists()
    edits = [
        ("Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
        ("Cargo.toml", 'serde_json = "1"\n', 'serde_json = "1"\nrayon = "1"\n'),
        ("pyproject.toml", "[tool.mypy]\n", "[tool.mypy]\npretty = true\n"),
        ("src/lib.rs", "pub mod users;\n", "mod groups;\npub mod users;\n"),
    ]
    for name, old, new in edits:
        replace(project / name, old, new)
    (project / "src/groups.rs").write_text("//! Mine.\n")
    commit_all(project, "edits")

    output = copier(project, "update", "--defaults")
    assert "is up to date with the template" in output

    fresh = tmp_path / "fresh"
    copy = ["copy", "--defaults", "--vcs-ref", NEW, "-d", "python_version=3.12"]
    names = ["-d", "author_name=Ada", "-d", "project_name=my-project", "-d", "extras=[]"]
    copier(tmp_path, *copy, *names, str(releases), str(fresh))
    for name, old, new in edits:
        replace(fresh / name, old, new)
    (fresh / "src/groups.rs").write_text("//! Mine.\n")
    commit_all(fresh)
    assert contents(project) == contents(fresh)
    assert not (project / "Makefile").exists()


def test_conflicting_edit_leaves_markers_and_loses_nothing(project: Path) -> None:
    mine = 'pyo3 = { version = "0.29.1", features = ["abi3-py311", "serde", "num-bigint"] }'
    replace(
        project / "Cargo.toml",
        'pyo3 = { version = "0.29", features = ["abi3-py311", "serde"] }',
        mine,
    )
    commit_all(project, "edit")
    copier(project, "update", "--defaults")
    merged = (project / "Cargo.toml").read_text()
    ours, theirs = merged.split("<<<<<<<")[1].split(">>>>>>>")[0].split("=======")
    assert mine in ours
    assert 'version = "0.30"' in theirs
    assert git(project, "show", "HEAD:Cargo.toml").count(mine) == 1


def test_old_answers_keep_their_meaning(project: Path) -> None:
    """A question that is new since then gets the default that reproduces the old output."""
    before = (project / ".cargo/config.toml").read_text()
    copier(project, "update", "--defaults")
    assert (project / ".cargo/config.toml").read_text() == before
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["windows"] is False
    assert answers["extras"] == []
    assert not (project / ".github").exists()
    assert answers["_commit"] == NEW


def test_extras_can_be_added_later(project: Path) -> None:
    copier(project, "update", "--defaults", "-d", "extras=[vscode]")
    assert (project / ".vscode/settings.json").exists()
    commit_all(project)
    copier(project, "update", "--defaults", "-d", "extras=[]")
    assert not (project / ".vscode/settings.json").exists()


def test_changed_answer(project: Path) -> None:
    copier(project, "update", "--defaults", "-d", "python_version=3.13", "-d", "abi=version")
    assert (project / ".python-version").read_text() == "3.13\n"
    assert "abi3" not in (project / "Cargo.toml").read_text()


def test_uncommitted_edits_are_not_touched(project: Path) -> None:
    replace(project / "Cargo.toml", "0.1.0", "0.2.0")
    before = contents(project)
    done = run([sys.executable, "-m", "copier", "update", "--defaults"], project, check=False)
    assert done.code != 0
    assert "dirty" in done.output
    assert contents(project) == before


def past_commits() -> list[str]:
    """Return commits of this repository that changed the template: the first, and some since."""
    listed = git(ROOT, "log", "--format=%h", "--reverse", "--", "copier.yml", "template").split()
    return listed[:1] + listed[1 : -1 : max(1, len(listed) // 5)]


@pytest.mark.parametrize("commit", past_commits())
def test_update_from_an_earlier_commit(template: Path, tmp_path: Path, commit: str) -> None:
    """A project made from it becomes what a fresh render with its answers is."""
    history = tmp_path / "pyo3-uv-template"
    git(tmp_path, "clone", "--quiet", str(ROOT), str(history))
    for path in history.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(
        template, history, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"), symlinks=True
    )
    commit_all(history, "now")

    project = tmp_path / "my-project"
    copier(tmp_path, "copy", "--defaults", "--vcs-ref", commit, str(history), str(project))
    commit_all(project)
    copier(project, "update", "--defaults", "--vcs-ref", "HEAD")
    answers = tmp_path / "answers.yml"
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    answers.write_text(yaml.safe_dump({k: v for k, v in stored.items() if not k.startswith("_")}))
    fresh = tmp_path / "fresh"
    copy = ["copy", "--defaults", "--vcs-ref", "HEAD", "--data-file", str(answers)]
    copier(tmp_path, *copy, str(history), str(fresh))
    commit_all(fresh)
    assert contents(project) == contents(fresh)
