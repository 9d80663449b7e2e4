"""The call in build.rs that gives executables an rpath, and what it needs."""

from pathlib import Path

import pytest

from pyo3_uv.checks import rpath
from tests.commands import run
from tests.crates import crate, write
from tests.projects import read_toml, replace
from tests.reports import apply


@pytest.mark.parametrize(
    ("features", "feature", "condition"),
    [
        ('python = ["pyo3"]', 'pyo3 = ["dep:pyo3", "dep:pyo3-build-config"]', 'feature = "pyo3"'),
        ("", 'pyo3 = ["dep:pyo3", "dep:pyo3-build-config"]', 'feature = "pyo3"'),
        (
            'python = ["dep:pyo3"]\nall = ["python"]',
            'python = ["dep:pyo3", "dep:pyo3-build-config"]',
            'feature = "python"',
        ),
        (
            'a = ["dep:pyo3"]\nb = ["pyo3/macros"]\nc = ["pyo3?/macros"]',
            'b = ["pyo3/macros", "dep:pyo3-build-config"]',
            'any(feature = "a", feature = "b")',
        ),
    ],
)
def test_condition_of_optional_pyo3(
    features: str, feature: str, condition: str, tmp_path: Path
) -> None:
    tables = '[dependencies]\npyo3 = { version = "0.30", optional = true }\n'
    project = crate(tmp_path, f"[features]\n{features}\n\n{tables}" if features else tables)
    apply(rpath, project)
    manifest = (project / "Cargo.toml").read_text()
    assert f"\n{feature}\n" in manifest
    assert '\npyo3-build-config = { version = "0.30", optional = true }\n' in manifest
    assert f"    #[cfg({condition})]\n    pyo3_build" in (project / "build.rs").read_text()


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        (
            (
                '[features]\na = ["dep:pyo3"]\nb = ["dep:pyo3-build-config"]\n\n'
                '[dependencies]\npyo3 = { version = "0.30", optional = true }\n\n'
                '[build-dependencies]\npyo3-build-config = { version = "0.30", optional = true }\n'
            ),
            "no feature switches both on",
        ),
        ("[target.'cfg(unix)'.dependencies]\npyo3 = \"0.30\"\n", "of some platforms only"),
        ('[dependencies]\npyo3 = { path = "pyo3" }\n', "where there is no pyo3-build-config"),
    ],
)
def test_nothing_is_written_where_no_edit_is_safe(tables: str, reason: str, tmp_path: Path) -> None:
    project = crate(tmp_path, tables)
    crate(tmp_path / "pyo3", "")
    replace(tmp_path / "pyo3/Cargo.toml", "made", "pyo3")
    patch = apply(rpath, project)
    assert patch.files == {} and not (project / "build.rs").exists()
    (text,) = patch.manual
    assert reason in text and "add_libpython_rpath_link_args" in text


WORKSPACE = """
    [workspace]
    members = ["crates/*"]
    resolver = "2"

    [workspace.dependencies]
    # one version for all
    pyo3 = {{ version = "0.30", features = ["macros"] }}
    {more}
    # release builds
    [profile.release]
    lto = true
    """


@pytest.mark.parametrize("more", ["", 'pyo3-build-config = "0.30"\n'])
@pytest.mark.parametrize("inherited", [True, False])
def test_dependencies_of_a_workspace(more: str, inherited: bool, tmp_path: Path) -> None:
    """Before: a literal version in the crate, although its workspace has the dependency."""
    write(tmp_path, {"Cargo.toml": WORKSPACE.format(more=more)})
    dependency = "pyo3 = { workspace = true }" if inherited else 'pyo3 = "0.30"'
    project = crate(tmp_path / "crates/made", f"[dependencies]\n{dependency}\n")
    apply(rpath, project)
    shared = (tmp_path / "Cargo.toml").read_text()
    if inherited or more:
        entry = {"workspace": True}
        assert "}\npyo3-build-config = " in shared
    else:
        entry = "0.30"
        assert "pyo3-build-config" not in shared
    assert read_toml(project / "Cargo.toml")["build-dependencies"] == {"pyo3-build-config": entry}
    assert "\n\n# release builds\n[profile.release]\n" in shared


def test_build_script_that_is_there(tmp_path: Path) -> None:
    """The call is added where that is safe; else the user is told what to put where."""
    project = crate(tmp_path, '[dependencies]\npyo3 = "0.30"\n')
    script = project / "build.rs"
    script.write_text('fn main() {\n    println!("cargo::rerun-if-changed=build.rs");\n}\n')
    assert apply(rpath, project).manual == []
    assert "add_libpython_rpath_link_args();\n    println!" in script.read_text()

    odd = "#[rustfmt::skip] fn main() { helper() }\nfn helper() {}\n"
    script.write_text(odd)
    patch = apply(rpath, project)
    assert script.read_text() == odd
    assert patch.manual[0].startswith("build.rs has no plain `fn main() {`")
    assert "pyo3_build_config::add_libpython_rpath_link_args();" in patch.manual[0]


def test_build_script_that_reads_files_is_left_alone(tmp_path: Path) -> None:
    """The call prints rerun-if-env-changed: cargo would no longer see a change of that file."""
    script = 'fn main() {\n    let _ = std::fs::read_to_string("table.txt");\n}\n'
    project = crate(tmp_path, '[dependencies]\npyo3 = "0.30"\n')
    (project / "build.rs").write_text(script)
    patch = apply(rpath, project)
    assert patch.files == {} and "has no rerun-if-changed" in patch.manual[0]


@pytest.mark.parametrize(
    "patterns",
    [
        'include = ["src/**/*"]',
        'include = [\n    "/src",\n    "/Cargo.lock",\n]',
        'include = ["*.rs"]',
    ],
)
def test_new_build_script_is_in_the_package(patterns: str, tmp_path: Path) -> None:
    project = crate(tmp_path, f'{patterns}\n\n[dependencies]\npyo3 = "0.30"\n')
    apply(rpath, project)
    listed = run(["cargo", "package", "--list", "--allow-dirty", "--quiet"], project).output
    assert "build.rs" in listed.splitlines()
    assert ('"/build.rs",\n]' in (project / "Cargo.toml").read_text()) == ("/Cargo" in patterns)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("setuptools-rust", "setuptools-rust>=1.12"),
        ("setuptools-rust>=1.5.2", "setuptools-rust>=1.12"),
        ("setuptools-rust >= 1.8, <2", "setuptools-rust>=1.12, <2"),
        ("setuptools-rust>=1.12.1", None),
        ("setuptools-rust==1.9", None),
        ("setuptools-rust>=1.5,<1.11", None),
    ],
)
def test_setuptools_rust_that_leaves_a_runpath(
    before: str, after: str | None, tmp_path: Path
) -> None:
    """Before: tiktoken's wheel, built with 1.11.1, had the RUNPATH of the machine that built it."""
    project = crate(tmp_path, '[dependencies]\npyo3 = "0.30"\n')
    system = f'[build-system]\nrequires = ["{before}"]\nbuild-backend = "setuptools.build_meta"\n'
    (project / "pyproject.toml").write_text(system)
    patch = apply(rpath, project)
    (requirement,) = read_toml(project / "pyproject.toml")["build-system"]["requires"]
    assert requirement == (after or before)
    left = after is None and "1.12.1" not in before
    assert any("RUNPATH" in text for text in patch.manual) == left


def test_exclude_that_keeps_the_build_script_out_is_told(tmp_path: Path) -> None:
    project = crate(tmp_path, 'exclude = ["*.rs"]\n\n[dependencies]\npyo3 = "0.30"\n')
    (text,) = apply(rpath, project).manual
    assert text == "`exclude` in Cargo.toml keeps build.rs out of the source distribution"
