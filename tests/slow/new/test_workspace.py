"""Members of uv and Cargo workspaces: `pyo3-uv new` joins them, `doctor` and `fix` know them."""

import json
from pathlib import Path

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, commit_all, exit_code, git, run, terminal, uv
from tests.conftest import QUESTIONS
from tests.projects import Loop, replace, tree
from tests.reports import doctor, fix, ids
from tests.workspaces import sync_root

pytestmark = pytest.mark.build


def test_two_extensions_and_a_pure_package(
    root: Path, middle: Interpreter, env: dict[str, str]
) -> None:
    sync_root(root, middle, env)
    before = (root / "pyproject.toml").read_text()
    for name, options in (("fast", []), ("slow", ["-d", "example=false"])):
        # A Python is not named: it is the workspace's.
        command = [PYO3_UV, "new", f"packages/{name}", "--defaults", *options]
        output = run(command, root, env).output
        assert f"member of the uv workspace in {root}\n" in output
        assert "ok     uv run pytest" in output and "ok     cargo test" in output
        project = root / "packages" / name
        assert not {".git", ".venv", "uv.lock", ".python-version", ".github"} & {
            path.name for path in project.iterdir()
        }
        run([root / ".venv/bin/python", "-c", f"import pure, {name}"], root, env)
    assert (root / "pyproject.toml").read_text() == before

    loop = Loop(root, env)
    tests = {"fast": ("4 passed", "2 passed"), "slow": ("2 passed", "1 passed")}
    for folder in (root, *(root / "packages" / name for name in ("pure", "fast", "slow"))):
        run([uv(), "sync", "--all-packages"], folder, env)
        if folder.name not in tests:
            passed = "7 passed" if folder == root else "1 passed"
            assert passed in run([uv(), "run", "--all-packages", "pytest"], folder, env).output
            continue
        python, rust = tests[folder.name]
        assert python in run([uv(), "run", "pytest"], folder, env).output
        output = run(["cargo", "test"], folder, env).output
        assert f"test result: ok. {rust}" in output and "warning" not in output

        # An edit is seen from the root and in the member, and compiles this crate only.
        module = folder / "src/lib.rs"
        with module.open("a") as file:
            file.write("\n#[pyo3::pyfunction]\npub fn edited() -> i32 {\n    1\n}\n")
        replace(
            module,
            "    #[pymodule_export]\n",
            "    #[pymodule_export]\n    use super::edited;\n    #[pymodule_export]\n",
        )
        show = [uv(), "run", "--quiet", "python", "-c"]
        show.append(f"from {folder.name}._core import edited; print(edited())")
        loop.project = root
        assert loop.run([*show[:3], "--all-packages", *show[3:]]) == [folder.name]
        replace(module, "    1\n", "    2\n")
        loop.project = folder
        assert set(loop.run(["cargo", "test"])) == {folder.name}
        assert loop.run(show) == [folder.name]
        assert run(show, folder, env).output == "2\n"
        run([uv(), "run", "stubs.py"], folder, env)
        stub = folder / "python" / folder.name / "_core.pyi"
        assert "def edited() -> int: ..." in stub.read_text()

    run(["rm", "-r", root / ".venv"], root, env)
    for path in root.glob("packages/*/python/*/*.so"):
        path.unlink()
    sync_root(root, middle, env)
    assert "7 passed" in run([uv(), "run", "--all-packages", "pytest"], root, env).output
    assert doctor(root / "packages/slow", env)["findings"] == []


@pytest.mark.weekly
def test_member_with_two_crates(root: Path, middle: Interpreter, env: dict[str, str]) -> None:
    """layout=workspace: the environment is two folders above the crate's."""
    sync_root(root, middle, env)
    command = [PYO3_UV, "new", "packages/deep", "--defaults", "-d", "layout=workspace"]
    run(command, root, env)
    report = doctor(root / "packages/deep", env)
    assert report["findings"] == []
    assert report["facts"]["environment"].startswith("../../../../.venv: ")


@pytest.mark.weekly
def test_defaults_leave_the_root_alone(
    root: Path, middle: Interpreter, env: dict[str, str]
) -> None:
    """A folder that no pattern names is a project of its own, and joins with what is printed."""
    before = tree(root)
    command = [PYO3_UV, "new", "fast", "--defaults", "--format=json", "--python", middle.path]
    made = json.loads(run([*command, "-d", "example=false"], root, env).output)
    assert made["ok"] and "member" not in made and made["changed"] == []
    assert {name: text for name, text in tree(root).items() if name[:5] != "fast/"} == before
    assert (root / "fast/.venv").is_dir() and (root / "fast/uv.lock").is_file()

    commit_all(root)
    (root / "join.diff").write_text(made["to_join"])
    git(root, "apply", "join.diff")
    run(["rm", "-r", "fast/.venv", "fast/uv.lock", "join.diff"], root, env)
    sync_root(root, middle, env)
    assert doctor(root / "fast", env)["findings"] == []
    assert not (root / "fast/.venv").exists()


def dialogue(root: Path, env: dict[str, str], join: str, fixed: set[str]) -> str:
    """Run `pyo3-uv new fast`, answer whether to join, press Enter at each question."""
    process = terminal([PYO3_UV, "new", "fast"], root, env)
    process.expect("Change these files and join")
    shown = str(process.before)
    process.send(join)
    for name, question in QUESTIONS.items():
        if name not in fixed:
            process.expect_exact(str(question["help"]))
            process.send("\r")
    assert exit_code(process) == (0 if join == "y" else 1)
    return shown + str(process.before)


def test_join_both(both: Path, middle: Interpreter, env: dict[str, str]) -> None:
    sync_root(both, middle, env)
    fixed = {"python_version", "kind", "layout", "windows"}
    shown = dialogue(both, env, "y", fixed)
    assert '+members = ["libs/*", "fast"] # a comment' in shown
    assert '+members = ["crates/*", "fast"]' in shown
    assert '+PYO3_PYTHON = { value = ".venv/bin/python"' in shown
    assert not {".git", ".venv", "uv.lock", "Cargo.lock", ".cargo"} & {
        path.name for path in (both / "fast").iterdir()
    }
    commit_all(both)

    # The second one: nothing of the root is changed, but the changes are there to be applied.
    command = [PYO3_UV, "new", "slow", "--defaults", "--format=json", "-d", "example=false"]
    result = run([*command, "--python", middle.path], both, env, check=False)
    assert result.code == 1
    made = json.loads(result.output)
    assert (
        made["steps"] == []
        and not made["ok"]
        and git(both, "status", "--porcelain") == "?? slow/\n"
    )
    (both / "join.diff").write_text(made["to_join"])
    git(both, "apply", "join.diff")
    (both / "join.diff").unlink()

    sync_root(both, middle, env)
    assert "7 passed" in run([uv(), "run", "--all-packages", "pytest"], both, env).output
    output = run(["cargo", "test", "--workspace"], both, env).output
    assert "warning" not in output and "without_python ... ok" in output
    assert output.count("test result: ok. 1 passed") == 2  # neighbour and slow
    for name in ("fast", "slow"):
        assert "passed" in run([uv(), "run", "pytest"], both / name, env).output
        run(["cargo", "test"], both / name, env)
    loop = Loop(both, env)
    replace(both / "slow/src/lib.rs", "value * value", "value * value * 1.0")
    assert loop.run([uv(), "sync", "--all-packages"]) == ["slow"]
    assert doctor(both / "fast", env)["findings"] == []

    for name in ("fast", "slow"):
        replace(both / name / "Cargo.toml", f'name = "_{name}_core"', 'name = "_core"')
    assert "collision" in run(["cargo", "test", "--no-run"], both, env).output
    assert ids(doctor(both / "fast", env)) == ["library-name"]
    assert fix(both / "fast", env, "--allow-dirty")["changed"] == ["Cargo.toml"]
    assert "collision" not in run(["cargo", "test", "--no-run"], both, env).output


@pytest.mark.weekly
def test_answer_no(both: Path, middle: Interpreter, env: dict[str, str]) -> None:
    process = terminal([PYO3_UV, "new", "fast", "--python", middle.path], both, env)
    process.expect("Change these files and join")
    process.send("n")
    for name, question in QUESTIONS.items():
        if name not in ("python_version", "windows"):
            process.expect_exact(str(question["help"]))
            process.send("\r")
    process.expect("cargo refuses the project until it is a member or excluded")
    assert exit_code(process) == 1
    assert git(both, "status", "--porcelain") == "?? fast/\n"
    assert (both / "fast/.python-version").is_file()


def test_ctrl_c_leaves_nothing(both: Path, middle: Interpreter, env: dict[str, str]) -> None:
    sync_root(both, middle, env)
    commit_all(both)
    for question in ("Change these files", "One line about it"):
        process = terminal([PYO3_UV, "new", "fast"], both, env)
        process.expect("Change these files")
        if question != "Change these files":
            process.send("y")
            process.expect("Name of the project")
            process.send("\r")
            process.expect(question)
        process.send("\x03")
        assert exit_code(process) == 130
        assert git(both, "status", "--porcelain") == ""
