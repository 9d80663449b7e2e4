"""libpython is not there for the linker."""

import re
import shlex

from pyo3_uv.checks.finding import Finding, command, failing_build
from pyo3_uv.facts.build import NO_LIBRARY
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    python, embedded = facts.python, facts.embedded
    if not python or not embedded or embedded.linked:
        return None
    missing = re.search(NO_LIBRARY, embedded.output)
    if not missing:
        return None  # the linker itself: build-fails shows what it says
    library = f"lib{python.lib_name}"
    suffix = "so" if python.libpython else "a"
    fails = facts.fails_with(NO_LIBRARY)
    listing = shlex.join(["ls", f"{python.lib_dir}/{library}.{suffix}"])
    return Finding(
        id="libpython-missing",
        severity="error" if fails else "warning",
        title=f"{library} is not there for the linker",
        seen=f"{python.lib_dir} has no {library}.{suffix} (linker: {missing[0]})",
        evidence=failing_build(facts)
        if fails
        else command(facts.project, listing, "No such file or directory"),
        effect="a test or program that uses Python does not link",
        remedy="install the development files of this Python (Debian and Ubuntu: "
        f"apt install {library}-dev; Fedora: dnf install python3-devel), or use another",
        for_rust_programs=True,
        explains=NO_LIBRARY,
    )
