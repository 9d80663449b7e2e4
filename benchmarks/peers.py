"""Compare a fresh extension project of this template with those of its peers; write the results.

    git clone https://github.com/scientific-python/cookie
    git clone https://github.com/python-project-templates/base
    uv run python -m benchmarks.peers --cookie cookie --base base

Each cell is what a command did in a project that was just made, or what a file in it says. Writes
peers.json beside this file, and the table in the README. `--report` writes the table only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import ROOT, Result, clean_environment, commit_all, git, run, uv
from tests.projects import Loop, read_toml
from tests.pythons import relocate, shared_interpreters, unactivated
from tests.tools import TOOLS, uvx

from .measure import verdict
from .report import embed

HERE = Path(__file__).parent
RESULTS = HERE / "peers.json"
README = ROOT / "README.md"
NAME, MODULE = "my-project", "my_project"
OWN = {NAME, MODULE, f"{MODULE}_py"}

MATURIN = "maturin@1.16.0"
SP_REPO_REVIEW = "sp-repo-review[cli]==2026.8.14"
CIBUILDWHEEL = "cibuildwheel@4.3.5"
COPIER = ["tool", "run", "--quiet", "--with", "copier-templates-extensions>=0.3.2", "copier@9.19.1"]

Cell = dict[str, Any]  # "passes", "count" of "total", "seconds" or "text"; perhaps a "note"
Matrix = list[dict[str, Any]]


@dataclass(frozen=True)
class Peer:
    """A tool that makes projects, and what is where in them."""

    name: str
    module: str  # what Rust compiles to
    bindings: str  # the file that exports to Python
    tests: list[str]  # options of `uv run` for the project's own tests; none: it has none
    kinds: Callable[[Bench], int]
    repository: str = ""  # of the template
    answers: dict[str, str] = field(default_factory=dict)
    makes: Callable[[Bench, Path], None] | None = None  # without a template


@dataclass
class Bench:
    """Folders of the templates, and the projects that are measured."""

    folder: Path
    python: Interpreter
    templates: dict[str, Path]
    repeat: int
    projects: dict[str, Loop] = field(default_factory=dict)
    fresh_projects: dict[str, Path] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return an environment with nothing activated, another Python on PATH, and no shims."""
        env = unactivated(self.python)
        env["PATH"] = ":".join(part for part in env["PATH"].split(":") if "shims" not in part)
        return env

    def copier(self, peer: Peer, *args: str | Path, cwd: Path | None = None) -> Result:
        answers = peer.answers | ({"python_version": self.python.minor} if peer is PEERS[0] else {})
        data = [option for item in answers.items() for option in ("-d", "=".join(item))]
        command = [uv(), *COPIER, args[0], "--defaults", "--quiet", *data, *args[1:]]
        return run(command, cwd or self.folder, self.environment(), check=False)

    def new(self, peer: Peer, label: str, ref: str = "HEAD") -> Path:
        """Make a project, and commit it."""
        project = self.folder / label / re.sub(r"\W+", "-", peer.name) / NAME
        project.parent.mkdir(parents=True)
        if peer.makes:
            peer.makes(self, project)
        else:
            template = self.templates[peer.repository]
            done = self.copier(peer, "copy", "--trust", "--vcs-ref", ref, template, project)
            assert done.code == 0, done.output
        commit_all(project)
        return project

    def fresh(self, peer: Peer) -> Path:
        """Return the project that nobody changes; it has no environment."""
        if peer.name not in self.fresh_projects:
            self.fresh_projects[peer.name] = self.new(peer, "fresh")
        return self.fresh_projects[peer.name]

    def synced(self, peer: Peer) -> Loop:
        """Return the project that is edited; it has an environment."""
        if peer.name not in self.projects:
            loop = Loop(self.new(peer, "edited"), self.environment())
            run([uv(), "sync", "--quiet", "--python", self.python.path], loop.project, loop.env)
            self.projects[peer.name] = loop
        return self.projects[peer.name]

    def edit(self, peer: Peer, text: str) -> None:
        """Put a line into the doc comment of what is exported first."""
        source = self.synced(peer).project / peer.bindings
        code = re.sub(r"(?m)^ */// Edit .*\n", "", source.read_text(encoding="utf-8"))
        attribute = re.compile(r"^( *)(?=#\[py(function|class))", re.MULTILINE)
        code, count = attribute.subn(rf"\1/// Edit {text}\n\1", code, count=1)
        assert count
        source.write_text(code, encoding="utf-8")

    def shown(self, peer: Peer, *options: str) -> tuple[float, str]:
        """Return the seconds and the output of a program that prints all docstrings."""
        code = f"import {peer.module} as m; print([v.__doc__ for v in vars(m).values()])"
        loop = self.synced(peer)
        start = time.perf_counter()
        output = run([uv(), "run", *options, "python", "-c", code], loop.project, loop.env).output
        return time.perf_counter() - start, output


# ---- The peers ----


def uv_init(bench: Bench, project: Path) -> None:
    command = ["init", "--quiet", "--lib", "--build-backend", "maturin", "--author-from", "none"]
    run([uv(), *command, "--python", bench.python.path, project], bench.folder, bench.environment())


def maturin_new(bench: Bench, project: Path) -> None:
    maturin = [uv(), "tool", "run", "--quiet", MATURIN]
    env = bench.environment()
    run([*maturin, "new", "--mixed", "--bindings", "pyo3", project], bench.folder, env)
    generate = ["generate-ci", "github", "--pytest", "--output", ".github/workflows/CI.yml"]
    run([*maturin, *generate], project, env)


def choices(question: str) -> Callable[[Bench], int]:
    """Count the choices that the file of questions of a template offers."""

    def count(bench: Bench, repository: str) -> int:
        [file] = bench.templates[repository].glob("copier.y*ml")
        return len(yaml.safe_load(file.read_text(encoding="utf-8"))[question]["choices"])

    repositories = {"backend": COOKIE, "add_extension": BASE, "kind": OURS}
    return lambda bench: count(bench, repositories[question])


def options(*command: str, option: str) -> Callable[[Bench], int]:
    """Count the values that the help of a command names for an option."""

    def count(bench: Bench) -> int:
        output = run([uv(), *command, "--help"], bench.folder, bench.environment()).output
        values = re.search(rf"{option} <.*?\[possible values: (.*?)\]", output, re.DOTALL)
        assert values, output
        return len(values[1].split(","))

    return count


OURS = "org/pyo3-uv-template"
OWN_FILES = ["--", "copier.yml", "hooks", "template"]
COOKIE = "scientific-python/cookie"
BASE = "python-project-templates/base"
PERSON = {"project_name": NAME, "email": "ada@example.org"}
PEERS = [
    Peer(
        "this template",
        module=f"{MODULE}._core",
        bindings="src/users.rs",
        tests=["pytest"],
        kinds=choices("kind"),
        repository=OURS,
        answers={"project_name": NAME},
    ),
    Peer(
        "`uv init`",
        module=f"{MODULE}._core",
        bindings="src/lib.rs",
        tests=[],
        kinds=options("init", option="--build-backend"),
        makes=uv_init,
    ),
    Peer(
        "`maturin new`",
        module=f"{MODULE}.{MODULE}",
        bindings="src/lib.rs",
        tests=["--extra", "tests", "pytest"],
        kinds=options("tool", "run", "--quiet", MATURIN, "new", option="--bindings"),
        makes=maturin_new,
    ),
    Peer(
        "cookie",
        module=f"{MODULE}._core",
        bindings="src/lib.rs",
        tests=["pytest"],
        kinds=choices("backend"),
        repository=COOKIE,
        answers=PERSON
        | {"org": "org", "full_name": "Ada", "license": "MIT", "backend": "maturin"}
        | {"docs": "sphinx"},
    ),
    Peer(
        "base",
        module=f"{MODULE}.{MODULE}",
        bindings="rust/python/example/mod.rs",
        tests=["--extra", "develop", "pytest"],
        kinds=choices("add_extension"),
        repository=BASE,
        answers=PERSON
        | {"project_description": "A project", "github": "org", "team": "Ada"}
        | {"add_extension": "rust"},
    ),
]

# ---- Right after the project was made ----


def lines(bench: Bench, peer: Peer) -> Cell:
    project = bench.fresh(peer)
    names = git(project, "ls-files", "-z").split("\0")[:-1]
    kept = [name for name in names if not re.search(r"\.lock$|LICENSE", name)]
    return {"count": sum((project / name).read_bytes().count(b"\n") for name in kept)}


def kinds(bench: Bench, peer: Peer) -> Cell:
    return {"count": peer.kinds(bench)}


def own_tests(bench: Bench, peer: Peer) -> Cell:
    loop = bench.synced(peer)
    if not peer.tests:
        assert "test" not in git(loop.project, "ls-files")
        return {"text": "none"}
    done = run([uv(), "run", *peer.tests], loop.project, loop.env, check=False)
    return verdict(done)


RUST_TEST = f"""
#[cfg(test)]
mod imports {{
    #[test]
    fn package() {{
        pyo3::Python::initialize();
        pyo3::Python::attach(|py| {{
            pyo3::types::PyModule::import(py, "{MODULE}").map(|_| ()).unwrap();
        }});
    }}
}}
"""


def rust_test(bench: Bench, peer: Peer) -> Cell:
    loop = bench.synced(peer)
    source = loop.project / peer.bindings
    before = source.read_text(encoding="utf-8")
    source.write_text(before + RUST_TEST, encoding="utf-8")
    done = run(["cargo", "test"], loop.project, loop.env, check=False)
    source.write_text(before, encoding="utf-8")
    assert done.code or "imports::package ... ok" in done.output
    return verdict(done)


def stubtest(bench: Bench, peer: Peer) -> Cell:
    loop = bench.synced(peer)
    stubs = [path for path in loop.project.glob("**/*.pyi") if ".venv" not in path.parts]
    if not stubs:
        return {"text": "no stub"}
    env = loop.env | {"MYPYPATH": str(stubs[0].parents[1])}
    command = ["run", "--with", "mypy", "stubtest", "--ignore-missing-stub", MODULE]
    done = run([uv(), *command], loop.project, env, check=False)
    found = re.search(r"Found (\d+ errors?)", done.output)
    assert found or done.code == 0, done.output
    return {"passes": done.code == 0} | ({"note": found[1]} if found else {})


# ---- Edits ----


def edits(bench: Bench) -> dict[str, Cell]:
    """Time each peer in turn; the fastest run is the one that other programs disturbed least."""
    times: dict[str, list[float]] = {peer.name: [] for peer in PEERS}
    cells: dict[str, Cell] = {}
    for number in range(bench.repeat + 1):  # once more, to warm up
        for peer in (peer for peer in PEERS if peer.name not in cells):
            bench.edit(peer, f"{number}.")
            seconds, output = bench.shown(peer)
            if f"Edit {number}." not in output:
                cells[peer.name] = {"passes": False, "note": "the old value"}
            elif number:
                times[peer.name].append(seconds)
    return cells | {
        name: {
            "seconds": round(min(values), 3),
            "slowest": round(max(values), 3),
            "runs": len(values),
            "load": round(os.getloadavg()[1]),  # of other programs, too
        }
        for name, values in times.items()
        if values
    }


def recompiled(bench: Bench, peer: Peer) -> Cell:
    """Count rustc's runs for crates of others; `uv run` is told to build where it would not."""
    loop = bench.synced(peer)
    bench.edit(peer, "old.")
    bench.edit(peer, "new.")
    sees = "Edit new." in bench.shown(peer)[1]
    run(["cargo", "test"], loop.project, loop.env, check=False)
    loop.log.write_text("")
    for number in range(2):
        bench.edit(peer, f"run {number}.")
        options = [] if sees else ["--reinstall-package", NAME]
        assert f"Edit run {number}." in bench.shown(peer, *options)[1]
        bench.edit(peer, f"test {number}.")
        run(["cargo", "test"], loop.project, loop.env, check=False)
    crates = loop.log.read_text(encoding="utf-8").split()
    return {"count": len([crate for crate in crates if crate not in OWN])}


# ---- Workflows ----


def jobs(project: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((project / ".github/workflows").glob("*.y*ml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()


def matrix(job: dict[str, Any], project: Path) -> Matrix:
    """Return the combinations of a job, as far as these projects use GitHub's rules."""
    given = dict(job.get("strategy", {}).get("matrix", {}))
    included = given.pop("include", [])
    found: Matrix = [{}]
    for key, values in given.items():
        if isinstance(values, str):  # our only one that a job computes
            values = json.loads((project / ".github/pythons.json").read_text(encoding="utf-8"))
        found = [entry | {key: value} for entry in found for value in values]
    return ([] if included and not given else found) + included


def fill(text: str, values: dict[str, Any]) -> str:
    """Replace `${{ matrix.x.y }}` by its value."""

    def value(match: re.Match[str]) -> str:
        found: Any = values
        for key in match[1].split("."):
            found = found.get(key, "") if isinstance(found, dict) else ""
        return str(found)

    return re.sub(r"\$\{\{ *matrix\.([\w.-]+) *\}\}", value, text)


SYSTEMS = {"ubuntu": "Linux", "macos": "macOS", "windows": "Windows"}


def system(job: dict[str, Any], values: dict[str, Any]) -> str:
    return SYSTEMS[fill(job["runs-on"], values).split("-")[0]]


def ci(bench: Bench, peer: Peer) -> Cell:
    """Count systems, and Pythons on one system, of the jobs that run the project's tests."""
    project = bench.fresh(peer)
    systems: set[str] = set()
    pythons: set[str] = set()
    for job in jobs(project):
        if not re.search("pytest|make coverage", json.dumps(job)):
            continue
        entries = matrix(job, project)
        systems |= {system(job, values) for values in entries}
        keys = ("python", "python-version")
        named = {str(values[key]) for values in entries for key in keys if key in values}
        pythons = max(pythons, named or {"the newest"}, key=len)
    if not systems:
        return {"text": "none"}
    return {"text": f"{plural(len(systems), 'system')}, {plural(len(pythons), 'Python')}"}


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def release(bench: Bench, peer: Peer) -> Cell:
    """Count platforms of the wheels, and give the tag of the one that `uv build` makes here."""
    project = bench.fresh(peer)
    platforms: set[str] = set()
    for job in jobs(project):
        steps = json.dumps(job.get("steps", []))
        for values in matrix(job, project):
            if "make dist-py-wheel" in steps or "pypa/cibuildwheel" in steps:
                platforms |= cibuildwheel(bench, project, job, values)
            elif "PyO3/maturin-action" in steps and '"command": "sdist"' not in steps:
                # A list of entries, or a matrix of one object with the target
                target = values.get("target") or values["platform"]["target"]
                libc = values.get("libc") or re.findall('"manylinux": "(.*?)"', steps)
                platforms.add(f"{system(job, values)} {target} {libc}")
    dist = project.parent / "dist"
    command = ["build", "--quiet", "--wheel", "--python", bench.python.path, "--out-dir", dist]
    run([uv(), *command], project, bench.environment())
    [wheel] = dist.glob("*.whl")
    tag = "-".join(wheel.stem.split("-")[2:4])
    count = plural(len(platforms), "platform") if platforms else "none"
    return {"text": f"{count}; {tag}"}


def cibuildwheel(
    bench: Bench, project: Path, job: dict[str, Any], values: dict[str, Any]
) -> set[str]:
    """Ask it what it builds on the runner of a job: an architecture of its own, or its default."""
    runner = fill(job["runs-on"], values)
    name = system(job, values)
    arm = {"Linux": "aarch64", "Windows": "ARM64", "macOS": "arm64"}[name]
    is_arm = "arm" in runner or runner == "macos-latest"
    arch = arm if is_arm else "x86_64" if name == "macOS" else "auto"
    options = ["--print-build-identifiers", "--platform", name.lower(), "--archs", arch]
    command = [uv(), "tool", "run", "--quiet", CIBUILDWHEEL, *options, project]
    output = run(command, project, bench.environment()).output
    return set(re.findall(r"^cp\w+-(\w+)$", output, re.MULTILINE))


def zizmor(bench: Bench, peer: Peer) -> Cell:
    project = bench.fresh(peer)
    if not list(jobs(project)):
        return {"text": "no workflows"}
    command = uvx("zizmor", "--offline", "--no-exit-codes", "--format", "json", ".github/workflows")
    found = [finding["determinations"]["severity"] for finding in printed(command, project)]
    return {"count": sum(severity in ("Medium", "High") for severity in found)}


def printed(command: Sequence[str | Path], cwd: Path) -> Any:
    """Return the JSON that a command prints on standard output, whatever its exit code."""
    env = clean_environment()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False)
    return json.loads(done.stdout)


def repo_review(bench: Bench, peer: Peer) -> Cell:
    command = [uv(), "tool", "run", "--quiet", "--from", SP_REPO_REVIEW, "sp-repo-review"]
    project = bench.fresh(peer)
    checks = printed([*command, "--format", "json", "."], project)["checks"]
    results = [check["result"] for check in checks.values()]
    return {"count": results.count(True), "total": results.count(True) + results.count(False)}


# ---- Updates ----

AGO = 20  # commits


def update(bench: Bench, peer: Peer) -> Cell:
    """Make a project as the template was, and update it to what the template is."""
    if not peer.repository:
        return {"text": "no command"}
    template = bench.templates[peer.repository]
    ref = git(template, "rev-list", "--first-parent", "HEAD").split()[AGO]
    project = bench.new(peer, "updated", ref)
    arguments = ["--vcs-ref", "HEAD", "--answers-file"]
    [answers] = [path.name for path in project.glob(".copier-answers.y*ml")]
    done = bench.copier(peer, "update", *arguments, answers, cwd=project)
    note = {}
    if done.code:
        assert "--trust" in done.output, done.output
        done = bench.copier(peer, "update", "--trust", *arguments, answers, cwd=project)
        note = {"note": "with --trust"}
    assert done.code == 0, done.output
    assert git(project, "status", "--porcelain") and not list(project.rglob("*.rej"))
    return {"passes": True} | note


ROWS: dict[str, Callable[[Bench, Peer], Cell] | Callable[[Bench], dict[str, Cell]]] = {
    "lines in a fresh project, no lock files": lines,
    "kinds of project to choose from": kinds,
    "its own Python tests, after `uv sync`": own_tests,
    "`cargo test` with a test that imports the package": rust_test,
    "edit a Rust line, `uv run` imports it": edits,
    "third-party crates compiled for four such edits": recompiled,
    "type stub passes stubtest": stubtest,
    "CI runs the tests on": ci,
    "a release builds wheels for; their tag": release,
    "zizmor's findings, medium and high": zizmor,
    "checks of sp-repo-review passed": repo_review,
    "later changes of the template reach it": update,
}
NAMES = [row.__name__ for row in ROWS.values()]


def measure(bench: Bench, results: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """Return the results, with new ones of the rows whose functions are named."""
    rows = dict(results.get("rows", {}))
    for title, row in ROWS.items():
        if row.__name__ in only:
            rows[title] = row(bench) if row is edits else {p.name: row(bench, p) for p in PEERS}
            print(title, rows[title], flush=True)
    versions = results.get("PyO3", {}) | pyo3(bench)
    return origin(bench) | {"PyO3": versions, "rows": {title: rows[title] for title in ROWS}}


# ---- The report ----


def markdown(results: dict[str, Any]) -> str:
    """Return the table of the README and its caption."""
    names = [peer.name for peer in PEERS]
    table = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for title, row in results["rows"].items():
        cells = [shown(row[name], row[names[0]]) for name in names]
        table.append(f"| {title} | " + " | ".join(cells) + " |")
    versions = [f"{name} {version}" for name, version in results["versions"].items()]
    caption = (
        f"[How it was measured](benchmarks/README.md#peers), {results['date']}: "
        f"{', '.join(versions)}; {results['machine']}. "
        "x: the time beside this template's ([in seconds](benchmarks/README.md))."
    )
    return "\n".join([*table, "", caption])


def shown(cell: Cell, ours: Cell) -> str:
    """Return a cell as text; of seconds the ratio to ours, as they vary with the machine."""
    if "seconds" in cell:
        return f"{cell['seconds'] / ours['seconds']:.2g}x"
    if "count" in cell:
        return str(cell["count"]) + (f" of {cell['total']}" if "total" in cell else "")
    text = cell.get("text") or ("✓" if cell["passes"] else "✗")
    return f"{text} {cell['note']}" if "note" in cell else text


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare, and write the results.")
    parser.add_argument("--cookie", type=Path, help=f"a clone of github.com/{COOKIE}")
    parser.add_argument("--base", type=Path, help=f"a clone of github.com/{BASE}")
    parser.add_argument("--repeat", type=int, default=5, help="edits of each project (default: 5)")
    parser.add_argument("--only", action="append", choices=NAMES, help="leave the other rows")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the table")
    args = parser.parse_args()
    if not args.report:
        if not args.cookie or not args.base:
            parser.error("--cookie and --base are needed, or --report")
        templates = {OURS: ROOT, COOKIE: args.cookie.resolve(), BASE: args.base.resolve()}
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if args.only else {}
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
            folder = Path(name)
            python = relocate(shared_interpreters()[-2], folder / "relocated/cpython")
            bench = Bench(folder, python, templates, args.repeat)
            results = measure(bench, results, args.only or NAMES)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    embed(README, "peers", markdown(json.loads(RESULTS.read_text(encoding="utf-8"))))


def pyo3(bench: Bench) -> dict[str, str]:
    """Return the version of PyO3 in each project."""
    found = {}
    for name, loop in bench.projects.items():
        packages = read_toml(loop.project / "Cargo.lock")["package"]
        [found[name]] = [crate["version"] for crate in packages if crate["name"] == "pyo3"]
    return found


def origin(bench: Bench) -> dict[str, Any]:
    """Return the date, the versions and the machine."""
    env = bench.environment()

    def version(*command: str | Path) -> str:
        found = re.search(r"\d+(\.\d+)+", run(command, bench.folder, env).output)
        assert found
        return found[0]

    templates = {
        name: git(
            path, "log", "-1", "--format=%h (%cs)", *(OWN_FILES if path == ROOT else ())
        ).strip()
        for name, path in bench.templates.items()
    }
    return {
        "date": datetime.date.today().isoformat(),
        "versions": templates
        | {
            "uv": version(uv(), "--version"),
            "maturin": version(uv(), "tool", "run", "--quiet", MATURIN, "--version"),
            "Copier": version(uv(), *COPIER, "--version"),
            "zizmor": TOOLS["zizmor"],
            "sp-repo-review": SP_REPO_REVIEW.split("==")[1],
            "cibuildwheel": CIBUILDWHEEL.split("@")[1],
            "rustc": version("rustc", "--version"),
            "CPython": version(bench.python.path, "--version"),
        },
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "repeat": bench.repeat,
    }


if __name__ == "__main__":
    main()
