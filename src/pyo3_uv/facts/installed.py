"""What an environment has of a Python package."""

import json
from pathlib import Path

from pyo3_uv.process import run


def find_installed(
    python: Path, name: str, module: str, folder: Path
) -> tuple[bool, Path | None] | None:
    """Return whether a distribution is installed, and the file of its module; None if unknown.

    Nothing of it is executed. `folder` has no package that would be found because it lies there.
    """
    result = run([python, "-c", _FIND_MODULE, name, module], folder)
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return None
    return found["installed"], Path(found["module"]) if found["module"] else None


_FIND_MODULE = """
import json, sys
from importlib import metadata, util
from importlib.machinery import PathFinder

name, dotted = sys.argv[1:]
try:
    installed = bool(metadata.distribution(name))
except metadata.PackageNotFoundError:
    installed = False
top, _, rest = dotted.partition(".")
spec, path = util.find_spec(top), None  # nothing is imported for that
# maturin makes a package around a module that is no part of one
for part in rest.split(".") if rest else [top]:
    path = spec.submodule_search_locations if spec else None
    if path is None:
        spec = None if rest else spec
        break
    spec = PathFinder.find_spec(spec.name + "." + part, path)
print(json.dumps({"installed": installed, "module": spec.origin if spec else None}))
"""
