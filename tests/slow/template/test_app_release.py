"""The jobs of an app's release.yml that build and test bundles, with their steps for Linux run as
they are written; and what turns them red.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import copier
import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import publish, run, uv, with_path
from tests.projects import replace as edit
from tests.pythons import relocate
from tests.releases import TAG, GitHub, github

pytestmark = pytest.mark.build

TABLE = "| ada  |       | 0       |"


@dataclass
class Release:
    """What the job `build` has uploaded, and the jobs after it."""

    github: GitHub

    @property
    def artifact(self) -> Path:
        return self.github.artifacts / "dist-ubuntu-24.04"

    @property
    def archive(self) -> Path:
        [archive] = self.artifact.glob("*.tar.gz")
        return archive

    def copy(self, folder: Path) -> Release:
        """Return a release with a copy of what was uploaded."""
        artifacts = shutil.copytree(self.github.artifacts, folder)
        return Release(replace(self.github, artifacts=artifacts))

    def remove(self, pattern: str) -> None:
        """Remove a file or folder from the archive, which gets a new checksum."""
        unpacked = self.artifact / "unpacked"
        shutil.unpack_archive(self.archive, unpacked, filter="tar")
        [path] = unpacked.glob(f"*/{pattern}")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        run(["tar", "-czf", self.archive, "-C", unpacked, *os.listdir(unpacked)], unpacked)
        shutil.rmtree(unpacked)
        digest = hashlib.sha256(self.archive.read_bytes()).hexdigest()
        Path(f"{self.archive}.sha256").write_text(f"{digest}  {self.archive.name}\n")

    def test(self, runner: Path, sudo: Path, check: bool = True, **env: str) -> str:
        """Run the job `test` in the empty folder `runner`; return what it prints."""
        bare = with_path({"PATH": os.environ["PATH"]}, sudo) | env
        return self.github.workflow(TAG).run_job("test", runner, bare, check)


@pytest.fixture(scope="module")
def sudo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PATH with a sudo that asks for nothing."""
    missing = [name for name in ("dpkg", "unshare") if not shutil.which(name)]
    if missing:
        pytest.skip(f"needs what a runner has: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("sudo")
    if os.geteuid() == 0:
        (folder / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (folder / "sudo").chmod(0o755)
    elif not shutil.which("sudo") or run(["sudo", "-n", "true"], folder, check=False).code:
        pytest.skip("needs to be root")
    return folder


@pytest.fixture(scope="module")
def managed(
    middle: Interpreter, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return an environment in which a relocated `middle` is the only Python that uv manages."""
    pythons = tmp_path_factory.mktemp("pythons")
    relocate(middle, pythons / f"cpython-{middle.version}-linux-{platform.machine()}-gnu")
    return env | {"UV_PYTHON_INSTALL_DIR": str(pythons), "UV_PYTHON_DOWNLOADS": "never"}


@pytest.fixture(scope="module")
def release(
    template: Path,
    middle: Interpreter,
    managed: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Release:
    """Return a release up to the upload, and the tests after it.

    The command comes from the template's repository, at the commit of the render.
    """
    managed |= publish(template, tmp_path_factory.mktemp("published"))
    project = tmp_path_factory.mktemp("app") / "my-app"
    answers = {"kind": "app", "python_version": middle.minor, "extras": ["github"]}
    copier.run_copy(str(template), project, answers, defaults=True, quiet=True, vcs_ref="HEAD")
    # So that it needs a library that is the system's
    source_file = project / "python/my_app/summary.py"
    edit(source_file, "from prettytable", "import zlib\n\nfrom prettytable")
    readme = (project / "README.md").read_text(encoding="utf-8")
    ship = readme.partition("## Ship\n")[2].split("```sh\n")[1].split("```")[0]
    only_managed = managed | {"UV_PYTHON_PREFERENCE": "only-managed"}
    run([uv(), "sync", "--quiet"], project, only_managed)
    run(["cargo", "generate-lockfile", "--quiet"], project, managed)
    pushed = github(project, tmp_path_factory.mktemp("github"), managed)
    pushed.release()
    workflow = pushed.workflow(TAG)
    output = pushed.run(workflow, "check", "build")
    assert ship.strip() in workflow.ran
    assert ", one of uv's, which needs nothing else" in output
    assert "test result: ok" in output
    return Release(pushed)


def test_steps_for_linux(release: Release, sudo: Path, tmp_path: Path) -> None:
    """From the tag to the program in a root folder with glibc only, and to the release on GitHub."""
    name = f"my-app-0.2.0-{platform.machine()}-unknown-linux-gnu.tar.gz"
    manifest = f"{name.removesuffix('.tar.gz')}.json"
    assert {file.name for file in release.artifact.iterdir()} == {name, f"{name}.sha256", manifest}
    output = release.test(tmp_path, sudo)
    assert TABLE in output
    root = {path.name for path in (tmp_path / "root").iterdir()}
    assert root == {"a ü", "lib", "lib64", "proc", "usr"}
    assert not any((tmp_path / "root/proc").iterdir()), "nothing stays mounted"

    archive = release.archive.read_bytes()
    shutil.unpack_archive(release.archive, tmp_path / "unpacked", filter="tar")
    [program] = (tmp_path / "unpacked").glob("*/my-app")
    assert str(Path.home()).encode() not in program.read_bytes()
    release.github.half_way(release.github.workflow(TAG), {name, f"{name}.sha256", manifest})
    assert (release.github.releases / TAG / name).read_bytes() == archive


def test_wrong_checksum(release: Release, sudo: Path, tmp_path: Path) -> None:
    changed = release.copy(tmp_path / "changed")
    with changed.archive.open("ab") as file:
        file.write(b"\0")
    output = changed.test(tmp_path / "runner", sudo, check=False)
    assert f"{changed.archive.name}: FAILED" in output
    assert not any((tmp_path / "runner/root").glob("*/*")), "it is not even unpacked"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("python/lib/libgcc_s.so.1", "shared libraries: libgcc_s.so.1: cannot open"),
        ("python/lib/libz.so.1", "ImportError: libz.so.1: cannot open"),
        ("python/lib/python3.*/encodings", "python is incomplete"),
        ("my-app", ""),
    ],
)
def test_missing_file(
    release: Release, sudo: Path, tmp_path: Path, pattern: str, message: str
) -> None:
    """What this machine has, as libz, does not take the place of what the bundle lacks."""
    changed = release.copy(tmp_path / "changed")
    changed.remove(pattern)
    assert message in changed.test(tmp_path / "runner", sudo, check=False)


def test_failing_program(release: Release, sudo: Path, tmp_path: Path) -> None:
    output = release.test(tmp_path, sudo, check=False, INPUT="no JSON")
    assert "error: standard input is not valid user JSON" in output
