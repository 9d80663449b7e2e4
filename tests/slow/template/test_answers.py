"""Properties of all texts and names, each of which is rendered.

`uv run pytest -m slow tests/slow/template/test_answers.py --hypothesis-profile=hunt` looks further.
"""

# ruff: noqa: F811

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.conftest import Render
from tests.projects import APP_EXTRAS, EXTRAS, check_files, files, parse, read_toml, stored
from tests.template.test_answers import LINES, attempt, check_manifest, lock, shown  # noqa: F401

# ---- Text ----

EMAILS = st.from_regex(r"[\w.!#$%&'*+/=?^`{|}~\[\]-]+@[\w.\[\]-]+", fullmatch=True)


@pytest.mark.weekly
@given(
    description=LINES,
    name=LINES,
    email=st.just("") | EMAILS,
    kind=st.sampled_from(["extension", "app"]),
)
@example(
    "\\ \" ' {{ x }} ${{ y }} {% raw %} &#65; <b> # :", "'''\"\"\" \\N{DASH} #}", "a'b@c", "app"
)
@example("1. ", "\u202e", "`a|b`@c", "extension")
@example("", "", "", "extension")
@example("", "", "a@b", "app")
def test_text_reaches_every_file_unharmed(
    attempt: Callable[..., Path | str], description: str, name: str, email: str, kind: str
) -> None:
    project = attempt(
        description=description,
        author_name=name,
        author_email=email,
        kind=kind,
        project_name="my-project",
        example=False,
        extras=["docs"] if kind == "extension" else [],
        python_version="3.10",
    )
    assert isinstance(project, Path), project
    for path in files(project):
        if not path.endswith(".rs"):
            parse(project / path)

    answers = stored(project)
    assert (answers["description"], answers["author_name"]) == (description, name)
    assert answers["author_email"] == email
    metadata = read_toml(project / "pyproject.toml")["project"]
    assert metadata.get("description") == (description or None)
    author = {key: value for key, value in (("name", name), ("email", email)) if value}
    assert metadata.get("authors") == ([author] if author else None)
    holder = name or "The my-project authors"
    assert f"Copyright (c) {holder}\n" in (project / "LICENSE").read_text(encoding="utf-8")
    for page in ("README.md", "docs/index.md") if kind == "extension" else ("README.md",):
        assert shown((project / page).read_text(encoding="utf-8")) == [description.strip()] * 2
    if kind == "app":  # its dependencies are none, so that this is quick
        lock(project, "--offline")


# ---- Names ----

ORDINARY = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{15,48}[A-Za-z0-9]", fullmatch=True)
# Words that mean something to YAML, TOML, cargo, Rust, Python or the project's own folders
WORDS = """
null Null yes no on off y n nan inf x I e1 Self main lib src target users summary conftest docs
benchmarks benches python3 site init dist venv env cargo rust crate- a--b a_-b a__b mod doc
"""


@given(name=ORDINARY | st.sampled_from(WORDS.split()), kind=st.sampled_from(["extension", "app"]))
@example("null", "extension")
def test_names(attempt: Callable[..., Path | str], name: str, kind: str) -> None:
    extras = EXTRAS if kind == "extension" else APP_EXTRAS
    project = attempt(project_name=name, kind=kind, extras=extras, python_version="3.14")
    if isinstance(project, str):
        assert name in WORDS.split(), project
        return
    check_files(project)
    check_manifest(project, name)
    assert stored(project)["project_name"] == name
    assert read_toml(project / "pyproject.toml")["project"]["name"] == name
    assert (project / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")
    if kind == "extension":
        site = yaml.safe_load((project / "mkdocs.yml").read_text(encoding="utf-8"))
        assert site["site_name"] == name


@pytest.mark.weekly
@given(st.text(max_size=60))
@example("ﬁle")
@example("a" * 60)
def test_other_text_is_no_name(attempt: Callable[..., Path | str], name: str) -> None:
    project = attempt(project_name=name)
    valid = re.fullmatch(r"[A-Za-z]([A-Za-z0-9_-]{0,48}[A-Za-z0-9])?", name)
    assert isinstance(project, str) or valid, "only what is a name is accepted"


def test_names_of_dependencies_are_refused(
    render: Render, attempt: Callable[..., Path | str]
) -> None:
    """uv and cargo resolve no project that depends on something of its own name."""
    names: set[str] = set()
    for kind, extras in (("extension", EXTRAS), ("app", APP_EXTRAS)):
        project = render(kind, kind=kind, extras=extras, project_name="my-project")
        crate = read_toml(project / "Cargo.toml")
        for table in ("dependencies", "build-dependencies", "dev-dependencies"):
            names |= crate.get(table, {}).keys()
        metadata = read_toml(project / "pyproject.toml")
        needed = [
            *metadata["project"].get("dependencies", []),
            *metadata["dependency-groups"]["dev"],
            *metadata.get("build-system", {"requires": []})["requires"],
        ]
        names |= {re.split(r"[\[>=<]", requirement)[0] for requirement in needed}
    assert {"pyo3", "clap", "criterion", "maturin", "prettytable", "zensical"} <= names
    for name in [*sorted(names), "Pytest--Benchmark"]:
        assert "is reserved" in str(attempt(project_name=name)), name
