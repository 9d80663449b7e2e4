"""The programs that a new project needs: uv, cargo, rustc, git and a linker."""

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.facts.embedded import write_crate
from pyo3_uv.facts.interpreters import Python
from pyo3_uv.process import UserError, outer_environment, run

OLDEST_RUST = (1, 85)  # rust-version in a rendered Cargo.toml


@dataclass(frozen=True)
class Tool:
    """A program that a project needs, and what to do when it is missing."""

    name: str
    version: str | None  # None: missing
    problem: str = ""


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


def find_tools() -> list[Tool]:
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


def check_uv_works_with(python: Python) -> None:
    """Start uv in a folder with this Python's `.python-version`, as the project will have it.

    pyenv's shim of uv obeys that file: "pyenv: uv: command not found". Raises `UserError` then.
    """
    with tempfile.TemporaryDirectory(prefix="pyo3-uv-") as folder:
        Path(folder, ".python-version").write_text(f"{python.minor}\n", encoding="utf-8")
        result = run(["uv", "--version"], Path(folder))
    if result.code:
        raise UserError(
            f"{shutil.which('uv')} does not start in a project with Python {python.minor}; "
            f"{INSTALL['uv']} (on its own, not into one of pyenv's Pythons)\n{result.output}"
        )
