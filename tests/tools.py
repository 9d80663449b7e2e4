"""Tools that check what is rendered; their versions are fixed, so that a new finding of theirs
does not break an old commit."""

import re
import sys
from pathlib import Path

from tests.commands import run, uv

RUFF = Path(sys.executable).with_name("ruff")

TOOLS = {
    "auditwheel": "6.8.2",
    "check-jsonschema": "0.39.0",
    "prek": "0.5.11",
    "pypiserver": "2.4.2",
    "pyroma": "5.0.1",
    "twine": "7.0.0",
    "zizmor": "1.32.0",
}


def uvx(tool: str, *args: str | Path) -> list[str | Path]:
    """Return the command that runs a tool from PyPI."""
    return [uv(), "tool", "run", f"{tool}@{TOOLS[tool]}", *args]


def check_workflows(repository: Path) -> None:
    """Fail unless the workflows in `.github/workflows` are valid, safe and pin their actions."""
    workflows = sorted((repository / ".github/workflows").glob("*.yml"))
    assert workflows
    run(uvx("zizmor", "--offline", "--persona=pedantic", *workflows), repository)
    schema = ["--builtin-schema", "vendor.github-workflows"]
    run(uvx("check-jsonschema", *schema, *workflows), repository)
    for workflow in workflows:
        for uses in re.findall(r"uses: (.*)", workflow.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses), uses
