"""The documentation site of this repository."""

import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from tests.commands import ROOT, clean_environment, run, uv
from tests.sites import broken_links, search
from tests.test_repository import PAGES

SETTINGS = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built by the command of pages.yml; `.venv` stays as it is."""
    copy = tmp_path_factory.mktemp("site") / "pyo3-uv-template"
    shutil.copytree(source, copy)
    workflow = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8"))
    [command] = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "run" in step]
    program, subcommand, *arguments = shlex.split(command)
    assert (program, subcommand) == ("uv", "run")
    run([uv(), "run", "--isolated", *arguments], copy, clean_environment())
    return copy / "site"


def test_links(site: Path) -> None:
    assert broken_links(site, SETTINGS["site_url"]) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    links = ("", "../", "#here", "#gone", "../gone", "../page/#here", "https://site.example/gone")
    page = "".join(f'<a href="{link}"></a>' for link in links)
    (tmp_path / "page/index.html").write_text(f'<h1 id="here">{page}<img src="gone.svg"></h1>')
    (tmp_path / "index.html").write_text('<a href="https://elsewhere.example/gone"></a>')
    broken = [line.partition(": ")[2] for line in broken_links(tmp_path)]
    assert broken == ["#gone", "../gone", "https://site.example/gone", "gone.svg"]


def test_every_page_is_in_the_navigation(site: Path) -> None:
    """Zensical says nothing about pages that the list in mkdocs.yml lacks."""
    listed = []
    for entry in SETTINGS["nav"]:
        [value] = entry.values()
        listed += [value] if isinstance(value, str) else [p for e in value for p in e.values()]
    expected = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert expected | {"CHANGELOG.md", "tests/cases/README.md"} == set(listed)
    assert len(list(site.rglob("index.html"))) == len(listed), "nothing else is published"


@pytest.mark.browser
def test_search_finds_an_error_message(site: Path) -> None:
    found = search(site, "No module named 'encodings'", "docs/troubleshooting/")
    assert "No module named 'encodings'" in found["shown"]
