"""Where a project may lie: odd names, folders with files in them or that cannot be written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest

from tests.commands import clean_environment, exit_code, run, terminal
from tests.conftest import Render, render_template
from tests.projects import files

# Each of these means something to a shell, to TOML, to the linker or in a pattern. Few folders, as
# each is a build.
NAMES = {
    "unicode": "  ünï 日本 עברית 🦀",
    "quotes": 'it\'s "odd"',
    "dash": "-dash, comma",
    "substitution": "$HOME ${x} `y` 100% %20 %s #hash",
    "patterns": "back\\slash [a]{b}*? a&b;c|d>e",
    "long": "/".join(["long" * 50] * 5),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_message_leads_into_the_folder(template: Path, tmp_path: Path, name: str) -> None:
    """Its `cd` works as it is printed; git, which it names too, takes the folder."""
    copy = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref", "HEAD"]
    copy += ["-d", "project_name=my-project", str(template), f"./{name}"]
    output = run(copy, tmp_path).output
    [line] = [line.strip() for line in output.splitlines() if line.strip().startswith("cd ")]
    shown = run(["bash", "-c", f"{line} && pwd -P && git init --quiet && git add ."], tmp_path)
    assert shown.output == f"{tmp_path.resolve() / name}\n"


# ---- Folders that are not empty or cannot be written ----

MINE = {"README.md": "mine\n", "notes.txt": "mine\n", "src/lib.rs": "// mine\n"}


@pytest.fixture
def occupied(tmp_path: Path) -> Path:
    """Return a folder with files, two of which the template has too."""
    folder = tmp_path / "my-project"
    for name, text in MINE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_defaults_overwrite_no_file(template: Path, occupied: Path) -> None:
    """Without a terminal Copier stops at the first file that is there with other text."""
    copy = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref", "HEAD"]
    result = run([*copy, template, occupied], occupied, check=False)
    assert result.code != 0
    assert "Consider using `--overwrite`" in result.output
    assert {name: (occupied / name).read_text() for name in MINE} == MINE


def test_prompt_keeps_files(template: Path, occupied: Path) -> None:
    copy = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref", "HEAD"]
    process = terminal([*copy, template, occupied], occupied, clean_environment())
    for _ in ("README.md", "src/lib.rs"):
        process.expect(r"Overwrite [\w./]+\?")
        process.send("n")
    process.expect_exact("my-project is ready")
    assert exit_code(process) == 0
    assert {name: (occupied / name).read_text() for name in MINE} == MINE
    assert (occupied / "Cargo.toml").exists()


def test_rendering_twice_changes_nothing(source: Path, render: Render) -> None:
    project = render()
    before = {name: (project / name).read_bytes() for name in files(project)}
    render_template(source, project)
    assert {name: (project / name).read_bytes() for name in files(project)} == before


def test_file_in_the_place_of_the_folder(render: Render, tmp_path: Path) -> None:
    (tmp_path / "my-project").write_text("mine\n")
    with pytest.raises(NotADirectoryError, match="my-project"):
        render()
    assert (tmp_path / "my-project").read_text() == "mine\n"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in which nothing can be made, by root neither."""
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    if os.geteuid() != 0:
        yield folder
        return
    # Permissions do not stop root; the attribute needs ext4 or the like.
    try:
        subprocess.run(["chattr", "+i", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("as root, and without `chattr +i`, every folder can be written")
    yield folder
    subprocess.run(["chattr", "-i", folder], check=True)


def test_read_only_parent(template: Path, read_only: Path) -> None:
    with pytest.raises(PermissionError, match="read-only"):
        copier.run_copy(
            str(template), read_only / "my-project", defaults=True, vcs_ref="HEAD", quiet=True
        )
    assert list(read_only.iterdir()) == []
