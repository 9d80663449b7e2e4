"""Properties of all answers: what is accepted renders well, what is refused leaves no file.

`uv run pytest tests/template/test_answers.py --hypothesis-profile=hunt` looks further than CI does.
"""

import html
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import copier
import markdown
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pyo3_uv.facts.interpreters import SUPPORTED
from tests.commands import macros, run, uv
from tests.conftest import QUESTIONS, Render
from tests.projects import APP_EXTRAS, EXTRAS, check_files, read_toml, stored

Answers = dict[str, "str | bool | list[str]"]

LICENSES = ["MIT", "Apache-2.0", "MIT OR Apache-2.0", "Proprietary"]


@pytest.fixture(scope="module")
def attempt(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path | str]:
    """Return a function that renders, into the same folder each time.

    It returns the project, or the reason for which the answers were refused.
    """
    folder = tmp_path_factory.mktemp("attempt") / "folder"

    def function(**answers: str | bool | list[str]) -> Path | str:
        assert answers.keys() <= QUESTIONS.keys()
        shutil.rmtree(folder, ignore_errors=True)
        try:
            copier.run_copy(
                str(template), folder, data=answers, defaults=True, vcs_ref="HEAD", quiet=True
            )
        except ValueError as error:
            assert not folder.exists(), "refused answers leave no file"
            assert not isinstance(error, UnicodeError), error
            assert any(name in str(error) for name in answers), "the question is named"
            return str(error)
        return folder

    return function


def check_manifest(project: Path, name: str) -> None:
    """Assert that cargo takes Cargo.toml; this needs neither the index nor a build."""
    metadata = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
    packages = json.loads(run(metadata, project).output)["packages"]
    assert {package["name"] for package in packages} in ({name}, {name, f"{name}-python"})


def lock(project: Path, *options: str) -> None:
    """Assert that uv resolves the project, whatever Python its `.python-version` names."""
    run([uv(), "lock", "--quiet", "--python", sys.executable, *options], project)


# ---- Text ----

# What ends, begins or escapes something in one of the languages of the rendered files
MARKS = r"""
\ \n \u0041 \N{DASH} " ' ''' \"\"\" ` ``` ~~~ ~ {{ }} ${{ {% {# #} ${ $x$ // /* # #! : - + = === --- *** *
_ 1. 1) > | & && &amp; &#65; &#0 <b> </b> <!-- <?x <a@b.c> << http://x.y [^1] ![a](b) @ % %s
עברית 日本 🦀
"""
FRAGMENTS = MARKS.split()
FRAGMENTS += [
    "- ",
    "# ",
    "1. ",
    "> ",
    "    ",
    "[a]: b",
    "| a | b |",
    "key: value",
    "long text " * 500,
]
# Right-to-left marks, a combining accent, a space, a byte order mark, not a character
FRAGMENTS += ["\u202e", "\u2066", "\u200f", "e\u0301", "\u00a0", "\ufeff", "\uffff"]
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029")
LINES = st.lists(st.sampled_from(FRAGMENTS) | CHARACTERS, max_size=6).map("".join)
LINES = LINES.filter(lambda text: not text or text.strip())
CONTROLS = st.characters(categories=["Cc", "Cs"]) | st.sampled_from("\u2028\u2029")


def shown(page: str) -> list[str]:
    """Return the text between heading and code, as GitHub (CommonMark) and Python-Markdown show it."""
    commonmark = MarkdownIt("commonmark").enable(["strikethrough", "table"])
    texts = []
    for page_html in (commonmark.render(page), markdown.markdown(page, extensions=["fenced_code"])):
        between = re.search(r"(?s)</h1>\n(.*?)\n?<(?:pre>|p>:::|$)", page_html)
        assert between, page_html
        text = between[1].removeprefix("<p>").removesuffix("</p>")
        assert "<" not in text, f"markup: {text}"
        texts.append(html.unescape(text))
    return texts


@settings(max_examples=20 * settings.default.max_examples)
@given(LINES)
@example("1. ")
@example("=")
@example("&#0")
@example("<<a@b.c>")
def test_markdown_shows_the_description(description: str) -> None:
    """Ask the macro itself, as so many renders would take minutes."""
    text = macros("hooks/text.jinja").markdown(description)
    assert shown(f"# name\n\n{text}\n\n```sh\nx\n```\n") == [description.strip()] * 2


@given(
    question=st.sampled_from(["description", "author_name", "author_email", "project_name"]),
    before=CHARACTERS,
    control=CONTROLS,
)
@example("description", "a", "\udcff")  # a byte of the command line that is not UTF-8
@example("author_email", "a", "\x7f")
def test_control_characters_are_refused(
    attempt: Callable[..., Path | str], question: str, before: str, control: str
) -> None:
    text = f"a{before}{control}b" + ("@example.org" if question == "author_email" else "")
    reason = attempt(**{"project_name": "my-project"} | {question: text})
    assert isinstance(reason, str), unicodedata.category(control)
    assert "for example" in reason or 'like "ada@example.org"' in reason


@pytest.mark.parametrize("question", ["description", "author_name"])
@pytest.mark.parametrize("blank", [" ", "\u00a0", " \u3000 "])
def test_blank_text_is_refused(
    attempt: Callable[..., Path | str], question: str, blank: str
) -> None:
    """It would leave a line without text in README and LICENSE."""
    assert "only spaces" in str(attempt(project_name="my-project", **{question: blank}))


# ---- Choices ----

CHOICES = st.fixed_dictionaries(
    {
        "license": st.sampled_from(LICENSES),
        "kind": st.sampled_from(["extension", "extension", "app"]),
        "python_version": st.sampled_from(SUPPORTED),
        "example": st.booleans(),
        "windows": st.booleans(),
        "extras": st.lists(st.sampled_from([*EXTRAS, "renovate"]), unique=True)
        | st.lists(st.sampled_from(APP_EXTRAS), unique=True),
    },
    optional={
        "layout": st.sampled_from(["single", "workspace"]),
        "python_min": st.sampled_from([v for v in SUPPORTED if not v.endswith("t")]),
        "abi": st.sampled_from(["abi3", "version", "abi3t"]),
    },
)


def stable_abi(version: str, minimum: str | None, abi: str | None) -> bool:
    """Say whether the wheels are abi3 or abi3t, given or by default."""
    return abi != "version" and (not version.endswith("t") or minimum == "3.15")


def contradicts(answers: Answers) -> bool:
    """Say whether these choices exclude each other, as the table in docs/questions.md says it."""
    version, minimum, abi = (answers.get(key) for key in ("python_version", "python_min", "abi"))
    if {"dependabot", "renovate"} <= set(answers["extras"]):
        return True
    if answers["kind"] == "app":
        only = {"docs", "benchmarks"} & set(answers["extras"])
        return bool(minimum or abi or only or answers.get("layout") == "workspace")
    if minimum and int(minimum[2:]) > int(version[2:4]):
        return True
    if answers["windows"] and stable_abi(version, minimum, abi):
        return True
    return (abi == "abi3" and version.endswith("t")) or (abi == "abi3t" and minimum != "3.15")


@given(CHOICES)
@example(
    {
        "license": "Proprietary",
        "kind": "extension",
        "python_version": "3.15t",
        "python_min": "3.15",
        "abi": "abi3t",
        "example": False,
        "windows": False,
        "extras": EXTRAS,
    }
)
@example(
    {
        "license": "MIT",
        "kind": "app",
        "python_version": "3.12",
        "abi": "version",
        "example": True,
        "windows": False,
        "extras": [],
    }
)
def test_choices(attempt: Callable[..., Path | str], answers: Answers) -> None:
    project = attempt(project_name="my-project", **answers)
    assert isinstance(project, str) == contradicts(answers), project
    if isinstance(project, str):
        return
    check_files(project)
    check_manifest(project, "my-project")
    kept = stored(project)
    given_extras = answers["extras"]
    assert set(kept.pop("extras")) == set(given_extras)
    # abi is no question where it has one answer only, nor is an app's layout, nor windows with abi3
    asked = {key: answers[key] for key in answers.keys() - {"extras"} if key in kept}
    assert asked == {key: kept[key] for key in asked}
    assert answers.keys() - {"extras"} - asked.keys() <= {"abi", "layout", "windows"}
    metadata = read_toml(project / "pyproject.toml")["project"]
    least = answers.get("python_min") or kept.get("python_min", answers["python_version"][:4])
    assert metadata["requires-python"] == f">={least}"


@pytest.mark.parametrize(
    "answers",
    [
        {"extras": EXTRAS, "description": "\\ \" ' {{ ${{", "author_name": 'עברית \u202e "\\'},
        {"example": False, "license": "Proprietary", "abi": "version", "project_name": "A--b_C"},
        {"kind": "app", "extras": APP_EXTRAS},
    ],
    ids=["all extras", "minimal", "app"],
)
def test_uv_locks(render: Render, answers: Answers) -> None:
    """Dependencies and dev tools have versions for the oldest Python, and uv reads every text."""
    minimum = {} if answers.get("kind") == "app" else {"python_min": "3.10"}
    lock(render(python_version="3.10", **minimum | answers))
