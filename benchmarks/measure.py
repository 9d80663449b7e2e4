"""What is measured. All times are wall-clock seconds of whole commands, as their users wait."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layouts import LAYOUTS, NAME, UV_INIT_OWN_PYO3, Layout, third_party
from support import (
    INTEGRATION_TEST,
    ROOT,
    Interpreter,
    Loop,
    activate,
    clean_environment,
    commit_all,
    environment,
    git,
    run,
    unactivated,
    uv,
)

Cell = dict[str, object]  # a time (see `timed`), a count, or passes: bool; perhaps with a note
Row = dict[str, Cell]  # by name of the layout


@dataclass
class Bench:
    """The machine's interpreters and a folder for projects."""

    folder: Path
    python: Interpreter
    newer: Interpreter
    relocated: Interpreter | None
    static: Interpreter | None
    repeat: int
    _projects: dict[Layout, Loop] = field(default_factory=dict)

    def environment(self, **extra: str) -> dict[str, str]:
        """Return an environment with nothing activated, another Python and maturin on PATH."""
        env = unactivated(self.python, **extra)
        env["PATH"] = os.pathsep.join([str(self.folder / "bin"), env["PATH"]])
        return env

    def install_maturin(self) -> None:
        """Put the maturin that the builds use on PATH; a shim may be there already."""
        venv = self.folder / "tools"
        env = clean_environment()
        run([uv(), "venv", "--quiet", "--python", self.python.path, venv], self.folder, env)
        run([uv(), "pip", "install", "--quiet", "--python", venv, "maturin<2"], self.folder, env)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/maturin").symlink_to(venv / "bin/maturin")

    def new(self, layout: Layout, label: str, python: Interpreter | None = None) -> Path:
        """Make a project in a folder of its own."""
        project = self.folder / label / layout.name.replace(" ", "-") / NAME
        shutil.rmtree(project.parent, ignore_errors=True)
        project.parent.mkdir(parents=True)
        layout.make(project, python or self.python)
        return project

    def synced(self, layout: Layout) -> Loop:
        """Return the project of `layout` that is edited; it has an environment."""
        if layout not in self._projects:
            project = self.new(layout, "edited")
            loop = Loop(project, self.environment())
            loop.edit("First")
            self.sync(project, self.python, loop.env)
            self._projects[layout] = loop
        return self._projects[layout]

    def sync(self, project: Path, python: Interpreter, env: dict[str, str]) -> None:
        run([uv(), "sync", "--quiet", "--python", python.path], project, env)

    def helped(self, project: Path, python: Interpreter, env: dict[str, str]) -> dict[str, str]:
        """Return the environment in which `cargo test` passes without this template."""
        env = activate(env, project / ".venv")
        return env | ({"LD_LIBRARY_PATH": str(python.libpython.parent)} if python.libpython else {})


def seconds(command: Sequence[str | Path], cwd: Path, env: dict[str, str]) -> float:
    start = time.perf_counter()
    run(command, cwd, env)
    return time.perf_counter() - start


def timed(values: list[float], note: str = "") -> Cell:
    """Return the statistics of `values`, in seconds."""
    cell: Cell = {
        "min": round(min(values), 4),
        "median": round(statistics.median(values), 4),
        "max": round(max(values), 4),
        "runs": len(values),
    }
    return cell | ({"note": note} if note else {})


# ---- From an edit of a Rust file to its import ----

SHOW = f"import {NAME.replace('-', '_')} as m; print(m.Group.__doc__.splitlines()[0])"
PYTHON = ["python", "-c", SHOW]
UV_RUN = [str(uv()), "run", "--quiet"]


def edit(bench: Bench) -> dict[str, Row]:
    """Time from the edit to the new value in Python, with each command that can do it."""
    reinstall = [layout for layout in LAYOUTS if not layout.notices_edits]
    floor = f'cargo build --quiet && {" ".join(UV_RUN)} --no-sync python -c ""'
    develop = 'maturin develop --quiet && exec python -c "$0"'
    ways: list[tuple[str, list[str], list[Layout]]] = [
        (FLOOR, ["sh", "-c", floor], LAYOUTS),
        ("`uv run`", [*UV_RUN, *PYTHON], LAYOUTS),
        (OFFLINE, [*UV_RUN, "--offline", *PYTHON], LAYOUTS),
        ("`uv run`, PyO3 as `uv init` writes it", [*UV_RUN, *PYTHON], [UV_INIT_OWN_PYO3]),
        (REINSTALL, [*UV_RUN, "--reinstall-package", NAME, *PYTHON], reinstall),
        ("`maturin develop`, then `python`", ["sh", "-c", develop, SHOW], LAYOUTS),
    ]
    rows = {}
    for way, command, layouts in ways:
        cells: dict[str, list[float]] = {layout.name: [] for layout in layouts}
        stale = set()
        for number in range(bench.repeat + 1):  # once more, to warm up
            for layout in layouts:
                loop = bench.synced(layout)
                env = loop.activated if "maturin" in way else loop.env
                text = f"Edit {random.getrandbits(32):08x}"
                loop.edit(text)
                start = time.perf_counter()
                output = run(command, loop.project, env).output
                if number:
                    cells[layout.name].append(time.perf_counter() - start)
                if way != FLOOR and not output.endswith(text + "\n"):
                    stale.add(layout.name)
        rows[f"edit a Rust line, import it: {way}" if way != FLOOR else way] = {
            name.split(",")[0]: timed(values)
            if name not in stale
            else {"passes": False, "note": "imports the old value"}
            for name, values in cells.items()
        }
    return rows


FLOOR = "the least after an edit: `cargo build`, and an empty `uv run --no-sync`"
OFFLINE = "`uv run --offline` (the index is not asked for maturin)"
REINSTALL = f"`uv run --reinstall-package {NAME}`"


# ---- Third-party crates that are compiled again ----

COMMANDS = {
    "cargo test": ["cargo", "test"],
    "uv run pytest": [str(uv()), "run", "pytest", "tests"],
    "cargo clippy": ["cargo", "clippy", "--all-targets"],
    "rust-analyzer": ["cargo", "check", "--workspace", "--message-format=json", "--all-targets"],
    "cargo nextest": ["cargo", "nextest", "run"],
    "uv sync": [str(uv()), "sync"],
    "maturin develop": ["maturin", "develop"],
}
SEQUENCE = [
    ("cargo test", False),
    ("uv run pytest", False),
    ("cargo clippy", False),
    ("rust-analyzer", False),
    ("cargo test", True),
    ("uv sync", False),
    ("cargo nextest", False),
    ("maturin develop", True),
    ("rust-analyzer", True),
    ("uv run pytest", True),
    ("cargo nextest", True),
    ("maturin develop", False),
]


def recompiled(bench: Bench) -> dict[str, Row]:
    """Count rustc's runs for third-party crates in SEQUENCE, with an edit before each command."""
    counts: Row = {}
    for layout in LAYOUTS:
        loop = bench.synced(layout)
        for command, activated in SEQUENCE:  # warm up
            loop.run(COMMANDS[command], activated, check=False)
        by_command = {}
        for number, (command, activated) in enumerate(SEQUENCE, 1):
            loop.edit(f"Command {number}")
            crates = third_party(loop.run(COMMANDS[command], activated, check=False))
            by_command[f"{number} {command}{', activated' if activated else ''}"] = len(crates)
        counts[layout.name] = {"count": sum(by_command.values()), "by_command": by_command}
    return {"third-party crates compiled in 12 commands, an edit before each": counts}


# ---- From a fresh project to green tests ----


def set_up(bench: Bench) -> dict[str, Row]:
    return _set_up(bench, cold=False)


def set_up_cold(bench: Bench) -> dict[str, Row]:
    return _set_up(bench, cold=True)


def _set_up(bench: Bench, cold: bool) -> dict[str, Row]:
    """Time `uv sync`, `uv run pytest` and `cargo test` in a fresh project, crates compiled too."""
    title = f"fresh project to both suites green, {'nothing' if cold else 'downloads'} cached"
    times: dict[str, list[float]] = {layout.name: [] for layout in LAYOUTS}
    crates: Row = {}
    for _ in range(1 if cold else max(1, bench.repeat // 2)):
        for layout in LAYOUTS:
            project = bench.new(layout, "fresh")
            layout.repair(project)
            extra = fresh_caches(project.parent) if cold else {}
            loop = Loop(project, bench.environment(**extra))
            env = loop.env
            if layout.help:
                env = bench.helped(project, bench.python, env)
            sync = [uv(), "sync", "--quiet", "--python", bench.python.path]
            times[layout.name].append(
                seconds(sync, project, loop.env)
                + seconds([uv(), "run", "pytest", "tests"], project, loop.env)
                + seconds(["cargo", "test"], project, env)
            )
            compiled = third_party(loop.log.read_text().split())
            crates[layout.name] = {"count": len(compiled), "pyo3": compiled.count("pyo3")}
            shutil.rmtree(project.parent)
    row = {
        layout.name: timed(times[layout.name], layout.help and f"with {layout.help}")
        for layout in LAYOUTS
    }
    return {title: row} | ({} if cold else {"third-party crates compiled for that": crates})


def fresh_caches(folder: Path) -> dict[str, str]:
    """Return variables that point cargo and uv to empty caches; cargo's settings remain."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    (folder / "cargo").mkdir()
    for settings in home.glob("config*"):
        shutil.copy(settings, folder / "cargo")
    return {"CARGO_HOME": str(folder / "cargo"), "UV_CACHE_DIR": str(folder / "uv")}


# ---- Copier, and the runner ----


def copier(bench: Bench) -> dict[str, Row]:
    """Time `copier copy`, and `copier update` from the commit before HEAD."""
    command = [sys.executable, "-m", "copier"]
    env = clean_environment()
    copies, updates = [], []
    for number in range(bench.repeat):
        folder = bench.folder / f"copier-{number}"
        options = ["--defaults", "--quiet", "--vcs-ref", "HEAD"]
        copies.append(seconds([*command, "copy", *options, ROOT, folder], bench.folder, env))
        shutil.rmtree(folder)
        options[-1] = "HEAD~1"
        run([*command, "copy", *options, ROOT, folder], bench.folder, env)
        commit_all(folder)
        options[-1] = "HEAD"
        updates.append(seconds([*command, "update", *options], folder, env))
        shutil.rmtree(folder)
    us = LAYOUTS[0].name
    return {"`copier copy`": {us: timed(copies)}, "`copier update`": {us: timed(updates)}}


def runner(bench: Bench) -> dict[str, Row]:
    """Time a test executable under cargo's runner, and directly in an activated environment."""
    loop = bench.synced(LAYOUTS[0])
    build = ["cargo", "test", "--no-run", "--lib", "--quiet", "--message-format=json"]
    lines = [line for line in run(build, loop.project, loop.env).output.splitlines() if line]
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    [executable] = filter(None, (message.get("executable") for message in messages))
    wrapped = [uv(), "run", "--no-sync", "--quiet", "--", executable]
    direct, under = [], []
    for _ in range(bench.repeat * 4):
        direct.append(seconds([executable], loop.project, loop.activated))
        under.append(seconds(wrapped, loop.project, loop.env))
    us = LAYOUTS[0].name
    return {
        "a test executable, activated by hand": {us: timed(direct)},
        "the same under the runner `uv run`": {us: timed(under)},
    }


# ---- What works at all ----

REASONS = {
    r"undefined symbol|undefined reference": "does not link",
    r"cannot open shared object file": "libpython not found",
    r"No module named 'encodings'|failed to get the Python codec": "no standard library",
    r"run `cargo clean": "stops, and says what to do",
    r"ModuleNotFoundError|ImportError": "module not found",
    r"starts_with\(": "another Python",
    r"assertion": "another environment",
}


def verdict(code: int, output: str) -> Cell:
    """Return whether a command passed, and why not in a few words, without paths."""
    if code == 0:
        return {"passes": True}
    reason = next((why for pattern, why in REASONS.items() if re.search(pattern, output)), "fails")
    return {"passes": "what to do" in reason, "note": reason}


def matrix(bench: Bench) -> dict[str, Row]:
    """Say what works in each layout; without an interpreter its row is missing."""
    pythons = {"shared": bench.python, "relocated": bench.relocated, "static": bench.static}
    title = "`cargo test` that imports packages of `.venv`, nothing activated, {} Python"
    rows: dict[str, Row] = {title.format(kind): {} for kind, python in pythons.items() if python}
    rows |= {CLEANED: {}, WHEEL: {}, SWITCHED: {}}
    for layout in LAYOUTS:
        # One target folder for all: their paths, which PyO3 watches, are not the same.
        target = bench.folder / "target" / layout.name
        for kind, python in pythons.items():
            if not python:
                continue
            project = bench.new(layout, kind, python)
            env = environment(target, python, EXPECTED_PYTHON=python.version)
            (project / "tests/integration.rs").write_text(INTEGRATION_TEST)
            commit_all(project)
            bench.sync(project, python, env)
            row = rows[title.format(kind)]
            row[layout.name] = cargo_test(project, env)
            if kind == "shared":
                rows[CLEANED][layout.name] = after_git_clean(bench, project, env)
                rows[WHEEL][layout.name] = wheel(bench, project, env)
                rows[SWITCHED][layout.name] = switch(bench, layout, project, env)
            shutil.rmtree(project.parent)
        shutil.rmtree(target)
    return rows


def cargo_test(project: Path, env: dict[str, str]) -> Cell:
    result = run(["cargo", "test"], project, env, check=False)
    return verdict(result.code, result.output)


CLEANED = "import after `git clean -xdf`, `uv sync`"


def after_git_clean(bench: Bench, project: Path, env: dict[str, str]) -> Cell:
    git(project, "clean", "-xdf", "--quiet")
    bench.sync(project, bench.python, env)
    result = run([uv(), "run", "--no-sync", "--quiet", *PYTHON], project, env, check=False)
    return verdict(result.code, result.output)


WHEEL = "wheel for a newer Python than that of `.venv`, imported there"


def wheel(bench: Bench, project: Path, env: dict[str, str]) -> Cell:
    python = bench.newer.path
    run([uv(), "build", "--quiet", "--wheel", "--python", python], project, env)
    [built] = (project / "dist").glob("*.whl")
    venv = project.parent / "venv"
    run([uv(), "venv", "--quiet", "--python", python, venv], project, env)
    run([uv(), "pip", "install", "--quiet", "--python", venv, built], project, env)
    result = run([venv / "bin/python", "-c", SHOW], project.parent, env, check=False)
    return verdict(result.code, result.output)


SWITCHED = "`cargo test` after another Python is in `.venv`"


def switch(bench: Bench, layout: Layout, project: Path, env: dict[str, str]) -> Cell:
    """Run `cargo test` with both Pythons, with the help that the layout needs for it."""
    layout.repair(project)
    help = f"with {layout.help}" if layout.help else ""
    for python in (bench.python, bench.newer):
        (project / ".python-version").write_text(python.version)
        bench.sync(project, python, env)
        used = env | {"EXPECTED_PYTHON": python.version}
        if layout.help:
            used = bench.helped(project, python, used)
        cell = cargo_test(project, used)
        if "note" in cell and python is bench.python:
            return cell
    return cell | {"note": "; ".join(filter(None, [str(cell.get("note", "")), help]))}
