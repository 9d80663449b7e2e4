"""libpython is not there for the linker."""

import re

from pyo3_uv import shell
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
    library, suffix = f"lib{python.lib_name}", "so" if python.libpython else "a"
    remedy = (
        "install the development files of this Python (Debian and Ubuntu: "
        f"apt install {library}-dev; Fedora: dnf install python3-devel), or use another"
    )
    if shell.WINDOWS:
        library, suffix = python.lib_name, "lib"
        remedy = "use another Python: the embeddable package of python.org has no import library"
    fails = facts.fails_with(NO_LIBRARY)
    path = str(python.lib_dir / f"{library}.{suffix}")
    listing = shell.listing(path)
    return Finding(
        id="libpython-missing",
        severity="error" if fails else "warning",
        title=f"{library} is not there for the linker",
        seen=f"{python.lib_dir} has no {library}.{suffix} (linker: {missing[0]})",
        evidence=failing_build(facts)
        if fails
        else command(facts.project, listing, shell.not_there(path)),
        effect="a test or program that uses Python does not link",
        remedy=remedy,
        for_rust_programs=True,
        explains=NO_LIBRARY,
    )
