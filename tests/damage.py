"""What can be broken in a healthy project, one thing at a time, and what the doctor finds then."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.commands import git
from tests.projects import replace

Damage = Callable[[Path], object]


def edit(name: str, old: str, new: str) -> Damage:
    return lambda project: replace(project / name, old, new)


def remove_runner(project: Path) -> None:
    config = project / ".cargo/config.toml"
    config.write_text(config.read_text().split("[target.")[0])


def remove_env(project: Path) -> None:
    config = project / ".cargo/config.toml"
    config.write_text("[target." + config.read_text().split("[target.")[1])


def remove_rpath(project: Path) -> None:
    (project / "build.rs").write_text("fn main() {}\n")


def other_python(project: Path) -> None:
    config = project / ".cargo/config.toml"
    replace(config, '".venv/bin/python"', '"../python"')
    (project.parent / "python").unlink(missing_ok=True)
    (project.parent / "python").symlink_to(sys.executable)


def leave_out_cache_keys(project: Path) -> None:
    """Take away what makes uv see an edit of a module, of an embedded file, a new environment."""
    manifest = project / "pyproject.toml"
    replace(manifest, '    { file = ".venv/pyvenv.cfg" },\n', "")
    manifest.write_text(re.sub(r'"src/\*\*[^"]*"', '"src/lib.rs"', manifest.read_text()))
    (project / "data.txt").write_text("data\n")
    git(project, "add", "data.txt")
    with (project / "src/lib.rs").open("a") as file:
        file.write('\nconst _: &str = include_str!("../data.txt");\n')


CONFIG, STUB = ".cargo/config.toml", "python/my_project/_core.pyi"
BY_DEFAULT = '[features]\nx = ["pyo3/extension-module"]\ndefault = ["x"]\n'
# The damage, the id of the finding, its severity, and what is seen
BREAK: dict[str, tuple[Damage, str, str, str]] = {
    "no PYO3_PYTHON": (remove_env, "interpreter", "warning", "the first python on PATH"),
    "other PYO3_PYTHON": (other_python, "interpreter", "warning", f"from PYO3_PYTHON in {CONFIG}"),
    "force": (
        edit(CONFIG, "relative = true }", "relative = true, force = true }"),
        *("force", "warning", f"{CONFIG} sets PYO3_PYTHON with force = true"),
    ),
    "extension-module": (
        edit("Cargo.toml", 'features = ["abi3', 'features = ["extension-module", "abi3'),
        *("extension-module", "error", "Cargo.toml enables"),
    ),
    "extension-module by default": (
        edit("Cargo.toml", "[features]\n", BY_DEFAULT),
        *("extension-module", "error", "Cargo.toml enables"),
    ),
    "no rpath": (remove_rpath, "libpython-not-found", "error", "and its rpath is empty"),
    "no runner": (remove_runner, "other-environment", "warning", "its sys.prefix is"),
    "no auto-initialize": (
        edit("Cargo.toml", '"auto-initialize"', ""),
        *("no-initialize", "hint", "auto-initialize is not enabled"),
    ),
    "no cache keys": (
        leave_out_cache_keys,
        *("cache-keys", "warning", "do not cover src/**, data.txt, .venv/pyvenv.cfg"),
    ),
    "slow": (
        edit("pyproject.toml", "use-base-python = true\n", ""),
        *("slow-rebuilds", "hint", "has no [tool.maturin] use-base-python = true"),
    ),
    "other #[pymodule]": (
        edit("src/lib.rs", "mod _core", "mod other"),
        *("module-name", "warning", "#[pymodule] is called other"),
    ),
    "no module": (
        lambda project: git(project, "clean", "-xdf", "--quiet", "-e", ".venv"),
        *("module-missing", "error", "its extension module my_project._core is gone"),
    ),
    "other stub": (
        edit(STUB, "def to_json", "def to_text"),
        *("stub", "warning", f"{STUB}: my_project._core.User.to_json is not present in stub"),
    ),
    "other parameter": (
        edit(STUB, "def from_json(text", "def from_json(other"),
        *("stub", "warning", 'stub parameter "other" differs from runtime parameter "text"'),
    ),
    "no stub": (edit(STUB, "class Group:", "class Group"), "stub", "warning", "[syntax]"),
    "does not compile": (
        edit("src/lib.rs", "mod _core {", "mod _core { fn f( {}"),
        *("build-fails", "error", "error"),
    ),
}
