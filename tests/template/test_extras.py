"""What the question `extras` adds: workflows."""

import pytest

from tests.commands import run
from tests.conftest import Render
from tests.tools import check_workflows, uvx

kinds = pytest.mark.parametrize(
    "answers",
    [{}, {"layout": "workspace"}, {"kind": "app"}],
    ids=["extension", "workspace", "app"],
)


@kinds
def test_workflows_are_sound(render: Render, answers: dict[str, str]) -> None:
    project = render(**answers, extras=["github", "dependabot"])
    check_workflows(project)
    dependabot = project / ".github/dependabot.yml"
    run(uvx("zizmor", "--offline", dependabot), project)
    run(uvx("check-jsonschema", "--builtin-schema", "vendor.dependabot", dependabot), project)
