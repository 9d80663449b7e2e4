"""Archives that are the same for the same files."""

import os
import struct
import tarfile
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyo3_uv.process import run

BLOCK = 1 << 20
LEVEL = 6  # 9 takes three times as long, for half a percent


def commit_date(project: Path) -> int:
    """Return the date of all files: SOURCE_DATE_EPOCH, else that of the last commit."""
    date = os.environ.get("SOURCE_DATE_EPOCH")
    date = date or run(["git", "log", "-1", "--format=%ct"], project).stdout
    return max(int(date or 0), 315_532_800)  # 1980, the first year of zip


def write_archive(folder: Path, name: str, archive: Path, kind: str, date: int) -> None:
    """Write the files in `folder`, as if they were in a folder `name`."""
    if kind == "zip":
        _write_zip(folder, name, archive, date)
        return

    def reset(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid, info.gid, info.uname, info.gname, info.mtime = 0, 0, "", "", date
        return info

    plain = archive.with_name(f"{archive.name}.tmp")
    try:
        with tarfile.open(plain, mode="w") as tar:
            for path in sorted(folder.rglob("*")):
                arcname = f"{name}/{path.relative_to(folder)}"
                tar.add(path, arcname, recursive=False, filter=reset)
        if kind == "tar.gz":
            _gzip(plain, archive, date)
        else:
            import zstandard

            with plain.open("rb") as source, archive.open("wb") as file:
                zstandard.ZstdCompressor(level=12, threads=-1).copy_stream(
                    source, file, plain.stat().st_size
                )
    finally:
        plain.unlink(missing_ok=True)


def _gzip(source: Path, archive: Path, date: int) -> None:
    """Compress blocks side by side, each with the end of the one before as its dictionary, as pigz."""
    data = memoryview(source.read_bytes())

    def compress(start: int) -> bytes:
        window = bytes(data[max(start - 32768, 0) : start])
        options = [LEVEL, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY]
        stream = zlib.compressobj(*options, window) if window else zlib.compressobj(*options)
        last = start + BLOCK >= len(data)
        block = stream.compress(data[start : start + BLOCK])
        return block + stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    with archive.open("wb") as file, ThreadPoolExecutor() as pool:
        file.write(struct.pack("<4sLBB", b"\x1f\x8b\x08\x00", date, 0, 3))
        for block in pool.map(compress, range(0, len(data), BLOCK)):
            file.write(block)
        file.write(struct.pack("<LL", zlib.crc32(data), len(data) & 0xFFFFFFFF))


def _write_zip(folder: Path, name: str, archive: Path, date: int) -> None:
    day = time.gmtime(date)[:6]  # the same in all time zones
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", day)
                info.external_attr = path.stat().st_mode << 16
                zipped.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
