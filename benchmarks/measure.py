"""What is measured. All times are wall-clock seconds of whole commands, as their users wait."""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from copier import run_copy

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, Result, clean_environment, commit_all, git, run, uv, with_path
from tests.projects import INTEGRATION_TEST, Loop, read_toml, replace
from tests.projects import edit as edit_project
from tests.pythons import activate, environment, sync, unactivated

from .bundlers import BUNDLERS, PROGRAM, prepare
from .layouts import LAYOUTS, NAME, UV_INIT_OWN_PYO3, Layout, third_party

# A time (see `statistics_of`), {"count": int}, {"bytes": int} or {"passes": bool}; perhaps with a
# "note"
Cell = dict[str, object]
Row = dict[str, Cell]  # by name of the layout, or of the bundler


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
            edit_project(loop.project, "First")
            sync(project, self.python, loop.env)
            self._projects[layout] = loop
        return self._projects[layout]

    def helped(self, project: Path, python: Interpreter, env: dict[str, str]) -> dict[str, str]:
        """Return the environment in which `cargo test` passes without this template."""
        env = activate(env, project / ".venv")
        return env | ({"LD_LIBRARY_PATH": str(python.libpython.parent)} if python.libpython else {})


def timed(command: Sequence[str | Path], cwd: Path, env: dict[str, str]) -> tuple[float, str]:
    """Run `command`; return its time in seconds, and its output."""
    start = time.perf_counter()
    output = run(command, cwd, env).output
    return time.perf_counter() - start, output


def statistics_of(seconds: list[float], note: str = "") -> Cell:
    low, median, high = min(seconds), statistics.median(seconds), max(seconds)
    cell: Cell = {"min": round(low, 4), "median": round(median, 4), "max": round(high, 4)}
    return cell | {"runs": len(seconds)} | ({"note": note} if note else {})


# ---- From an edit of a Rust file to its import ----

SHOW = f"import {NAME.replace('-', '_')} as m; print(m.Group.__doc__.splitlines()[0])"
PYTHON = ["python", "-c", SHOW]
UV_RUN = [str(uv()), "run", "--quiet"]


def edit(bench: Bench) -> dict[str, Row]:
    """Time from the edit to the new value in Python, with each command that can do it."""
    notice = [layout for layout in LAYOUTS if layout.notices_edits]
    others = [layout for layout in LAYOUTS if not layout.notices_edits]
    floor = f'cargo build --quiet && {" ".join(UV_RUN)} --no-sync python -c ""'
    develop = 'maturin develop --quiet && exec python -c "$0"'
    ways: list[tuple[str, list[str], list[Layout]]] = [
        (FLOOR, ["sh", "-c", floor], LAYOUTS),
        (EDIT, [*UV_RUN, *PYTHON], LAYOUTS),
        (f"{EDIT} --offline", [*UV_RUN, "--offline", *PYTHON], notice),
        (OWN_PYO3, [*UV_RUN, *PYTHON], [UV_INIT_OWN_PYO3]),
        (REINSTALL, [*UV_RUN, "--reinstall-package", NAME, *PYTHON], others),
        (f"{EDITED}: maturin develop, python", ["sh", "-c", develop, SHOW], LAYOUTS),
    ]
    rows: dict[str, Row] = {}
    for way, command, layouts in ways:
        times: dict[Layout, list[float]] = {layout: [] for layout in layouts}
        row = rows[way] = {}
        for number in range(bench.repeat + 1):  # once more, to warm up
            for layout in [layout for layout in layouts if layout.name not in row]:
                loop = bench.synced(layout)
                text = f"Edit {random.getrandbits(32):08x}"
                edit_project(loop.project, text)
                env = loop.activated if "maturin" in way else loop.env
                elapsed, output = timed(command, loop.project, env)
                if way != FLOOR and not output.endswith(text + "\n"):
                    row[layout.name] = {"passes": False, "note": "imports the old value"}
                elif number:
                    times[layout].append(elapsed)
        for layout, values in times.items():
            if values:
                row[layout.name.split(",")[0]] = statistics_of(values)
    return rows


EDITED = "edit a Rust line, import it"
FLOOR = f"{EDITED}, at least: cargo build, an empty uv run --no-sync"
EDIT = f"{EDITED}: uv run"
OWN_PYO3 = f"{EDIT}, with the PyO3 that uv init writes"
REINSTALL = f"{EDIT} --reinstall-package"


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
# A star: with `.venv` activated
SEQUENCE = """cargo test, uv run pytest, cargo clippy, rust-analyzer, cargo test*, uv sync,
cargo nextest, maturin develop*, rust-analyzer*, uv run pytest*, cargo nextest*, maturin develop"""


def recompiled(bench: Bench) -> dict[str, Row]:
    """Count rustc's runs for third-party crates in SEQUENCE, with an edit before each command."""
    sequence = re.split(r",\s+", SEQUENCE)
    row: Row = {}
    for layout in LAYOUTS:
        loop = bench.synced(layout)
        counts = []
        for number, command in enumerate(sequence * 2):  # the first round warms up
            edit_project(loop.project, f"Command {number}")
            crates = loop.run(COMMANDS[command.strip("*")], command.endswith("*"), check=False)
            counts.append(len(third_party(crates)))
        by_command = [list(pair) for pair in zip(sequence, counts[len(sequence) :], strict=True)]
        row[layout.name] = {"count": sum(n for _, n in by_command), "by_command": by_command}
    return {"third-party crates compiled in 12 commands, an edit before each": row}


# ---- From a fresh project to green tests ----


SET_UP = "fresh project to both suites green"
SET_UP_COLD = f"{SET_UP}, empty caches"


def set_up(bench: Bench, cold: bool = False) -> dict[str, Row]:
    """Time `uv sync`, `uv run pytest` and `cargo test` in a fresh project, and count the crates.

    With `cold`, the caches of cargo and uv are empty too; once, as the network varies anyway.
    """
    times: dict[Layout, list[float]] = {layout: [] for layout in LAYOUTS}
    compiled: Row = {}
    for _ in range(1 if cold else max(1, bench.repeat // 2)):
        for layout in LAYOUTS:
            project = bench.new(layout, "fresh")
            layout.repair(project)
            loop = Loop(project, bench.environment(**(fresh_caches(project) if cold else {})))
            env = bench.helped(project, bench.python, loop.env) if layout.help else loop.env
            sync = [uv(), "sync", "--quiet", "--python", bench.python.path]
            test = [uv(), "run", "pytest", "tests"]
            steps = ((sync, loop.env), (test, loop.env), (["cargo", "test"], env))
            times[layout].append(sum(timed(command, project, env)[0] for command, env in steps))
            crates = third_party(loop.log.read_text().split())
            compiled[layout.name] = {"count": len(crates), "pyo3": crates.count("pyo3")}
            shutil.rmtree(project.parent)
    row = {
        layout.name: statistics_of(values, layout.help and f"with {layout.help}")
        for layout, values in times.items()
    }
    title = SET_UP_COLD if cold else SET_UP
    return {title: row} | ({} if cold else {"third-party crates compiled for that": compiled})


def fresh_caches(project: Path) -> dict[str, str]:
    """Return variables that point cargo and uv to empty caches; cargo's settings remain."""
    folder = project.parent
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    (folder / "cargo").mkdir()
    for settings in home.glob("config*"):
        shutil.copy(settings, folder / "cargo")
    return {"CARGO_HOME": str(folder / "cargo"), "UV_CACHE_DIR": str(folder / "uv")}


# ---- Copier, and the runner ----


def copier(bench: Bench) -> dict[str, Row]:
    """Time `copier copy`, and `copier update` from the commit before HEAD."""
    command = [sys.executable, "-W", "ignore", "-m", "copier"]
    options = ["--defaults", "--quiet", "--vcs-ref"]
    env = clean_environment()
    copies, updates = [], []
    for number in range(bench.repeat):
        folder = bench.folder / f"copier-{number}"
        for ref in ("HEAD", "HEAD~1"):
            shutil.rmtree(folder, ignore_errors=True)
            copy = [*command, "copy", *options, ref, ROOT, folder]
            copies.append(timed(copy, bench.folder, env)[0])
        commit_all(folder)
        updates.append(timed([*command, "update", *options, "HEAD"], folder, env)[0])
    us = LAYOUTS[0].name
    return {
        "copier copy": {us: statistics_of(copies)},
        "copier update": {us: statistics_of(updates)},
    }


def runner(bench: Bench) -> dict[str, Row]:
    """Time a test executable under cargo's runner, and directly in an activated environment."""
    loop = bench.synced(LAYOUTS[0])
    build = ["cargo", "test", "--no-run", "--lib", "--quiet", "--message-format=json"]
    lines = run(build, loop.project, loop.env).output.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    [executable] = filter(None, (message.get("executable") for message in messages))
    targets = read_toml(loop.project / ".cargo/config.toml")["target"]
    [prefix] = [target["runner"] for name, target in targets.items() if "not(" in name]
    env = loop.env | {"PYO3_PYTHON": str(loop.project / ".venv/bin/python")}  # as cargo's [env]
    direct, under = [], []
    for _ in range(bench.repeat * 4):
        direct.append(timed([executable], loop.project, loop.activated)[0])
        under.append(timed([*prefix, executable], loop.project, env)[0])
    us = LAYOUTS[0].name
    return {
        "a test executable, activated by hand": {us: statistics_of(direct)},
        "the same under cargo's runner": {us: statistics_of(under)},
    }


# ---- What works at all ----

REASONS = {
    r"only supports embedding the Python interpreter statically": "PyO3's auto-initialize refuses it",
    r"ImportError: .*undefined symbol": "undefined symbol",
    r"undefined symbol|undefined reference": "does not link",
    r"cannot open shared object file": "libpython not found",
    r"No module named 'encodings'|failed to get the Python codec": "no standard library",
    r"run `cargo clean": "stops, and says what to do",
    r"ModuleNotFoundError|ImportError": "module not found",
    r"No solution found": "no versions fit",
    r"starts_with\(": "another Python",
    r"assertion": "another environment",
}


def verdict(result: Result) -> Cell:
    """Return whether a command passed, and why not in a few words, without paths."""
    if result.code == 0:
        return {"passes": True}
    found = (why for pattern, why in REASONS.items() if re.search(pattern, result.output))
    reason = next(found, "fails")
    return {"passes": "what to do" in reason, "note": reason}


def matrix(bench: Bench) -> dict[str, Row]:
    """Say what works in each layout; without an interpreter its row is missing."""
    pythons = {"shared": bench.python, "relocated": bench.relocated, "static": bench.static}
    title = "cargo test that imports packages of .venv, nothing activated, {} Python"
    rows: dict[str, Row] = {title.format(kind): {} for kind, python in pythons.items() if python}
    rows |= {CLEANED: {}, NEWER: {}, OLDER: {}, SWITCHED: {}}
    for layout in LAYOUTS:
        # One target folder for all: their paths, which PyO3 watches, are not the same.
        target = bench.folder / "target" / layout.name
        for kind, python in pythons.items():
            if not python:
                continue
            project = bench.new(layout, kind, python)
            env = environment(target, python, EXPECTED_PYTHON=python.minor)
            (project / "tests/integration.rs").write_text(INTEGRATION_TEST)
            commit_all(project)
            sync = [uv(), "sync", "--quiet", "--python", python.path]
            result = run(sync, project, env, check=False)
            if result.code == 0:
                result = run(["cargo", "test"], project, env, check=False)
            rows[title.format(kind)][layout.name] = verdict(result)
            if kind == "shared":
                rows[CLEANED][layout.name] = after_git_clean(bench, project, env)
                rows[NEWER][layout.name] = wheel(project, bench.newer, env)
                rows[SWITCHED][layout.name] = switch(bench, layout, project, env)
                rows[OLDER][layout.name] = wheel(project, bench.python, env)
            shutil.rmtree(project.parent)
        shutil.rmtree(target)
    return rows


CLEANED = "import after git clean -xdf, uv sync"


def after_git_clean(bench: Bench, project: Path, env: dict[str, str]) -> Cell:
    git(project, "clean", "-xdf", "--quiet")
    sync(project, bench.python, env)
    return verdict(run([*UV_RUN, "--no-sync", *PYTHON], project, env, check=False))


NEWER = "wheel for a newer Python than that of .venv, imported there"
OLDER = "wheel for an older Python than that of .venv, imported there"


def wheel(project: Path, python: Interpreter, env: dict[str, str]) -> Cell:
    dist, venv = project.parent / f"dist-{python.minor}", project.parent / python.minor
    run([uv(), "build", "--quiet", "--wheel", "-o", dist, "--python", python.path], project, env)
    [built] = dist.glob("*.whl")
    run([uv(), "venv", "--quiet", "--python", python.path, venv], project, env)
    run([uv(), "pip", "install", "--quiet", "--python", venv, built], project, env)
    return verdict(run([venv / "bin/python", "-c", SHOW], project.parent, env, check=False))


SWITCHED = "cargo test after another Python is in .venv"


def switch(bench: Bench, layout: Layout, project: Path, env: dict[str, str]) -> Cell:
    """Run `cargo test` with both Pythons, with the help that the layout needs for it."""
    layout.repair(project)
    help = f"with {layout.help}" if layout.help else ""
    for python in (bench.python, bench.newer):
        (project / ".python-version").write_text(python.minor)
        # The module may be missing since `git clean`, which is another row.
        sync = [uv(), "sync", "--quiet", "--python", python.path, "--reinstall-package", NAME]
        run(sync, project, env)
        used = env | {"EXPECTED_PYTHON": python.minor}
        if layout.help:
            used = bench.helped(project, python, used)
        cell = verdict(run(["cargo", "test"], project, used, check=False))
        if "note" in cell and python is bench.python:
            return cell
    return cell | {"note": "; ".join(filter(None, [str(cell.get("note", "")), help]))}


# ---- Bundles ----

USER = """{"username": "ada", "group": {"name": "analysts"}, "friends":
[{"username": "grace", "group": null, "friends": []}]}"""

# Starts a program without any environment variables; prints its seconds, and the KiB that its
# largest process took (maximum RSS, as Linux reports it). In a process of its own, and a small one,
# as Linux counts for a program what the process that starts it took.
START = """
import os, sys, time
start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], {})
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - start, usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def started(program: Path) -> tuple[float, int, str]:
    """Run `program` from /, with USER as input; return its seconds, its KiB and its output."""
    command = [sys.executable, "-I", "-S", "-c", START, program]
    done = subprocess.run(
        command, cwd="/", input=USER, capture_output=True, encoding="utf-8", check=True
    )
    seconds, size = done.stderr.split()
    return float(seconds), int(size), done.stdout


def bundle(bench: Bench) -> dict[str, Row]:
    """Build each bundle four times; compare sizes, and runs of the programs."""
    folder = bench.folder / "bundle"
    python = bench.relocated or bench.python
    # Without Pythons of uv, which our command would prefer: all take the same.
    env = bench.environment(
        UV_PYTHON_INSTALL_DIR=str(folder / "uv"),
        PYINSTALLER_CONFIG_DIR=str(folder / "cache"),
        NUITKA_CACHE_DIR=str(folder / "cache"),
    )
    sources = prepare(folder, python, env)
    venv = folder / "venv/bin"
    [ours, *_] = sources.values()
    (folder / "user.json").write_text(USER, encoding="utf-8")
    program = [venv / "python", PROGRAM / "my_app.py", folder / "user.json"]
    expected = run(program, folder, env | {"PYTHONPATH": str(ours / "python/my_app")}).output

    rows: dict[str, Row] = {title: {} for title in ROWS}
    programs: dict[str, Path] = {}
    for bundler in BUNDLERS:
        name = bundler.name
        shutil.rmtree(folder / "cache", ignore_errors=True)
        for title in (BUILD, AGAIN, EDIT_PYTHON, REBUILD):
            if title == EDIT_PYTHON:
                folder_of = ours / "python/my_app" if bundler is BUNDLERS[0] else sources[name]
                replace(folder_of / "summary.py", "def summarize", "# Edited\ndef summarize")
            elif title == REBUILD:  # a text of --help
                replace(sources[name] / bundler.source, "Reads a user", "Reads one user")
            start = time.perf_counter()
            built = bundler.build(sources[name], with_path(env, venv))
            rows[title][name] = statistics_of([time.perf_counter() - start], bundler.note)
        rows[SIZE][name] = {"bytes": built.size()}
        rows[ARCHIVE][name] = {"bytes": built.archive.stat().st_size}
        programs[name] = built.program

    times: dict[str, list[float]] = {name: [] for name in programs}
    sizes: dict[str, list[int]] = {name: [] for name in programs}
    for number in range(bench.repeat * 4 + 1):  # once more, to warm up
        for name, program in programs.items():
            seconds, size, output = started(program)
            assert output == expected, f"{name} prints something else:\n{output}"
            if number:
                times[name].append(seconds)
                sizes[name].append(size * 1024)
    for name in programs:
        rows[STARTED][name] = statistics_of(times[name])
        rows[MEMORY][name] = {"bytes": round(statistics.median(sizes[name]))}
    return rows


BUILD = "build the bundle and its archive, everything downloaded, nothing compiled"
AGAIN = "the same again, nothing edited"
EDIT_PYTHON = "the same again, after an edit of a Python module"
REBUILD = "the same again, after an edit of the program"
SIZE = "size of the bundle"
ARCHIVE = "size of its .tar.gz; of one file: itself"
STARTED = "the program, from start to exit"
MEMORY = "memory of its largest process (maximum RSS)"
ROWS = (BUILD, AGAIN, EDIT_PYTHON, REBUILD, SIZE, ARCHIVE, STARTED, MEMORY)


# ---- Apps ----

APP, PLAIN = "an app, release build", "python"
RUN = "import the app's package, print a table, end; python: import it, end"
PRINT = "print 200,000 lines into a pipe"
PRINTS = """
def summarize(user):
    for number in range(200_000):
        print(number)
    return ""
"""


def app(bench: Bench) -> dict[str, Row]:
    """Time an app beside plain Python with the same imports."""
    folder = bench.folder / "app"
    env = bench.environment()
    data = {"python_version": bench.python.minor, "kind": "app", "project_name": NAME}
    run_copy(str(ROOT), folder, data=data, defaults=True, vcs_ref="HEAD", quiet=True)
    sync(folder, bench.python, env)
    run(["cargo", "build", "--quiet", "--release"], folder, env)
    (folder / "user.json").write_text(USER, encoding="utf-8")
    module = f"{NAME.replace('-', '_')}.summary"
    python = [folder / ".venv/bin/python", "-I", "-c"]
    commands = {
        RUN: (f"import {module}", None),
        PRINT: (f"from {module} import summarize; summarize(None)", PRINTS),
    }
    rows: dict[str, Row] = {}
    for title, (code, text) in commands.items():
        if text:
            (folder / f"python/{module.replace('.', '/')}.py").write_text(text, encoding="utf-8")
        programs = {
            APP: [folder / f"target/release/{NAME}", "user.json"],
            PLAIN: [*python, code],
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for number in range(bench.repeat * 8 + 1):  # once more, to warm up
            for name, command in programs.items():
                seconds, _ = timed(command, folder, env)
                if number:
                    times[name].append(seconds)
        rows[title] = {name: statistics_of(values) for name, values in times.items()}
    return rows
