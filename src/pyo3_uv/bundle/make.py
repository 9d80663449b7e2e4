"""Makes a bundle beside its final place; in the end it replaces the one that is there."""

import errno
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pyo3_uv.bundle import archive as archives
from pyo3_uv.bundle.app import App, load
from pyo3_uv.bundle.contents import collect
from pyo3_uv.bundle.prove import prove
from pyo3_uv.bundle.stage import Manifest, digest, draft, parts, set_dates, stage
from pyo3_uv.bundle.table import Table
from pyo3_uv.process import UserError

if sys.platform == "linux":
    from pyo3_uv.bundle import linux as libraries
elif sys.platform == "darwin":
    from pyo3_uv.bundle import macos as libraries
else:
    from pyo3_uv.bundle import windows as libraries

Say = Callable[[str], None]


@dataclass
class Made:
    """A bundle, or with `explain` only what would be in it."""

    folder: Path
    archive: Path
    table: Table
    manifest: Manifest
    unchanged: bool = False

    def lines(self) -> list[str]:
        """Return what is to be known, the sizes of the parts, and the archive's checksum."""
        sizes = parts(self.manifest, self.table)
        sizes[f"dist/{self.folder.name}"] = sum(sizes.values())
        sizes[f"dist/{self.archive.name}"] = self.archive.stat().st_size
        lines = [f"note: {note}" for note in self.manifest.notes]
        lines += [f"{size / 1e6:8.1f} MB  {part}" for part, size in sizes.items()]
        return [*lines, f"    SHA-256  {self.manifest.archive['sha256']}"]


def make(project: Path, explain: bool, say: Say) -> Made:
    """Make the bundle of a project in its folder dist, unless that has it already.

    Raises `UserError` with what to do; what was in dist is then as it was.
    """
    app = load(project)
    dist = project / "dist"
    dist.mkdir(exist_ok=True)
    try:
        with FileLock(dist / ".lock", timeout=0):
            return _make(app, dist, explain, say)
    except Timeout:
        raise UserError("another bundle of this project is being made; repeat after it") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise UserError(f"{error}{'; make room and repeat' if full else ''}") from None


def _make(app: App, dist: Path, explain: bool, say: Say) -> Made:
    final, record = dist / app.name, dist / f"{app.name}.json"
    archive = dist / f"{app.name}.{app.settings.archive}"
    new, old = dist / f".{app.name}", dist / f".{app.name}.old"
    partial, checksum = dist / f".{archive.name}", dist / f"{archive.name}.sha256"

    def tidy() -> None:
        if old.exists() and not final.exists():
            old.rename(final)
        for path in (new, old, partial, partial.with_name(f"{partial.name}.tmp")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    tidy()  # after a run that was killed
    say(f"CPython {app.python['version']} in {app.python['base_prefix']}, {app.python['origin']}")
    say("Packages")
    environment = app.install()
    say("cargo build --release")
    programs = app.build()
    say("Files")
    table = collect(app, environment, programs)
    notes = libraries.find(table)
    manifest = draft(app, table)
    before = Manifest.read(record)
    date = archives.commit_date(app.project)
    packed = {"name": archive.name, "date": date}
    same_archive = (
        packed.items() <= before.archive.items()
        and archive.is_file()
        and digest(archive) == before.archive["sha256"]
        and checksum.is_file()
    )
    if same_archive and not explain and manifest.same_as(before) and before.intact(final):
        return Made(final, archive, table, before, unchanged=True)
    try:
        manifest.notes = notes + stage(app, table, manifest, new, final, before, libraries)
        if explain:
            return Made(new, archive, table, manifest)
        say("Proof")
        manifest.notes += prove(app, table, new, environment)
        set_dates(new, date)
        say("Archive")
        archives.write_archive(new, app.name, partial, app.settings.archive, date)
        manifest.archive = packed | {"sha256": digest(partial)}
        if final.exists():
            final.rename(old)
        new.rename(final)
        partial.replace(archive)
        checksum.write_bytes(f"{manifest.archive['sha256']}  {archive.name}\n".encode())
        manifest.write(record)
        if (other := before.archive.get("name", archive.name)) != archive.name:  # of another kind
            (dist / other).unlink(missing_ok=True)
            (dist / f"{other}.sha256").unlink(missing_ok=True)
    finally:
        tidy()
    return Made(final, archive, table, manifest)
