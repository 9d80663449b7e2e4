"""What a Python says of itself, on each system."""

import os
import sys

from pyo3_uv.facts.interpreters import describe


def test_this_python_is_described() -> None:
    """Before, on Windows: "static libpython", a library called `python`, no folder of it."""
    python = describe(sys.executable)
    assert python and python.linkable and python.lib_dir.is_dir()
    if python.libpython:
        assert python.libpython.is_file()
    if os.name == "nt":
        assert python.libpython and python.libpython.suffix == ".dll"
        assert python.lib_name == python.libpython.stem
        assert (python.lib_dir / f"{python.lib_name}.lib").is_file()
