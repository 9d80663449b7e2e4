"""Measure the template beside `uv init`, `maturin new` and the issue's layout, and its bundles
beside those of PyInstaller and Nuitka; write the results.

    uv run python -m benchmarks.run

Writes results.json, results.svg and the tables in README.md, all beside this file.
"""

import argparse
import datetime
import json
import os
import platform
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import tomlkit

from pyo3_uv.facts.interpreters import SUPPORTED, Interpreter, describe
from tests.commands import ROOT, git, run, uv
from tests.pythons import relocate, shared_interpreters

from . import measure, report

HERE = Path(__file__).parent

MEASUREMENTS = {
    "edit": measure.edit,
    "recompiled": measure.recompiled,
    "set-up": measure.set_up,
    "set-up-cold": partial(measure.set_up, cold=True),
    "copier": measure.copier,
    "runner": measure.runner,
    "matrix": measure.matrix,
    "bundle": measure.bundle,
    "app": measure.app,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure, and write the results.")
    parser.add_argument("--python", type=interpreter, help="CPython of the projects")
    parser.add_argument("--newer", type=interpreter, help="another one, for wheels and switching")
    parser.add_argument("--static", type=interpreter, help="CPython without a shared libpython")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="leave the others")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the reports")
    args = parser.parse_args()

    file = HERE / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not args.report:
        found = shared_interpreters()
        python, newer = args.python or found[-2], args.newer or found[-1]
        sections = results.get("measurements", {}) if args.only else {}
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
            folder = Path(name)
            relocated = relocate(python, folder / "relocated/cpython") if python.libpython else None
            bench = measure.Bench(folder, python, newer, relocated, args.static, args.repeat)
            bench.install_maturin()
            origin = facts(bench)
            for key in args.only or MEASUREMENTS:
                start = time.perf_counter()
                # Sections may come from different runs: each says from which.
                sections[key] = origin | {"rows": MEASUREMENTS[key](bench)}
                print(f"{key}: {time.perf_counter() - start:.0f} s", flush=True)
        results = {"measurements": {key: sections[key] for key in MEASUREMENTS if key in sections}}
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")

    (HERE / "results.svg").write_text(report.chart(results), encoding="utf-8")
    page = HERE / "README.md"
    report.embed(page, "benchmarks", report.markdown(results))
    report.embed(page, "bundles", report.bundles(results))
    report.embed(page, "apps", report.apps(results))


def interpreter(path: str) -> Interpreter:
    found = describe(Path(path))
    if not found or found.minor not in SUPPORTED:
        raise argparse.ArgumentTypeError(f"{path} is no CPython of a version that is offered")
    return found


def facts(bench: measure.Bench) -> dict[str, object]:
    """Return the date, the commit, the versions and the machine, without paths."""
    env = bench.environment()

    def version(*command: str | Path) -> str:
        return re.search(r"\d+(\.\d+)+", run(command, bench.folder, env).output)[0]

    project = bench.new(measure.LAYOUTS[0], "versions")
    run(["cargo", "generate-lockfile", "--quiet"], project, env)
    packages = tomlkit.parse((project / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    info = Path("/proc/cpuinfo")
    cpu = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return {
        "date": datetime.date.today().isoformat(),
        "commit": git(ROOT, "describe", "--always", "--dirty").strip(),
        "repeat": bench.repeat,
        "versions": {
            "uv": version(uv(), "--version"),
            "maturin": version("maturin", "--version"),
            "Copier": version(sys.executable, "-m", "copier", "--version"),
            "PyO3": next(p["version"] for p in packages if p["name"] == "pyo3"),
            "rustc": version("rustc", "--version"),
            "CPython": version(bench.python.path, "--version"),
        },
        "machine": {
            "cores": os.cpu_count(),
            "cpu": cpu[1] if cpu else platform.processor(),
            "os": f"{platform.system()} {platform.machine()}",
        },
    }


if __name__ == "__main__":
    main()
