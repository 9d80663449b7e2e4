"""What the question `extras` adds: workflows."""

import json

import pytest
import yaml

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


def test_renovate_updates_what_dependabot_does(render: Render) -> None:
    """In groups of the same names; Renovate itself was not run."""
    renovate = render(extras=["renovate"]) / "renovate.json"
    run(uvx("check-jsonschema", "--builtin-schema", "vendor.renovate", renovate), renovate.parent)
    settings = json.loads(renovate.read_text(encoding="utf-8"))
    groups = {rule["groupName"]: rule["matchManagers"] for rule in settings["packageRules"]}
    dependabot = render("other", extras=["dependabot"]) / ".github/dependabot.yml"
    updates = yaml.safe_load(dependabot.read_text(encoding="utf-8"))["updates"]
    assert list(groups) == [name for update in updates for name in update["groups"]]
    managers = [manager for group in groups.values() for manager in group]
    assert sorted(managers) == sorted(settings["enabledManagers"])
