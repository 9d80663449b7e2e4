"""docs/layouts.md: its trees, and its commands that move a project, run as they stand."""

import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import ROOT, clean_environment, commit_all, git, publish, run, with_path
from tests.conftest import Render
from tests.projects import replace, stored, tree

PAGE = (ROOT / "docs/layouts.md").read_text(encoding="utf-8")
OLD, CURRENT, NEWER = "v0.0.1", "v0.0.2", "v0.0.3"
BINDINGS = "crates/fast-sum-python"
COPIER = [sys.executable, "-m", "copier"]


def section(heading: str) -> str:
    """Return what is below a heading of the page, up to the next one."""
    return re.split(r"^#+ ", PAGE.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def commands(heading: str) -> list[str]:
    """Return the ```sh blocks of a section, and as `git apply` its ```diff blocks."""
    blocks = re.findall(
        r"^( *)```(sh|diff)\n(.*?)^\1```$", section(heading), re.DOTALL | re.MULTILINE
    )
    texts = [(language, textwrap.dedent(text)) for _, language, text in blocks]
    return [
        f"git apply <<'END'\n{text}END\n" if language == "diff" else text
        for language, text in texts
    ]


def run_all(blocks: list[str], project: Path, env: dict[str, str]) -> str:
    assert blocks
    return run(["bash", "-ec", "".join(blocks)], project, env).output


# ---- The trees ----


@pytest.mark.parametrize("layout", ["single", "workspace"])
def test_tree_is_that_of_a_render(render: Render, layout: str) -> None:
    project = render("fast-sum", layout=layout)
    folders = [project.parent]
    for line in PAGE.split(f"`{layout}`:\n\n```text\n")[1].split("```")[0].splitlines():
        prefix, name = re.fullmatch(r"([│├└─ ]*)([\w./-]+)(?: .*)?", line).groups()
        del folders[len(prefix) // 4 + 1 :]
        folders.append(folders[-1] / name)
        assert folders[-1].is_dir() if name.endswith("/") else folders[-1].is_file(), line
    assert (project / "src").exists() == (layout == "single")
    assert (project / "crates").exists() == (layout == "workspace")


# ---- From single to workspace ----

# What a user has added: a module, its dependency, a function, and a test of it
PARSER = """\
#[must_use]
pub fn hexadecimal(text: &str) -> Option<String> {
    let number: u32 = text.parse().ok()?;
    Some(format!("{number:x} {}", itoa::Buffer::new().format(number)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn test_hexadecimal() {
        assert_eq!(super::hexadecimal("255").as_deref(), Some("ff 255"));
    }
}
"""
FUNCTION = """
/// Return a decimal number in both notations.
#[pyo3::pyfunction]
fn notations(text: &str) -> Option<String> {
    parser::hexadecimal(text)
}
"""
TEST = """\
from fast_sum._core import notations  # type: ignore[attr-defined]


def test_notations() -> None:
    assert notations("255") == "ff 255"
"""


EDITS = [
    ("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
    ("pyproject.toml", "[tool.mypy]\n", "[tool.mypy]\npretty = true\n"),
    ("README.md", "## Install\n", "Mine.\n\n## Install\n"),
]


def add_own_code(project: Path) -> None:
    library = project / "src/lib.rs"
    replace(library, "pub mod users;\n", "mod parser;\npub mod users;\n")
    replace(
        library,
        "{Group, User};\n",
        "{Group, User};\n    #[pymodule_export]\n    use crate::notations;\n",
    )
    library.write_text(library.read_text() + FUNCTION)
    (project / "src/parser.rs").write_text(PARSER)
    (project / "tests/test_notations.py").write_text(TEST)
    replace(project / "Cargo.toml", 'serde_json = "1"\n', 'itoa = "1"\nserde_json = "1"\n')
    for name, old, new in EDITS:
        replace(project / name, old, new)


@dataclass(frozen=True)
class Releases:
    """The template at its published address, whose releases differ in a few lines."""

    repository: Path
    env: dict[str, str]

    def release(self, tag: str, *edits: tuple[str, str, str]) -> None:
        for pattern, old, new in edits:
            [path] = (self.repository / "template").glob(pattern)
            replace(path, old, new)
        commit_all(self.repository, tag)
        git(self.repository, "tag", tag)
        git(self.repository, "push", "--quiet", "published", "HEAD", tag)


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """Return an older release and the template as it is in the work tree."""
    folder = tmp_path_factory.mktemp("releases")
    repository = folder / "pyo3-uv-template"
    shutil.copytree(template, repository)
    env = with_path(clean_environment(**publish(repository, folder)), Path(sys.executable).parent)
    git(repository, "remote", "add", "published", str(folder / "org/pyo3-uv-template.git"))
    releases = Releases(repository, env)
    releases.release(OLD, ("*extension*/pyproject.toml*", '"RUF", "UP"', '"UP"'))
    git(repository, "checkout", "--quiet", "HEAD~", "--", ".")
    releases.release(CURRENT)
    return releases


@pytest.fixture(scope="module")
def moved(releases: Releases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that was made from the older release, edited, and moved, but not built."""
    project = tmp_path_factory.mktemp("moved") / "fast-sum"
    copy = ["copy", "--defaults", "--vcs-ref", OLD, "-d", "python_version=3.12"]
    run([*COPIER, *copy, "gh:org/pyo3-uv-template", project], project.parent, releases.env)
    commit_all(project, "start")
    add_own_code(project)
    commit_all(project, "my code")
    steps = commands("From single to workspace")
    [build] = [step for step in steps if "uv sync" in step]
    steps.remove(build)
    run_all(steps, project, releases.env)
    return project


@pytest.fixture
def project(moved: Path, tmp_path: Path) -> Path:
    """Return a copy of that project and of the renders beside it."""
    shutil.copytree(moved.parent, tmp_path / "moved")
    return tmp_path / "moved/fast-sum"


def move_the_logic(project: Path, env: dict[str, str]) -> None:
    """Do what the page says about parser.rs."""
    run_all(commands("Move the logic"), project, env)
    core, wrapper = project / "crates/fast-sum", project / BINDINGS
    edits = [
        (core / "src/lib.rs", "mod users;\n", "pub mod parser;\n\nmod users;\n"),
        (wrapper / "src/lib.rs", "mod parser;\n", "use fast_sum::parser;\n\n"),
        (core / "Cargo.toml", "[dependencies]\n", '[dependencies]\nitoa = "1"\n'),
        (wrapper / "Cargo.toml", 'itoa = "1"\n', ""),
    ]
    for path, old, new in edits:
        replace(path, old, new)
    for code in ("pub mod parser;", "use fast_sum::parser;", "mod parser;"):
        assert f"`{code}`" in section("Move the logic")


def test_move_keeps_edits_and_history(project: Path) -> None:
    assert git(project, "status", "--short") == ""
    changes = git(project, "show", "--name-status", "--format=", "HEAD~").splitlines()
    sources = ["Cargo.toml", "build.rs", "src/lib.rs", "src/parser.rs", "src/users.rs"]
    assert sorted(changes) == [f"R100\t{name}\t{BINDINGS}/{name}" for name in sources]
    for name in sources:
        assert not (project / name).exists() or name == "Cargo.toml"
        log = git(project, "log", "--follow", "--format=%s", "--", f"{BINDINGS}/{name}")
        assert log.splitlines()[-1] == ("my code" if name == "src/parser.rs" else "start")

    library = (project / BINDINGS / "src/lib.rs").read_text()
    assert library.endswith(FUNCTION)
    assert 'itoa = "1"\n' in (project / BINDINGS / "Cargo.toml").read_text()
    assert stored(project)["layout"] == "workspace"
    assert stored(project)["_commit"] == CURRENT

    # But for the edits, all other files are those of the workspace.
    for name, old, new in [*EDITS, ("Cargo.toml", *EDITS[0][1:])]:
        replace(project / name, new, old)
    ours, render = tree(project, ".git"), tree(project.with_name("fast-sum-workspace"))
    assert ours.pop("tests/test_notations.py").decode() == TEST
    for name in ours.keys() | render.keys():
        assert name.startswith(BINDINGS) or ours[name] == render[name]


def test_later_updates(releases: Releases, project: Path) -> None:
    """They bring what is new, to the new paths, and touch nothing else."""
    move_the_logic(project, releases.env)
    commit_all(project, "the parser moves")
    before = tree(project, ".git")
    releases.release(
        NEWER,
        ("parts/build.rs", "//! Lets", "//! Newer. Lets"),
        ("parts/lints.toml", 'unused_self = "allow"\n', 'unused_self = "warn"\n'),
        ("*workspace*/Cargo.toml*", '"deny"', '"forbid"'),
        ("*extension*/pyproject.toml*", "maturin>=1.14.1", "maturin>=1.16"),
        # The user's own, which an update leaves alone:
        ("*workspace*/crates/*name }}/src/*users.rs*", "/// Why", "// Newer.\n/// Why"),
        ("*extension*/README.md*", "## Install\n", "Newer.\n\n## Install\n"),
    )
    run([*COPIER, "update", "--defaults"], project, releases.env)
    after = tree(project, ".git")
    assert after.keys() == before.keys()
    assert b"<<<<<<<" not in b"".join(after.values())
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        ".copier-answers.yml",
        "Cargo.toml",
        "pyproject.toml",
        f"{BINDINGS}/Cargo.toml",
        f"{BINDINGS}/build.rs",
    }
    assert b'unused_self = "warn"\n' in after[f"{BINDINGS}/Cargo.toml"]
    assert b'name = "fast-sum-python"\n' in after[f"{BINDINGS}/Cargo.toml"]
    assert after[f"{BINDINGS}/build.rs"].startswith(b"//! Newer. ")
    assert b"pretty = true\n" in after["pyproject.toml"]
    assert b'version = "0.2.0"' in after["Cargo.toml"]
