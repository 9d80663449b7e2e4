"""The feature extension-module: what is said of it, and what is left when it is gone."""

from pathlib import Path

import pytest

from pyo3_uv.checks import extension_module
from tests.crates import crate
from tests.projects import read_toml
from tests.reports import apply, facts_of

BACKENDS = {
    "maturin": ('requires = ["maturin>=1,<2"]\nbuild-backend = "maturin"', "maturin 1.9.4 sets"),
    "setuptools": (
        'requires = ["setuptools", "setuptools-rust"]\nbuild-backend = "setuptools.build_meta"',
        "setuptools-rust enables pyo3/extension-module by itself",
    ),
    "none": (None, "set PYO3_BUILD_EXTENSION_MODULE=1 where"),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_fix_of_extension_module_names_what_builds_the_module(backend: str, tmp_path: Path) -> None:
    project = crate(
        tmp_path, '[dependencies]\npyo3 = { version = "0.30", features = ["extension-module"] }\n'
    )
    system, text = BACKENDS[backend]
    if system:
        (project / "pyproject.toml").write_text(f"[build-system]\n{system}\n")
    found = extension_module.find(facts_of(project))
    assert found and found.seen == "Cargo.toml enables pyo3's extension-module"
    assert text in found.remedy
    assert ("maturin" in found.remedy) == (backend == "maturin")


@pytest.mark.parametrize(
    ("features", "title"),
    [
        ('python = ["pyo3"]', "is on wherever pyo3 is"),
        ('python = ["pyo3"]\ndefault = ["python"]', "is always on"),
    ],
)
def test_extension_module_of_an_optional_pyo3(features: str, title: str, tmp_path: Path) -> None:
    dependency = '{ version = "0.30", features = ["extension-module"], optional = true }'
    project = crate(tmp_path, f"[features]\n{features}\n\n[dependencies]\npyo3 = {dependency}\n")
    found = extension_module.find(facts_of(project))
    assert found and title in found.title
    if "wherever" in title:
        assert found.effect.startswith("cargo test --features python does not link")


@pytest.mark.parametrize(
    "tables",
    [
        # of its own, which has nothing to do with PyO3
        (
            '[features]\ndefault = ["extension-module"]\nextension-module = []\n\n'
            '[dependencies]\npyo3 = "0.30"\n'
        ),
        # of PyO3, where it is not on: with another feature, in another system's builds
        (
            '[features]\nextension-module = ["pyo3/extension-module"]\n\n'
            '[dependencies]\npyo3 = "0.30"\n'
        ),
        (
            '[dependencies]\npyo3 = "0.30"\n\n'
            "[target.'cfg(target_os = \"haiku\")'.dependencies]\n"
            'pyo3 = { version = "0.30", features = ["extension-module"] }\n'
        ),
    ],
)
def test_extension_module_that_is_not_on(tables: str, tmp_path: Path) -> None:
    """Before: the last one was reported here, where no build has it. cargo is asked now."""
    assert extension_module.find(facts_of(crate(tmp_path, tables))) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('pyo3 = { version = "0.30", features = ["extension-module"] } # binds', None),
        (
            'pyo3 = { version = "0.30", features = ["extension-module"], optional = true }',
            'pyo3 = { version = "0.30", optional = true }',
        ),
        (
            (
                '[dependencies.pyo3]\nversion = "0.30"\nfeatures = ["extension-module"]\n\n'
                "# tests\n[dev-dependencies]"
            ),
            '[dependencies.pyo3]\nversion = "0.30"\n\n# tests\n[dev-dependencies]',
        ),
        (
            'pyo3 = { version = "0.30", features = [\n    "extension-module",\n    "macros",\n] }',
            'pyo3 = { version = "0.30", features = [\n    "macros",\n] }',
        ),
    ],
)
def test_no_empty_list_of_features_is_left(before: str, after: str | None, tmp_path: Path) -> None:
    after = after or 'pyo3 = "0.30" # binds'
    table = "" if before.startswith("[") else "[dependencies]\n"
    project = crate(tmp_path, f"{table}{before}\n")
    apply(extension_module, project)
    assert (project / "Cargo.toml").read_text().endswith(f"\n{table}{after}\n")


@pytest.mark.parametrize(
    ("pyo3", "requires", "kept"),
    [
        ("0.25.1", "maturin>=1.9.4,<2", True),
        ("0.30.1", "maturin>=1,<2", True),
        ("0.30.1", "maturin>=1.9.4,<2", False),
    ],
)
def test_older_tools_keep_the_feature(pyo3: str, requires: str, kept: bool, tmp_path: Path) -> None:
    """PyO3 before 0.26 does not know PYO3_BUILD_EXTENSION_MODULE, maturin before 1.9.4 does not set
    it: wheels would ask for libpython.
    """
    dependency = f'{{ version = "{pyo3}", features = ["extension-module"] }}'
    project = crate(tmp_path, f"[dependencies]\npyo3 = {dependency}\n")
    system = f'requires = ["{requires}"]\nbuild-backend = "maturin"'
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}\n")
    apply(extension_module, project, pyo3)
    tool = read_toml(project / "pyproject.toml").get("tool")
    assert tool == ({"maturin": {"features": ["pyo3/extension-module"]}} if kept else None)
