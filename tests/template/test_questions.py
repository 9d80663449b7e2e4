"""The questions: order, defaults, derived names, and answers that are refused."""

import sys
from pathlib import Path

import copier
import pytest
import tomlkit
import yaml

from tests.commands import (
    ROOT,
    Terminal,
    clean_environment,
    exit_code,
    macros,
    publish,
    run,
    terminal,
)
from tests.conftest import QUESTIONS, Render
from tests.projects import stored
from tests.pythons import interpreters

# The one table of versions
PYTHONS = macros("hooks/pythons.jinja")


def test_versions_of_python_stand_in_one_table() -> None:
    """What cannot read the table agrees with it."""
    oldest, newest = next(iter(PYTHONS.releases)), PYTHONS.newest
    own = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    above = f"3.{int(newest[2:]) + 1}"
    assert own["project"]["requires-python"] == f">={oldest},<{above}"
    page = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
    [row] = [line for line in page.splitlines() if line.startswith("| `python_version`")]
    free_threaded = " and ".join(PYTHONS.free_threaded)
    assert f"`{newest}`" in row and f"{oldest} to {newest}" in row and free_threaded in row
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["rendered"]["strategy"]["matrix"]["python"]
    assert matrix == [newest, newest + "t"]


def test_questions_are_the_public_interface() -> None:
    assert list(QUESTIONS) == [
        "project_name",
        "description",
        "author_name",
        "author_email",
        "repository",
        "license",
        "kind",
        "layout",
        "python_version",
        "python_min",
        "abi",
        "example",
        "windows",
        "extras",
    ]
    assert str(QUESTIONS["python_version"]["help"]).startswith("Python version")


def test_defaults(render: Render) -> None:
    project = render("fast-parser")
    answers = {key: value for key, value in stored(project).items() if not key.startswith("_")}
    assert answers == {
        "project_name": "fast-parser",
        "description": "Written in Rust and Python",
        "author_name": "",
        "author_email": "",
        "repository": "",
        "license": "MIT",
        "kind": "extension",
        "layout": "single",
        "python_version": PYTHONS.newest,
        "python_min": "3.11",
        "abi": "abi3",
        "example": True,
        "extras": ["github", "dependabot"],
    }


@pytest.mark.parametrize(
    ("folder", "project_name", "module_name"),
    [
        ("fast-parser", "fast-parser", "fast_parser"),
        ("FastParser", "FastParser", "fastparser"),
        ("my project (2)", "my-project-2", "my_project_2"),
        ("2fast", "fast", "fast"),
        (".hidden_", "hidden", "hidden"),
    ],
)
def test_derived_names(render: Render, folder: str, project_name: str, module_name: str) -> None:
    project = render(folder)
    assert stored(project)["project_name"] == project_name
    assert "module_name" not in stored(project)
    assert (project / "python" / module_name / "__init__.py").is_file()


@pytest.mark.parametrize("folder", ["json", "日本", "class", "test", "-_-"])
def test_no_default_for_a_folder_that_is_no_name(render: Render, folder: str) -> None:
    with pytest.raises(ValueError, match='Question "project_name" is required'):
        render(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", 'start with a letter.*for example "my-project"'),
        ("1st", "start with a letter"),
        ("-d", "start with a letter"),
        ("a b", "letters, digits"),
        ("a.b", "letters, digits"),
        ("naïve", "ASCII"),
        ("end-", "end with a letter or a digit"),
        ("line\n", "end with a letter or a digit"),
        ("a" * 51, "51 characters; at most 50"),
        ("lambda", 'Python keyword.*for example "my-lambda"'),
        ("None", "Python keyword"),
        ("impl", "Rust keyword"),
        ("gen", "Rust keyword"),
        ("json", "standard library"),
        ("Tomllib", "standard library"),
        ("core", "reserved"),
        ("std", "reserved"),
        ("proc-macro", "reserved"),
        ("pyo3", "reserved"),
        ("serde_json", "reserved"),
        ("pytest", "reserved"),
        ("con", "Windows"),
    ],
)
def test_refused_names(render: Render, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s)project_name.*{message}"):
        render(project_name=name)
    assert not (tmp_path / "my-project").exists()


def test_every_standard_library_module_is_refused() -> None:
    """Ask the validator's macro itself, as three hundred renders would take half a minute."""
    invalid_name = macros("hooks/validate.jinja").invalid_name
    ask = "import sys; print(*sys.stdlib_module_names)"
    names = set(sys.stdlib_module_names).union(
        *(run([i.path, "-c", ask], i.base_prefix).output.split() for i in interpreters())
    )
    public = sorted(name for name in names if not name.startswith("_"))
    assert len(public) > 200
    accepted = [name for name in public if not invalid_name(name).strip()]
    assert accepted == []
    assert not invalid_name("fast-parser").strip()


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        ("description", "two\nlines", "one line.*for example"),
        ("description", "a\ttab", "control characters"),
        ("author_name", "Ada\x1b", "control characters"),
        ("author_email", "ada", 'not an email address.*like "ada@example.org"'),
        ("author_email", "Ada <ada@example.org>", "not an email address"),
        ("repository", "ada/my-project", 'not the URL.*like "https://github.com/ada/my-project"'),
        ("repository", "git@github.com:ada/x.git", "not the URL of a repository"),
        ("repository", 'https://example.org/"', "not the URL of a repository"),
        ("license", "GPL-3.0", "'GPL-3.0' is not in.*MIT"),
        ("kind", "library", "'library' is not in.*extension"),
        ("python_version", "3.9", "'3.9' is not in.*3.10"),
        ("python_version", "3.13t", "'3.13t' is not in.*3.14t"),
        ("python_version", "3.12.1", "'3.12.1' is not in.*3.12"),
        ("python_min", "3.9", "'3.9' is not in.*3.10"),
        ("abi", "abi4", "'abi4' is not in"),
        ("module_name", "other", "Derived from other answers; remove it."),
        ("extras", "[gitlab]", "'gitlab' is not in.*github"),
    ],
)
def test_refused_answers(
    template: Path, tmp_path: Path, question: str, answer: str, message: str
) -> None:
    project = tmp_path / "my-project"
    with pytest.raises(ValueError, match=f"(?s){question}.*{message}"):
        copier.run_copy(
            str(template), project, data={question: answer}, defaults=True, vcs_ref="HEAD"
        )
    assert not project.exists()


@pytest.mark.parametrize(
    ("combination", "message"),
    [
        (
            {"python_version": "3.12", "python_min": "3.13"},
            "python_min.*newer than python_version 3.12; choose 3.12 or lower",
        ),
        (
            {"python_version": "3.14t", "python_min": "3.15"},
            "python_min.*newer than python_version 3.14t; choose 3.14 or lower",
        ),
        ({"windows": True}, "windows.*abi3 needs no setting for Windows; leave windows out"),
        (
            {"python_version": "3.14t", "abi": "abi3"},
            "abi.*free-threaded build 3.14t has no abi3; choose version",
        ),
        (
            {"python_version": "3.15", "abi": "abi3t"},
            "abi.*abi3t needs python_min 3.15, not 3.11; choose abi3 or version",
        ),
        (
            {"python_version": "3.15t", "abi": "abi3t", "python_min": "3.14"},
            "abi.*abi3t needs python_min 3.15, not 3.14; choose version",
        ),
        (
            {"extras": ["dependabot", "renovate"]},
            "extras.*both update the same files; choose dependabot or renovate",
        ),
    ],
)
def test_refused_combinations(
    render: Render, tmp_path: Path, combination: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        render(**combination)
    assert not (tmp_path / "my-project").exists()


@pytest.mark.parametrize(
    ("combination", "abi"),
    [
        ({"python_version": "3.10"}, "abi3"),
        ({"python_version": "3.14t"}, None),
        ({"python_version": "3.15t"}, None),
        ({"python_version": "3.15t", "python_min": "3.15"}, "abi3t"),
        ({"python_version": "3.15", "python_min": "3.15"}, "abi3"),
        ({"python_version": "3.15", "python_min": "3.15", "abi": "abi3t"}, "abi3t"),
    ],
)
def test_abi_is_asked_where_there_is_a_choice(
    render: Render, combination: dict[str, str], abi: str | None
) -> None:
    """None: only version-specific wheels are possible, so the answer is not stored either."""
    project = render(**combination)
    assert stored(project).get("abi") == abi
    cargo = tomlkit.parse((project / "Cargo.toml").read_text(encoding="utf-8")).unwrap()
    pyo3 = cargo["dependencies"]["pyo3"]
    minimum = str(stored(project)["python_min"]).replace(".", "")
    features = {"version": "0.30", "features": [f"{abi}-py{minimum}"]}
    assert pyo3 == (features if abi else "0.30")


def test_refused_on_the_command_line_names_the_cure(template: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "-d", "project_name=json"]
    done = run([*command, template, tmp_path / "x"], tmp_path, check=False)
    assert done.code != 0
    last = done.output.strip().splitlines()[-1]
    assert "standard library" in last and 'for example "my-json"' in last
    assert not (tmp_path / "x").exists()


def copy(template: Path, tmp_path: Path, destination: str) -> Terminal:
    """Run the literal command of the README at a terminal."""
    command = [sys.executable, "-m", "copier", "copy", "gh:org/pyo3-uv-template", destination]
    return terminal(command, tmp_path, clean_environment(**publish(template, tmp_path)))


def test_enter_at_each_prompt(template: Path, tmp_path: Path) -> None:
    """Thirteen times; `windows` matters only to apps and to version-specific wheels."""
    process = copy(template, tmp_path, "myproj")
    asked = {name: question for name, question in QUESTIONS.items() if name != "windows"}
    assert len(asked) == 13
    for name, question in asked.items():
        process.expect_exact(str(question["help"]))
        if name == "python_version":
            process.expect_exact("end of life since October 2026")
        process.send("\r")
    process.expect_exact("myproj is ready")
    process.expect_exact("uv sync")
    assert exit_code(process) == 0
    assert stored(tmp_path / "myproj")["_src_path"] == "gh:org/pyo3-uv-template"
    assert stored(tmp_path / "myproj")["python_version"] == PYTHONS.newest


def test_wrong_answer_at_the_terminal_can_be_corrected(template: Path, tmp_path: Path) -> None:
    process = copy(template, tmp_path, "json")
    process.expect_exact("Name of the project")
    process.send("json\r")
    process.expect_exact("standard library")
    process.send("\x08" * 4 + "fast-json\r")
    process.expect_exact("One line about it")
    process.sendintr()
    assert exit_code(process) == 1
    assert not (tmp_path / "json").exists()
