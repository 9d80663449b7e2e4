"""Rendered programs that embed Python: started from anywhere, with the environment's packages."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest

from pyo3_uv.facts.interpreters import Interpreter
from tests.commands import commit_all, git, run, uv
from tests.conftest import Render
from tests.projects import nextest
from tests.pythons import environment, foreign, other_than
from tests.workflows import Workflow

pytestmark = pytest.mark.build

ADA = '{"username": "ada", "group": {"name": "analysts"}, "friends": []}'

# Takes the place of python/my_app/summary.py: tells what Python sees.
PROBE = """
import json, signal, sys, prettytable

def summarize(user):
    match user.username:
        case "print":
            print("printed by Python")
        case "much":
            return "x" * 1_000_000
    return json.dumps({
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "stdlib": json.__file__,
        "package": prettytable.__file__,
        "pth": "/from/a/pth/file" in sys.path,
        "argv": sys.argv,
        "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "version": "%d.%d" % sys.version_info[:2],
        "encoding": sys.stdout.encoding,
    })
"""


class App:
    """A rendered program, its executable in cargo's shared target folder."""

    def __init__(self, project: Path, python: Interpreter, env: dict[str, str]) -> None:
        self.project, self.python, self.env = project, python, env

    @property
    def executable(self) -> Path:
        return Path(self.env["CARGO_TARGET_DIR"], "debug/my-app")

    def probe(self) -> None:
        """Replace the Python code by PROBE, which needs no build."""
        (self.project / "python/my_app/summary.py").write_text(PROBE)

    def start(
        self, *args: str, stdin: str = ADA, program: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Start the executable from / with an environment that holds only `env`."""
        return subprocess.run(
            [program or self.executable, *args],
            cwd="/",
            env=env,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def error(self, *args: str, stdin: str = ADA, **env: str) -> str:
        """Start it, and return the one line that it prints when it fails."""
        done = self.start(*args, stdin=stdin, **env)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr


def make_app(synced: Render, python: Interpreter, target: Path, **answers: bool) -> App:
    env = environment(target, python)
    return App(synced(python, env, "my-app", kind="app", **answers), python, env)


@pytest.fixture(scope="module")
def app(shared_project: Render, python: Interpreter, target: Path) -> Iterator[App]:
    app = make_app(shared_project, python, target)
    yield app
    shutil.rmtree(app.project)


@pytest.mark.parametrize(
    "python", ["middle", pytest.param("relocated", marks=pytest.mark.slow)], indirect=True
)
def test_app_runs_from_anywhere(app: App, tmp_path: Path) -> None:
    """Tests and `cargo run` unactivated; the executable from / with an empty environment."""
    (app.project / "ada.json").write_text(ADA)
    for env in (app.env, foreign(app.env, app.python, tmp_path / "foreign")):
        output = run(["cargo", "test"], app.project, env).output
        for test in ("test_serialize", "test_deserialize", "test_start_in", "test_summary"):
            assert any(test in line and line.endswith(" ok") for line in output.splitlines()), (
                output
            )
        assert "warning" not in output
        assert "6 tests run: 6 passed" in nextest(app.project, env)
        output = run(["cargo", "run", "--quiet", "--", "ada.json"], app.project, env).output
        assert "| ada  | analysts | 0       |" in output
    assert "1 passed" in run([uv(), "run", "pytest"], app.project, app.env).output
    python = [uv(), "run", "--quiet", "python", "-m", "my_app"]
    shell = ["bash", "-c", '"$0" "$@" < ada.json', *python]
    assert "| ada  | analysts | 0       |" in run(shell, app.project, app.env).output

    run(["cargo", "build"], app.project, app.env)
    app.probe()
    [site_packages] = app.project.glob(".venv/lib/python*/site-packages")
    (site_packages / "extra.pth").write_text(
        "import signal, sys; sys.path.append('/from/a/pth/file')\n"
    )
    hostile = {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere"}
    hostile |= {"PYTHONPLATLIBDIR": "lib99", "PYTHONEXECUTABLE": "/no/python"}
    for env in ({}, hostile, {"LC_ALL": "C", "PATH": str(other_than(app.python).path.parent)}):
        done = app.start("-", **env)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        venv = app.project / ".venv"
        assert seen["prefix"] == str(venv)
        assert Path(seen["base_prefix"]).samefile(app.python.base_prefix)
        assert Path(seen["stdlib"]).is_relative_to(app.python.base_prefix)
        assert Path(seen["package"]).is_relative_to(venv)
        assert seen["pth"] and seen["handler"]
        assert seen["argv"] == [str(app.executable), "-"]
        assert seen["version"] == app.python.minor
        assert seen["encoding"] == "utf-8"


def test_questions_that_do_not_apply(render: Render, tmp_path: Path) -> None:
    project = render(kind="app", python_version="3.12")
    answers = (project / ".copier-answers.yml").read_text()
    assert "abi" not in answers and "python_min" not in answers
    for answer in (
        {"abi": "abi3"},
        {"python_min": "3.11"},
        {"extras": ["docs"]},
        {"extras": ["github", "benchmarks"]},
    ):
        with pytest.raises(ValueError, match=r"app.*leave"):
            render("other", kind="app", python_version="3.12", **answer)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("at", ["commit", "tag", "after the tag"])
def test_the_version_of_the_command_is_that_of_the_template(
    template: Path, tmp_path: Path, at: str
) -> None:
    """A commit of digits alone, too, which YAML puts into quotes."""
    repository, project = tmp_path / "pyo3-uv-template", tmp_path / "my-project"
    git(tmp_path, "clone", "--quiet", str(template), str(repository))
    if at == "after the tag":
        git(repository, "tag", "v0.1.0")
        commit_all(repository)
    for number in range(1000):
        git(repository, "commit", "--quiet", "--allow-empty", "--amend", "-m", str(number))
        commit = git(repository, "rev-parse", "--short", "HEAD").strip()
        if commit.isdigit():
            break
    if at == "tag":
        git(repository, "tag", "v0.1.0")
    copier.run_copy(
        str(repository), project, {"kind": "app"}, vcs_ref="HEAD", defaults=True, quiet=True
    )
    sources = f"pyo3-uv[bundle] @ git+https://github.com/org/pyo3-uv-template@{commit}"
    requirement = "pyo3-uv[bundle]==0.1.0" if at == "tag" else sources
    command = f'uvx --from "{requirement}" pyo3-uv bundle'
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert f"```sh\n{command}\n```" in readme.partition("## Ship\n")[2]
    steps = Workflow(project, "release.yml", {}).jobs["build"]["steps"]
    assert command in [step.get("run") for step in steps]
