"""Runs that are killed: each file is as before or as it was to be, and nothing else is left."""

import multiprocessing
import random
import signal
import time
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from pyo3_uv.edits.lock import one_run
from pyo3_uv.edits.patch import Patch
from tests.commands import commit_all
from tests.projects import tree

NAMES = ["Cargo.toml", "pyproject.toml", "crates/a/build.rs", ".cargo/config.toml"]
RUNS, SIZE = 200, 20_000


def write_for_ever(root: Path, ready: Event) -> None:
    """Write all files, by turns in the one and the other state."""
    with one_run(root):
        ready.set()
        for state in cycle(["new", "old"]):
            with Patch({root / name: state * SIZE for name in NAMES}, root=root).written():
                pass


@pytest.mark.weekly
def test_200_kills(tmp_path: Path) -> None:
    """At random moments, as `kill -9` does. Before: the next run said nothing of it."""
    root = tmp_path / "root"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("old" * SIZE)
    commit_all(root)
    context = multiprocessing.get_context(
        "forkserver"
    )  # to start a Python takes longer than to write
    context.set_forkserver_preload([__name__])
    states = {state.encode() * SIZE for state in ("old", "new")}
    chance, left, seen = random.Random(26), 0, set[tuple[bytes, ...]]()
    for _ in range(RUNS):
        ready = context.Event()
        process = context.Process(target=write_for_ever, args=(root, ready))
        process.start()
        assert ready.wait(20)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        found = tree(root, ".git")
        left += len(found) - len(NAMES)
        assert {found[name] for name in NAMES} <= states
        seen.add(tuple(found[name][:3] for name in NAMES))
    with one_run(root) as run:
        assert "was killed" in run.left_over
    assert tree(root, ".git").keys() == {*NAMES}
    assert left and len(seen) > 2, "some were killed while they wrote, and between files"
