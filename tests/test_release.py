"""The owner's command for a release: what it refuses, in a line. tests/slow rehearses the rest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import ROOT, commit_all, git, run
from tests.projects import replace

UPDATE, HAND = "### What an update changes", "### What you do by hand"
NOTES = f"## Unreleased\n\n{UPDATE}\n\n- `a.py` ([why](docs/stubs.md)).\n\n{HAND}\n\nNothing.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a clone whose origin is bare, and which can be released."""
    repository = tmp_path / "pyo3-uv-template"
    (repository / ".github").mkdir(parents=True)
    shutil.copy(ROOT / ".github/release.sh", repository / ".github")
    (repository / "CHANGELOG.md").write_text(f"# Changelog\n\n{NOTES}\n## 0.9.0 - 2026-11-29\n")
    commit_all(repository)
    git(repository, "tag", "v0.9.0")
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(repository, "remote", "add", "origin", str(tmp_path / "origin"))
    git(repository, "push", "--quiet", "origin", "main", "v0.9.0")
    return repository


def changelog(old: str, new: str) -> Callable[[Path], None]:
    def change(repository: Path) -> None:
        replace(repository / "CHANGELOG.md", old, new)
        commit_all(repository)
        git(repository, "push", "--quiet", "origin", "main")

    return change


# The version, what is done before, what the command says
REFUSED = {
    "version": ("0.10", None, "name the version: .github/release.sh 0.1.0"),
    "branch": (
        "0.10.0",
        lambda repository: git(repository, "switch", "--quiet", "--create", "other"),
        "this is not the branch main; run 'git switch main'",
    ),
    "dirty": (
        "0.10.0",
        lambda repository: (repository / "new.txt").touch(),
        "there are changes which no commit has; commit or remove them",
    ),
    "not pushed": ("0.10.0", commit_all, "main is not origin's; run 'git pull --rebase' and 'git"),
    "older": ("0.8.1", None, "0.8.1 is not newer than v0.9.0; name a newer version"),
    "the same": ("0.9.0", None, "0.9.0 is not newer than v0.9.0; name a newer version"),
    "nothing unreleased": (
        "0.10.0",
        changelog("## Unreleased", "## 0.8.0"),
        f"CHANGELOG.md has no text at '## Unreleased', '{UPDATE}'; write it, 'Nothing.' if so",
    ),
    "nothing by hand": (
        "0.10.0",
        changelog("Nothing.\n", ""),
        f"CHANGELOG.md has no text at '## Unreleased', '{HAND}'; write it, 'Nothing.' if so",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(repository: Path, case: str) -> None:
    version, change, message = REFUSED[case]
    if change:
        change(repository)
    before = git(repository, "rev-parse", "HEAD"), git(repository, "status", "--short")
    result = run([".github/release.sh", version], repository, check=False)
    [line] = result.output.splitlines()
    assert result.code == 1 and line.startswith(f"error: {message}")
    assert before == (git(repository, "rev-parse", "HEAD"), git(repository, "status", "--short"))
    assert git(repository, "tag") == "v0.9.0\n"
