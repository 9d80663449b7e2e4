"""What starts Python in tests, and what stays out of wheels."""

from pathlib import Path

import pytest

from pyo3_uv.checks import no_initialize
from pyo3_uv.facts.discovery import load
from tests.commands import run
from tests.crates import crate, write
from tests.projects import read_toml
from tests.reports import apply


def test_fix_fills_an_empty_table(tmp_path: Path) -> None:
    """A second table of the same name would be no valid TOML."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.rs").touch()
    manifest = tmp_path / "Cargo.toml"
    manifest.write_text(
        '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2024"\n\n'
        '[dependencies]\npyo3 = "0.30"\n\n[dev-dependencies]\n'
    )
    apply(no_initialize, tmp_path)
    assert read_toml(manifest)["dev-dependencies"]["pyo3"]["features"] == ["auto-initialize"]


@pytest.mark.parametrize(
    ("edition", "table", "leaks"),
    [
        ("2018", "", True),
        ("2018", '[workspace]\nresolver = "2"\n', False),
        ("2021", "", False),
        ("2021", '[workspace]\nresolver = "1"\n', True),
    ],
)
def test_auto_initialize_stays_out_of_wheels(
    edition: str, table: str, leaks: bool, tmp_path: Path
) -> None:
    project = crate(tmp_path, f'[dependencies]\npyo3 = "0.30"\n\n{table}', edition)
    patch = apply(no_initialize, project)
    if leaks:
        assert patch.files == {}
        assert 'set resolver = "2"' in patch.manual[0]
    else:
        assert patch.manual == []
    cargo = ["cargo", "tree", "--quiet", "--edges=normal,features"]
    assert "auto-initialize" not in run([*cargo, "--no-dedupe"], project).output


def test_auto_initialize_in_a_workspace_without_resolver(tmp_path: Path) -> None:
    """The editions of the members do not count there: cargo takes resolver 1, and warns."""
    write(tmp_path, {"Cargo.toml": '[workspace]\nmembers = ["made"]\n'})
    project = crate(tmp_path / "made", '[dependencies]\npyo3 = "0.30"\n')
    assert load(project).crate.resolver == "1"
    (text,) = apply(no_initialize, project).manual
    assert f"{Path('../Cargo.toml')} has feature resolver 1" in text
