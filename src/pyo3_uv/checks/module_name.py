"""The extension module is installed under another name than that of its #[pymodule]."""

from pyo3_uv.checks.finding import Finding, lines
from pyo3_uv.facts.facts import Facts


def find(facts: Facts) -> Finding | None:
    project, package, names = facts.project, facts.project.package, facts.project.sources.pymodules
    if not package.module or not package.extension or not names:
        return None
    last = package.module.rpartition(".")[2]
    if last in names:
        return None
    source = project.sources.matching(r"#\[(?:pyo3::)?pymodule")
    assert source
    return Finding(
        id="module-name",
        severity="warning",
        title="the module's name is not that of its #[pymodule]",
        seen=f"{package.extension.backend} installs {package.module}, "
        f"#[pymodule] is called {names[0]}",
        evidence=lines(project, source, r"#\[(pyo3::)?pymodule"),
        effect="ImportError: dynamic module does not define module export function "
        f"(PyInit_{last})",
        remedy=f"give #[pymodule] and the last part of the module's name one name: {last}",
    )
