"""`pyo3-uv fix` measures the owner's edit loop, and leaves out what makes that worse."""

from pathlib import Path

import pytest

from pyo3_uv.facts.discovery import load
from pyo3_uv.facts.interpreters import Interpreter
from pyo3_uv.trial.copy import one_target
from pyo3_uv.trial.loop import Timing, measure
from pyo3_uv.trial.must_pass import estimate
from tests.commands import commit_all, run, uv
from tests.crates import CDYLIB, IGNORED, PYPROJECT, made
from tests.reports import fix

pytestmark = pytest.mark.build

# Quick when it is optimized, and slow when it is not
LIB = """
    #[pyo3::pymodule]
    mod made {
        #[pyo3::pyfunction]
        fn answer() -> u64 {
            let mut x = 1_u64;
            for i in 0..100_000_000_u64 {
                x = std::hint::black_box(x ^ (x << 7) ^ i);
            }
            x
        }
    }
    """
GROUP = '\n[dependency-groups]\ndev = ["pytest"]\n\n[tool.uv]\npackage = true\n'


@pytest.mark.weekly
def test_what_slows_down_the_owners_tests_is_left_out(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    """Before: editable-profile = "dev" was set, and these tests took seconds instead of tenths."""
    env = {k: v for k, v in env.items() if k != "CARGO_PROFILE_RELEASE_OPT_LEVEL"}
    workflow = "jobs:\n  test:\n    steps:\n      - run: uv run pytest\n"
    files = {
        "pyproject.toml": PYPROJECT + GROUP,
        ".github/workflows/ci.yml": workflow,
        "tests/test_made.py": "from made import answer\n\n\ndef test():\n    assert answer()\n",
        ".gitignore": IGNORED.replace("Cargo.lock\n", ""),
    }
    tables = (
        CDYLIB + '[dependencies]\npyo3 = "0.30"\n\n[profile.release.package."*"]\nopt-level = 0\n'
    )
    project = made(tmp_path / "made", tables, LIB, **files)
    run([uv(), "sync", "--quiet", "--python", middle.path], project, env)
    commit_all(project)
    result = fix(project, env)
    assert result["refused"].keys() == {"editable-profile"}
    assert "`uv run pytest`: " in result["refused"]["editable-profile"]
    [line] = result["loop"]
    assert line.startswith("`uv run pytest`: ")
    manifest = (project / "pyproject.toml").read_text()
    assert "use-base-python = true" in manifest and "editable-profile" not in manifest


def test_worse() -> None:
    def timing(crates: int, *seconds: float) -> Timing:
        return Timing((crates,) * len(seconds), seconds)

    fast, slow = timing(1, 0.7, 0.9), timing(6, 0.8, 0.8)
    assert slow.worse_than(fast) and not fast.worse_than(slow)
    assert timing(1, 9.0, 2.0).worse_than(fast), "both runs take over 1.3 times and 1 s longer"
    assert not timing(1, 9.0, 1.5).worse_than(fast), "only one of them does"
    assert not timing(1, 10.0, 10.9).worse_than(timing(1, 8.0, 9.0)), "not by 1.3 times"
    failed, stale = Timing(failure="no pytest"), Timing((0, 0), (0.1, 0.1), stale=True)
    assert failed.worse_than(fast) and not slow.worse_than(failed)
    assert stale.worse_than(fast) and not slow.worse_than(stale)


def test_estimate_leaves_the_lock_file_as_it_is(tmp_path: Path) -> None:
    """Before: cargo was asked in the project itself, and made one."""
    project = load(made(tmp_path / "made"))
    with one_target([project]):
        commands, seconds = estimate([project])
    assert commands and seconds > 2.0 * commands, "the crates count"
    assert not (project.folder / "Cargo.lock").exists()


@pytest.mark.usefixtures("as_environment")
def test_lock_file_of_a_measurement_is_removed(tmp_path: Path) -> None:
    """Before: fixes had `uv sync --frozen`, for a lock file that only the copy had."""
    project = load(made(tmp_path / "made", **{"pyproject.toml": PYPROJECT}))
    assert measure([project], [["uv run"]], lambda _: None)
    assert not {"uv.lock", ".venv"} & {path.name for path in project.folder.iterdir()}
