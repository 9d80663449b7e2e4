"""The programs that a project needs: uv, cargo, rustc, git and a linker."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyo3_uv.process import outer_environment, run

OLDEST_RUST = (1, 85)  # rust-version in a rendered Cargo.toml


@dataclass(frozen=True)
class Tool:
    """A program that a project needs, and what to do when it is missing."""

    name: str
    version: str | None  # None: missing
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


INSTALL_RUST = "install Rust: https://rustup.rs"
INSTALL = {
    "uv": "install uv: https://docs.astral.sh/uv/getting-started/installation/",
    "cargo": INSTALL_RUST,
    "rustc": INSTALL_RUST,
    "git": "install git: https://git-scm.com/downloads",
}
INSTALL_LINKER = {
    "darwin": "install Apple's command line tools: xcode-select --install",
    "win32": "install the Visual Studio Build Tools with the C++ workload",
}.get(
    sys.platform,
    "install a C compiler (Debian and Ubuntu: apt install gcc, Fedora: dnf install gcc)",
)


def tools() -> list[Tool]:
    """Start each tool and return what was found, missing ones included."""
    found = [_tool(name) for name in ("uv", "cargo", "rustc", "git")]
    if all(tool.version for tool in found if tool.name in ("cargo", "rustc")):
        found.append(_linker())
    return found


def _tool(name: str) -> Tool:
    result = run([name, "--version"])
    if result.code:
        # "not found" of a missing program adds nothing; a shim's message does
        missing = result.code == 127 and not result.stdout and len(result.output) < 80
        return Tool(name, None, INSTALL[name] if missing else f"{INSTALL[name]}\n{result.output}")
    match = re.search(r"\d+(?:\.\d+)+", result.stdout)
    version = match[0] if match else result.stdout.strip()
    oldest = ".".join(map(str, OLDEST_RUST))
    if name == "rustc" and tuple(map(int, version.split(".")[:2])) < OLDEST_RUST:
        return Tool(name, version, f"at least {oldest} is needed: rustup update stable")
    return Tool(name, version)


def _linker() -> Tool:
    """Link an empty program, as only that shows whether cargo has a linker that works."""
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as folder:
        crate = Path(folder)
        write_crate(crate, "fn main() {}\n")
        env = outer_environment() | {"CARGO_TARGET_DIR": str(crate / "target")}
        result = run(["cargo", "build", "--quiet", "--offline"], crate, env)
    if result.code:
        return Tool("linker", None, f"{INSTALL_LINKER}\n{result.output}")
    version = run(["cc", "--version"])
    return Tool("linker", version.stdout.splitlines()[0] if version.stdout else "works")


def write_crate(folder: Path, main: str, build: str | None = None) -> None:
    """Write a crate without dependencies, a workspace of its own, into `folder`."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
    )
    (folder / "src/main.rs").write_text(main)
    if build:
        (folder / "build.rs").write_text(build)
