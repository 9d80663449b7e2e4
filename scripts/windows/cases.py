"""Runs the programs of tests/cases/app that Windows has, by python.exe and by an app, and compares.

    cases.py CASES PROJECT RESULT    (in a console, for Ctrl-C)

As tests/slow/template/test_app_cases.py does on Linux. In the end Ctrl-C is sent to `cargo run`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

CASES, PROJECT, RESULT = (Path(path).resolve() for path in sys.argv[1:])
# SIGALRM, handlers of an event loop, fork, /dev/full, the program sleep
OF_UNIX = "alarm_raises asyncio_signal large_write pool_forkserver stdout_full thread_blocked main"


def install(case):
    """Make the app's package that of a case; return how it is run."""
    package = PROJECT / "python/case"
    shutil.rmtree(package)
    if case.is_dir():
        shutil.copytree(case, package)
    else:
        package.mkdir()
        shutil.copy(case, package / "__init__.py")
    lines = (package / "__init__.py").read_text("utf-8").splitlines()
    options = (line[3:].split("=", 1) for line in lines if line.startswith("#: "))
    return {key: json.loads(value) for key, value in options}


def execute(command, folder, how, env):
    """Run a command in an empty folder; return the exit code, output, the last line of errors, files."""
    folder.mkdir(parents=True)
    env = {**os.environ, "PYTHONUTF8": "1", **how.get("env", {}), **env}  # an app is in UTF-8 mode
    errors = folder.with_name(f"{folder.name}.stderr")
    with errors.open("wb") as stderr, subprocess.Popen(
        command, cwd=folder, env=env, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
    ) as process:  # fmt: skip
        timer = threading.Timer(90, process.kill)
        timer.start()
        with process.stdin as file:
            file.write(how.get("stdin", ""))
        output = ""
        if "sigint" in how:
            while (line := process.stdout.readline()) and line.strip() != how["sigint"]:
                output += line
            time.sleep(1)
            os.kill(0, signal.CTRL_C_EVENT)  # all in this console
        output += process.stdout.read()
        code = process.wait()
        timer.cancel()
    last = (errors.read_text("utf-8", "replace").splitlines() or [""])[-1]
    files = {str(x.relative_to(folder)): x.read_bytes() for x in folder.rglob("*") if x.is_file()}
    return hex(code), output, last, files


signal.signal(signal.SIGINT, signal.SIG_IGN)
work, start, app = PROJECT / "runs", PROJECT / "python/start.py", PROJECT / "target/debug/case.exe"
start.write_text('from case import main\nif __name__ == "__main__": main()\n')
cases = [case for case in sorted(CASES.iterdir()) if case.stem not in OF_UNIX.split()]
differing, result = [], ""
for case in cases:
    how, name = install(case), case.stem
    command = [PROJECT / ".venv/Scripts/python.exe", start, *how.get("args", [])]
    plain = execute(command, work / f"{name} python", how, {})
    ours = execute([app, *command[2:]], work / f"{name} app", how, how.get("app_env", {}))
    if plain != ours:
        differing.append(name)
        result += f"{name}\n    {str(plain)[:500]}\n    {str(ours)[:500]}\n"
how = install(CASES / "sigint_subprocess.py")
cargo = ["cargo.exe", "run", "--quiet", "--manifest-path", PROJECT / "Cargo.toml"]
code, output, *_ = execute(cargo, work / "cargo", how, {})
if (code, output.split()) != ("0xc000013a", ["child", "cleaned", "up"]):
    differing.append("cargo run")
    result += f"cargo run: {code} {output}\n"
RESULT.write_text(f"{result}{len(cases)} programs, differing: {differing}", "utf-8")
