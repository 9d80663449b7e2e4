"""Copies the files of a table, compiles and relinks them; the manifest says what came of each."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from pyo3_uv.bundle.app import App
from pyo3_uv.bundle.contents import license_rows
from pyo3_uv.bundle.table import Row, Table
from pyo3_uv.process import UserError

# Byte code is never compared with its source, which may get another date.
COMPILE = """
import json, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for source, file, name in json.load(sys.stdin):
    try:
        py_compile.compile(source, file, name, doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, UnicodeDecodeError):
        pass  # a template, or for another Python
"""


@dataclass
class Manifest:
    """What is in a bundle, as the file beside it says.

    `files` maps places to facts: `source`, `reason`, `size`, `sha256`, and `input`, the digest of
    what the file was made from. `skipped` has byte code of sources that do not compile.
    """

    recipe: str = ""
    skipped: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    licenses: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    archive: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """Return what a file says; of none, or of another form, an empty manifest."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(vars(self), indent=1) + "\n", encoding="utf-8", newline="\n")

    def same_as(self, made: Manifest) -> bool:
        """Say whether a bundle that was made is of the same, in the same way."""
        ours = {place: facts["input"] for place, facts in self.files.items()}
        theirs = {place: facts["input"] for place, facts in made.files.items()}
        theirs |= {place: ours[place] for place in made.skipped if place in ours}
        return (self.recipe, self.links, ours) == (made.recipe, made.links, theirs)

    def intact(self, folder: Path) -> bool:
        """Say whether a folder has the files, unchanged, and no others."""
        there = {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        }
        return there == {*self.files, *self.links} and all(
            facts["sha256"] == digest(folder / place) for place, facts in self.files.items()
        )


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def draft(app: App, table: Table) -> Manifest:
    """Return the manifest of a table before anything is copied."""
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    binaries = [str(row.place) for row in table.files if not row.compiled and is_library(row)]
    versions = json.dumps(
        [binaries, app.python, app.settings.archive, app.settings.smoke], default=str
    )
    recipe = hashlib.sha256(code + versions.encode()).hexdigest()
    folders = {
        app.environment_folder: "<packages>",
        app.work: "<target>/bundle",
        app.project: "<project>",
        Path(app.python["base_prefix"]): "<python>",
        Path(sys.prefix): "<pyo3-uv>",
        Path.home(): "<home>",
    }
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(row_digest, table.files))
    manifest = Manifest(recipe, licenses=license_rows(table))
    manifest.links = {str(place): target for place, target in sorted(table.links.items())}
    for row, value in zip(table.files, digests, strict=True):
        source = row.source.as_posix()
        for folder, name in folders.items():
            if source.startswith(f"{folder.as_posix()}/"):
                source = name + source.removeprefix(folder.as_posix())
                break
        reason = f"{row.owner}: {row.reason}" if row.owner else row.reason
        manifest.files[str(row.place)] = {"source": source, "reason": reason, "input": value}
    return manifest


def row_digest(row: Row) -> str:
    executable = os.access(row.source, os.X_OK)
    return f"{digest(row.source)} {executable:d}{row.compiled:d}"


def is_library(row: Row) -> bool:
    return ".so" in row.place.name or row.place.suffix in (".dylib", ".dll", ".pyd", ".exe")


def stage(
    app: App,
    table: Table,
    manifest: Manifest,
    folder: Path,
    old: Path,
    before: Manifest,
    libraries: ModuleType,
) -> list[str]:
    """Make the folder; take from the bundle `old` what it has of the same. Return what is to be known.

    `before` is the manifest of `old`. Completes the other one with sizes and digests.
    """
    fresh: list[Row] = []
    for row in table.files:
        place = str(row.place)
        facts = before.files.get(place, {})
        same = (
            before.recipe == manifest.recipe
            and facts.get("input") == manifest.files[place]["input"]
        )
        file, found = folder / place, old / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if same and found.is_file() and digest(found) == facts["sha256"]:
            shutil.copyfile(found, file)
            manifest.files[place] |= {key: facts[key] for key in ("size", "sha256")}
        else:
            fresh.append(row)
            if not row.compiled:
                shutil.copyfile(row.source, file)
        if not row.compiled:
            file.chmod(0o755 if os.access(row.source, os.X_OK) else 0o644)
    for link, target in manifest.links.items():
        (folder / link).symlink_to(target)

    def relink(row: Row) -> None:
        if row.owner == "Python":
            hide_prefix(folder / row.place, Path(app.python["base_prefix"]))
        libraries.relink(table, folder, row, app.run)

    with ThreadPoolExecutor() as pool:
        list(pool.map(relink, [row for row in fresh if not row.compiled]))
        compiled = [row for row in fresh if row.compiled]
        cores = os.cpu_count() or 1
        shares = [compiled[number::cores] for number in range(cores)]
        list(pool.map(lambda rows: compile_rows(table, folder, rows), shares))
    for row in compiled:
        if not (folder / row.place).exists():
            del manifest.files[str(row.place)], table.rows[row.place]
            manifest.skipped.append(str(row.place))
    for place, facts in manifest.files.items():
        if "sha256" not in facts:
            facts |= {"size": (folder / place).stat().st_size, "sha256": digest(folder / place)}
    return find_paths(app, table, folder)


def compile_rows(table: Table, folder: Path, rows: list[Row]) -> None:
    """Compile by the base Python.

    The code of the standard library, which has no sources here, gets names that are no paths, and no
    columns for the marks below a line of source: a fifth of its compressed size.
    """
    works: dict[str, list[list[str]]] = {"": [], "no_debug_ranges": []}
    for row in rows:
        option, name = "", str(row.place.parent.parent / f"{row.place.name.split('.')[0]}.py")
        if row.place.parent.name != "__pycache__":
            option = "no_debug_ranges"
            name = f"<python>/{row.place.relative_to(table.stdlib).with_suffix('.py')}"
        works[option].append([str(row.source), str(folder / row.place), name])
    for option, work in works.items():
        done = subprocess.run(
            [table.python["executable"], "-I", *["-X", option][: 2 * bool(option)], "-c", COMPILE],
            input=json.dumps(work),
            env={"SYSTEMROOT": os.environ.get("SYSTEMROOT", ""), "PYTHONHASHSEED": "0"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise UserError(f"Python cannot compile: {done.stderr.strip().splitlines()[-1]}")


def hide_prefix(file: Path, prefix: Path) -> None:
    """Overwrite the compiled-in prefix, which the bundle's Python does not use.

    The length stays, and the last part, as the linker shares that suffix with other strings.
    """
    if len(prefix.parts) < 4:
        return  # as /usr and /install
    content, parent = file.read_bytes(), str(prefix.parent)
    new = content.replace(
        str(prefix).encode(), f"/{'x' * (len(parent) - 1)}/{prefix.name}".encode()
    )
    if new != content:
        mode = file.stat().st_mode
        file.write_bytes(new)
        file.chmod(mode)


def find_paths(app: App, table: Table, folder: Path) -> list[str]:
    """Name the files in which a folder of this machine is left.

    A wheel from an index may have the home of those who built it, which may be called the same.
    """
    folders = {app.project, app.work, Path(app.python["base_prefix"])} - {Path("/usr")}
    notes = []
    for row in table.files:
        if row.compiled and row.owner != "Python":
            continue  # as its source
        there = folders if row.reason == "package" else folders | {Path.home()} - {Path("/")}
        content = (folder / row.place).read_bytes()
        found = [
            path
            for path in sorted(there)
            if (text := bytes(path) + b"/") in content
            and re.search(rb"(?<!\.)" + re.escape(text), content)  # not ./root/
        ]
        if found:
            notes.append(f"{row.place} has the path {found[0]} in it")
    return notes


def set_dates(folder: Path, date: int) -> None:
    """Give all files the same dates, and permissions that do not depend on the umask."""
    for path in [*folder.rglob("*"), folder]:
        if not path.is_symlink():
            path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
            os.utime(path, (date, date))


def parts(manifest: Manifest, table: Table) -> dict[str, int]:
    """Return the bytes of each part of the bundle."""
    sizes: dict[str, int] = {}
    for place, facts in manifest.files.items():
        path = PurePosixPath(place)
        top = path.parts[0]
        if path.is_relative_to(table.site):
            top = "python: packages"
        elif top == "python":
            top += ": shared libraries" if path.parent == table.lib else ": standard library"
        sizes[top] = sizes.get(top, 0) + facts["size"]
    return dict(sorted(sizes.items()))
