"""Settings of maturin and uv are added with their reasons, in projects that use uv."""

from pathlib import Path

import pytest

from pyo3_uv.checks import cache_keys, editable_profile, no_version, slow_rebuilds
from tests.crates import CDYLIB, PYO3, PYPROJECT, crate, made, write
from tests.reports import apply, facts_of


def test_settings_are_added_with_their_reasons(tmp_path: Path) -> None:
    """Before: no comment where the table was there, a floor of maturin that nothing needed."""
    text = """
        [build-system]
        requires = ["maturin>=1.0,<2.0"]
        build-backend = "maturin"

        [tool.maturin]
        # sdist
        include = ["a"]


        [tool.uv]
        cache-keys = [
            { file = "pyproject.toml" }, # as is
        ]

        [tool.x]
        """
    files = {"pyproject.toml": text, "made/__init__.py": ""}
    dependencies = '[lib]\ncrate-type = ["cdylib"]\n\n[dependencies]\npyo3 = "0.30"\n'
    project = write(crate(tmp_path, dependencies), files)
    for check in (slow_rebuilds, editable_profile, cache_keys):
        apply(check, project)
    lines = (project / "pyproject.toml").read_text().splitlines()
    assert lines[1] == 'requires = ["maturin>=1.0,<2.0"]'
    start, end = lines.index("[tool.maturin]"), lines.index("[tool.uv]")
    added = lines[start + 3 : end - 2]
    settings = ["use-base-python = true", 'editable-profile = "dev"']
    settings.append('features = ["pyo3/extension-module"]')
    assert [line for line in added if not line.startswith("#")] == settings
    assert all(added[added.index(setting) - 1].startswith("# ") for setting in settings)
    assert lines[end - 2 : end] == ["", ""]
    marker = lines.index('    { file = ".venv/pyvenv.cfg" },')
    assert lines[marker - 1].startswith("    # A new environment gets its own build")
    assert lines[marker + 1 : marker + 3] == ["]", ""]
    assert '    { file = "pyproject.toml" }, # as is' in lines


def test_a_comment_stays_with_its_key(tmp_path: Path) -> None:
    """Before: where [tool.uv] had only sub-tables, its comment stood in the last of these."""
    sources = '\n# of another package\n[tool.uv.sources]\nother = { path = "../other" }\n'
    project = made(tmp_path, **{"pyproject.toml": PYPROJECT + sources})
    apply(cache_keys, project)
    text = (project / "pyproject.toml").read_text()
    head, _, added = text.partition("[tool.uv]\n")
    assert head == PYPROJECT + "\n" and added.endswith(f"]\n{sources}")
    assert added.startswith("# `uv sync` and `uv run` rebuild when one of these has changed.\n")


@pytest.mark.parametrize(
    ("uv", "maturin", "found"),
    [
        ("", "maturin>=1.9,<2", set()),
        ("[tool.uv]\npackage = true\n", "maturin>=1.9,<2", {"slow-rebuilds", "editable-profile"}),
        ("[tool.uv]\npackage = true\n", "maturin==1.9.4", set()),
    ],
)
def test_projects_that_use_uv(uv: str, maturin: str, found: set[str], tmp_path: Path) -> None:
    """Before: others were told of uv, too, and one whose maturin is pinned of what that ignores."""
    pyproject = PYPROJECT.replace("maturin>=1.14.1,<2", maturin)
    project = made(tmp_path, **{"pyproject.toml": f"{pyproject}\n{uv}"})
    facts = facts_of(project)
    findings = [check.find(facts) for check in (slow_rebuilds, editable_profile)]
    assert {finding.id for finding in findings if finding} == found
    assert bool(cache_keys.find(facts)) == bool(uv)
    (project / "pyproject.toml").write_text(f"{pyproject}\n{uv}".replace("version =", "#"))
    assert bool(no_version.find(facts_of(project))) == bool(uv)


def test_own_folder_for_uv_beside_maturin_develop(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": PYPROJECT + "\n[tool.uv]\npackage = true\n",
        "Makefile": "dev:\n\tuv run maturin develop\n",
    }
    project = made(tmp_path, CDYLIB + PYO3, **files)
    apply(slow_rebuilds, project)
    text = (project / "pyproject.toml").read_text()
    assert 'config-settings = { build-args = "--target-dir=target/uv" }\n' in text
    assert slow_rebuilds.find(facts_of(project)) is None
