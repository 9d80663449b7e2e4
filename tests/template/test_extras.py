"""What the question `extras` adds: workflows, and the wheels of a release."""

import json

import pytest

from tests.commands import run
from tests.conftest import Render
from tests.tools import check_workflows, uvx

kinds = pytest.mark.parametrize(
    "answers",
    [{}, {"layout": "workspace"}, {"kind": "app"}],
    ids=["extension", "workspace", "app"],
)


# ---- Workflows ----


@kinds
def test_workflows_are_sound(render: Render, answers: dict[str, str]) -> None:
    project = render(**answers, extras=["github", "dependabot"])
    check_workflows(project)
    dependabot = project / ".github/dependabot.yml"
    run(uvx("zizmor", "--offline", dependabot), project)
    run(uvx("check-jsonschema", "--builtin-schema", "vendor.dependabot", dependabot), project)


@pytest.mark.parametrize(
    ("answers", "interpreters"),
    [
        ({"python_version": "3.13"}, ["3.11"]),
        (
            {"python_version": "3.13", "python_min": "3.13", "abi": "version"},
            ["3.13", "3.14", "3.15"],
        ),
        ({"python_version": "3.14t", "python_min": "3.14"}, ["3.14", "3.15", "3.14t", "3.15t"]),
        ({"python_version": "3.15", "python_min": "3.15", "abi": "abi3t"}, ["3.15"]),
    ],
)
def test_wheels_of_a_release(
    render: Render, answers: dict[str, str], interpreters: list[str]
) -> None:
    """One wheel for a stable ABI, else one for each Python."""
    project = render(extras=["github"], **answers)
    pythons = json.loads((project / ".github/pythons.json").read_text())
    assert pythons["wheels"] == interpreters
