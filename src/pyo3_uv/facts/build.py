"""The build of a crate's tests, and what cargo tells of it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from pyo3_uv.facts.project import Project
from pyo3_uv.files import text_to_search
from pyo3_uv.process import run
from pyo3_uv.toml import lookup, read_toml

BUILD_TESTS = ("cargo", "test", "--no-run")

# What the linker says where libpython is left out, and where it is not there: GNU ld, lld, Apple's
# ld, rustc itself for a static one, and that of Visual C++
NO_SYMBOLS = r"undefined (symbol|reference).*\bPy"
NO_LIBRARY = (
    r"(cannot find|unable to find library|library not found for) -lpython3|"
    r"could not find native static library `python3|cannot open input file 'python3\w*\.lib'"
)


@dataclass
class Build:
    """What `cargo test --no-run` made: PyO3's configuration, and the test executables.

    `config` has the lines of PyO3's interpreter configuration; it is empty before pyo3-ffi was
    built, and for a PyO3 that does not tell.
    """

    ok: bool
    errors: str
    pyo3_version: Version | None = None
    config: dict[str, str] = field(default_factory=dict)
    executables: list[Path] = field(default_factory=list)


def build_tests(project: Project) -> Build:
    """Build the tests in cargo's target folder."""
    command = [*BUILD_TESTS, "--message-format=json", *options(project)]
    result = run(command, project.folder)
    build = Build(result.code == 0, result.stderr.strip())
    for line in result.stdout.splitlines():
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message["reason"] == "compiler-message":
            if message["message"]["level"] == "error":
                build.errors += "\n" + (message["message"]["rendered"] or "")
        elif message["reason"] == "compiler-artifact" and message["executable"]:
            build.executables.append(Path(message["executable"]))
        elif message["reason"] == "build-script-executed":
            # "…#pyo3-ffi@0.30.1" (registry), "…/pyo3-ffi#0.30.1" (path)
            match = re.search(r"[#/]pyo3-ffi[@#](\S+)$", message["package_id"])
            if match:
                build.pyo3_version = Version(match[1])
                build.config = _read_config(Path(message["out_dir"]).parent / "output")
    return build


def options(project: Project) -> list[str]:
    """Return cargo's options for the one crate in its folder, with its features.

    Its name is left out where it can be, as a dependency may have the same.
    """
    crate, names = project.crate, project.features.built
    features = ["--features", ",".join(names)] if names else []
    workspace = read_toml(crate.workspace_manifest)
    if crate.folder != crate.workspace or not lookup(workspace, "workspace", "default-members"):
        return features
    return ["--package", str(crate.package["id"]), *features]


def _read_config(output: Path) -> dict[str, str]:
    """Return the configuration that pyo3-ffi's build script hands to dependents, in hex."""
    match = re.search(r"^cargo:PYO3_CONFIG=([0-9a-f]+)$", text_to_search(output), re.MULTILINE)
    lines = bytes.fromhex(match[1]).decode().splitlines() if match else []
    return dict(line.split("=", 1) for line in lines if "=" in line)
