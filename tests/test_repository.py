"""README and the repository itself."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from support import ROOT, check_workflows, clean_environment, interpreters, run

from conftest import QUESTIONS, Render

README = (ROOT / "README.md").read_text(encoding="utf-8")


def setup_lines() -> list[str]:
    return [line for line in README.splitlines() if line.startswith("pip install uv && ")]


@pytest.mark.parametrize(("name", "kind"), [("myproj", "extension"), ("myapp", "app")])
def test_readme_tree_is_that_of_a_render(render: Render, name: str, kind: str) -> None:
    tree = README.split(f"```\n{name}\n")[1].split("```")[0]
    shown = [line.split()[1] for line in tree.splitlines()]
    project = render(name, kind=kind)
    files = {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}
    assert shown == sorted(files, key=lambda name: (name.split("/")[0], name))


def test_readme_names_every_question() -> None:
    table = README.split("| question |")[1].split("\n\n")[0]
    first_cells = "".join(line.split("|")[1] for line in table.splitlines()[1:])
    assert re.findall(r"`(\w+)`", first_cells) == list(QUESTIONS)


@pytest.mark.build
def test_readme_set_up_line(template: Path, tmp_path: Path) -> None:
    """Run it as it stands, with pip of a fresh environment, in a clone of the template."""
    line, _ = setup_lines()
    python = interpreters()[-1] if interpreters() else None
    if not python:
        pytest.skip("no CPython that pyenv or uv has installed")
    run([python.path, "-m", "venv", tmp_path / "pip"], tmp_path)
    clone = tmp_path / "pyo3-uv-template"
    run(["git", "clone", "--quiet", template, clone], tmp_path)
    env = clean_environment()
    env["PATH"] = os.pathsep.join([f"{tmp_path}/pip/bin", str(python.path.parent), env["PATH"]])
    output = run(["bash", "-c", line], clone, env).output
    assert "ok     uv run pytest" in output
    assert "ok     cargo test" in output
    assert (tmp_path / "myproj/.python-version").read_text() == python.version + "\n"
    shutil.rmtree(tmp_path / "myproj/target")


def test_ci_runs_the_command_of_the_readme() -> None:
    _, line = setup_lines()
    install, test = line.split(" && ")
    script = (ROOT / ".ci/run").read_text()
    assert script.rstrip().endswith("\n" + test)
    assert f"python3 -m {install}" in script
    assert ".ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()


def test_workflows_are_sound() -> None:
    check_workflows(ROOT)


def test_templates_stay_readable() -> None:
    for path in (ROOT / "template").rglob("*"):
        if path.is_dir():
            continue
        text = path.read_text(encoding="utf-8")
        assert (path.suffix == ".jinja") == bool(re.search(r"(?<!\$)\{\{|\{%", text)), path
        assert len([line for line in text.splitlines() if "{%" in line]) <= 8, path


def test_nothing_needs_trust() -> None:
    settings = re.findall(r"^_\w+", (ROOT / "copier.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(settings)


def test_own_code_is_clean() -> None:
    ruff = [sys.executable, "-m", "ruff"]
    run([*ruff, "format", "--check", "."], ROOT)
    run([*ruff, "check", "."], ROOT)
