"""The results as tables and as a chart."""

import re
from pathlib import Path
from xml.sax.saxutils import escape

from .bundlers import BUNDLERS
from .layouts import LAYOUTS
from .measure import (
    APP,
    EDIT,
    EDITED,
    FLOOR,
    OWN_PYO3,
    PLAIN,
    REINSTALL,
    SET_UP,
    SET_UP_COLD,
    Cell,
    Row,
)

NAMES = [layout.name for layout in LAYOUTS]
OURS = NAMES[0]


def markdown(results: dict) -> str:
    """Return the chart and a table with a column for each layout."""
    others = [key for key in results["measurements"] if key not in ("bundle", "app")]
    return "\n".join([CHART, "", table(only(results, *others), NAMES)])


def bundles(results: dict) -> str:
    """Return a table with a column for each bundler."""
    return table(only(results, "bundle"), [bundler.name for bundler in BUNDLERS])


def apps(results: dict) -> str:
    """Return a table of an app beside plain Python."""
    return table(only(results, "app"), [APP, PLAIN])


def only(results: dict, *keys: str) -> dict:
    """Return the results with these measurements."""
    measurements = results["measurements"]
    return {"measurements": {key: measurements[key] for key in keys if key in measurements}}


def table(results: dict, names: list[str]) -> str:
    """Return a table with these columns, the first of them ours, and what it was measured on."""
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    notes: list[str] = []
    for row_name, row in rows(results):
        base = row.get(names[0])
        cells = [shown(row[name], base, notes) if name in row else "" for name in names]
        lines.append(f"| {row_name} | " + " | ".join(cells) + " |")
    times = "Times: median (minimum to maximum; without these, it ran once)"
    caption = [
        f"{times}, ratio of the medians to that of {names[0]}.",
        *dict.fromkeys(origin(section) for section in results["measurements"].values()),
    ]
    numbered = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*lines, "", *numbered, "", " ".join(caption)])


CHART = "![Seconds from an edit to its import, and to green tests](results.svg)"


def origin(section: dict) -> str:
    """Say when, of what and where a section was measured."""
    machine = section["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in section["versions"].items())
    return (
        f"{section['date']}, commit {section['commit']}, --repeat {section['repeat']}: {versions}; "
        f"{machine['cores']} cores, {machine['cpu']}, {machine['os']}."
    )


def rows(results: dict) -> list[tuple[str, Row]]:
    sections = results["measurements"].values()
    return [item for section in sections for item in section["rows"].items()]


def shown(cell: Cell, base: Cell | None, notes: list[str]) -> str:
    """Return a cell as Markdown, compared with `base`; its note is collected in `notes`, once."""
    if "median" in cell:
        low, median, high = (duration(cell[key]) for key in ("min", "median", "max"))
        text = f"{median} ({low} to {high})" if cell["runs"] > 1 else median
        text += ratio("median", cell, base)
    elif "bytes" in cell:
        text = f"{cell['bytes'] / 1e6:.3g} MB{ratio('bytes', cell, base)}"
    elif "count" in cell:
        text = str(cell["count"])
    else:
        text = "✓" if cell["passes"] else "✗"
    note = cell.get("note")
    if note and "passes" in cell and not note.startswith("with "):
        note, _, rest = note.partition("; ")
        text += f" {note}"
        note = rest
    if note:
        if note not in notes:
            notes.append(note)
        text += f" <sup>{notes.index(note) + 1}</sup>"
    return text


def ratio(key: str, cell: Cell, base: Cell | None) -> str:
    if not base or base is cell or key not in base:
        return ""
    return f", {cell[key] / base[key]:.2g}x"


def duration(seconds: float) -> str:
    """Return two significant digits, with the unit."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms"
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"


def charted(table: dict[str, Row]) -> list[tuple[str, list[tuple[str, Cell | None]]]]:
    """Return titles and bars: for edits, the command that shows them in each layout."""
    plain, forced = table.get(EDIT, {}), table.get(REINSTALL, {})
    edits = [("at least", table.get(FLOOR, {}).get(OURS))]
    edits += [(name, forced.get(name, plain.get(name))) for name in NAMES]
    edits += [("uv init, its PyO3", table.get(OWN_PYO3, {}).get("uv init"))]
    others = [(key, list(table.get(key, {}).items())) for key in (SET_UP, SET_UP_COLD)]
    return [(EDITED, edits), *((key, bars) for key, bars in others if bars)]


def chart(results: dict) -> str:
    """Return an SVG with a panel for each question: one bar a layout, a linear axis from 0 s.

    Transparent; text and lines follow the reader's colour scheme.
    """
    left, width, step = 125, 480, 20
    body: list[str] = []
    y = 0
    for title, bars in charted(dict(rows(results))):
        times = {label: cell["median"] for label, cell in bars if cell and "median" in cell}
        scale = width / max(times.values())
        y += step
        body.append(f'<text y="{y}" class="title">{escape(title[0].upper() + title[1:])}</text>')
        top = y + 6
        for label, seconds in times.items():
            y += step
            end, css = left + seconds * scale, "ours" if label == OURS else "peer"
            body += [
                f'<text x="{left - 6}" y="{y}" text-anchor="end">{escape(label)}</text>',
                f'<rect class="{css}" x="{left}" y="{y - 12}" width="{end - left:.1f}" height="15"/>',
                f'<text x="{end + 5:.1f}" y="{y}">{duration(seconds)}</text>',
            ]
        tick = next(n for n in (1, 2, 5, 10, 20, 50, 100) if n * 6 >= max(times.values()))
        y += step
        for number in range(int(max(times.values()) / tick) + 1):
            x = f"{left + number * tick * scale:.1f}"
            body.append(f'<line x1="{x}" x2="{x}" y1="{top}" y2="{y - 12}"/>')
            body.append(f'<text x="{x}" y="{y}" text-anchor="middle">{number * tick} s</text>')
        y += step // 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 50} {y}">',
            "<style>",
            "text { font: 12px sans-serif; fill: #333 } .title { font-weight: bold }",
            ".ours { fill: #2a78d6 } .peer { fill: #8a8f98 } line { stroke: #8a8f98; opacity: 0.4 }",
            "@media (prefers-color-scheme: dark) { text { fill: #ddd } }",
            "</style>",
            *body,
            "</svg>",
            "",
        ]
    )


def embed(page: Path, marker: str, text: str) -> None:
    """Put `text` between the markers in `page`."""
    old = page.read_text(encoding="utf-8")
    start, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    assert old.count(start) == old.count(end) == 1, f"{page.name} has no markers {marker}"
    new = re.sub(f"{start}.*{end}", lambda _: f"{start}{text}\n{end}", old, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")
