"""Shared libraries on Windows, which has no rpath: DLLs lie beside the programs."""

import os
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pefile

from pyo3_uv.bundle.table import ABSENT, Row, Run, Table, missing_notes


def find(table: Table) -> list[str]:
    """Add the DLLs of Visual C++ beside the program; name those that Windows does not have."""
    system = Path(os.environ["SYSTEMROOT"], "System32")
    names = {row.place.name.lower() for row in table.files}
    queue = [row for row in table.files if row.place.suffix.lower() in (".exe", ".dll", ".pyd")]
    missing = defaultdict(list)
    for row in queue:
        try:
            with pefile.PE(str(row.source), fast_load=True) as image:
                kind = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]
                image.parse_data_directories([kind])
                entries = getattr(image, "DIRECTORY_ENTRY_IMPORT", [])
        except pefile.PEFormatError:
            continue  # data
        for name in [entry.dll.decode().lower() for entry in entries]:
            # These are on machines where Visual C++ or its redistributable is installed. That a
            # package has one for itself does not help the others.
            is_runtime = re.match(r"(msvcp|vcruntime|concrt|vcomp)\d", name)
            if is_runtime and (system / name).exists():
                place = PurePosixPath(name)
                if place not in table.rows:
                    for folder in (PurePosixPath(), table.home):
                        table.add(folder / name, system / name, "library of this system", name)
                    queue.append(table.rows[place])
            elif not (
                name in names or name.startswith(("api-ms-", "ext-ms-")) or (system / name).exists()
            ):
                missing[name, ABSENT].append(row.place.as_posix())
    return missing_notes(missing)


def relink(table: Table, folder: Path, row: Row, run: Run) -> None:
    """Leave the file as it is."""
