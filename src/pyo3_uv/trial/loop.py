"""The owner's edit loop, measured in the copy: what is compiled after an edit, and for how long."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyo3_uv.edits.files import link_folder, restore
from pyo3_uv.facts.build import BUILD_TESTS, options
from pyo3_uv.facts.interpreters import executable_of
from pyo3_uv.facts.project import Project
from pyo3_uv.files import is_link
from pyo3_uv.paths import relative
from pyo3_uv.process import Result, outer_environment, run

Step = Callable[[str], None]

# A command that takes longer than these seconds is not measured.
LIMIT = 180.0
ROUNDS = 2


@dataclass(frozen=True)
class Timing:
    """A command of the loop: in each round the crates that it compiled, and its seconds.

    `stale` says that it did not see the edit; `failure` is the last line of one that failed;
    `previous` is the command that ran before it, which may have left other builds.
    """

    crates: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    stale: bool = False
    failure: str | None = None
    previous: str = ""

    def worse_than(self, other: "Timing") -> bool:
        """Whether more is compiled, or it takes over 1.3 times and 1 s longer, in all rounds."""
        if other.failure is not None or (other.stale and not self.failure):
            return False
        if self.failure is not None or self.stale:
            return True
        least, most = min(self.seconds), max(other.seconds)
        slower = least > 1.3 * most and least > most + 1
        return slower or min(self.crates) > max(other.crates)

    @property
    def can_improve(self) -> bool:
        """Whether there can be something that is better: `uv run` alone takes some tenths."""
        if self.failure is not None or self.stale:
            return True
        return max(self.crates) > 1 or max(self.seconds) > 1.5

    def __str__(self) -> str:
        if self.failure is not None:
            return "fails"
        if self.stale:
            return "does not see the edit"
        number, seconds = min(self.crates), min(self.seconds)
        return f"{number} {'crate' if number == 1 else 'crates'}, {seconds:.1f} s"


Loop = dict[str, Timing]


def measure(projects: Sequence[Project], commands: Sequence[list[str]], step: Step) -> Loop:
    """Measure the commands of each project's owners, each after an edit; {} if none is known."""
    found: Loop = {}
    for project, names in zip(projects, commands, strict=True):
        of = f" in {relative(project.folder, project.repository)}" if len(projects) > 1 else ""
        if names:
            found |= {f"{name}{of}": t for name, t in _measure(project, names, step).items()}
    return found


def compared(before: Loop, after: Loop) -> list[str]:
    """Return a line for each command, with what it was and what it is."""
    names = {n: f"{n} after {t.previous}" if t.previous else n for n, t in after.items()}
    known = [n for n in after if n in before and {before[n].failure, after[n].failure} & {None}]
    return [f"{names[name]}: {before[name]} → {after[name]}" for name in known]


def _measure(project: Project, commands: list[str], step: Step) -> Loop:
    sources = (t["src_path"] for t in project.crate.targets if "custom-build" not in t["kind"])
    source = Path(next(sources))
    content, edits = source.read_bytes(), 0
    rounds: dict[str, list[tuple[set[str], float]]] = {name: [] for name in commands}
    failures: dict[str, str] = {}
    try:
        with _environment(project, commands) as env:
            for number in range(ROUNDS + 1):  # the first one only fills the target folder
                for name in [name for name in commands if name not in failures]:
                    step(f"{name}, {f'after edit {number}' if number else 'first'}")
                    edits += 1
                    restore({source: content + f"\n// edit {edits}\n".encode()}, project.repository)
                    start = time.monotonic()
                    result = _run(project, name, env)
                    seconds = time.monotonic() - start
                    # Tried again, as a build may depend on the network, or on chance.
                    if result.code and (result := _run(project, name, env)).code:
                        failures[name] = (result.output.splitlines() or ["no output"])[-1].strip()
                    elif number:
                        rounds[name].append((_compiled(result.output), seconds))
    finally:
        restore({source: content}, project.repository)
    if failures.get("pytest", "").endswith("No module named pytest"):
        del failures["pytest"]  # it is run in an environment of nox or CI, which installs a wheel
        commands = [name for name in commands if name != "pytest"]
    running = [name for name in commands if name not in failures]
    found = {f"`{name}`": Timing(failure=failures[name]) for name in failures}
    for name, previous in zip(running, [*running[-1:], *running], strict=False):
        found[f"`{name}`"] = Timing(
            tuple(len(crates) for crates, _ in rounds[name]),
            tuple(seconds for _, seconds in rounds[name]),
            # pytest alone builds nothing
            stale=name != "pytest"
            and not all(project.crate.name in crates for crates, _ in rounds[name]),
            previous=f"`{previous}`" if previous != name else "",
        )
    return found


def _compiled(output: str) -> set[str]:
    """Return the crates that cargo says it compiles; uv and maturin pass its output on."""
    return set(re.findall(r"^(?:DEBUG)? *Compiling (\S+) v", output, re.MULTILINE))


def _run(project: Project, name: str, env: dict[str, str]) -> Result:
    """Run our own form of an owner's command."""
    folder = project.package.root or project.folder
    words = name.split()
    frozen = ["--frozen"] if project.environment.lock.exists() else []
    if words[0] == "cargo":
        test = [*BUILD_TESTS] if words[1] == "test" else [*words, "--no-run"]
        return run([*test, *options(project)], project.folder, env, True, LIMIT)
    if name == "uv run":
        words += ["python", "-c", f"import {project.package.module or 'sys'}"]
    if "maturin" in words:
        words.append("--uv")  # there is no pip in an environment that uv made
    if words[0] == "uv":
        words[2:2] = ["--verbose", *frozen]
    elif words[0] == "pytest":
        words = [str(executable_of(Path(env["VIRTUAL_ENV"]))), "-m", "pytest"]
    if words[-1] == "pytest":
        words += ["--quiet", "--exitfirst"]
    return run(words, folder, env, True, LIMIT)


@contextmanager
def _environment(project: Project, commands: list[str]) -> Iterator[dict[str, str]]:
    """Put an environment of its own into the copy, and yield the variables with it.

    The commands install the project there; that of the original is not touched.
    """
    environment, root = project.environment, project.package.root or project.folder
    original, place = environment.folder.resolve(), environment.folder
    if not place.is_relative_to(project.repository):
        place = root / ".venv"
    python = ["--python", str(executable_of(original))] if environment.interpreter else []
    env = outer_environment() | {"CARGO_TERM_COLOR": "never", "CARGO_TERM_QUIET": "false"}
    env["UV_PROJECT_ENVIRONMENT"] = str(place)
    linked, locked = is_link(place), environment.lock.exists()
    try:
        if linked:
            place.unlink()
        run(["uv", "venv", "--quiet", *python, str(place)], root)
        if any(not name.startswith(("uv", "cargo")) for name in commands):  # in a shell with it
            env["VIRTUAL_ENV"] = str(place)
            folders = [executable_of(venv).parent for venv in (place, original)]
            env["PATH"] = os.pathsep.join([*map(str, folders), env["PATH"]])
        if python and not any(name.startswith("uv") for name in commands):
            _share_packages(original, place)
        yield env
    finally:
        if not locked:  # with one, `uv sync --frozen` would be right, and in the copy only
            environment.lock.unlink(missing_ok=True)
        if not is_link(place):
            shutil.rmtree(place, ignore_errors=True)
            if linked:
                link_folder(place, original)


def _share_packages(original: Path, place: Path) -> None:
    """Let an environment have the packages of another one, behind its own."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    theirs, own = (
        run([executable_of(venv), "-c", ask]).stdout.strip() for venv in (original, place)
    )
    if theirs and own:
        # A Python before 3.13 reads the file in the code page of Windows, so it is all ASCII.
        line = f"import sys; sys.path.append({theirs!a})\n"
        Path(own, "pyo3_uv.pth").write_text(line, encoding="ascii")
