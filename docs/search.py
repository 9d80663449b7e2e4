# /// script
# requires-python = ">=3.10"
# dependencies = ["playwright==1.65.2"]
# ///
"""Search a built site in the installed Chromium, as a reader does, and open a result.

uv run docs/search.py [--open PAGE] [--screenshot FILE] FOLDER [WORDS]
"""

import argparse
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

# The text of what stands between the top and the bottom of the window
IN_VIEW = """() => [...document.querySelectorAll("article *")].filter(element => {
    const box = element.getBoundingClientRect()
    return box.top >= 0 && box.bottom <= window.innerHeight
}).map(element => element.innerText).join("\\n")"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print no requests."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port; the search fetches its index, which no file: page may."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def main() -> None:
    """Print the results, and what the window shows of the opened page, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--open", metavar="PAGE", help="how the address of the result to open starts"
    )
    parser.add_argument("--screenshot", metavar="FILE", type=Path, help="a PNG of the results")
    parser.add_argument("folder", type=Path)
    parser.add_argument("words", nargs="?", default="No module named 'encodings'")
    options = parser.parse_args()
    browser_path = next(filter(None, map(shutil.which, NAMES)), None)
    if not browser_path:
        sys.exit(f"none of {', '.join(NAMES)} is installed; on Debian: apt install chromium")

    with served(options.folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        # Nothing but the site: no number of stars from GitHub, no mermaid from a CDN
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page.goto(address)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("combobox", name="Search").fill(options.words)
        found = page.get_by_role("option")
        found.first.wait_for()
        page.wait_for_timeout(500)  # while it fades in
        results = [
            {
                "page": str(link.get_attribute("href")).removeprefix(address),
                "text": link.inner_text(),
            }
            for link in found.all()
        ]
        if options.screenshot:
            page.screenshot(path=options.screenshot)
        shown = []
        if options.open:
            found.and_(page.locator(f"a[href^='{address}{options.open}']")).first.click()
            page.wait_for_url(f"{address}{options.open}**")
            page.wait_for_timeout(500)  # while it scrolls
            shown = page.evaluate(IN_VIEW).splitlines()
        print(json.dumps({"results": results, "shown": shown}, indent=1))
        browser.close()


if __name__ == "__main__":
    main()
