"""What an environment has of a Python package."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyo3_uv.process import run


@dataclass(frozen=True)
class Installed:
    """Whether a distribution is installed, the file of its module, and the folder it was built from.

    `source` is None for one that comes from an index.
    """

    distribution: bool
    module: Path | None
    source: Path | None


def find_installed(python: Path, name: str, module: str, folder: Path) -> Installed | None:
    """Return what is installed under these names; None if that is unknown.

    Nothing of it is executed. `folder` has no package that would be found because it lies there.
    """
    result = run([python, "-c", _FIND_MODULE, name, module], folder)
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return None
    # https://packaging.python.org/en/latest/specifications/direct-url/
    url = urlsplit(json.loads(found["origin"] or "{}").get("url", ""))
    return Installed(
        found["installed"],
        Path(found["module"]) if found["module"] else None,
        Path(url2pathname(url.path)) if url.scheme == "file" else None,
    )


_FIND_MODULE = """
import json, sys
from importlib import metadata, util
from importlib.machinery import PathFinder

name, dotted = sys.argv[1:]
try:
    installed, origin = True, metadata.distribution(name).read_text("direct_url.json")
except metadata.PackageNotFoundError:
    installed, origin = False, None
top, _, rest = dotted.partition(".")
spec, path = util.find_spec(top), None  # nothing is imported for that
# maturin makes a package around a module that is no part of one
for part in rest.split(".") if rest else [top]:
    path = spec.submodule_search_locations if spec else None
    if path is None:
        spec = None if rest else spec
        break
    spec = PathFinder.find_spec(spec.name + "." + part, path)
module = spec.origin if spec else None
print(json.dumps({"installed": installed, "module": module, "origin": origin}))
"""
