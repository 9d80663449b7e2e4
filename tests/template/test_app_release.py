"""The jobs of an app's release.yml: every bundle that is built is tested."""

import pytest

from tests.conftest import Render
from tests.workflows import Workflow

pytestmark = pytest.mark.build


def test_every_bundle_is_tested(render: Render) -> None:
    project = render(kind="app", extras=["github"])
    jobs = Workflow(project, "release.yml", {}).jobs
    build, test = jobs["build"], jobs["test"]
    assert build["strategy"] == test["strategy"]
    uses = [step.get("uses", "").split("@")[0] for step in test["steps"]]
    assert set(uses) == {"actions/download-artifact", ""}, "no checkout, uv or Rust"
