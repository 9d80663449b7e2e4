"""Programs that this one starts end with it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = """
import os
import signal
import subprocess
import sys
import time
from pyo3_uv.process import run

class Slow(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        while not os.path.exists("child"):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

if sys.argv[1] == "Ctrl-C at the start":
    subprocess.Popen = Slow
seconds = 1 if sys.argv[1] == "time" else 60
run(["sh", "-c", "sleep 60 & echo $! > part; mv part child; sleep 60"], seconds=seconds)
"""


@pytest.mark.parametrize("ends_by", ["Ctrl-C", "Ctrl-C at the start", "time"])
def test_what_was_started_ends(ends_by: str, tmp_path: Path) -> None:
    """Before: a signal to this process alone was waited out, and a child of a child stayed.

    At the start it was left to itself.
    """
    process = subprocess.Popen([sys.executable, "-c", RUN, ends_by], cwd=tmp_path)
    child = tmp_path / "child"
    while not child.exists():
        time.sleep(0.05)
    start = time.monotonic()
    if ends_by == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    process.wait(timeout=10)
    assert time.monotonic() - start < 5
    stat = Path(f"/proc/{child.read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"
