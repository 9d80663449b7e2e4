"""One run at a time, and what is left of one that was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyo3_uv.edits.lock import one_run
from pyo3_uv.process import UserError
from tests.commands import commit_all
from tests.crates import write
from tests.projects import tree

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the python.exe of an environment starts another process"
)

# Makes what a run makes, says so, and waits to be killed.
RUN = """
import sys, tempfile
from pathlib import Path
from pyo3_uv.edits.lock import one_run

root = Path(sys.argv[1])
with one_run(root) as run:
    for folder in (root.parent, root):
        copy = Path(tempfile.mkdtemp(prefix=".pyo3-uv-", dir=folder))
        (copy / "file").write_text("")
        (copy / "link").symlink_to(root / "kept", target_is_directory=True)
        run.note(copy)
    for path in sys.argv[2:]:
        run.note(Path(path))
    (root / "crate/.0123456789abcdef.pyo3-uv").write_text("")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["git", "none"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root = write(tmp_path / "beside/root", {"crate/Cargo.toml": "", "kept/file": ""})
    if request.param == "git":
        commit_all(root)
    return root


def start(root: Path, *noted: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(root), *map(str, noted)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_run_stops(root: Path) -> None:
    process = start(root)
    message = rf"another run \(process {process.pid}\) is at work"
    with pytest.raises(UserError, match=message), one_run(root):
        pass
    end(process)


def test_the_next_run_names_and_removes_what_a_killed_one_left(root: Path) -> None:
    before = tree(root.parent, ".git")
    process = start(root)
    assert len(tree(root.parent, ".git")) == len(before) + 5
    end(process)
    with one_run(root) as run:
        assert f"(process {process.pid}) was killed" in run.left_over
        assert run.left_over.count("removed") == 3
    assert tree(root.parent, ".git") == before and (root / "kept/file").exists()
    assert not list(root.parent.glob(".pyo3-uv-*"))
    with one_run(root) as run:
        assert run.left_over == ""


def test_only_what_a_run_makes_is_removed(root: Path, tmp_path: Path) -> None:
    """Whatever its note says."""
    elsewhere = write(tmp_path / "elsewhere/.pyo3-uv-x", {"file": ""})
    link = root / ".pyo3-uv-link"
    link.symlink_to(root / "kept", target_is_directory=True)
    (root / "crate/.pyo3-uv").write_text("")
    (root / "crate/.fedcba9876543210.pyo3-uv").symlink_to(root / "crate/Cargo.toml")
    end(start(root, elsewhere, link, root / "kept", root / ".pyo3-uv-gone", Path("/")))
    with one_run(root) as run:
        assert run.left_over.count("removed") == 3
    assert (elsewhere / "file").exists() and link.is_symlink() and (root / "kept/file").exists()
    assert (root / "crate/.pyo3-uv").exists()
    assert (root / "crate/.fedcba9876543210.pyo3-uv").is_symlink()


def test_an_error_or_ctrl_c_is_an_end(root: Path) -> None:
    for error in (KeyboardInterrupt, UserError("no")):
        with pytest.raises((KeyboardInterrupt, UserError)), one_run(root):
            raise error
    with one_run(root) as run:
        assert run.left_over == ""


def test_a_note_that_was_cut_off(root: Path) -> None:
    end(start(root))
    (note,) = [*root.glob(".git/pyo3-uv.json"), *root.parents[1].glob("state/*/*.json")]
    os.truncate(note, note.stat().st_size - 20)
    with one_run(root) as run:
        assert run.left_over.count("removed") == 2
    os.truncate(note, 0) if note.exists() else note.write_text("")
    with one_run(root) as run:
        assert "(process unknown) was killed" in run.left_over
