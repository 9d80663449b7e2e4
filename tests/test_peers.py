"""README's comparison is what was measured."""

import json
import re

from benchmarks import peers

README = peers.README.read_text(encoding="utf-8")
RESULTS = json.loads(peers.RESULTS.read_text(encoding="utf-8"))


def test_readme_shows_the_results() -> None:
    [shown] = re.findall(r"<!-- peers -->\n(.*?)\n<!-- /peers -->", README, re.DOTALL)
    assert shown == peers.markdown(RESULTS)


def test_every_row_compares_all() -> None:
    """At most twelve, each measured by the script as it is."""
    assert len(RESULTS["rows"]) <= 12
    assert list(RESULTS["rows"]) == list(peers.ROWS)
    for row in RESULTS["rows"].values():
        assert set(row) == {peer.name for peer in peers.PEERS}
