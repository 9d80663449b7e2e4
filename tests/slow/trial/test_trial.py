"""What `pyo3-uv fix` does before it writes: it tries the fixes in a copy, and asks whom they bind."""

import json
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from pyo3_uv.checks import report
from pyo3_uv.checks.finding import Evidence, Finding
from pyo3_uv.edits.patch import Patch
from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.facts import Facts
from pyo3_uv.facts.interpreters import Interpreter
from pyo3_uv.trial.trial import try_fixes
from tests import crates
from tests.commands import PYO3_UV, commit_all, exit_code, git, run, terminal, uv
from tests.crates import IGNORED, MODULE, PYPROJECT, TEST, crate, venv, write
from tests.projects import replace, tree
from tests.reports import fix, refused

pytestmark = pytest.mark.build


@pytest.fixture
def made(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> Path:
    """Return a crate without Rust tests, as many that people maintain are."""
    pyproject = PYPROJECT + "\n[tool.uv]\npackage = true\n"
    ignored = IGNORED.replace("Cargo.lock\n", "")
    project = crates.made(tmp_path / "made", **{"pyproject.toml": pyproject})
    (project / ".gitignore").write_text(ignored)
    venv(project / ".venv", middle, env, "--editable", str(project), "pytest")
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    commit_all(project)
    return project


@pytest.mark.weekly
def test_project_without_rust_tests(made: Path, env: dict[str, str]) -> None:
    """It is told once what Rust tests would need; nothing that only they need is written."""
    output = run([PYO3_UV, "doctor", "--format=json"], made, env).output
    (only,) = json.loads(output)["projects"]
    found = {finding["id"]: finding["severity"] for finding in only["findings"]}
    hints = dict.fromkeys(("slow-rebuilds", "editable-profile", "rust-tests"), "hint")
    assert found == {"cache-keys": "warning", **hints}
    assert run([PYO3_UV, "doctor", "--strict"], made, env, check=False).code == 1

    result = fix(made, env)
    assert result["changed"] == ["pyproject.toml"] and not refused(result)
    assert git(made, "status", "--porcelain") == " M pyproject.toml\n"
    assert run([uv(), "pip", "show", "--quiet", "pytest"], made, env).code == 0
    assert fix(made, env, "--allow-dirty")["changed"] == []


@pytest.mark.parametrize("config", ["committed", pytest.param("local", marks=pytest.mark.weekly)])
def test_whom_it_binds(made: Path, env: dict[str, str], config: str, tmp_path: Path) -> None:
    (made / "src/lib.rs").write_text(MODULE + TEST)
    commit_all(made)
    result = fix(made, env, "--config", config)
    assert not refused(result)
    assert "Cargo.lock" in result["changed"], "build.rs has a dependency: not behind the diff"
    run(["cargo", "check", "--locked"], made, env)
    status = git(made, "status", "--porcelain")
    assert ("?? .cargo/" in status) == (config == "committed")
    assert (made / ".cargo/config.toml").exists() and result["ok"]
    run(["cargo", "test"], made, env)
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "fixed")

    # A contributor without uv: what worked still does.
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", made, clone)
    checked = run(["cargo", "check", "--locked"], clone, env, check=False)
    assert (checked.code == 0) == (config != "committed")
    run(["cargo", "test"], clone, env, check=False)
    assert not (clone / ".venv").exists(), "no runner makes one"
    run([uv(), "build", "--quiet", "--sdist"], made, env)
    [sdist] = (made / "dist").glob("*.tar.gz")
    names = run(["tar", "tzf", sdist], made).output
    assert (".cargo" in names) == (config == "committed")


def looks(name: str, text: str, file: str = "", always: bool = False) -> SimpleNamespace:
    """Return a check whose fix writes a text into a new file, or behind what is in one."""
    file = file or f"{name}.txt"

    def find(facts: Facts) -> Finding | None:
        path = facts.project.folder / file
        if not always and path.exists() and text in path.read_text():
            return None

        def change(patch: Patch) -> None:
            patch.files[path] = patch.text(path) + text

        evidence = Evidence("true", "")
        return Finding(name, "warning", name, f"{name} is seen", evidence, name, name, change)

    return SimpleNamespace(find=find)


FAILS_ONCE = """
fn main() {
    std::fs::File::create_new(std::env::var("FIRST").unwrap()).unwrap_err();
}
"""


@pytest.mark.usefixtures("as_environment")
def test_a_fix_that_breaks_something_is_left_out(
    made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And so is one that does not help; the rest is applied. Until then nothing is written."""
    bad = looks("bad", 'compile_error!("bad");\n', "src/lib.rs")
    useless = looks("useless", "more\n", always=True)
    unlucky = looks("unlucky", FAILS_ONCE, "build.rs")
    monkeypatch.setattr(report, "CHECKS", [bad, looks("good", "good\n"), useless, unlucky])
    monkeypatch.setenv("FIRST", str(tmp_path / "first"))
    before = tree(made, ".venv", ".git")
    steps: list[str] = []
    outcome = try_fixes([load(made)], False, True, steps.append)
    assert [name for _, name in outcome.applied] == ["good", "unlucky"], (
        "a build that fails once may be bad luck"
    )
    assert (tmp_path / "first").exists()
    expected = {made / "good.txt": "good\n", made / "build.rs": FAILS_ONCE}
    assert outcome.patch.changed() == expected
    assert outcome.refused == {
        # before cargo's many commands
        "bad": "it breaks what passed before: sdist, a wheel from it, and its import",
        "useless": "useless is still found after its fix",
    }
    assert "sdist, a wheel from it, and its import" in outcome.passed
    assert tree(made, ".venv", ".git") == before


def test_interrupted_or_refused(made: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Nothing is written, no copy is left, and an edit that is made meanwhile is not lost."""
    env = env | {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    beside, before = set(made.parent.iterdir()), tree(made, ".venv", ".git")
    process = terminal([PYO3_UV, "fix"], made, env)
    process.expect("cargo doc|sdist")
    process.kill(signal.SIGTERM)
    assert exit_code(process) == 130
    assert set(made.parent.iterdir()) == beside, "no copy is left"
    patch = run([PYO3_UV, "fix", "--diff"], made, env).output.partition("--- a/")
    (made / "changes").write_text("".join(patch[1:]))
    git(made, "apply", "--check", "changes")
    (made / "changes").unlink()
    assert tree(made, ".venv", ".git") == before
    left = [path.name for path in (tmp_path / "tmp").iterdir() if path.name[:3] != "uv-"]
    assert not left and set(made.parent.iterdir()) == beside

    process = terminal([PYO3_UV, "fix"], made, env)
    process.expect("Apply")
    with (made / "pyproject.toml").open("a") as file:
        file.write("# mine\n")
    process.send("y")
    process.expect("was changed meanwhile; nothing was written")
    assert exit_code(process) == 1
    assert (made / "pyproject.toml").read_text().endswith("# mine\n")


@pytest.mark.weekly
def test_what_the_copy_has(made: Path, env: dict[str, str]) -> None:
    """A crate outside the repository, cargo's configuration above it, a source that Git ignores.

    A lock file that was out of date before is no part of the fixes.
    """
    core = crate(made.parent / "core", "", lib="pub const N: u32 = 1;\n")
    replace(core / "Cargo.toml", "made", "made-core")
    tables = '[dependencies]\nmade-core = { path = "../core" }\n'
    replace(made / "Cargo.toml", "[dependencies]\n", tables)
    checked = '#[cfg(above)]\npub use made_core::N;\n#[cfg(not(above))]\ncompile_error!("");\n'
    (made / "src/lib.rs").write_text(MODULE + checked + "mod generated;\n")
    (made / ".gitignore").write_text(IGNORED + "generated.rs\n")
    (made / "src/generated.rs").touch()
    (made / "link.rs").symlink_to("src/lib.rs")
    write(made.parent, {".cargo/config.toml": '[build]\nrustflags = ["--cfg", "above"]\n'})
    commit_all(made)
    result = fix(made, env)
    assert not refused(result) and result["changed"] == ["pyproject.toml"]
    shown = run([PYO3_UV, "fix", "--yes", "--allow-dirty"], made, env, check=False).output
    assert "build-fails" not in shown
    assert "passes " not in shown, "there is nothing left to try"
    assert re.search(r"^\d+ commands are run in a copy, about \d+", shown, re.MULTILINE)
    assert re.search(r"^ +\d+\.\d s  uv run, after edit 1$", shown, re.MULTILINE)
    assert '{ file = "../core/src/**" }' in (made / "pyproject.toml").read_text()
