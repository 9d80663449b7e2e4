"""Which shared libraries an executable asks the loader for, and where the loader looks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from macholib.mach_o import LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_RPATH
from macholib.MachO import MachO


@dataclass(frozen=True)
class Executable:
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


def read(path: Path) -> Executable | None:
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


def _read_elf(path: Path, elf: Any) -> Executable:
    sections = [s for s in elf.iter_sections() if isinstance(s, DynamicSection)]
    tags = [tag for section in sections for tag in section.iter_tags()]

    def values(kind: str) -> list[str]:  # the name of the attribute is that of the tag
        found = (tag for tag in tags if tag.entry.d_tag == kind)
        return [getattr(tag, kind.removeprefix("DT_").lower()) for tag in found]

    rpaths = ":".join(values("DT_RUNPATH") + values("DT_RPATH"))
    return Executable(path, tuple(values("DT_NEEDED")), tuple(filter(None, rpaths.split(":"))))


def _read_mach_o(path: Path) -> Executable:
    commands = [c for header in MachO(str(path)).headers for c in header.commands]

    def values(*kinds: int) -> tuple[str, ...]:
        found = (data for load, _, data in commands if load.cmd in kinds)
        return tuple(data.rstrip(b"\0").decode(errors="replace") for data in found)

    return Executable(path, values(LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB), values(LC_RPATH))
