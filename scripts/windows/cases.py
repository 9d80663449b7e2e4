r"""Runs the programs of tests/cases/app that Windows has, by python.exe and by an app, and compares.

    script -qec "wine python.exe Z:\...\cases.py CASES PROJECT" /dev/null    (Ctrl-C needs a console)

As tests/slow/template/test_app_cases.py, which does that on Linux; for the Python of Windows. In the
end Ctrl-C is sent to `cargo run`.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

CASES, PROJECT = map(Path, sys.argv[1:])
PACKAGE = PROJECT / "python/case"
# SIGALRM, handlers of an event loop, fork, /dev/full, the program sleep
OF_UNIX = {
    "alarm_raises", "asyncio_signal", "large_write", "pool_forkserver", "stdout_full", "thread_blocked",
}  # fmt: skip
START = 'from case import main\n\nif __name__ == "__main__":\n    main()\n'
KERNEL = ctypes.windll.kernel32


def install(case):
    """Make the package that of a case; return how it is run."""
    shutil.rmtree(PACKAGE)
    if case.is_dir():
        shutil.copytree(case, PACKAGE)
    else:
        PACKAGE.mkdir()
        shutil.copy(case, PACKAGE / "__init__.py")
    lines = (PACKAGE / "__init__.py").read_text("utf-8").splitlines()
    options = (line[3:].split("=", 1) for line in lines if line.startswith("#: "))
    return {key: json.loads(value) for key, value in options}


def execute(command, folder, how, env):
    """Run a command in an empty folder; return the exit code, the output, the last line of errors, files."""
    folder.mkdir(parents=True)
    env = {**os.environ, "PYTHONUTF8": "1", **how.get("env", {}), **env}  # an app is in UTF-8 mode
    with (folder.parent / f"{folder.name}.stderr").open("w+b") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=env, encoding="utf-8",
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)  # fmt: skip
        timer = threading.Timer(90, process.kill)
        timer.start()
        with process.stdin as file:
            file.write(how.get("stdin", ""))
        output = ""
        if "sigint" in how:
            while (line := process.stdout.readline()) and line.strip() != how["sigint"]:
                output += line
            time.sleep(1)
            KERNEL.SetConsoleCtrlHandler(None, True)  # not this process
            KERNEL.GenerateConsoleCtrlEvent(0, 0)
        output += process.stdout.read()
        code = process.wait()
        timer.cancel()
        KERNEL.SetConsoleCtrlHandler(None, False)  # or the next one would inherit it
        stderr.seek(0)
        last = (stderr.read().decode("utf-8", "replace").splitlines() or [""])[-1]
    files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    return hex(code), output, last, files


work = PROJECT / "runs"
app = PROJECT / "target/debug/case.exe"
cases = [case for case in sorted(CASES.iterdir()) if case.stem not in OF_UNIX | {"main"}]
differing = []
for case in cases:
    how = install(case)
    (PROJECT / "python/start.py").write_text(START)
    python = [PROJECT / ".venv/Scripts/python.exe", PROJECT / "python/start.py"]
    arguments = how.get("args", [])
    plain = execute([*python, *arguments], work / f"{case.stem} python", how, {})
    ours = execute([app, *arguments], work / f"{case.stem} app", how, how.get("app_env", {}))
    if plain != ours:
        differing.append(case.stem)
        print(f"{case.stem}\n    {plain}\n    {ours}"[:2000], flush=True)
how = install(CASES / "sigint_subprocess.py")
cargo = ["cargo.exe", "run", "--quiet", "--manifest-path", PROJECT / "Cargo.toml"]
code, output, *_ = execute(cargo, work / "cargo", how, {})
if (code, output.split()) != ("0xc000013a", ["child", "cleaned", "up"]):
    differing.append("cargo run")
    print("cargo run", code, output)
print(f"{len(cases)} programs, differing: {differing}")
