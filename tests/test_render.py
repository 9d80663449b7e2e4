"""Every variant of a render: which files there are, that they parse, that formatters agree."""

from __future__ import annotations

import ast
import html
import itertools
import json
import re
import shutil
import sys
from pathlib import Path

import markdown
import pytest
import tomlkit
import yaml
from conftest import Render
from support import commit_all, run

COMMON = {
    ".cargo/config.toml",
    ".copier-answers.yml",
    ".gitignore",
    ".python-version",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "build.rs",
    "deny.toml",
    "pyproject.toml",
}
KIND = {
    "extension": {
        "python/my_project/__init__.py",
        "python/my_project/_core.pyi",
        "python/my_project/py.typed",
        "src/lib.rs",
    },
    "app": {"src/main.rs", "src/python.rs"},
}
EXAMPLE = {
    ("extension", True): {"src/users.rs", "tests/test_users.py"},
    ("extension", False): {"tests/test_sum_of_squares.py"},
    ("app", True): {"python/summary.py", "python/users.pyi", "src/users.rs", "tests/cli.rs"},
    ("app", False): set(),
}
LICENSE = {
    "MIT": {"LICENSE"},
    "Apache-2.0": {"LICENSE"},
    "MIT OR Apache-2.0": {"LICENSE-APACHE", "LICENSE-MIT"},
    "Proprietary": {"LICENSE"},
}
VARIANTS = [
    {"kind": "extension", "python_version": "3.10"},
    {"kind": "extension", "python_version": "3.13", "python_min": "3.12", "abi": "version"},
    {"kind": "extension", "python_version": "3.14t"},
    {"kind": "extension", "python_version": "3.15", "python_min": "3.15", "abi": "abi3t"},
    {"kind": "app", "python_version": "3.10"},
    {"kind": "app", "python_version": "3.15t"},
]
EXTRAS = {
    "github": {
        ".github/plan.py",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
    },
    "dependabot": {".github/dependabot.yml"},
    "pre-commit": {".pre-commit-config.yaml"},
    "vscode": {".vscode/launch.json", ".vscode/settings.json"},
    "docs": {"docs/index.md", "mkdocs.yml"},
    "benchmarks": {"benches/users.rs", "benchmarks/test_users.py"},
    "coverage": {"coverage.sh"},
}
APP_EXTRAS = sorted(EXTRAS.keys() - {"docs", "benchmarks"})
# What text may hold: each of these once broke a template somewhere
TEXT = "\"double\" 'single' back\\slash {{ jinja }} {% raw %} ${{ gh }} #hash ünï 日本 עברית 🦀 <b> *x*"


def files(project: Path) -> set[str]:
    return {p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()}


def read_toml(path: Path) -> dict:
    return tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()


def parse(path: Path) -> None:
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
        case ".rs":
            run(["rustfmt", "--check", "--edition", "2024", path], path.parent)
    assert text == "" or text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text or path.suffix == ".py" or path.name.startswith("LICENSE")
    assert not re.search(r"[ \t]$", text, re.MULTILINE) or path.name.startswith("LICENSE")


def check_files(project: Path) -> None:
    """Assert that all files parse, that no Jinja is left, and that formatters change nothing."""
    for name in files(project):
        parse(project / name)
        text = (project / name).read_text(encoding="utf-8")
        left = re.search(r"(?<!\$)\{\{|\{%|\{#", text)
        assert not left, f"Jinja left in {name}"

    # Formatting and linting a fresh render changes nothing (Rust: in parse).
    ruff = [sys.executable, "-m", "ruff"]
    run([*ruff, "format", "--check", "."], project)
    run([*ruff, "check", "."], project)


@pytest.mark.parametrize("windows", [False, True], ids=["unix", "windows"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(variant.values()))
@pytest.mark.parametrize(
    ("license", "example"),
    list(itertools.product(LICENSE, (True, False))),
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_variant(
    render: Render, license: str, example: bool, variant: dict[str, str], windows: bool
) -> None:
    project = render(license=license, example=example, windows=windows, extras=[], **variant)
    kind = variant["kind"]
    assert files(project) == COMMON | KIND[kind] | EXAMPLE[kind, example] | LICENSE[license]
    check_files(project)
    metadata = read_toml(project / "pyproject.toml")["project"]
    crate = read_toml(project / "Cargo.toml")["package"]
    assert crate["version"] == "0.1.0"
    if kind == "extension":
        assert metadata["license"] == crate["license"]
        assert "version" in metadata["dynamic"]
    assert "authors" not in metadata
    assert (project / ".python-version").read_text() == variant["python_version"] + "\n"


@pytest.mark.parametrize(
    ("kind", "extras"),
    [
        *(("extension", [extra]) for extra in EXTRAS),
        ("extension", list(EXTRAS)),
        *(("app", [extra]) for extra in APP_EXTRAS),
        ("app", APP_EXTRAS),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_extras(render: Render, kind: str, extras: list[str]) -> None:
    project = render(kind=kind, extras=extras)
    expected = COMMON | KIND[kind] | EXAMPLE[kind, True] | LICENSE["MIT"]
    assert files(project) == expected.union(*(EXTRAS[extra] for extra in extras))
    check_files(project)


def test_workflows_are_the_same_in_every_project(render: Render) -> None:
    for kind in KIND:
        one = render(f"{kind}-1", kind=kind, project_name="one", python_version="3.10")
        two = render(
            f"{kind}-2", kind=kind, project_name="two", python_version="3.15", example=False
        )
        for name in EXTRAS["github"] | EXTRAS["dependabot"]:
            assert (one / name).read_bytes() == (two / name).read_bytes()


def test_classifiers(render: Render) -> None:
    project = render(python_version="3.14", python_min="3.13", license="Proprietary")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata["classifiers"] == [
        "Private :: Do Not Upload",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Programming Language :: Python :: 3.15",
        "Programming Language :: Rust",
    ]


def test_formatters_agree_with_the_longest_name(render: Render) -> None:
    for kind, example in EXAMPLE:
        project = render(
            f"{kind}-{example}",
            project_name="n" * 50,
            kind=kind,
            example=example,
            extras=list(EXTRAS) if kind == "extension" else APP_EXTRAS,
        )
        for path in project.rglob("*.rs"):
            parse(path)
        run([sys.executable, "-m", "ruff", "format", "--check", "."], project)


@pytest.mark.parametrize("kind", KIND)
def test_text_reaches_every_file_unharmed(render: Render, kind: str) -> None:
    project = render(kind=kind, description=TEXT, author_name=TEXT, author_email="ada@example.org")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata["description"] == TEXT
    assert metadata["authors"] == [{"name": TEXT, "email": "ada@example.org"}]
    assert TEXT in (project / "LICENSE").read_text(encoding="utf-8")
    line = (project / "README.md").read_text(encoding="utf-8").splitlines()[2]
    page = markdown.markdown(line)
    assert html.unescape(re.sub("</?p>", "", page)) == TEXT, "no markup, no backslash too many"


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("Ada", "", [{"name": "Ada"}]),
        ("", "ada@example.org", [{"email": "ada@example.org"}]),
        ("", "", None),
    ],
)
def test_empty_author_is_left_out(
    render: Render, name: str, email: str, expected: list[dict[str, str]] | None
) -> None:
    project = render(author_name=name, author_email=email, description="")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata.get("authors") == expected
    assert "description" not in metadata


def test_proprietary_is_kept_off_pypi(render: Render) -> None:
    project = render(license="Proprietary", author_name="Ada")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata["license"] == "LicenseRef-Proprietary"
    assert "Private :: Do Not Upload" in metadata["classifiers"]
    assert "Copyright (c) Ada\n" in (project / "LICENSE").read_text(encoding="utf-8")


def test_git_ignores_what_is_built_and_nothing_else(render: Render) -> None:
    project = render()
    built = [".venv/x", "target/x", "dist/x", "python/my_project/_core.abi3.so"]
    built += ["python/my_project/__pycache__/x.pyc", ".mypy_cache/x", "tests/.pytest_cache/x"]
    for name in [*built, "uv.lock", "Cargo.lock"]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    expected = files(project) - set(built)
    commit_all(project)
    assert set(run(["git", "ls-files"], project).output.split()) == expected


def test_into_an_existing_folder_nothing_is_lost(render: Render, tmp_path: Path) -> None:
    folder = tmp_path / "my-project"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    render()
    assert (folder / "notes.txt").read_text() == "mine"
    shutil.rmtree(folder)
