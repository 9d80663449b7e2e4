"""What a project's README says an owner does first: remove the example, write the first function.

Its code is used as it stands there, and the steps of the project's own ci.yml judge the result.
"""

import re
import shutil
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import clean_environment, commit_all, git, run, uv, with_path
from tests.conftest import Render
from tests.projects import APP_EXTRAS, EXTRAS, bindings, replace
from tests.sites import Page, build
from tests.workflows import Workflow

pytestmark = pytest.mark.build


def section(project: Path, title: str) -> tuple[str, list[str]]:
    """Return the text of a section of README.md, and its code blocks."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    text = readme.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return text, re.findall(r"^```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def remove_example(project: Path, env: dict[str, str]) -> None:
    _, [block] = section(project, "Remove the example")
    commands = re.sub(r"<< 'END'\n.*?^END$", "", block, flags=re.DOTALL | re.MULTILINE)
    assert len(commands.splitlines()) <= 10
    run(["bash", "-euo", "pipefail", "-c", block], project, env)
    assert not [path for path in (project / "tests").glob("*") if path.name != "__pycache__"]
    shutil.rmtree(project / "tests", ignore_errors=True)  # a clone has no empty folders
    assert not list(project.glob("**/src/users.rs"))


def write_function(project: Path, env: dict[str, str]) -> None:
    text, blocks = section(project, "First function")
    if (project / "src/main.rs").exists():
        python, test, call = blocks
        (project / "python/my_project/shout.py").write_text(python)
        (project / "tests").mkdir(exist_ok=True)
        (project / "tests/test_shout.py").write_text(test)
        end = "    Ok(())\n}\n"
        replace(project / "src/main.rs", end, call + end)
    else:
        *core, function, test = blocks
        if core:
            library = project / "crates/my-project/src/lib.rs"
            code, mark, tests = library.read_text().partition("\n#[cfg(test)]")
            library.write_text(f"{code}\n{core[0]}{mark}{tests}")
        replace(
            bindings(project) / "src/lib.rs",
            "mod _core {",
            f"mod _core {{\n{textwrap.indent(function, '    ')}\n",
        )
        [statement, name] = re.findall(r"`(from .+?|\"\w+\")`", text)
        init = project / "python/my_project/__init__.py"
        before, found, names = init.read_text().partition("\n__all__ = [")
        names = f", {names}" if found else "]\n"
        init.write_text(f"{before}\n{statement}\n\n__all__ = [{name}{names}")
        (project / "tests").mkdir(exist_ok=True)
        (project / "tests/test_shout.py").write_text(test)
        run([uv(), "run", "stubs.py"], project, env)
        run([uv(), "run", "ruff", "check", "--fix", "--extend-select", "RUF022"], project, env)
    run([uv(), "run", "ruff", "format"], project, env)
    run(["cargo", "fmt"], project, env)


def tell_the_template(project: Path, template: Path) -> None:
    """Run what README says, so that no later update brings a part of the example back.

    The project was rendered from the folder that `template` is a repository of.
    """
    answers = project / ".copier-answers.yml"
    known = yaml.safe_load(answers.read_text(encoding="utf-8")) | {"_src_path": str(template)}
    known["_commit"] = git(template, "rev-parse", "HEAD").strip()
    answers.write_text(yaml.safe_dump(known), encoding="utf-8")
    readme = (project / "README.md").read_text(encoding="utf-8")
    [command] = re.findall(r"`copier (update [^`]*)`", readme.partition("## Remove the example")[2])
    commit_all(project)
    copier = [sys.executable, "-m", "copier", *command.split(), "--vcs-ref", "HEAD"]
    run(copier, project, clean_environment())
    assert git(project, "status", "--porcelain") == " M .copier-answers.yml\n"


@pytest.mark.parametrize(
    ("answers", "example"),
    [
        ({"layout": "single"}, "removed"),
        ({"layout": "workspace"}, "removed"),
        ({"kind": "app"}, "removed"),
        pytest.param({"kind": "app"}, "kept", marks=pytest.mark.weekly),
    ],
    ids=lambda value: value if isinstance(value, str) else "".join(value.values()),
)
def test_first_steps(
    synced: Render,
    template: Path,
    middle: Interpreter,
    env: dict[str, str],
    answers: dict[str, str],
    example: str,
) -> None:
    extras = APP_EXTRAS if "kind" in answers else EXTRAS
    told = answers != {"layout": "workspace"} and example == "removed"
    if told:  # with benchmarks, a bench keeps the example's name, as in no render
        extras = [extra for extra in extras if extra != "benchmarks"]
    project = synced(middle, env, extras=extras, **answers)
    run(["cargo", "generate-lockfile"], project, env)
    ci = Workflow(
        project, "ci.yml", with_path(env, middle.path.parent), **{"matrix.python": middle.minor}
    )

    def check() -> str:
        output = ci.run_job("lint") + ci.run_job("test")
        if "kind" not in answers:
            build(project, env)
            run(["cargo", "test", "--benches"], project, env)
        return output

    if example == "removed":
        remove_example(project, env)
        if told:
            tell_the_template(project, template)
            check()
    write_function(project, env)
    output = check()
    assert "test_shout ... ok" in output or "tests/test_shout.py ." in output
    if "kind" not in answers:
        text = Page(project / "target/site/index.html").text
        assert "shout(text: str) -> str Return text in upper case." in text
    if not shutil.which("cargo-machete"):
        pytest.skip("cargo-machete is not installed")
    run(["cargo", "machete"], project, env)
