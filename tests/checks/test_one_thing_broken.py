"""A healthy project in which something is broken: the doctor finds that, and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, run, uv
from tests.damage import BREAK
from tests.reports import doctor, ids

pytestmark = pytest.mark.build
SHOWN = {"no rpath", "no runner", "slow"}  # one for each severity
# Those that do not hide each other share a run
TOGETHER = [
    ["force", "no cache keys", "extension-module"],
    ["other #[pymodule]", "no auto-initialize", "other stub"],
    ["extension-module by default", "other parameter"],
]
ALONE = [[name] for name in BREAK if not any(name in names for names in TOGETHER)]
QUICK = [["no PYO3_PYTHON"], ["no runner"]]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(names, id=", ".join(names), marks=[pytest.mark.slow] * (names not in QUICK))
        for names in [*TOGETHER, *ALONE]
    ],
)
def test_one_thing_broken(
    names: list[str], project: Path, middle: Interpreter, env: dict[str, str]
) -> None:
    broken = names[0]
    if broken == "no module":
        run([uv(), "sync", "--quiet"], project, env)  # so that uv has nothing else to build
    for name in names:
        BREAK[name][0](project)
    report = doctor(project, env)
    assert sorted(ids(report)) == sorted(BREAK[name][1] for name in names)
    found = {finding["id"]: finding for finding in report["findings"]}
    for _, problem, severity, evidence in (BREAK[name] for name in names):
        assert found[problem]["severity"] == severity
        assert evidence in found[problem]["evidence"]
    if broken == "no module":
        heals(project, env, report)
    if broken not in SHOWN:
        return
    _, problem, severity, _ = BREAK[broken]
    shown = run([PYO3_UV, "doctor", project / "Cargo.toml"], ROOT, env, check=False)
    assert shown.code == (severity == "error")
    *_, last = shown.output.splitlines()
    assert last == ("healthy, 1 hint" if severity == "hint" else f"1 {severity}")
    # A hint comes last, and what matters before the facts, which take longer.
    assert (shown.output.index(problem) > shown.output.index("  interpreter")) == (
        severity == "hint"
    )
    strict = [PYO3_UV, "doctor", "--strict", "--format", "github"]
    result = run(strict, project, env, check=False)
    assert result.code == (severity != "hint")
    level = {"hint": "notice"}.get(severity, severity)
    place = r",file=[^:,]+,line=\d+::"
    assert re.match(rf"::{level} title=[^:]*\({problem}\){place}", result.output)
    assert result.output.count("\n") == 1


def heals(project: Path, env: dict[str, str], report: dict[str, Any]) -> None:
    """The module is gone, which uv sync does not see, and the doctor's fix brings it back."""
    show = ["uv", "run", "--quiet", "python", "-c", "import my_project"]
    result = run(show, project, env, check=False)
    assert "ModuleNotFoundError: No module named 'my_project._core'" in result.output
    assert report["findings"][-1]["remedy"] == "uv sync --reinstall-package my-project"
    run(report["findings"][-1]["remedy"].split(), project, env)
    run(show, project, env)
