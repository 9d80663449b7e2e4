"""Folders in which there is no project, and options that there are not."""

from pathlib import Path

import pytest

from tests.commands import PYO3_UV, ROOT, run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "there is no Cargo.toml"),
        ("[package", "is not valid TOML"),
        ('[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n', "depends on pyo3"),
        ("[workspace]\nmembers = []\n", "depends on pyo3"),
        ('[package]\nname = "x y"\n', "cargo metadata failed"),
    ],
)
def test_no_project(manifest: str | None, message: str, tmp_path: Path) -> None:
    if manifest is not None:
        (tmp_path / "Cargo.toml").write_text(manifest)
        (tmp_path / "src").mkdir()
        (tmp_path / "src/lib.rs").touch()
    for command in ("doctor", "fix"):
        result = run(
            [PYO3_UV, command, tmp_path, *(["--yes"] if command == "fix" else [])],
            ROOT,
            check=False,
        )
        assert result.code in (1, 2)
        assert message in result.output
        assert "Traceback" not in result.output


def test_usage(tmp_path: Path) -> None:
    """A usage error says what is wrong. An absent path was "no folder with a Cargo.toml"."""
    for command, message in (
        (["doctor", tmp_path / "absent"], f"{tmp_path / 'absent'} does not exist"),
        (["fix", "--yes", tmp_path / "absent"], f"{tmp_path / 'absent'} does not exist"),
        (["new", tmp_path / "new", "--format=github"], "only doctor and fix have"),
        (["doctor", "--json"], "No such option: --json"),
    ):
        result = run([PYO3_UV, *command], ROOT, check=False)
        assert result.code == 2 and message in result.output
