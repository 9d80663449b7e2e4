"""Whether the tests are built."""

from __future__ import annotations

from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan


class TestsBuild(Check):
    """A failure that no other problem explains."""

    id = "build-fails"
    title = "cargo test --no-run fails"
    effect = "no test was built, so nothing could be examined in one"
    cure = "cargo test --no-run shows the whole message"
    grade = "error"

    def find(self) -> str | None:
        if self.examination.build_failure_explained or self.examination.build.ok:
            return None
        self.show_build()
        return self.output

    def fix(self, plan: Plan) -> None:
        self.leave_to_user(plan)
