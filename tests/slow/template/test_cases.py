"""The user's own code in place of the example: tests/cases/, judged by the rendered CI."""

import re
import shutil
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, run, uv, with_path
from tests.conftest import Render
from tests.projects import bindings, replace
from tests.workflows import Workflow

pytestmark = pytest.mark.build

CASES = ROOT / "tests/cases"
EXPORTS = {
    "amounts": "AmountError, CurrencyError, parse_amount",
    "arrays": "dot, row_norms, scale",
    "dates": "gross, next_working_day, span",
    "geo": "geo",
    "jobs": "double_later, length_of, wait",
    "lines": "count_lines, folder_size, head",
    "measures": "convert",
    "options": "command, enabled, repeat",
    "parallel": "any_prime, count_letters, group_by_letter",
    "recorder": "Recorder",
    "settings": "Settings",
    "shapes": "Shape, Square, Style",
    "shorthand": "expand, lookup",
    "stats": "normalize, sign_changes, weighted_mean",
    "views": "View",
    "windows": "Slot, Windows, windows",
    "words": "count_of, count_words, merge_counts, most_frequent",
}
CRATES = [
    ["numpy@0.30", "rayon@1", "rust_decimal@1", "serde_json@1", "thiserror@2"],
    ["chrono@0.4", "--no-default-features"],
    ["serde@1", "--features=derive"],
    ["tokio@1", "--features=rt-multi-thread,time"],
    ["pyo3-async-runtimes@0.30", "--features=tokio-runtime"],
    ["pyo3", "--features=chrono,rust_decimal"],
    ["--path=crates/units"],
]


def add_cases(project: Path, env: dict[str, str]) -> None:
    """Do what tests/cases/README.md says."""
    assert {path.stem for path in CASES.glob("*.rs")} == EXPORTS.keys()
    crate = bindings(project)
    for path in (*CASES.glob("*.rs"), CASES / "shorthand.txt"):
        shutil.copy(path, crate / "src")
    # With a date of now: cargo, which shares a target folder with other tests, goes by that.
    shutil.copytree(CASES / "units", project / "crates/units", copy_function=shutil.copy)
    shutil.copytree(CASES / "tests", project / "tests", dirs_exist_ok=True)
    library = crate / "src/lib.rs"
    [declared] = re.findall(r"^(?:pub )?mod users;\n", library.read_text(), re.MULTILINE)
    mods = "".join(f"pub mod {name};\n" for name in EXPORTS)
    replace(library, declared, mods + declared)
    exports = [f"#[pymodule_export]\nuse crate::{m}::{{{e}}};\n" for m, e in EXPORTS.items()]
    replace(library, "{Group, User};\n", "{Group, User};\n" + "".join(exports))
    package = "case" if crate == project else "case-python"
    for arguments in CRATES:
        run(["cargo", "add", "--quiet", "--package", package, *arguments], project, env)
    run(["cargo", "fmt"], project, env)
    run([uv(), "add", "--quiet", "--no-sync", "numpy"], project, env)


@pytest.mark.parametrize("layout", ["single", pytest.param("workspace", marks=pytest.mark.weekly)])
def test_cases(render: Render, middle: Interpreter, env: dict[str, str], layout: str) -> None:
    answers = {"python_version": middle.minor, "layout": layout, "extras": ["github"]}
    project = render("case", **answers)
    env = with_path(env, middle.path.parent)
    run([uv(), "lock", "--quiet"], project, env)
    add_cases(project, env)
    output = run([uv(), "run", "stubs.py"], project, env).output
    # What PyO3 cannot describe is named, with the way to say it.
    for item in ("distance in case/_core/geo", "`def row_norms(", "`def command("):
        assert re.search(f"^warning: .*{re.escape(item)}.*docs/stubs.md$", output, re.MULTILINE)
    ci = Workflow(project, "ci.yml", env, **{"matrix.python": middle.minor})
    assert "Success: no issues found in 2 modules" in ci.run_job("lint")
    assert " passed" in ci.run_job("test")
    if layout == "workspace":  # test_layouts.py has edits in one
        return

    library = bindings(project) / "src/lib.rs"
    library.write_text(library.read_text().replace("pub mod ", "mod "))
    run(["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], project, env)

    # An edit of an embedded file, and one of a crate of the user's own, show up at once.
    show = "from case._core import convert, lookup; print(lookup('new'), convert([1], 'm'))"
    assert show_with(project, env, show) == "None [1.0]"
    with (bindings(project) / "src/shorthand.txt").open("a") as file:
        file.write("new text\n")
    assert show_with(project, env, show) == "text [1.0]"
    replace(project / "crates/units/src/lib.rs", "    length * ", "    2.0 * length * ")
    assert show_with(project, env, show) == "text [2.0]"


def show_with(project: Path, env: dict[str, str], code: str) -> str:
    return run([uv(), "run", "--quiet", "python", "-c", code], project, env).output.strip()
