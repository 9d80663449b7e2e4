"""A running program holds the extension module open, which Windows then does not let anybody replace."""

from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.edits.files import is_held
from pyo3_uv.facts.facts import Facts
from pyo3_uv.process import run


def find(facts: Facts) -> Finding | None:
    module = facts.installed.module if facts.installed else None
    if not module or not module.is_file() or not is_held(module):
        return None
    shown, command = facts.project.shown(module), ["tasklist", "/m", module.name]
    return Finding(
        id="module-held",
        severity="warning",
        title=f"{shown} cannot be replaced",
        seen="it cannot be opened for writing: a program has it loaded, or it is protected",
        evidence=Evidence(" ".join(command), run(command).stdout.strip()),
        effect="a build by uv sync, uv run or maturin develop fails: being used by another "
        "process. (os error 32), or: Access is denied. (os error 5)",
        remedy=f"end what `{' '.join(command)}` names: a Python, a notebook, an editor's language "
        "server",
    )
