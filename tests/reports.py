"""What `pyo3-uv doctor` and `fix` say of projects, and that doctor changes none of their files."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from packaging.version import Version

from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.build import Build
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.facts import Facts
from tests.commands import PYO3_UV, ROOT, run
from tests.projects import tree

SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))

FOR_SPEED = {"slow-rebuilds", "editable-profile"}  # left out where no command is faster with them


def doctors(folder: Path, env: dict[str, str], *options: str) -> list[dict[str, Any]]:
    """Return the reports, one for each crate."""
    before = tree(folder, ".venv", "env", ".git", "target")
    result = run([PYO3_UV, "doctor", "--format=json", *options], folder, env, check=False)
    assert tree(folder, ".venv", "env", ".git", "target") == before, "the doctor changes nothing"
    report = json.loads(result.output)
    jsonschema.validate(report, SCHEMA)
    assert result.code == (0 if report["ok"] else 1)
    assert report["ok"] == (report["counts"]["error"] == 0)
    reports: list[dict[str, Any]] = report["projects"]
    return reports


def doctor(folder: Path, env: dict[str, str], *options: str) -> dict[str, Any]:
    """Return the report on the one crate that there is."""
    (report,) = doctors(folder, env, *options)
    return report


def ids(report: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in report["findings"]]


def finding(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(finding for finding in report["findings"] if finding["id"] == name)


def fix(folder: Path, env: dict[str, str], *options: str) -> dict[str, Any]:
    """Run `pyo3-uv fix --yes` and return its result; `found` are the ids that it leaves."""
    command = [PYO3_UV, "fix", "--yes", "--format=json", *options]
    output = run(command, folder, env, check=False).output
    assert output.startswith("{"), output
    result: dict[str, Any] = json.loads(output)
    jsonschema.validate(result, SCHEMA)
    return result | {"found": [name for report in result["projects"] for name in ids(report)]}


def refused(result: dict[str, Any]) -> set[str]:
    """Return the fixes that `fix` has left out, but for those that bring nothing here."""
    return {name for name in result["refused"] if name.split()[0] not in FOR_SPEED}


def facts_of(folder: Path, pyo3: str | None = "0.30.1") -> Facts:
    """Return the facts of a crate as if it had been built, with this PyO3, for no Python."""
    facts = Facts(load(folder), probe=None, step=print)  # type: ignore[arg-type]
    build = Build(True, "", Version(pyo3) if pyo3 else None)
    facts.__dict__ |= {"build": build, "python": None}
    return facts


def apply(check: Any, folder: Path, pyo3: str | None = "0.30.1") -> Patch:
    """Write what the fix of one check changes, whether it finds something or not."""
    patch = Patch()
    check.fix(facts_of(folder, pyo3), patch)
    patch.write()
    return patch
