"""How findings are shown. They are those of crates that were not built."""

import os
from pathlib import Path

import jsonschema
import pytest

from pyo3_uv.checks import cache_keys, module_name, no_initialize, no_version, slow_rebuilds
from pyo3_uv.checks.report import Report
from pyo3_uv.cli.report import TextReport, as_annotations, as_json
from tests.commands import git
from tests.crates import CDYLIB, MODULE, PYO3, PYPROJECT, made
from tests.projects import replace
from tests.reports import SCHEMA, facts_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def report_on(folder: Path, *checks: object) -> Report:
    facts = facts_of(folder)
    found = [check.find(facts) for check in checks]  # type: ignore[attr-defined]
    return Report(facts.project, {"a": "note"}, [f.located(facts.project) for f in found])


def printed(capsys: pytest.CaptureFixture[str], *reports: Report) -> str:
    text = TextReport()
    for report in reports:
        text.start(report.project)
        for finding in report.findings:
            text.add(report.project, finding)
        text.end(report)
    text.sum_up()
    return capsys.readouterr().out


def test_every_finding_has_a_place(folder: Path) -> None:
    """Of a line that is missing, there was none, and the JSON had null."""
    uv = "\n[tool.uv]\npackage = true\n"
    pyproject = PYPROJECT.replace('version = "0.1.0"\n', "") + uv
    made(
        folder, CDYLIB + "[dependencies.pyo3]\nversion = '0.30'\n", **{"pyproject.toml": pyproject}
    )
    report = report_on(folder, no_initialize, no_version)
    (folder / "pyproject.toml").write_text(PYPROJECT + uv)
    report.found += report_on(folder, cache_keys, slow_rebuilds).found
    places = {f.id: f"{f.place(folder)}:{f.evidence.line}" for f in report.findings}
    assert places == {
        "no-initialize": "Cargo.toml:9",
        "no-version": "pyproject.toml:1",
        "cache-keys": "pyproject.toml:1",
        "slow-rebuilds": "pyproject.toml:1",
    }
    result = as_json([report], strict=False)
    jsonschema.validate(result, SCHEMA)
    (project,) = result["projects"]
    links = [finding["docs"].rpartition("/")[2] for finding in project["findings"]]
    assert links == [f"findings.md#{name}" for name in places]


def test_advice_is_given_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each crate of a workspace repeated it, and hints stood between what matters."""
    reports = []
    for name in ("one", "two"):
        made(folder / name, **{"pyproject.toml": PYPROJECT + "\n[tool.uv]\npackage = true\n"})
        replace(folder / name / "Cargo.toml", '"made"', f'"{name}"')
        reports.append(report_on(folder / name, slow_rebuilds, cache_keys))
    text = printed(capsys, *reports)
    assert text.count("  remedy  ") == 1
    assert f"[{folder / 'two/pyproject.toml'}:1]  cache-keys, as in one\n" in text
    *_, hint, _, counts = text.splitlines()
    assert hint.startswith("hint: each edit is slow to build: ")
    assert hint.endswith(f"  [{folder / 'one/pyproject.toml'}:1]  slow-rebuilds, also in two")
    assert counts == "1 warning, 1 hint"
    reports[0].found.pop()
    assert printed(capsys, reports[0]).endswith("\nhealthy, 1 hint\n")
    reports[0].found.pop()
    assert printed(capsys, reports[0]).endswith("\n  a            note\n\nhealthy\n")


def test_what_a_terminal_would_obey_is_escaped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ESC and marks of the direction of writing reached it, from files and from names."""
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    folder /= "a\x1b[2Jb"
    lib = MODULE.replace("#[pyo3::pymodule]", "#[pyo3::pymodule] // \x1b]0;title\x07 \u202e[red]")
    made(
        folder, CDYLIB + PYO3, lib.replace("mod made", "mod other"), **{"pyproject.toml": PYPROJECT}
    )
    report = report_on(folder, module_name)
    text = printed(capsys, report)
    annotations = "".join(as_annotations([report]))
    assert r"#[pyo3::pymodule] // \x1b]0;title\x07 \u202e[red]" in text
    assert r"a\x1b[2Jb" in text and r"a\x1b[2Jb" in annotations
    assert not {"\x1b", "\x07", "\u202e"} & {*text, *annotations}
