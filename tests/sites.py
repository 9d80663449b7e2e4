"""Built documentation sites: their links, and their search in a browser."""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.commands import ROOT, clean_environment, run, uv


class Page(HTMLParser):
    """The links of a page, what a link can lead to, and the text, with single spaces."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.data: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join("".join(self.data).split())

    def handle_data(self, data: str) -> None:
        self.data.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def build(project: Path, env: dict[str, str]) -> Path:
    """Build the site of a rendered project, whose links have to lead somewhere."""
    run([uv(), "run", "--no-sync", "zensical", "build", "--strict"], project, env)
    site = project / "target/site"
    assert not broken_links(site), broken_links(site)
    return site


def broken_links(site: Path, address: str = "https://site.example/") -> list[str]:
    """Return the links within the site, which will be at `address`, that lead nowhere."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        own = urljoin(address, path.relative_to(site).as_posix().removesuffix("index.html"))
        for link in page.links:
            target, _, anchor = urljoin(own, link).partition("#")
            # Zensical 0.0.67, the last one for Python 3.10, has no content to skip to on this page.
            if not target.startswith(address) or (path.name, link) == ("404.html", "#__skip"):
                continue
            file = site / unquote(urlsplit(target.removeprefix(address)).path)
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file() or (file in pages and unquote(anchor) not in pages[file].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken


def search(site: Path, words: str, page: str) -> dict[str, Any]:
    """Search in Chromium, open the result on `page`; return all, and what the window shows then."""
    names = ("chromium", "chromium-browser", "google-chrome")  # as in docs/search.py
    if not any(map(which, names)):
        pytest.skip(f"none of {', '.join(names)} is installed")
    command = [uv(), "run", "--quiet", "--python", sys.executable, ROOT / "docs/search.py"]
    done = run([*command, "--open", page, site, words], ROOT, clean_environment())
    return json.loads(done.output)
