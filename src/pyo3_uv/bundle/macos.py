"""Shared libraries on macOS."""

import os
from collections import defaultdict
from pathlib import Path

from delocate.libsana import get_dependencies, logger
from macholib.mach_o import LC_RPATH
from macholib.MachO import MachO

from pyo3_uv.bundle.table import ABSENT, Row, Run, Table, missing_notes

logger.disabled = True  # What it does not find is a note.
SYSTEM = ("/usr/lib/", "/System/")


def dependencies(table: Table, source: Path) -> list[tuple[str | None, str]]:
    """Return the paths and names of what a file needs, as they are where it was found."""
    executables = Path(table.python["executable"]).parent
    return list(get_dependencies(source, executable_path=executables))


def find(table: Table) -> list[str]:
    """Add the libraries that are not macOS's; return what is to be known."""
    library = table.python["library"].name
    queue = [row for row in table.files if not row.compiled]
    known = {row.source.resolve() for row in queue}
    names = {row.place.name for row in queue}
    copied, missing = set(), defaultdict(list)
    for row in queue:
        for found, name in dependencies(table, row.source):
            if (found or name).startswith(SYSTEM) or Path(name).name == library:
                continue
            if found and Path(found) not in known:
                known.add(Path(found))
                place = table.lib / Path(found).name
                table.add(place, Path(found), "library of this system", place.name)
                copied.add(place.name)
                queue.append(table.rows[place])
            elif not found and Path(name).name not in names:
                missing[name, ABSENT].append(row.place.as_posix())
    notes = []
    if copied:
        names_of = ", ".join(sorted(copied))
        notes = [f"python/lib has {names_of} of this system, whose licences apply"]
    return notes + missing_notes(missing)


def relink(table: Table, folder: Path, row: Row, run: Run) -> None:
    """Make the names of libraries relative, remove rpaths of other machines, and sign."""
    file, needed = folder / row.place, dependencies(table, row.source)
    if not needed:
        return  # not a Mach-O file
    library = table.lib / table.python["library"].name
    places = {x.source.resolve(): x.place for x in table.files if not x.compiled}
    # Names that need no change; @executable_path does, Python and the program differ in it.
    kept = {
        name
        for found, name in get_dependencies(file)
        if name.startswith(("@loader_path", "@rpath"))
        and found
        and Path(found).is_relative_to(folder)
    }
    changes = []
    if row.place == library or row.reason == "library of this system":
        changes = ["-id", f"@rpath/{row.place.name}"]
    for found, name in needed:
        if name in kept or (found or name).startswith(SYSTEM):
            continue
        target = library if Path(name).name == library.name else places.get(Path(found or ""))
        if target:
            relative = os.path.relpath(target, row.place.parent)
            changes += ["-change", name, f"@loader_path/{relative}"]
    rpaths = {
        command[2].rstrip(b"\0").decode()
        for header in MachO(file).headers
        for command in header.commands
        if command[0].cmd == LC_RPATH
    }
    for rpath in sorted(rpaths):
        if not rpath.startswith("@"):
            changes += ["-delete_rpath", rpath]
    if changes:
        run(["install_name_tool", *changes, file])
        run(["codesign", "--force", "--sign", "-", file])  # Apple's processors insist on it
