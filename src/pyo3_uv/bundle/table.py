"""The table of what goes into a bundle, in which the copying and the manifest follow."""

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from pyo3_uv.bundle.settings import Settings
from pyo3_uv.process import UserError

DROPPED = "dropped by the settings"
ABSENT = "not on this system"  # a library

Run = Callable[[Sequence[str | Path]], str]


@dataclass
class Row:
    """A file of the bundle: where it comes from, and why it is there, or left out.

    With `compiled` it becomes the byte code of its source; with `owner` it belongs to a package.
    """

    place: PurePosixPath
    source: Path
    reason: str
    owner: str = ""
    compiled: bool = False
    left_out: bool = False


class Table:
    """All rows by their places in the bundle; `links` has symbolic links and their targets.

    `python` describes the base Python as `App.python` does.
    """

    def __init__(
        self, python: dict[str, Any], settings: Settings, windows: bool = os.name == "nt"
    ) -> None:
        self.python, self.settings, self.windows = python, settings, windows
        self.rows: dict[PurePosixPath, Row] = {}
        self.links: dict[PurePosixPath, str] = {}
        self.home = PurePosixPath("python")
        self.site = self.home / Path(python["site"]).as_posix()
        self.lib = self.home if windows else self.home / "lib"
        name = "python.exe" if windows else f"bin/{Path(python['executable']).name}"
        self.executable = self.home / name
        stdlib = Path(python["stdlib"]).relative_to(python["base_prefix"])
        self.stdlib = self.home / stdlib.as_posix()

    def add(
        self,
        place: PurePosixPath,
        source: Path,
        reason: str,
        owner: str = "",
        compiled: bool = False,
        left_out: bool = False,
    ) -> None:
        """Add a row; `drop` and `keep` of the settings have the last word on what is left out.

        A place that is taken is left as it is, unless another file comes there: `UserError`.
        """
        path = place.as_posix()

        def named(patterns: list[str], *texts: str) -> bool:
            return any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)

        if reason not in ("program", "interpreter", "start") and named(self.settings.drop, path):
            reason, left_out = DROPPED, True
        elif left_out and named(self.settings.keep, path, reason):
            reason, left_out = f"{reason}; kept by the settings", False
        row = self.rows.setdefault(place, Row(place, source, reason, owner, compiled, left_out))
        if row.source != source and row.source.read_bytes() != source.read_bytes():
            raise UserError(f"{source} and {row.source} would both be {place} in the bundle")

    def check(self) -> None:
        """Raise `UserError` if a file would be where others have their folder."""
        folders = {parent for row in self.files for parent in row.place.parents}
        for row in self.files:
            if row.place in folders:
                text = f"{row.source} would be {row.place}, which is a folder of the bundle"
                raise UserError(f"{text}; choose another place in the settings")

    @property
    def files(self) -> list[Row]:
        """What is in the bundle, by place."""
        return [row for _, row in sorted(self.rows.items()) if not row.left_out]

    def summary(self, sizes: dict[str, int]) -> list[tuple[str, str, str, int, int]]:
        """Return rows of source, place, reason, number of files and bytes, the largest first.

        Files of the same reason and owner are one row; those of a megabyte or more are their own.
        """
        groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in self.rows.values():
            size = sizes.get(row.place.as_posix(), 0)
            alone = row.place.as_posix() if size >= 1_000_000 else ""
            groups[row.owner, row.reason, str(row.left_out), alone].append(row)
        lines = []
        for (owner, reason, left_out, _), rows in groups.items():
            size = sum(sizes.get(row.place.as_posix(), row.source.stat().st_size) for row in rows)
            place = os.path.commonpath([row.place for row in rows])
            source = os.path.commonpath([row.source for row in rows])
            text = f"left out: {reason}" if left_out == "True" else reason
            lines.append((source, place or ".", f"{owner}: {text}".strip(": "), len(rows), size))
        return sorted(lines, key=lambda line: (line[2].startswith("left"), -line[-1]))


def missing_notes(missing: Mapping[tuple[str, str], Collection[str]]) -> list[str]:
    """Name libraries that are not in the bundle, each with where it is instead, and who needs it."""
    notes = []
    for (name, where), files in sorted(missing.items()):
        first, more = sorted(files)[:3], len(set(files)) - 3
        users = ", ".join(first) + (f" and {more} more" if more > 0 else "")
        notes.append(f"{name} is {where}; needed by {users}")
    return notes
