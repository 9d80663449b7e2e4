"""The runner of the tests on macOS, started by real cargo on Linux."""

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run
from tests.conftest import Render
from tests.projects import INTEGRATION_TEST, nextest, replace
from tests.template.test_systems import OTHERS

# ---- With cargo ----

DOCTEST = """
/// ```
/// assert!(std::env::var_os("PYTHONEXECUTABLE").is_some());
/// ```
pub fn documented() {}
"""

EXAMPLE = """
fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    println!("{arguments:?} in {}", std::env::current_dir().unwrap().display());
    std::process::exit(7);
}
"""


@pytest.mark.build
def test_cargo_with_the_runner_of_macos(
    synced: Render, middle: Interpreter, env: dict[str, str]
) -> None:
    """Its runner on Linux, where CPython since 3.11 reads the same variable."""
    project = synced(middle, env, abi="version", windows=True)
    config = project / ".cargo/config.toml"
    replace(config, f"cfg(not({OTHERS}))", "cfg(any())")
    replace(config, f"cfg({OTHERS})", "cfg(all())")
    (project / "tests/integration.rs").write_text(INTEGRATION_TEST)
    (project / "examples").mkdir()
    (project / "examples/code.rs").write_text(EXAMPLE)
    with (project / "src/lib.rs").open("a") as file:
        file.write(DOCTEST)

    env = env | {"EXPECTED_PYTHON": middle.minor}
    output = run(["cargo", "test"], project, env).output
    for test in ("test_serialize", "interpreter_is_that_of_venv", "documented"):
        assert any(test in line and line.endswith(" ok") for line in output.splitlines()), output
    assert "3 tests run: 3 passed" in nextest(project, env)
    failing = env | {"EXPECTED_PYTHON": "2.7"}
    assert (
        run(["cargo", "test", "--test", "integration"], project, failing, check=False).code == 101
    )

    example = ["cargo", "run", "--quiet", "--example", "code", "--", "--x", "two words"]
    done = run(example, project / "src", env, check=False)
    assert done.code == 7
    assert f'["--x", "two words"] in {project / "src"}' in done.output
