"""Rendered projects: their files, edits in them, what is compiled, and their tests."""

import ast
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml

from tests.commands import run
from tests.pythons import activate
from tests.tools import RUFF

# All that go together: with `renovate` there is no `dependabot`
EXTRAS = ["github", "dependabot", "pre-commit", "vscode", "docs", "benchmarks", "coverage"]
APP_EXTRAS = [extra for extra in EXTRAS if extra not in ("docs", "benchmarks")]


def files(project: Path) -> set[str]:
    """Return the files in `project`, as paths relative to it."""
    return {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}


def tree(folder: Path, *ignore: str) -> dict[str, bytes]:
    """Return the contents of all files in `folder`, links as their targets."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path).encode()
        if path.is_symlink()
        else path.read_bytes()
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and not set(path.parts) & set(ignore)
    }


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds, as plain Python objects."""
    return tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()


def stored(project: Path) -> dict[str, str | bool | list[str]]:
    """Return the answers in .copier-answers.yml."""
    return yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))


def replace(path: Path, old: str, new: str) -> None:
    """Replace text that is in the file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def parse(path: Path) -> None:
    """Assert that a rendered file is valid for its suffix and tidy."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".toml":
            tomlkit.parse(text)
        case ".json":
            json.loads(text)
        case ".yml" | ".yaml":
            yaml.safe_load(text)
        case ".py" | ".pyi":
            ast.parse(text)
    assert text == "" or text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text or path.suffix in (".py", ".md") or path.name[:7] == "LICENSE"
    assert not re.search(r"[ \t]$", text, re.MULTILINE) or path.name.startswith("LICENSE")


def check_files(project: Path) -> None:
    """Assert that all files parse, that no Jinja is left, and that formatters change nothing."""
    for name in files(project):
        parse(project / name)
        text = (project / name).read_text(encoding="utf-8")
        left = re.search(r"(?<!\$)\{\{|\{%|\{#", text)
        assert not left, f"Jinja left in {name}"

    check_formatting(project)
    run([RUFF, "check", "."], project)


def check_formatting(project: Path) -> None:
    """Assert that formatters change nothing in a fresh render."""
    run(["rustfmt", "--check", "--edition", "2024", *project.rglob("*.rs")], project)
    run([RUFF, "format", "--check", "."], project)


def nextest(project: Path, env: dict[str, str]) -> str:
    """Run `cargo nextest run` and return its output; skip the test if it is not installed."""
    if not shutil.which("cargo-nextest"):
        pytest.skip("cargo-nextest is not installed")
    return run(["cargo", "nextest", "run"], project, env).output


class Loop:
    """A project in which every crate is written down that cargo has compiled, or had from a cache."""

    def __init__(self, project: Path, env: dict[str, str]) -> None:
        self.project = project
        self.log = project.parent / "compiled.txt"
        wrapper = project.parent / "rustc-wrapper"
        cache = f'"{env["RUSTC_WRAPPER"]}" ' if "RUSTC_WRAPPER" in env else ""  # none in benchmarks
        wrapper.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *--emit=*) echo "$CARGO_PKG_NAME" >> "{self.log}";; esac\n'
            f'exec {cache}"$@"\n'
        )
        wrapper.chmod(0o755)
        self.env = env | {"RUSTC_WRAPPER": str(wrapper)}
        self.activated = activate(self.env, project / ".venv")

    def run(self, command: list[str], activated: bool = False, check: bool = True) -> list[str]:
        """Run `command` and return the crates that were compiled, one name for each rustc."""
        self.log.write_text("")
        run(command, self.project, self.activated if activated else self.env, check)
        return self.log.read_text().split()


# An integration test for EXPECTED_PYTHON (a version) in the environment of the build
INTEGRATION_TEST = """
//! The embedded interpreter is the one of .venv, with its standard library and its packages.

use pyo3::prelude::*;

#[test]
fn interpreter_is_that_of_venv() -> PyResult<()> {
    Python::attach(|py| {
        let sys = py.import("sys")?;
        let folders = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let venv = folders.map(|folder| folder.join(".venv")).find(|venv| venv.exists()).unwrap();
        let prefix: std::path::PathBuf = sys.getattr("prefix")?.extract()?;
        assert_eq!(prefix.canonicalize()?, venv.canonicalize()?);
        assert!(sys.getattr("version")?.to_string().starts_with(env!("EXPECTED_PYTHON")));
        py.import("json")?;
        py.import("pytest")?;
        py.import("my_project")?;
        Ok(())
    })
}
"""


def bindings(project: Path) -> Path:
    """Return the folder of the crate that uses PyO3."""
    [build_script] = {*project.glob("build.rs"), *project.glob("crates/*/build.rs")}
    return build_script.parent


def edit(project: Path, text: str) -> None:
    """Change the docstring of the example's class Group, in the Rust source."""
    source = bindings(project) / "src/users.rs"
    lines = source.read_text().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if "pub struct Group" in line)
    first = max(n for n in range(number) if lines[n] == "\n") + 1
    lines[first] = f"/// {text}\n"
    source.write_text("".join(lines))


def shown(project: Path, env: Mapping[str, str], *options: str) -> str:
    """Return the first line of that docstring as `uv run` with these options shows it.

    The first uv on PATH is used: not always the one that runs the tests.
    """
    code = "from my_project import Group; print(Group.__doc__.splitlines()[0])"
    command = ["uv", "run", "--quiet", *options, "python", "-c", code]
    return run(command, project, env).output.strip()


def passes(project: Path, env: Mapping[str, str], text: str) -> None:
    """Edit the example, run both test suites, and see the edit from Python."""
    edit(project, text)
    assert "4 passed" in run(["uv", "run", "pytest"], project, env).output
    output = run(["cargo", "test"], project, env).output
    for test in ("test_serialize", "test_deserialize"):
        assert f"{test} ... ok" in output
    assert shown(project, env, "--no-sync") == text
