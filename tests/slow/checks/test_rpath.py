"""The call in build.rs, built: optional PyO3, PyO3 from elsewhere, older ones, sdists and wheels."""

import os
import shutil
from pathlib import Path

import pytest

from pyo3_uv.checks import extension_module, rpath
from pyo3_uv.facts import executables
from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, run, uv
from tests.crates import crate, write
from tests.projects import read_toml
from tests.reports import apply

pytestmark = pytest.mark.build


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


def with_pyo3_python(env: dict[str, str], python: Interpreter) -> dict[str, str]:
    return env | {"PYO3_PYTHON": str(python.path)}


@pytest.fixture
def building(middle: Interpreter, env: dict[str, str]) -> dict[str, str]:
    return with_pyo3_python(env, middle)


def cargo(project: Path, env: dict[str, str], *arguments: str) -> str:
    return run(["cargo", *arguments], project, env).output


def check_all(project: Path, env: dict[str, str]) -> None:
    for options in ((), ("--no-default-features",), ("--all-features",)):
        cargo(project, env, "check", "--quiet", *options)


@pytest.mark.parametrize(
    "shape",
    ["implicit feature", *(pytest.param(s, marks=pytest.mark.weekly) for s in [*OPTIONAL][1:])],
)
def test_optional_pyo3(shape: str, building: dict[str, str], tmp_path: Path) -> None:
    """Before: `pyo3_build_config::get()` requires a direct dependency on `pyo3`, or E0433."""
    features, dependencies, script = OPTIONAL[shape]
    project = crate(
        tmp_path, f"[features]\n{features}\n\n[dependencies]\n{dependencies}\n", lib=MODULE
    )
    if script:
        (project / "build.rs").write_text(script)
    assert run(
        ["cargo", "test", "--features", "python"], project, building, check=False
    ).output.count("libpython")
    assert apply(rpath, project).manual == []
    check_all(project, building)
    assert "test starts ... ok" in cargo(project, building, "test", "--features", "python")
    cargo(project, building, "test", "--features", "pyo3/extension-module", "--no-run")
    cargo(project, building, "clippy", "--all-features", "--", "-D", "warnings")
    run(["rustfmt", "--check", "build.rs"], project)


@pytest.fixture(scope="module")
def repository(
    middle: Interpreter, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a copy of PyO3 with pyo3-build-config beside it, as its repository has them.

    In one place, so that it is compiled once.
    """
    folder, building = tmp_path_factory.mktemp("pyo3"), with_pyo3_python(env, middle)
    scratch = crate(folder / "scratch", '[dependencies]\npyo3 = "0.30"\n')
    cargo(scratch, building, "fetch", "--quiet")
    tree = cargo(scratch, building, "tree", "--prefix=none", "--format={p}", "-e", "normal,build")
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    repository = folder / "PyO3"
    for name, destination in (("pyo3", "."), ("pyo3-build-config", "pyo3-build-config")):
        version = next(line.split()[1] for line in tree.splitlines() if line.startswith(f"{name} "))
        (source,) = home.glob(f"registry/src/*/{name}-{version.removeprefix('v')}")
        shutil.copytree(source, repository / destination, dirs_exist_ok=True)
    commit_all(repository)
    return repository


@pytest.mark.weekly
@pytest.mark.parametrize("source", ["path", "git", "workspace"])
def test_pyo3_that_is_in_no_registry(
    source: str, repository: Path, building: dict[str, str], tmp_path: Path
) -> None:
    """Before: build.rs was written and its dependency was not; E0433 in every build."""
    if source == "git":
        dependency = f'{{ git = "{repository.as_uri()}", branch = "main" }}'
    else:
        dependency = f'{{ path = "{os.path.relpath(repository, tmp_path / "made")}" }}'
    if source == "workspace":
        tables = f"[workspace.dependencies]\npyo3 = {dependency}\n\n[dependencies]\n"
        tables += "pyo3.workspace = true\n"
    else:
        tables = f"[dependencies]\npyo3 = {dependency}\n"
    project = crate(tmp_path / "made", tables, lib=PLAIN_MODULE)
    apply(rpath, project)
    check_all(project, building)
    assert "test starts ... ok" in cargo(project, building, "test")


@pytest.mark.weekly
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
    apply(rpath, project, version)
    cargo(project, building, "clippy", "--quiet", "--", "-D", "warnings")
    assert "test starts ... ok" in cargo(project, building, "test")
    run(["rustfmt", "--check", "build.rs"], project)
    manifest = read_toml(project / "Cargo.toml")
    assert manifest["build-dependencies"] == {"pyo3-build-config": f"={version}"}
    # no rpath in what maturin builds
    env = building | {"PYO3_BUILD_EXTENSION_MODULE": "1"}
    assert "-rpath" not in cargo(project, env, "build", "-vv")


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
        apply(rpath, project)
        run([uv(), "build", "--quiet", "--sdist", "--out-dir", "dist"], project, env)
        (archive,) = (project / "dist").glob("*.tar.gz")
        assert "made-0.1.0/build.rs" in run(["tar", "-tf", archive], project).output.splitlines()


@pytest.mark.weekly
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
                """
        },
    )
    apply(extension_module, project)
    apply(rpath, project)
    build = [uv(), "build", "--quiet", "--wheel", "--python", middle.path, "--out-dir", "dist"]
    run(build, project, env)
    (wheel,) = (project / "dist").glob("*.whl")
    shutil.unpack_archive(wheel, project / "unpacked", "zip")
    (built,) = (project / "unpacked").rglob("*.so")
    found = executables.read(built)
    assert found and not found.rpaths and not found.libpython
    code = "import made; print(made.__file__)"
    environment = env | {"PYTHONPATH": str(built.parent)}
    assert str(built) in run([middle.path, "-c", code], project, environment).output
