"""A dependency switches PyO3's auto-initialize on, for everything that is built with it."""

import re
from pathlib import Path

from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    project, crate = facts.project, facts.project.crate
    if crate.binding != "pyo3" or project.features.of_pyo3("auto-initialize"):
        return None  # The crate has it by its own choice.
    if not (enabling := _enabling(facts)):
        return None
    name, manifest = enabling
    shown = project.shown(manifest)
    wheels = ", as those of manylinux images are, so that no wheel is built there"
    return Finding(
        id="auto-initialize",
        severity="warning",
        title=f"{name} enables pyo3's auto-initialize",
        seen=f"{shown} enables it, and cargo unites the features of what it builds together",
        evidence=lines(project, manifest, "auto-initialize"),
        effect="PyO3 does not build for a Python with a static libpython"
        + (wheels if crate.lib_name else ""),
        remedy=f'remove "auto-initialize" from {shown}; where tests of {name} need it, add it in '
        "[dev-dependencies] there",
    )


def _enabling(facts: Facts) -> tuple[str, Path] | None:
    """Return a local crate that switches it on in the builds of this one, and its manifest."""
    output = facts.feature_tree
    # Two levels below the root: `1pyo3 feature "auto-initialize"`, then what enables it
    _, _, below = output.partition('\n1pyo3 feature "auto-initialize"\n')
    enabling = re.split(r"^[01]\D", below, maxsplit=1, flags=re.MULTILINE)[0]
    for name in sorted(re.findall(r"^2([^\d\s]\S*)", enabling, re.MULTILINE)):
        place = re.search(rf"^\d+{name} v\S+ \(((?:/|\w:).+?)\)", output, re.MULTILINE)
        if place and name != facts.project.crate.name:
            return name, Path(place[1], "Cargo.toml")
    return None
