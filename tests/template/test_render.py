"""Every variant of a render: which files there are, that they parse, that formatters agree."""

import itertools

import pytest

from pyo3_uv.facts.interpreters import SUPPORTED
from tests.commands import commit_all, run
from tests.conftest import Render
from tests.projects import APP_EXTRAS, EXTRAS, check_files, check_formatting, files, read_toml
from tests.workflows import Workflow

COMMON = {
    ".cargo/config.toml",
    ".copier-answers.yml",
    ".gitattributes",
    ".gitignore",
    ".python-version",
    "AGENTS.md",
    "CHANGELOG.md",
    "CLAUDE.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "pyproject.toml",
}
PACKAGE = {
    "python/my_project/__init__.py",
    "python/my_project/_core.pyi",
    "python/my_project/py.typed",
    "stubs.py",
}
CORE, BINDINGS = "crates/my-project", "crates/my-project-python"
KIND = {
    "extension": PACKAGE | {"build.rs", "src/lib.rs"},
    "workspace": PACKAGE
    | {f"{CORE}/Cargo.toml", f"{CORE}/src/lib.rs"}
    | {f"{BINDINGS}/{name}" for name in ("Cargo.toml", "build.rs", "src/lib.rs")},
    "app": {"build.rs", "src/main.rs", "src/python.rs"}
    | {"python/my_project/__init__.py", "python/my_project/py.typed"},
}
EXAMPLE = {
    ("extension", True): {"src/users.rs", "tests/test_users.py"},
    ("extension", False): {"tests/test_sum_of_squares.py"},
    ("workspace", True): {
        f"{CORE}/src/users.rs",
        f"{BINDINGS}/src/users.rs",
        "tests/test_users.py",
    },
    ("workspace", False): {"tests/test_sum_of_squares.py"},
    ("app", True): {"src/users.rs", "tests/cli.rs", "tests/test_summary.py"}
    | {f"python/my_project/{name}" for name in ("__main__.py", "summary.py", "users.pyi")},
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
    {"kind": "extension", "layout": "workspace", "python_version": "3.14"},
    {"kind": "extension", "layout": "workspace", "python_version": "3.14t"},
    {"kind": "app", "python_version": "3.10"},
    {"kind": "app", "python_version": "3.15t"},
]
EXTRA_FILES = {
    "github": {
        ".github/check-release.sh",
        ".github/pythons.json",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
    },
    "dependabot": {".github/dependabot.yml"},
    "renovate": {"renovate.json"},
    "pre-commit": {".pre-commit-config.yaml"},
    "vscode": {".vscode/launch.json", ".vscode/settings.json"},
    "docs": {"docs/index.md", "mkdocs.yml"},
    "benchmarks": {"benches/users.rs", "benchmarks/test_users.py"},
    "coverage": {"coverage.sh"},
}


def answers(kind: str) -> dict[str, str]:
    """Return the answers for one of the keys of `KIND`."""
    return {"layout": kind} if kind == "workspace" else {"kind": kind}


def asks_for_windows(variant: dict[str, str]) -> bool:
    """Say whether a variant is not abi3."""
    free_threaded = variant["python_version"].endswith("t") and "abi" not in variant
    return variant["kind"] == "app" or variant.get("abi") == "version" or free_threaded


# Each variant with each licence, and with both answers to each of the others that it is asked
COMBINATIONS = [
    (variant, example, windows and asks_for_windows(variant), license)
    for variant in VARIANTS
    for (example, windows), license in zip(
        itertools.product((True, False), repeat=2), LICENSE, strict=True
    )
]


@pytest.mark.parametrize(
    ("variant", "example", "windows", "license"),
    COMBINATIONS,
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_variant(
    render: Render, variant: dict[str, str], example: bool, windows: bool, license: str
) -> None:
    project = render(license=license, example=example, windows=windows, extras=[], **variant)
    kind = variant.get("layout", variant["kind"])
    expected = COMMON | KIND[kind] | EXAMPLE[kind, example] | LICENSE[license]
    if kind == "workspace" and license != "Proprietary":  # the crate is published
        expected |= {f"{CORE}/{name}" for name in LICENSE[license]}
    assert files(project) == expected
    check_files(project)
    metadata = read_toml(project / "pyproject.toml")["project"]
    manifest = read_toml(project / "Cargo.toml")
    crate = manifest.get("workspace", manifest)["package"]
    # In one place: only what is published on its own, an app or a core crate, has another.
    versions = {"extension": "0.1.0", "workspace": "0.1.0", "app": "0"}
    assert metadata["version"] == versions[kind]
    assert crate.get("version") == (None if kind == "extension" else "0.1.0")
    if kind != "app":
        assert metadata["license"] == crate["license"]
    assert "authors" not in metadata
    assert (project / ".python-version").read_text() == variant["python_version"] + "\n"


@pytest.mark.parametrize(
    ("kind", "extras"),
    [
        *(("extension", [extra]) for extra in [*EXTRAS, "renovate"]),
        ("extension", EXTRAS),
        *(("app", [extra]) for extra in APP_EXTRAS),
        ("app", APP_EXTRAS),
        ("workspace", EXTRAS),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_extras(render: Render, kind: str, extras: list[str]) -> None:
    project = render(**answers(kind), extras=extras)
    expected = COMMON | KIND[kind] | EXAMPLE[kind, True] | LICENSE["MIT"]
    expected = expected.union(*(EXTRA_FILES[extra] for extra in extras))
    if kind == "workspace":
        expected -= {"benches/users.rs"}
        expected |= {f"{CORE}/benches/users.rs", f"{CORE}/LICENSE"}
    assert files(project) == expected
    check_files(project)


@pytest.mark.parametrize("python_min", [v for v in SUPPORTED if not v.endswith("t")])
def test_own_checks_pass_with_every_oldest_python(render: Render, python_min: str) -> None:
    """ruff's rules depend on it; lint is what a first push to GitHub runs."""
    check_files(render(python_version="3.15", python_min=python_min, extras=EXTRAS))


def test_workflows_are_the_same_in_every_project(render: Render) -> None:
    for kind in KIND:
        one = render(f"{kind}-1", project_name="one", python_version="3.10", **answers(kind))
        two = render(
            f"{kind}-2", project_name="two", python_version="3.15", example=False, **answers(kind)
        )
        for name in ("workflows/ci.yml", "workflows/release.yml", "dependabot.yml"):
            assert (one / ".github" / name).read_bytes() == (two / ".github" / name).read_bytes()


def test_classifiers(render: Render) -> None:
    project = render(python_version="3.14", python_min="3.13", license="Proprietary")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata["classifiers"] == [
        "Private :: Do Not Upload",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Programming Language :: Python :: 3.15",
        "Programming Language :: Python :: Free Threading :: 2 - Beta",
        "Programming Language :: Rust",
        "Typing :: Typed",
    ]


def test_formatters_agree_with_the_longest_name(render: Render) -> None:
    for kind, example in EXAMPLE:
        project = render(
            f"{kind}-{example}",
            project_name="n" * 50,
            example=example,
            extras=APP_EXTRAS if kind == "app" else EXTRAS,
            **answers(kind),
        )
        check_formatting(project)


def test_proprietary_is_kept_off_pypi(render: Render) -> None:
    project = render(license="Proprietary", author_name="Ada")
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata["license"] == "LicenseRef-Proprietary"
    assert "Private :: Do Not Upload" in metadata["classifiers"]
    assert "Copyright (c) Ada\n" in (project / "LICENSE").read_text(encoding="utf-8")


def test_proprietary_is_kept_off_crates_io(render: Render) -> None:
    project = render(license="Proprietary", layout="workspace")
    assert "crate" not in Workflow(project, "release.yml", {}).jobs
    for crate in (CORE, BINDINGS):
        assert read_toml(project / crate / "Cargo.toml")["package"]["publish"] is False


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
