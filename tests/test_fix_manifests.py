"""What `pyo3-uv fix` writes into manifests and build.rs of projects of other shapes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from packaging.version import Version

from pyo3_uv import binaries, toml_edit
from pyo3_uv.checks.base import Check
from pyo3_uv.checks.linking import ExtensionModule, LibpythonNotFound
from pyo3_uv.checks.rebuilds import CacheKeys, SlowRebuilds
from pyo3_uv.checks.start import Initialize
from pyo3_uv.context import build_tests
from pyo3_uv.discovery import load
from pyo3_uv.interpreters import Interpreter
from pyo3_uv.plan import Plan

from .commands import commit_all, git, run, uv
from .crates import crate, write
from .projects import read_toml, replace

MODULE = """
    #[cfg(feature = "python")]
    #[pyo3::pymodule]
    mod made {}

    #[cfg(all(test, feature = "python"))]
    #[test]
    fn starts() {
        pyo3::Python::initialize();
    }
    """
PLAIN_MODULE = MODULE.replace('#[cfg(feature = "python")]\n    #', "#").replace(
    'all(test, feature = "python")', "test"
)
# What [features] and the dependencies of a crate look like whose PyO3 is optional, and its build.rs
OPTIONAL = {
    # as in tiktoken
    "implicit feature": (
        'default = []\npython = ["pyo3"]',
        'pyo3 = { version = "0.30", optional = true }',
        None,
    ),
    "dep:": (
        'python = ["dep:pyo3"]\nother = ["pyo3?/num-bigint"]',
        'pyo3 = { version = "0.30", optional = true }',
        None,
    ),
    "two features": (
        'python = ["pyo3/macros"]\nmore = ["dep:pyo3"]',
        'pyo3 = { version = "0.30", optional = true }',
        None,
    ),
    # as in jiter
    "optional build-dependency": (
        'python = ["dep:pyo3", "dep:pyo3-build-config"]',
        (
            'pyo3 = { version = "0.30", optional = true }\n\n'
            '[build-dependencies]\npyo3-build-config = { version = "0.30", optional = true }'
        ),
        'fn main() {\n    #[cfg(feature = "python")]\n    pyo3_build_config::use_pyo3_cfgs();\n}\n',
    ),
    "build-dependency that is not": (
        'python = ["pyo3"]',
        (
            'pyo3 = { version = "0.30", optional = true }\n\n'
            '[build-dependencies]\npyo3-build-config = "0.30"'
        ),
        None,
    ),
}


def fix(check: type[Check], project: Path, pyo3: str | None = "0.30.1") -> Plan:
    """Apply the fix of one check, as if PyO3 had been built in this version."""
    plan = Plan()
    version = Version(pyo3) if pyo3 else None
    check(Mock(project=load(project), pyo3_version=version)).apply(plan)
    plan.write()
    return plan


@pytest.fixture
def building(middle: Interpreter, env: dict[str, str]) -> dict[str, str]:
    return env | {"PYO3_PYTHON": str(middle.path)}


def cargo(project: Path, env: dict[str, str], *arguments: str) -> str:
    return run(["cargo", *arguments], project, env).output


def check_all(project: Path, env: dict[str, str]) -> None:
    for options in ((), ("--no-default-features",), ("--all-features",)):
        cargo(project, env, "check", "--quiet", *options)


# ---- PyO3 that is optional ----


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize("shape", OPTIONAL)
def test_optional_pyo3(shape: str, building: dict[str, str], tmp_path: Path) -> None:
    """Before: `pyo3_build_config::get()` requires a direct dependency on `pyo3`, or E0433."""
    features, dependencies, script = OPTIONAL[shape]
    project = crate(
        tmp_path, f"[features]\n{features}\n\n[dependencies]\n{dependencies}\n", lib=MODULE
    )
    if script:
        (project / "build.rs").write_text(script)
    check_all(project, building)
    assert run(
        ["cargo", "test", "--features", "python"], project, building, check=False
    ).output.count("libpython")
    assert fix(LibpythonNotFound, project).manual == []
    check_all(project, building)
    assert "test starts ... ok" in cargo(project, building, "test", "--features", "python")
    cargo(project, building, "test", "--features", "pyo3/extension-module", "--no-run")
    cargo(project, building, "clippy", "--all-features", "--", "-D", "warnings")
    run(["rustfmt", "--check", "build.rs"], project)


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
    fix(LibpythonNotFound, project)
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
    plan = fix(LibpythonNotFound, project)
    assert plan.files == {} and not (project / "build.rs").exists()
    (text,) = plan.manual
    assert reason in text and "add_libpython_rpath_link_args" in text


# ---- Where PyO3 comes from ----


def pyo3_repository(folder: Path, building: dict[str, str]) -> Path:
    """Return a copy of PyO3 with pyo3-build-config beside it, as its repository has them."""
    scratch = crate(folder / "scratch", '[dependencies]\npyo3 = "0.30"\n')
    cargo(scratch, building, "fetch", "--quiet")
    tree = cargo(scratch, building, "tree", "--prefix=none", "--format={p}", "-e", "normal,build")
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    repository = folder / "PyO3"
    for name, destination in (("pyo3", "."), ("pyo3-build-config", "pyo3-build-config")):
        version = next(line.split()[1] for line in tree.splitlines() if line.startswith(f"{name} "))
        (source,) = home.glob(f"registry/src/*/{name}-{version.removeprefix('v')}")
        shutil.copytree(source, repository / destination, dirs_exist_ok=True)
    return repository


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize("source", ["path", "git", "workspace"])
def test_pyo3_that_is_in_no_registry(source: str, building: dict[str, str], tmp_path: Path) -> None:
    """Before: build.rs was written and its dependency was not; E0433 in every build."""
    repository = pyo3_repository(tmp_path, building)
    if source == "git":
        git(repository, "init", "--quiet")
        commit_all(repository)
        dependency = f'{{ git = "{repository.as_uri()}", branch = "{branch(repository)}" }}'
    else:
        dependency = '{ path = "../PyO3" }'
    if source == "workspace":
        tables = f"[workspace.dependencies]\npyo3 = {dependency}\n\n[dependencies]\n"
        tables += "pyo3.workspace = true\n"
    else:
        tables = f"[dependencies]\npyo3 = {dependency}\n"
    project = crate(tmp_path / "made", tables, lib=PLAIN_MODULE)
    check_all(project, building)
    fix(LibpythonNotFound, project)
    check_all(project, building)
    assert "test starts ... ok" in cargo(project, building, "test")


def branch(repository: Path) -> str:
    return git(repository, "branch", "--show-current").strip()


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
    fix(LibpythonNotFound, project)
    shared = (tmp_path / "Cargo.toml").read_text()
    if inherited or more:
        entry = {"workspace": True}
        assert "}\npyo3-build-config = " in shared
    else:
        entry = "0.30"
        assert "pyo3-build-config" not in shared
    assert read_toml(project / "Cargo.toml")["build-dependencies"] == {"pyo3-build-config": entry}
    assert "\n\n# release builds\n[profile.release]\n" in shared


# ---- Features of dev-dependencies ----


@pytest.mark.parametrize(
    ("edition", "table", "leaks"),
    [
        ("2018", "", True),
        ("2018", '[workspace]\nresolver = "2"\n', False),
        ("2021", "", False),
        ("2021", '[workspace]\nresolver = "1"\n', True),
    ],
)
def test_auto_initialize_stays_out_of_wheels(
    edition: str, table: str, leaks: bool, tmp_path: Path
) -> None:
    project = crate(tmp_path, f'[dependencies]\npyo3 = "0.30"\n\n{table}', edition)
    plan = fix(Initialize, project)
    if leaks:
        assert plan.files == {}
        assert 'set resolver = "2"' in plan.manual[0]
    else:
        assert plan.manual == []
    cargo = ["cargo", "tree", "--quiet", "--edges=normal,features"]
    assert "auto-initialize" not in run([*cargo, "--no-dedupe"], project).output


def test_auto_initialize_in_a_workspace_without_resolver(tmp_path: Path) -> None:
    """The editions of the members do not count there: cargo takes resolver 1, and warns."""
    write(tmp_path, {"Cargo.toml": '[workspace]\nmembers = ["made"]\n'})
    project = crate(tmp_path / "made", '[dependencies]\npyo3 = "0.30"\n')
    assert load(project).resolver == "1"
    (text,) = fix(Initialize, project).manual
    assert "../Cargo.toml has feature resolver 1" in text


# ---- Other shapes ----


@pytest.mark.build
def test_crate_with_the_name_of_a_dependency(
    middle: Interpreter, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: "specification `made` is ambiguous", as in blake3's Python package."""
    crate(tmp_path / "core", "", lib="pub fn answer() -> i32 {\n    42\n}\n")
    replace(tmp_path / "core/Cargo.toml", "0.1.0", "0.2.0")
    tables = '[dependencies]\npyo3 = "0.30"\ncore-made = { package = "made", path = "../core" }\n'
    project = crate(tmp_path / "made", tables, lib="pub use core_made::answer;\n")
    for name, value in (env | {"PYO3_PYTHON": str(middle.path)}).items():
        monkeypatch.setenv(name, value)
    build = build_tests(load(project))
    assert build.ok, build.errors
    assert build.executables


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize("version", ["0.27.2", "0.29.1"])
def test_build_script_for_older_pyo3(
    version: str, building: dict[str, str], tmp_path: Path
) -> None:
    """Before: clippy::collapsible_if, and from 0.29 on `lib_dir` is deprecated."""
    project = crate(
        tmp_path,
        f'[dependencies]\npyo3 = {{ version = "={version}", features = ["auto-initialize"] }}\n',
        "2024",
        PLAIN_MODULE.replace("initialize()", "attach(|_| ())"),
    )
    fix(LibpythonNotFound, project, version)
    cargo(project, building, "clippy", "--quiet", "--", "-D", "warnings")
    assert "test starts ... ok" in cargo(project, building, "test")
    run(["rustfmt", "--check", "build.rs"], project)
    manifest = read_toml(project / "Cargo.toml")
    assert manifest["build-dependencies"] == {"pyo3-build-config": f"={version}"}
    # no rpath in what maturin builds
    env = building | {"PYO3_BUILD_EXTENSION_MODULE": "1"}
    assert "-rpath" not in cargo(project, env, "build", "-vv")


def test_build_script_that_is_there(tmp_path: Path) -> None:
    """The call is added where that is safe; else the user is told what to put where."""
    project = crate(tmp_path, '[dependencies]\npyo3 = "0.30"\n')
    script = project / "build.rs"
    script.write_text('fn main() {\n    println!("cargo::rerun-if-changed=build.rs");\n}\n')
    assert fix(LibpythonNotFound, project).manual == []
    assert "add_libpython_rpath_link_args();\n    println!" in script.read_text()

    odd = "#[rustfmt::skip] fn main() { helper() }\nfn helper() {}\n"
    script.write_text(odd)
    plan = fix(LibpythonNotFound, project)
    assert script.read_text() == odd
    assert plan.manual[0].startswith("build.rs has no plain `fn main() {`")
    assert "pyo3_build_config::add_libpython_rpath_link_args();" in plan.manual[0]


def test_build_script_that_reads_files_is_left_alone(tmp_path: Path) -> None:
    """The call prints rerun-if-env-changed: cargo would no longer see a change of that file."""
    script = 'fn main() {\n    let _ = std::fs::read_to_string("table.txt");\n}\n'
    project = crate(tmp_path, '[dependencies]\npyo3 = "0.30"\n')
    (project / "build.rs").write_text(script)
    plan = fix(LibpythonNotFound, project)
    assert plan.files == {} and "has no rerun-if-changed" in plan.manual[0]


# ---- extension-module ----

BACKENDS = {
    "maturin": ('requires = ["maturin>=1,<2"]\nbuild-backend = "maturin"', "maturin sets"),
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
    problem = ExtensionModule(Mock(project=load(project), python=None))
    assert problem.find() == "Cargo.toml enables pyo3's extension-module"
    assert text in problem.fix
    assert ("maturin" in problem.fix) == (backend == "maturin")


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
    check = ExtensionModule(Mock(project=load(project), python=None))
    assert check.find()
    assert title in check.title
    if "wherever" in title:
        assert check.effect.startswith("cargo test --features python does not link")


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
    fix(ExtensionModule, project)
    assert (project / "Cargo.toml").read_text().endswith(f"\n{table}{after}\n")


def test_older_pyo3_keeps_the_feature_for_maturin(tmp_path: Path) -> None:
    """It does not know PYO3_BUILD_EXTENSION_MODULE: its wheels would ask for libpython."""
    project = crate(
        tmp_path, '[dependencies]\npyo3 = { version = "0.25", features = ["extension-module"] }\n'
    )
    system, _ = BACKENDS["maturin"]
    (project / "pyproject.toml").write_text(f"[build-system]\n{system}\n")
    fix(ExtensionModule, project, "0.25.1")
    maturin = read_toml(project / "pyproject.toml")["tool"]["maturin"]
    assert maturin == {"features": ["pyo3/extension-module"]}


# ---- Source distributions ----


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
    fix(LibpythonNotFound, project)
    listed = run(["cargo", "package", "--list", "--allow-dirty", "--quiet"], project).output
    assert "build.rs" in listed.splitlines()
    assert ('"/build.rs",\n]' in (project / "Cargo.toml").read_text()) == ("/Cargo" in patterns)


@pytest.mark.slow
@pytest.mark.build
def test_new_build_script_is_in_the_sdist(env: dict[str, str], tmp_path: Path) -> None:
    system = {"maturin": "maturin>=1,<2", "setuptools": "setuptools-rust"}
    for backend, requirement in system.items():
        name = "maturin" if backend == "maturin" else "setuptools.build_meta"
        project = crate(
            tmp_path / backend,
            'include = ["src"]\n\n[lib]\ncrate-type = ["cdylib"]\n\n[dependencies]\npyo3 = "0.30"\n',
        )
        write(
            project,
            {
                "pyproject.toml": f"""
                    [build-system]
                    requires = ["{requirement}"]
                    build-backend = "{name}"

                    [project]
                    name = "made"
                    version = "0.1.0"

                    [tool.setuptools]
                    packages = []
                    """,
                "MANIFEST.in": "include Cargo.toml\nrecursive-include src *.rs\n",
            },
        )
        fix(LibpythonNotFound, project)
        run([uv(), "build", "--quiet", "--sdist", "--out-dir", "dist"], project, env)
        (archive,) = (project / "dist").glob("*.tar.gz")
        assert "made-0.1.0/build.rs" in run(["tar", "-tf", archive], project).output.splitlines()


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
    plan = fix(LibpythonNotFound, project)
    (requirement,) = read_toml(project / "pyproject.toml")["build-system"]["requires"]
    assert requirement == (after or before)
    left = after is None and "1.12.1" not in before
    assert any("RUNPATH" in text for text in plan.manual) == left


@pytest.mark.slow
@pytest.mark.build
def test_wheel_of_setuptools_rust_has_no_runpath(
    middle: Interpreter, env: dict[str, str], tmp_path: Path
) -> None:
    module = MODULE.split("#[cfg(all(test")[0].replace('#[cfg(feature = "python")]\n    ', "")
    project = crate(
        tmp_path,
        '[lib]\ncrate-type = ["cdylib"]\n\n[dependencies]\n'
        'pyo3 = { version = "0.30", features = ["extension-module"] }\n',
        lib=module,
    )
    write(
        project,
        {
            "pyproject.toml": """
                [build-system]
                requires = ["setuptools", "setuptools-rust>=1.5.2"]
                build-backend = "setuptools.build_meta"

                [project]
                name = "made"
                version = "0.1.0"

                [[tool.setuptools-rust.ext-modules]]
                target = "made"
                """,
        },
    )
    fix(ExtensionModule, project)
    fix(LibpythonNotFound, project)
    build = [uv(), "build", "--quiet", "--wheel", "--python", middle.path, "--out-dir", "dist"]
    run(build, project, env)
    (wheel,) = (project / "dist").glob("*.whl")
    shutil.unpack_archive(wheel, project / "unpacked", "zip")
    (built,) = (project / "unpacked").rglob("*.so")
    found = binaries.read(built)
    assert found and not found.rpaths and not found.libpython
    code = "import made; print(made.__file__)"
    environment = env | {"PYTHONPATH": str(built.parent)}
    assert str(built) in run([middle.path, "-c", code], project, environment).output


def test_exclude_that_keeps_the_build_script_out_is_told(tmp_path: Path) -> None:
    project = crate(tmp_path, 'exclude = ["*.rs"]\n\n[dependencies]\npyo3 = "0.30"\n')
    (text,) = fix(LibpythonNotFound, project).manual
    assert text == "`exclude` in Cargo.toml keeps build.rs out of the source distribution"


# ---- Layout ----


def test_what_is_added_stands_before_the_comment_of_the_next_table() -> None:
    text = "[a]\nx = 1 # one\n\n# of b\n[b]\ny.z = 2\n\n# of c\n\n[c.d]\n"

    def change(document: toml_edit.Table) -> None:
        toml_edit.add(document["a"], "new", toml_edit.inline_table({"k": 1}))
        toml_edit.add(document["b"], "new", ["v"])
        toml_edit.add(document["c"], "new", 3)

    assert toml_edit.edit(text, change) == (
        '[a]\nx = 1 # one\nnew = { k = 1 }\n\n# of b\n[b]\ny.z = 2\nnew = ["v"]\n\n# of c\n\n'
        "[c]\nnew = 3\n\n[c.d]\n"
    )


def test_settings_are_added_with_their_reasons(tmp_path: Path) -> None:
    """Before: no comment where the table was there, "<2.0" became "<2", and a blank line was lost."""
    text = """
        [build-system]
        requires = ["maturin>=1.0,<2.0"]
        build-backend = "maturin"

        [tool.maturin]
        # sdist
        include = ["a"]


        [tool.uv]
        cache-keys = [
            { file = "pyproject.toml" }, # as is
        ]

        [tool.x]
        """
    files = {"pyproject.toml": text, "made/__init__.py": ""}
    dependencies = '[lib]\ncrate-type = ["cdylib"]\n\n[dependencies]\npyo3 = "0.30"\n'
    project = write(crate(tmp_path, dependencies), files)
    for check in (SlowRebuilds, CacheKeys):
        fix(check, project)
    lines = (project / "pyproject.toml").read_text().splitlines()
    assert lines[1] == 'requires = ["maturin>=1.14.1,<2.0"]'
    start, end = lines.index("[tool.maturin]"), lines.index("[tool.uv]")
    added = lines[start + 3 : end - 2]
    settings = ["use-base-python = true", 'editable-profile = "dev"']
    settings.append('features = ["pyo3/extension-module"]')
    assert [line for line in added if not line.startswith("#")] == settings
    assert all(added[added.index(setting) - 1].startswith("# ") for setting in settings)
    assert lines[end - 2 : end] == ["", ""]
    marker = lines.index('    { file = ".venv/pyvenv.cfg" },')
    assert lines[marker - 1].startswith("    # A new environment gets its own build")
    assert lines[marker + 1 : marker + 3] == ["]", ""]
    assert '    { file = "pyproject.toml" }, # as is' in lines
