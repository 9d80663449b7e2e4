"""An extension module that a running program holds open."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pyo3_uv.checks import module_held
from pyo3_uv.edits.files import is_held
from pyo3_uv.facts.installed import Installed
from tests.crates import PYPROJECT, made
from tests.reports import facts_of

IMPORT = "import rpds, time; print(rpds.__file__, flush=True); time.sleep(60)"


def test_what_runs_is_held(tmp_path: Path) -> None:
    """Linux refuses to write a program that runs, Windows also a library that is loaded."""
    crate = made(tmp_path / "crate", **{"pyproject.toml": PYPROJECT})
    if sys.platform == "win32":
        import rpds.rpds as library

        source, command = library.__file__, [sys.executable, "-c", IMPORT]
    else:
        source, command = shutil.which("tail"), [crate / "made", "-f", __file__]
    assert source
    module = crate / (Path(source).name if sys.platform == "win32" else "made")
    shutil.copy(source, module)
    content, facts = module.read_bytes(), facts_of(crate)
    facts.__dict__["installed"] = Installed(True, module, crate)
    assert not is_held(module) and module_held.find(facts) is None
    env = os.environ | {"PYTHONPATH": str(crate)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout and process.stdout.readline()
            found = module_held.find(facts)
        finally:
            process.kill()
    assert found and found.id == "module-held" and f"tasklist /m {module.name}" in found.remedy
    assert not is_held(module) and module.read_bytes() == content


def test_what_is_read_only_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o400)
    assert not is_held(tmp_path / "file")
