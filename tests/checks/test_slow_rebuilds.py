"""Settings of maturin and uv are added with their reasons."""

from pathlib import Path

from pyo3_uv.checks import cache_keys, slow_rebuilds
from tests.crates import crate, write
from tests.reports import apply


def test_settings_are_added_with_their_reasons(tmp_path: Path) -> None:
    """Before: no comment where the table was there, "<2.0" became "<2", and a blank line was lost."""
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
    for check in (slow_rebuilds, cache_keys):
        apply(check, project)
    lines = (project / "pyproject.toml").read_text().splitlines()
    assert lines[1] == 'requires = ["maturin>=1.14.1,<2.0"]'
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
