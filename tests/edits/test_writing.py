"""What is written: inside of the repository only, whole, and byte for byte where nothing changed."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.edits.files import ignore_in_this_clone, keep_originals, restore, snapshot, write
from pyo3_uv.edits.patch import Patch
from pyo3_uv.process import UserError
from tests.commands import commit_all, git, run
from tests.crates import write as write_files
from tests.projects import tree

LINKS = {"a file": ("Cargo.toml", "outside/Cargo.toml"), "a folder": ("folder", "outside")}


@pytest.mark.parametrize("repository", [True, False])
@pytest.mark.parametrize("link, target", LINKS.values(), ids=LINKS)
def test_nothing_is_written_outside(
    link: str, target: str, repository: bool, tmp_path: Path
) -> None:
    """Before: a link to a file was replaced, and through one to a folder was written."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    write_files(tmp_path, {"outside/Cargo.toml": "old", "root/.gitignore": ""})
    if repository:
        commit_all(root)
        commit_all(outside)
    (root / link).symlink_to(tmp_path / target)
    path = root / link if link.endswith(".toml") else root / link / "Cargo.toml"
    new = path.with_name("new.toml")
    before = tree(tmp_path)
    patch = Patch({root / "first.toml": "new", path: "new"}, root=None if repository else root)
    for call in (patch.write, lambda: patch.diff(root), lambda: patch.written().__enter__()):
        with pytest.raises(UserError, match="outside of"):
            call()
    assert tree(tmp_path) == before, "nothing of the patch is written"
    with pytest.raises(UserError, match="outside of"):
        restore({path: b"new"}, patch.root)
    if link == "folder":
        with pytest.raises(UserError, match="outside of"):
            Patch({path: ""}, root=patch.root).write()
        with pytest.raises(UserError, match="outside of"):
            keep_originals([path], patch.root)
        with pytest.raises(UserError, match="outside of"):
            restore({new: None}, patch.root)
    assert tree(tmp_path) == before


def test_a_link_inside_stays_a_link(tmp_path: Path) -> None:
    """Before: it became a file, and what it led to stayed as it was."""
    write_files(tmp_path, {"real/Cargo.toml": "old\n", "crate/.gitignore": ""})
    commit_all(tmp_path)
    link = tmp_path / "crate/Cargo.toml"
    link.symlink_to("../real/Cargo.toml")
    patch = Patch({link: "new\n"})
    assert "--- a/real/Cargo.toml" in patch.diff(tmp_path)
    with pytest.raises(KeyboardInterrupt), patch.written():
        assert link.is_symlink() and (tmp_path / "real/Cargo.toml").read_text() == "new\n"
        raise KeyboardInterrupt
    assert link.is_symlink() and link.read_text() == "old\n"


@pytest.mark.parametrize("target", [".git/hooks/pre-commit", "nowhere/..", "Cargo.toml", "pipe"])
def test_links_that_are_not_followed(target: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"a": ""})
    commit_all(tmp_path)
    (tmp_path / "Cargo.toml").symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="it is not written"):
        write(tmp_path / "Cargo.toml", b"new")


def test_a_foreseeable_name_is_no_way_out(tmp_path: Path) -> None:
    """Before: the link was followed, as the name of the new file was always the same."""
    write_files(tmp_path, {"root/x": "old", "outside": "old"})
    for name in (".x.pyo3-uv", "x.orig"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "outside")
    (tmp_path / "root/x.orig1").symlink_to(tmp_path / "gone")
    keep_originals([tmp_path / "root/x"])
    write(tmp_path / "root/x", b"new")
    assert (tmp_path / "outside").read_text() == "old" and not (tmp_path / "gone").exists()
    assert (tmp_path / "root/x.orig2").read_text() == "old"


def test_modes_are_kept(tmp_path: Path) -> None:
    for mode in (0o755, 0o600, 0o444):
        path = tmp_path / f"{mode:o}"
        path.write_text("old")
        path.chmod(mode)
        (kept,) = keep_originals([path])
        write(path, b"new")
        assert path.stat().st_mode & 0o777 == kept.stat().st_mode & 0o777 == mode
    write(tmp_path / "new", b"new")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, {"file": "old"})
    for path in (tmp_path / "file/below", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=r"cannot be|not written"):
            write(path, b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="is not a regular file"):
        write(tmp_path / "folder", b"new")
    assert tree(tmp_path) == {"file": b"old"}


NAMES = ["plain", "with space", 'quo"te', "back\\slash", "caf\u00e9", "tab\t", "new\nline", "\x1b"]
TEXTS = {
    "lf": b"[a]\nx = 1\n\n[b]\ny = 2\n",
    "crlf": b"[a]\r\nx = 1\r\n\r\n[b]\r\ny = 2\r\n",
    "mixed": b"[a]\r\nx = 1\n\r\n[b]\r\ny = 2\r\n",
    "mark": b"\xef\xbb\xbf[a]\r\nx = 1\r\n",
    "no end": b"[a]\nx = 1\n[b]\ny = 2",
    "blank lines": b"\n\n[a]\nx = 1\n\n\n\n[b]\ny = 2\n\n\n",
    "separators": "[a]\nx = 1\ny = 'a\u2028b\u0085c'\n\n[b]\n".encode(),
}


def _set(document: Any) -> None:
    document["a"]["x"] = 3


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_bytes_stay_where_nothing_changed(content: bytes, tmp_path: Path) -> None:
    """Before: a byte order mark was an error, a last line without end got one, U+2028 became one."""
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    patch = Patch()
    patch.edit_toml(path, lambda document: None)
    assert not patch.changed()
    patch.edit_toml(path, _set)
    patch.write()
    assert path.read_bytes() == content.replace(b"x = 1", b"x = 3")
    path.write_bytes(content)
    patch = Patch()
    patch.append(path, "[c]\n")
    patch.write()
    assert path.read_bytes().startswith(content) and path.read_bytes().rstrip().endswith(b"[c]")


@pytest.mark.parametrize("name", NAMES)
def test_git_applies_the_diff(name: str, tmp_path: Path) -> None:
    """What is shown is what is written. Before: not for other ends of lines, or such names."""
    for folder in ("original", "written"):
        (tmp_path / folder).mkdir()
        for kind, content in TEXTS.items():
            (tmp_path / folder / f"{kind} {name}").write_bytes(content)
        (tmp_path / folder / f"gone {name}").write_bytes(b"gone\r\nwithout end")
        git(tmp_path / folder, "init", "--quiet")
    root, patch = tmp_path / "written", Patch()
    for kind in TEXTS:
        patch.edit_toml(root / f"{kind} {name}", _set)
        patch.append(root / f"{kind} {name}", "[c]\n")
    patch.files[root / f"folder {name}" / name] = "new\nwithout end"
    patch.files[root / f"gone {name}"] = ""
    diff = patch.diff(root).encode()
    patch.write()
    apply = ["git", "apply", "--whitespace=nowarn", "-"]
    done = subprocess.run(
        apply, cwd=tmp_path / "original", input=diff, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert tree(tmp_path / "original", ".git") == tree(root, ".git")


@pytest.mark.parametrize("name", ["plain", "a*b?[c]", "new\nline", "back\\slash"])
def test_ignored_in_this_clone(name: str, tmp_path: Path) -> None:
    """Before: a traceback at the folder with a newline, and patterns were not escaped."""
    root = tmp_path / name
    write_files(root, {"crate/file": ""})
    commit_all(root)
    exclude = root / ".git/info/exclude"
    exclude.write_bytes(b"# mine\r\n*.log\r\n")
    for path in (root / f"crate/{name}", root / "crate/it"):
        path.write_text("")
        ignore_in_this_clone(path)
        ignore_in_this_clone(path)
        assert run(["git", "status", "--porcelain"], root).output == ""
    assert exclude.read_bytes().startswith(b"# mine\r\n*.log\r\n")
    assert exclude.read_bytes().count(b"\r\n") == 4


def test_snapshots_of_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a regular file"):
        snapshot([tmp_path / "pipe"])
