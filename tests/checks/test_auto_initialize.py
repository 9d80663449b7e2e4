"""A dependency that enables PyO3's auto-initialize, for all that is built with it."""

from pathlib import Path

import pytest

from pyo3_uv.checks import auto_initialize
from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run
from tests.crates import CDYLIB, MODULE, PYO3, crate, made
from tests.projects import replace
from tests.reports import doctor, facts_of, finding

MEMBERS = '[workspace]\nmembers = ["made", "logic"]\nresolver = "3"\n'
STATIC = """\
implementation=CPython
version=3.12
shared=false
abi3=true
lib_name=python3.12
lib_dir=/absent
pointer_width=64
build_flags=
suppress_build_script_link_lines=false
"""


def extension(folder: Path, logic: str) -> Path:
    """Write an extension module and the crate `logic` beside it, of which these are the tables."""
    (folder / "Cargo.toml").write_text(MEMBERS)
    project = made(folder / "made", f'{CDYLIB}{PYO3}logic = {{ path = "../logic" }}\n', MODULE)
    crate(folder / "logic", logic)
    replace(folder / "logic/Cargo.toml", "made", "logic")
    return project


@pytest.mark.build
def test_of_a_dependency(middle: Interpreter, env: dict[str, str], tmp_path: Path) -> None:
    """With a static libpython, as in manylinux images, PyO3 refuses it: no wheel."""
    feature = '[features]\ndefault = ["start"]\nstart = ["pyo3/auto-initialize"]\n\n'
    project = extension(tmp_path, feature + PYO3)
    env = env | {"PYO3_PYTHON": str(middle.path)}
    shown = finding(doctor(project, env), "auto-initialize")
    assert shown["severity"] == "warning"
    assert shown["title"] == "logic enables pyo3's auto-initialize"
    assert (shown["file"], shown["line"]) == ("../logic/Cargo.toml", 8)

    (tmp_path / "static.txt").write_text(STATIC)
    static = env | {"PYO3_CONFIG_FILE": str(tmp_path / "static.txt"), "PYO3_PYTHON": ""}
    static["PYO3_BUILD_EXTENSION_MODULE"] = "1"
    build = ["cargo", "build", "--lib"]
    assert "only supports embedding" in run(build, project, static, check=False).output
    replace(tmp_path / "logic/Cargo.toml", '"pyo3/auto-initialize"', "")
    run(build, project, static)


@pytest.mark.parametrize(
    "logic",
    [
        PYO3,
        PYO3
        + '\n[dev-dependencies]\npyo3 = { version = "0.30", features = ["auto-initialize"] }\n',
        PYO3 + '\n[features]\nstart = ["pyo3/auto-initialize"]\n',
    ],
    ids=["none", "for its tests", "off"],
)
def test_that_is_not_on(logic: str, tmp_path: Path) -> None:
    project = extension(tmp_path, logic)
    assert auto_initialize.find(facts_of(project, None)) is None


def test_of_the_crate_itself(tmp_path: Path) -> None:
    """A program has it of its own choice."""
    own = '[dependencies]\npyo3 = { version = "0.30", features = ["auto-initialize"] }\n'
    assert auto_initialize.find(facts_of(crate(tmp_path, own))) is None
