"""Programs that this one starts end with it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = """
import sys
from pyo3_uv.process import run
run(["sh", "-c", "sleep 60 & echo $! > child; sleep 60"], seconds=float(sys.argv[1]))
"""


@pytest.mark.parametrize("ends_by", ["Ctrl-C", "time"])
def test_what_was_started_ends(ends_by: str, tmp_path: Path) -> None:
    """Before: a signal to this process alone was waited out, and a child of a child stayed."""
    seconds = "60" if ends_by == "Ctrl-C" else "1"
    process = subprocess.Popen([sys.executable, "-c", RUN, seconds], cwd=tmp_path)
    child = tmp_path / "child"
    while not (child.exists() and child.read_text()):
        time.sleep(0.05)
    start = time.monotonic()
    if ends_by == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert time.monotonic() - start < 5
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"
