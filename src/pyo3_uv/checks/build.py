"""Whether the tests are built."""

from __future__ import annotations

from pyo3_uv.checks.base import Check
from pyo3_uv.plan import Plan


class TestsBuild(Check):
    """A failure that no other problem explains."""

    id = "build-fails"
    effect = "no test was built, so the checks of tests were skipped"
    severity = "error"

    def find(self) -> str | None:
        if self.context.build_failure_explained or self.context.build.ok:
            return None
        self.show_build()
        self.title = f"{self.command} fails"
        self.fix = f"{self.command} shows the whole message"
        return self.output

    def apply(self, plan: Plan) -> None:
        self.leave_to_user(plan)
