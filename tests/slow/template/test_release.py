"""The default release, rehearsed: the jobs of release.yml as they are written, after what
CONTRIBUTING.md says, with a real index and a real registry, whole and interrupted.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, git, run, uv
from tests.conftest import Render
from tests.projects import replace
from tests.releases import TAG, TOKEN, GitHub, github
from tests.tools import TOOLS, uvx

pytestmark = pytest.mark.build


@contextmanager
def server(command: list[str | Path], port: int) -> Iterator[str]:
    """Run a server until it is not needed any more; give its address."""
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with socket.socket() as client:
                    if not client.connect_ex(("127.0.0.1", port)):
                        break
                assert process.poll() is None, f"{command[0]} has ended"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def pushed(
    synced: Render,
    middle: Interpreter,
    newest: Interpreter,
    env: dict[str, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> GitHub:
    """Return a fresh render that its owner has pushed."""
    project = synced(
        middle,
        env,
        python_min=middle.minor,
        author_name="Ada",
        author_email="ada@example.org",
        repository="https://github.com/ada/my-project",
        extras=["github"],
        **request.param,
    )
    # What uv cannot download here is replaced by what is installed.
    pythons = project / ".github/pythons.json"
    assert json.loads(pythons.read_text()) == [middle.minor, "3.15", "3.14t", "3.15t"]
    pythons.write_text(json.dumps([middle.minor, newest.minor]))
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    return github(project, tmp_path, env, middle.path.parent, newest.path.parent)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Return the folder of a Python index, and variables with which uv publishes there."""
    folder, port = tmp_path / "index", free_port()
    folder.mkdir()
    tool = [uv(), "tool", "run", "--from", f"pypiserver=={TOOLS['pypiserver']}", "pypi-server"]
    anyone = ["-P", ".", "-a", "."]
    command = [*tool, "run", "-i", "127.0.0.1", "-p", str(port), *anyone, folder]
    with server(command, port) as address:
        urls = {"UV_PUBLISH_URL": f"{address}/", "UV_PUBLISH_CHECK_URL": f"{address}/simple/"}
        yield folder, urls | {"UV_PUBLISH_USERNAME": "ada", "UV_PUBLISH_PASSWORD": "secret"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Return the folder of a registry of crates, and variables with which cargo publishes there."""
    if not shutil.which("cargo-http-registry"):
        pytest.skip("cargo-http-registry is not installed")
    folder, port = tmp_path / "registry", free_port()
    folder.mkdir()
    with server(["cargo-http-registry", folder, "--addr", f"127.0.0.1:{port}"], port) as address:
        local = {"CARGO_REGISTRIES_LOCAL_INDEX": folder.as_uri(), "CARGO_REGISTRY_DEFAULT": "local"}
        token = {"CARGO_REGISTRIES_LOCAL_TOKEN": TOKEN}
        yield folder, local | token | {"CRATES": f"{address}/api/v1/crates"}


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def check_packages(wheel: Path, folder: Path, env: dict[str, str]) -> None:
    """What belongs into a wheel is in it, and nothing of this machine."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [module] = [name for name in names if name.endswith(".so")]
        code = archive.read(module)
    for end in ("licenses/LICENSE", "py.typed", "_core.pyi", ".cyclonedx.json"):
        assert any(name.endswith(end) for name in names), end
    assert str(Path.home()).encode() not in code
    assert not ELFFile(io.BytesIO(code)).get_section_by_name(".symtab"), "not stripped"
    shown = run(uvx("auditwheel", "show", wheel), folder, env).output
    assert "manylinux" in shown and "libpython" not in shown


@pytest.mark.parametrize("pushed", [{}], indirect=True, ids=["single"])
def test_single_crate(pushed: GitHub, index: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    packages, publishing = index
    pushed.release()
    run(uvx("pyroma", "--min", "9", pushed.project), tmp_path, pushed.env)
    workflow = pushed.workflow(TAG, **publishing)
    pushed.run(workflow, "check")
    output = pushed.run(workflow, "wheels")
    assert output.count("4 passed") == 2, "once for each Python"
    [wheel] = pushed.artifacts.glob("*/*.whl")
    assert wheel.name.startswith("my_project-0.2.0-cp312-abi3-manylinux")
    check_packages(wheel, tmp_path, pushed.env)

    # Stopped half-way: one of two files is there. Run again, only the other one is sent.
    run([uv(), "publish", wheel], tmp_path, pushed.env | publishing)
    output = pushed.run(workflow, "pypi")
    assert f"File {wheel.name} already exists, skipping" in output
    published = hashes(packages)
    assert published.keys() == {wheel.name, "my_project-0.2.0.tar.gz"}
    output = pushed.run(workflow, "pypi")
    assert output.count("already exists, skipping") == 2 and hashes(packages) == published
    pushed.half_way(workflow, {*published})
    assert hashes(pushed.releases / TAG) == published

    # What is there and differs stops.
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    assert "do not match" in pushed.run(workflow, "pypi", check=False)
    output = pushed.run(workflow, "github", check=False)
    assert "::error::the release v0.2.0 has other files" in output
    assert hashes(packages) == published


@pytest.mark.parametrize("pushed", [{}], indirect=True, ids=["single"])
def test_what_an_sdist_lacks(pushed: GitHub) -> None:
    """A rehearsal. Before: it was published, and nobody could build from it."""
    project = pushed.project
    (project / "data").mkdir()
    (project / "data/text.txt").write_text("text")
    source = project / "src/lib.rs"
    source.write_text(source.read_text() + 'const _: &str = include_str!("../data/text.txt");\n')
    replace(project / "Cargo.toml", "[package]\n", '[package]\nexclude = ["data"]\n')
    run(["cargo", "check"], project, pushed.env)
    commit_all(project)
    git(project, "push", "--quiet")
    output = pushed.run(pushed.workflow(""), "check", check=False)
    assert "data/text.txt" in output and "No such file" in output


@pytest.mark.parametrize("pushed", [{"layout": "workspace"}], indirect=True, ids=["workspace"])
def test_workspace_with_a_crate(
    pushed: GitHub,
    index: tuple[Path, dict[str, str]],
    registry: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    """The crate follows the wheels; a registry that fails does not end the release."""
    packages, publishing = index
    crates, of_registry = registry
    pushed.release()
    workflow = pushed.workflow(TAG, **publishing, **of_registry)
    pushed.run(workflow, "check", "wheels", "pypi")
    published = hashes(packages)
    assert len(published) == 2

    gone = {"CARGO_REGISTRIES_LOCAL_INDEX": (tmp_path / "gone").as_uri()}
    pushed.run(pushed.workflow(TAG, **of_registry | gone), "crate", check=False)
    pushed.run(workflow, "crate")
    [crate] = crates.rglob("*.crate")
    assert crate.name == "my-project-0.2.0.crate"
    contents = run(["tar", "-tf", crate], tmp_path).output
    assert {"LICENSE", "README.md"} <= {Path(line).name for line in contents.splitlines()}
    (pushed.project / "unrelated.txt").write_text("")
    commit_all(pushed.project)
    git(pushed.project, "tag", "--force", TAG)
    git(pushed.project, "push", "--quiet", "--force", "origin", TAG)
    assert "nothing to publish" in pushed.run(workflow, "crate"), "another commit, the same crate"
    pushed.run(workflow, "pypi", "github")
    assert hashes(packages) == published == hashes(pushed.releases / TAG)

    replace(pushed.project / "crates/my-project/src/lib.rs", "mod users", "\nmod users")
    commit_all(pushed.project)
    git(pushed.project, "tag", "--force", TAG)
    git(pushed.project, "push", "--quiet", "--force", "origin", TAG)
    output = pushed.run(workflow, "crate", check=False)
    assert "::error::my-project/0.2.0 is published, with other contents; raise" in output
