"""macOS, as far as Linux shows it: the runner of the tests there, and how CPython's own rules
(getpath.py, with the mocks of its tests) find the environment with what the runner sets, and a
bundle with what the program sets.

scripts/check-windows.sh runs what is for Windows; scripts/check-systems.sh compiles for both.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import run
from tests.conftest import Render
from tests.projects import read_toml
from tests.pythons import interpreters

OTHERS = 'any(windows, target_os = "macos")'

# Not a Python, which removes the second of these as it starts
SHOW = """printf '%s\\n' "$PATH" "$PYTHONEXECUTABLE" "$__PYVENV_LAUNCHER__" "$@"; exit 7"""


def runner(project: Path) -> str:
    """Return the script that starts the programs of cargo."""
    *command, script = read_toml(project / ".cargo/config.toml")["target"][f"cfg({OTHERS})"][
        "runner"
    ]
    assert command == ["uv", "run", "--no-sync", "--quiet", "python", "-Ic"]
    return script


def start(script: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `command` by the script."""
    return subprocess.run(
        [sys.executable, "-Ic", script, *command],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


# With abi3 there is no question `windows`.
VERSION = {"extension": {"abi": "version"}, "app": {}}


# ---- The configuration ----


def test_every_system_has_at_most_one_runner(render: Render) -> None:
    """Cargo refuses two that match. A program finds its environment and, by build.rs, its DLL."""
    expected = {"extension": {f"cfg(not({OTHERS}))", f"cfg({OTHERS})"}, "app": set()}
    for kind, windows in itertools.product(expected, (True, False)):
        project = render(f"{kind}-{windows}", kind=kind, windows=windows, **VERSION[kind])
        config = read_toml(project / ".cargo/config.toml")
        assert set(config.get("target", ())) == expected[kind]
        assert set(config["env"]) == ({"VIRTUAL_ENV"} if windows else {"PYO3_PYTHON"})
        if kind == "extension":
            fast = config["target"][f"cfg(not({OTHERS}))"]["runner"]
            assert fast[0] == "sh", "neither uv nor Python has to start"


# ---- The script ----


def test_macos(render: Render) -> None:
    script = runner(render())
    done = start(script, "/bin/sh", "-c", SHOW, "sh", "--exact", "two words", "")
    assert done.returncode == 7, done.stderr
    path, *rest = done.stdout.splitlines()
    assert path == os.environ["PATH"]
    assert rest == [sys.executable, "", "--exact", "two words", ""]
    # The program replaces the runner, so that signals are its own.
    assert start(script, "sh", "-c", "true").returncode != 0, "cargo gives a path"
    assert start(script, "/bin/sh", "-c", "kill -TERM $$").returncode == -15


def test_exit_codes_of_windows(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    """0xC0000005 and the like are kept: `sys.exit` takes a C long, which is signed."""
    script = compile(runner(render()), "runner", "exec")
    for code, expected in {0: 0, 101: 101, 0xC0000005: -0x3FFFFFFB, 0xFFFFFFFF: -1}.items():
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as raised:
            patch.setattr("signal.signal", lambda *args: None)
            patch.setattr("subprocess.call", lambda command, code=code: code)
            patch.setattr("os.name", "nt")
            patch.setattr("sys.argv", ["-c", "program"])
            for variable in ("PATH", "RUSTDOC_DOCTEST_BIN_PATH", "__PYVENV_LAUNCHER__"):
                patch.setenv(variable, "")
            exec(script, {})  # noqa: S102
        assert raised.value.code == expected


# ---- CPython's rules ----

# Runs inside the CPython whose rules are asked. Its tests make "python9.8" of every version.
RULES = r"""
import json, sys
from test.test_getpath import MockPosixNamespace, getpath

variable, prefix = json.loads(sys.argv[1])
python, program = "/my/.venv/bin/python", "/my/target/debug/deps/t"
ns = MockPosixNamespace(
    os_name="darwin", PREFIX=prefix, real_executable=program,
    library="/base/lib/libpython9.8.dylib", config={"orig_argv": []},
)
ns.add_known_file("/my/.venv/pyvenv.cfg", ["home = /base/bin"])
ns.add_known_xfile("/base/bin/python9.8")
ns.add_known_xfile(python)
ns.add_known_link(python, "/base/bin/python9.8")
ns.add_known_file("/base/lib/python9.8/os.py")
ns.add_known_dir("/base/lib/python9.8/lib-dynload")
if sys.version_info >= (3, 13):
    ns.setdefault("ABI_THREAD", "")
ns.add_known_xfile(program)
if variable:
    ns[f"ENV_{variable}"] = python
found = getpath(ns, ["executable", "prefix", "base_prefix", "venv_prefix", "module_search_paths"])
print(json.dumps(found))
"""

HAS_RULES = "import test.test_getpath"


@pytest.fixture(params=["3.11", "3.12", "3.13", "3.14", "3.15"])
def rules(request: pytest.FixtureRequest) -> Interpreter:
    """Return a CPython that comes with its tests of getpath.py, which exists since 3.11."""
    for python in interpreters():
        if python.minor == request.param:
            if run([python.path, "-c", HAS_RULES], Path.cwd(), check=False).code == 0:
                return python
            pytest.skip(f"{python.path} comes without CPython's own tests")
    pytest.skip(f"no CPython {request.param}")


def asked(rules: Interpreter, variable: str | None = None, prefix: str = "/base") -> dict[str, Any]:
    """Return what an embedded Python takes for its executable and its standard library."""
    question = json.dumps([variable, prefix])
    output = run([rules.path, "-c", RULES, question], Path.cwd()).output
    return json.loads(output.splitlines()[-1])  # after what the mocks tell of themselves


def test_rules_of_macos(rules: Interpreter) -> None:
    found = asked(rules)
    assert found["executable"] == "/my/target/debug/deps/t"
    assert found["venv_prefix"] is None, "packages of .venv are missing"
    assert "/base/lib/python9.8" in found["module_search_paths"]
    relocated = asked(rules, prefix="/install")
    assert "/base/lib/python9.8" not in relocated["module_search_paths"], "no encodings"

    for prefix in ("/base", "/install"):
        found = asked(rules, "PYTHONEXECUTABLE", prefix)
        assert found["executable"] == "/my/.venv/bin/python"
        assert found["venv_prefix"] == "/my/.venv"
        assert "/base/lib/python9.8" in found["module_search_paths"]


BUNDLE_RULES = r"""
import json, sys
from test.test_getpath import MockPosixNamespace, getpath

system, folder, fields = json.loads(sys.argv[1])
config = dict(fields, orig_argv=[], isolated=1, use_environment=0)
suffix = "dylib" if system == "darwin" else "so"
library = f"/python/lib/libpython9.8.{suffix}"
ns = MockPosixNamespace(
    os_name=system, PREFIX="/install", EXEC_PREFIX="/install", library=folder + library, config=config,
    real_executable=folder + "/app" if system == "darwin" else None,  # Linux does not tell
)
ns.add_known_link(folder + "/python/bin/python3", folder + "/python/bin/python9.8")
ns.add_known_dir(folder + "/python/lib/python9.8/lib-dynload")
if sys.version_info >= (3, 13):
    ns.setdefault("ABI_THREAD", "")
for file in "/app", "/python/bin/python9.8", "/python/bin/python3":
    ns.add_known_xfile(folder + file)
for file in library, "/python/lib/python9.8/os.pyc":
    ns.add_known_file(folder + file)
names = ["executable", "prefix", "exec_prefix", "base_prefix", "venv_prefix", "module_search_paths"]
print(json.dumps(getpath(ns, names)))
"""


@pytest.mark.parametrize("system", ["darwin", "posix"])
def test_rules_of_a_bundle(rules: Interpreter, system: str) -> None:
    """With what src/python.rs sets, all paths are in the bundle; /install is compiled in."""
    folder, home = "/my app", "/my app/python"
    question = json.dumps([system, folder, {"executable": f"{home}/bin/python3"}])
    output = run([rules.path, "-c", BUNDLE_RULES, question], Path.cwd()).output
    found = json.loads(output.splitlines()[-1])
    paths = found.pop("module_search_paths")
    assert found == {
        "executable": f"{home}/bin/python3",
        "prefix": home,  # site.py adds site-packages to it
        "exec_prefix": home,
        "base_prefix": home,
        "venv_prefix": None,
    }
    assert {f"{home}/lib/python9.8", f"{home}/lib/python9.8/lib-dynload"} <= set(paths)
    assert all(path.startswith(folder) for path in paths), paths
