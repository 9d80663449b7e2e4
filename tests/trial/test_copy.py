"""The copy in which fixes are tried, also where symbolic links are forbidden."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyo3_uv.edits import files
from pyo3_uv.facts.discovery import load
from pyo3_uv.files import is_link
from pyo3_uv.trial.copy import copy_of
from tests.commands import commit_all
from tests.crates import PYPROJECT, made

# What Windows says to most users
FORBIDDEN = "[WinError 1314] A required privilege is not held by the client"


def test_where_symbolic_links_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: a traceback at the link to .venv; the repository's links could not be copied."""
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT, ".venv/pyvenv.cfg": ""})
    (crate / "shared").mkdir()
    (crate / "shared/data.txt").write_text("data")
    (crate / "shared/up").symlink_to("..")
    (crate / "linked").symlink_to("shared")
    (crate / "data.txt").symlink_to("shared/data.txt")
    (crate / "nowhere").symlink_to("absent")
    commit_all(crate)
    symlink, junctions = os.symlink, list[tuple[str, str]]()

    def forbidden(*_: object, **__: object) -> None:
        raise OSError(FORBIDDEN)

    def junction(folder: str, link: str) -> None:
        junctions.append((folder, link))
        symlink(folder, link)

    monkeypatch.setattr(os, "symlink", forbidden)
    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(CreateJunction=junction))
    with copy_of([load(crate)], lambda _: None) as copy:
        assert junctions == [(str(crate / ".venv"), str(copy / ".venv"))]
        assert is_link(copy / ".venv") and (copy / ".venv/pyvenv.cfg").is_file()
        for name in ("data.txt", "linked/data.txt", "shared/data.txt"):
            assert (copy / name).read_text() == "data" and not (copy / name).is_symlink()
        assert not os.path.lexists(copy / "shared/up") and not os.path.lexists(copy / "nowhere")
    assert (crate / ".venv/pyvenv.cfg").is_file(), "the copy is removed, not what it links to"


def test_links_stay_links(tmp_path: Path) -> None:
    if not files.may_link(tmp_path):
        pytest.skip("symbolic links are forbidden here")
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    (crate / "link.toml").symlink_to("pyproject.toml")
    with copy_of([load(crate)], lambda _: None) as copy:
        assert os.readlink(copy / "link.toml") == "pyproject.toml"


def test_links_to_folders(tmp_path: Path) -> None:
    """On Windows a junction, which needs no privilege."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    files.link_folder(tmp_path / "link", tmp_path / "folder")
    if os.name == "nt" and not os.path.lexists(tmp_path / "link"):
        pytest.skip("wine 10 has no junctions, and its symbolic links are none")
    assert is_link(tmp_path / "link") and (tmp_path / "link/file").is_file()
    assert not is_link(tmp_path / "folder") and not is_link(tmp_path / "absent")
    (tmp_path / "link").unlink()
    assert (tmp_path / "folder/file").is_file()
