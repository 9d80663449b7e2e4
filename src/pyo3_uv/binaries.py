"""Which shared libraries an executable asks the loader for, and where the loader looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from macholib.mach_o import LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_RPATH
from macholib.MachO import MachO


@dataclass(frozen=True)
class Binary:
    """An executable: names of its libraries, and the folders of its rpath."""

    path: Path
    needed: tuple[str, ...]
    rpaths: tuple[str, ...]

    @property
    def libpython(self) -> str | None:
        """The shared libpython that it asks for, if it does."""
        return next((n for n in self.needed if "python" in Path(n).name.lower()), None)

    def finds(self, library: str) -> bool:
        """Whether its rpath leads to `library`, or that is an absolute path that exists."""
        name = library.removeprefix("@rpath/")
        if name.startswith("/"):
            return Path(name).exists()
        here = str(self.path.parent)
        folders = [
            r.replace("$ORIGIN", here)
            .replace("@loader_path", here)
            .replace("@executable_path", here)
            for r in self.rpaths
        ]
        return any(Path(folder, name).exists() for folder in folders)


def read(path: Path) -> Binary | None:
    """Read an ELF or Mach-O file; None if it is neither."""
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        try:
            if magic == b"\x7fELF":
                return _read_elf(path, ELFFile(file))
        except ELFError:
            return None
    try:
        return _read_mach_o(path)
    except ValueError:
        return None


def _read_elf(path: Path, elf: Any) -> Binary:
    needed: list[str] = []
    rpaths: list[str] = []
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            tag: Any  # the name of the attribute is that of the tag
            for tag in section.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    needed.append(tag.needed)
                elif tag.entry.d_tag == "DT_RUNPATH":
                    rpaths += tag.runpath.split(":")
                elif tag.entry.d_tag == "DT_RPATH":
                    rpaths += tag.rpath.split(":")
    return Binary(path, tuple(needed), tuple(rpaths))


def _read_mach_o(path: Path) -> Binary:
    needed: list[str] = []
    rpaths: list[str] = []
    for header in MachO(str(path)).headers:
        for load, _, data in header.commands:
            if load.cmd in (LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_RPATH):
                found = rpaths if load.cmd == LC_RPATH else needed
                found.append(data.rstrip(b"\0").decode(errors="replace"))
    return Binary(path, tuple(needed), tuple(rpaths))
