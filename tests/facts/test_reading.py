"""A user's files: which are read, and what cannot be is said, without a traceback or a hang."""

import os
import shlex
import socket
from pathlib import Path

import pytest

from pyo3_uv import files
from pyo3_uv.checks import no_environment
from pyo3_uv.checks.finding import lines
from pyo3_uv.facts import git
from pyo3_uv.facts.discovery import load, load_all
from pyo3_uv.facts.extension_module import extension_of
from pyo3_uv.files import read_text, text_to_search
from pyo3_uv.git import root_of
from pyo3_uv.paths import printable
from pyo3_uv.process import UserError
from pyo3_uv.toml import read_toml
from tests.commands import commit_all
from tests.crates import PYPROJECT, made
from tests.reports import facts_of


def test_pipes_locks_and_folders_are_no_sources(tmp_path: Path) -> None:
    """Before: a hang at the pipe, a traceback at Emacs's lock and at the folder."""
    crate = made(tmp_path / "crate")
    os.mkfifo(crate / "src/pipe.rs")
    (crate / "src/.#lib.rs").symlink_to("user@host.123:456")
    (crate / "src/folder.rs").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(crate)  # as the path of a socket must be short
        server.bind("src/socket.rs")
        os.chdir(Path(__file__).parent)
    assert load(crate).sources.files == [crate / "src/lib.rs"]
    assert load(crate).sources.pymodules == ["made"]


@pytest.mark.parametrize("name", ["Cargo.toml", "pyproject.toml", ".cargo/config.toml"])
def test_what_is_no_file_is_named_or_passed_over(name: str, tmp_path: Path) -> None:
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    inner = crate / "inner" / name
    inner.parent.mkdir(parents=True)
    os.mkfifo(inner)
    assert [project.folder for project in load_all(crate)] == [crate]
    with pytest.raises(UserError, match="is not a regular file"):
        read_toml(inner)
    inner.unlink()
    inner.mkdir()
    assert [project.folder for project in load_all(crate)] == [crate]
    with pytest.raises(UserError, match="is not a regular file"):
        read_toml(inner)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Before: `pyproject.toml is not valid TOML: Empty key at line 1 col 0`."""
    crate = made(tmp_path / "crate")
    for text in (PYPROJECT, PYPROJECT.replace("\n", "\r\n")):
        (crate / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert load(crate).package.pyproject["project"]["name"] == "made"


def test_other_encodings_are_named_or_searched(tmp_path: Path) -> None:
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    latin = "# für\nx = 1\n".encode("latin-1")
    (crate / "pyproject.toml").write_bytes(latin)
    with pytest.raises(UserError, match=r"pyproject.toml is not UTF-8: .* at byte 3"):
        _ = load(crate).package.pyproject
    (crate / "src/lib.rs").write_bytes(b"// f\xfcr\r\n" + (crate / "src/lib.rs").read_bytes())
    assert load(crate).sources.pymodules == ["made"]


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a file that says it has none, as those in /proc do."""
    monkeypatch.setattr(files, "LIMIT", 1_000_000)
    large = tmp_path / "large.rs"
    large.write_bytes(b"/" * 1_000_001)
    for read in (read_text, text_to_search):
        with pytest.raises(UserError, match=r"large.rs is larger than 1 MB"):
            read(large)
    with pytest.raises(UserError, match=r"gone.rs does not exist"):
        read_text(tmp_path / "gone.rs")
    assert text_to_search(tmp_path / "gone.rs") == ""


@pytest.mark.parametrize("text", ["\0", "(" * 5000, "x = [", "RustExtension(path={[]: 1})"])
def test_a_setup_py_that_python_cannot_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(text)
    assert extension_of(tmp_path, {}, {tmp_path / "crate"}) is None


def test_git_refuses_a_repository_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: as if there were no repository, so that uncommitted changes were no obstacle."""
    crate = made(tmp_path / "crate")
    commit_all(crate)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    for ask in (root_of, git.listed, lambda folder: git.uncommitted(folder, [folder])):
        with pytest.raises(UserError, match="dubious ownership"):
            ask(crate)
    for ask in (git.is_tracked, git.is_ignored):
        with pytest.raises(UserError, match="dubious ownership"):
            ask(crate / "Cargo.toml")
    with pytest.raises(UserError, match="dubious ownership"):
        load_all(crate)


@pytest.mark.parametrize("name", [".git/HEAD", ".git"])
def test_a_broken_repository_is_not_none(name: str, tmp_path: Path) -> None:
    crate = made(tmp_path / "crate")
    if name != ".git":
        commit_all(crate)
    (crate / name).write_text("gitdir: nowhere\n")
    with pytest.raises(UserError, match="not a git repository"):
        root_of(crate / "src")


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root_of(tmp_path) is None and git.listed(tmp_path) is None
    assert not git.is_tracked(tmp_path / "x") and not git.is_ignored(tmp_path / "x")
    assert git.uncommitted(tmp_path, [tmp_path]) == ""
    monkeypatch.setenv("PATH", "")
    assert root_of(tmp_path) is None


@pytest.mark.parametrize("name", ["new\nline", "new\n", " space ", "'\"*[a]?", "\x1b[31m"])
def test_any_name_of_a_folder(name: str, tmp_path: Path) -> None:
    """Before: the root was another folder, as all of what git printed was stripped."""
    crate = made(tmp_path / name / "crate")
    commit_all(tmp_path / name)
    assert root_of(crate) == tmp_path / name
    assert git.is_tracked(crate / "Cargo.toml") and not git.is_tracked(crate / "gone")
    assert git.uncommitted(crate, [crate]) == ""
    (crate / "Cargo.toml").write_text("")
    assert "Cargo.toml" in git.uncommitted(crate, [crate])


def test_what_a_terminal_would_obey_is_escaped() -> None:
    text = "a\tb\n\x1b[31mred\x07 \x9b1m \u202eevil\u2066 \r\x7f caf\u00e9 \udcff"
    assert printable(text) == (
        "a\tb\n\\x1b[31mred\\x07 \\x9b1m \\u202eevil\\u2066 \\x0d\\x7f caf\u00e9 \\udcff"
    )


def test_shown_commands_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: `my env/bin/python --version`, which runs `my`."""
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "my 'new' env")
    finding = no_environment.find(facts_of(crate))
    assert finding
    words = shlex.split(finding.evidence.command)
    assert words == ["my 'new' env/bin/python", "--version"]
    shown = lines(load(crate), crate / "Cargo.toml", "^'|pyo3").command
    assert shlex.split(shown) == ["grep", "-nE", "^'|pyo3", "Cargo.toml"]
