"""The oldest versions that the template names, and those just below them.

The bounds are read from the files, so that a bound that is too low fails here.
"""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, clean_environment, commit_all, run, uv, with_path
from tests.conftest import Render
from tests.projects import bindings, passes, shown
from tests.pythons import environment
from tests.template.test_bounds import replace

COPIER = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))["_min_copier_version"]
PYO3 = "0.30.1"  # the oldest of 0.30; 0.30.0 cannot be selected


def release(package: str, version: str) -> list[str | Path]:
    """Return the command that starts a program from PyPI."""
    return [uv(), "tool", "run", "--from", f"{package}=={version}", package]


def copy(template: Path, project: Path, version: str = COPIER, **answers: str) -> str:
    """Render with this version of Copier and return the output; the exit code is not looked at."""
    options = [f"--data={key}={value}" for key, value in answers.items()]
    command = [*release("copier", version), "copy", "--defaults", *options, template, project]
    return run(command, project.parent, clean_environment(), check=False).output


def bound(project: Path, file: str, pattern: str) -> str:
    """Return the version that the first group of `pattern` matches in a file of the project."""
    match = re.search(pattern, (project / file).read_text(encoding="utf-8"))
    assert match
    return match[1]


def uv_bound(project: Path) -> str:
    """Return the oldest uv that a project allows."""
    return bound(project, "pyproject.toml", r'required-version = ">=([\d.]+)"')


def test_older_copier(template: Path, tmp_path: Path) -> None:
    output = copy(template, tmp_path / "my-project", "9.14.0")
    assert f"requires Copier version >= {COPIER}, while your version of Copier is 9.14.0" in output
    assert not (tmp_path / "my-project").exists()


@pytest.mark.parametrize("kind", ["extension", "app"])
def test_older_uv(render: Render, kind: str) -> None:
    project = render(kind=kind)
    result = run([*release("uv", "0.5.19"), "sync"], project, clean_environment(), check=False)
    assert (
        f"Required version `>={uv_bound(project)}` does not match the running version"
        in result.output
    )
    assert result.code != 0 and not (project / ".venv").exists()


def has_rust(version: str) -> bool:
    """Say whether rustup has installed this release of Rust."""
    if not shutil.which("rustup"):
        return False
    listed = run(["rustup", "toolchain", "list"], ROOT, clean_environment()).output
    return any(line.startswith(f"{version}-") for line in listed.splitlines())


@pytest.mark.parametrize(
    ("rust", "layout"),
    [
        pytest.param("installed", "single", marks=[pytest.mark.build, pytest.mark.weekly]),
        ("oldest", "single"),
        ("oldest", "workspace"),
    ],
)
def test_oldest_versions(
    template: Path, middle: Interpreter, target: Path, tmp_path: Path, rust: str, layout: str
) -> None:
    """Copier, uv, maturin and PyO3: from `copier copy` to green tests, edits and a wheel."""
    project = tmp_path / "my-project"
    copy(template, project, python_version=middle.minor, layout=layout)
    env = environment(target, middle)
    if rust == "oldest":
        version = bound(project, "Cargo.toml", r'rust-version = "([\d.]+)"')
        if not has_rust(version):
            pytest.skip(f"needs `rustup toolchain install {version}`")
        env["RUSTUP_TOOLCHAIN"] = version

    install = [uv(), "pip", "install", "--quiet", "--target", tmp_path / "uv"]
    run([*install, f"uv=={uv_bound(project)}"], tmp_path, env)
    env = with_path(env, tmp_path / "uv/bin")
    maturin = bound(project, "pyproject.toml", r"maturin>=([\d.]+)")
    replace(project / "pyproject.toml", r"maturin>=([\d.]+),<2", r"maturin==\1")
    replace(bindings(project) / "Cargo.toml", r'"0\.30"', f'"={PYO3}"')

    run([uv(), "lock", "--quiet", "--python", middle.path], project, env)
    run(["uv", "sync", "--quiet", "--locked", "--python", middle.path], project, env)
    passes(project, env, "Oldest")
    assert f'name = "pyo3"\nversion = "{PYO3}"' in (project / "Cargo.lock").read_text()
    assert "Built" not in run(["uv", "sync"], project, env).output, "nothing has changed"
    commit_all(project)
    run(["git", "clean", "-xdf", "--quiet"], project, env)
    run(["uv", "sync", "--quiet", "--python", middle.path], project, env)
    assert shown(project, env, "--no-sync") == "Oldest"

    run(["uv", "build", "--quiet", "--wheel"], project, env)
    [wheel] = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        assert f"Generator: maturin ({maturin})" in archive.read(name).decode()
