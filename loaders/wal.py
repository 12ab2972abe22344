"""What PostgreSQL calls to put a finished piece of its log (WAL) into a backup, and to get one back.

Run by its path with the standard library alone (``python -I -S``): the server starts it for every piece of 16 MB, and
it must start in milliseconds and work without the project's packages.

``wal.py keep SEGMENT FOLDER``: compressed, whole or not at all, on the disk when it ends with status 0. The hour of its
last record is that of its compressed form (:func:`written`). A piece that is there already is the same piece or a
failure: nothing is written over.
``wal.py fetch NAME TARGET REASON FOLDER…``: the piece of that name, from the first folder that has it (compressed or
plain). Status 1: there is none, which ends a recovery. Status 200: one is damaged, or missing between others;
PostgreSQL takes a status above 128 as a reason to stop, and ``REASON`` says why.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
STOP = 200
_SEGMENT = re.compile(r"^[0-9A-F]{24}(\.gz)?$")


def keep(segment: Path, folder: Path) -> int:
    """Put a piece into the folder; 0 where it is there."""
    target = folder / f"{segment.name}.gz"
    if target.exists():
        return 0 if _same(segment, target) else _fail(f"{target} holds another piece of the log")
    fresh = folder / f"{segment.name}.{os.getpid()}.part"
    try:
        hour = int(segment.stat().st_mtime)
        with segment.open("rb") as source, fresh.open("xb") as raw:
            with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=hour) as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
            raw.flush()
            os.fsync(raw.fileno())
        fresh.rename(target)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        return _fail(f"{target} cannot be written: {os.strerror(error.errno or 0)}")
    finally:
        fresh.unlink(missing_ok=True)
    return 0


def written(piece: Path) -> int:
    """When a kept piece was last written to by the database, in seconds since 1970: what it tells is no later."""
    with piece.open("rb") as file:
        return int.from_bytes(file.read(8)[4:], "little")


def fetch(name: str, target: Path, reason: Path, folders: list[Path]) -> int:
    """Bring a piece back; 1 where there is none."""
    for folder in folders:
        for path in (folder / f"{name}.gz", folder / name):
            if not path.exists():
                continue
            try:
                with _opened(path) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
            except (OSError, EOFError, zlib.error) as error:
                return _stop(reason, f"the piece {name} of the log is damaged ({type(error).__name__})")
            return 0
    if _SEGMENT.match(name) and any(_later(name, folder) for folder in folders):
        return _stop(reason, f"the piece {name} of the log is missing, though later ones are there")
    return 1


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _same(segment: Path, target: Path) -> bool:
    try:
        with segment.open("rb") as one, gzip.open(target, "rb") as other:
            while True:
                mine, theirs = one.read(_CHUNK), other.read(_CHUNK)
                if mine != theirs:
                    return False
                if not mine:
                    return True
    except (OSError, EOFError, zlib.error):
        return False


def _later(name: str, folder: Path) -> bool:
    """Whether a later piece of the same timeline is there."""
    names = (one.name for one in folder.iterdir())
    return any(_SEGMENT.match(one) and one[:8] == name[:8] and one[:24] > name for one in names)


def _stop(reason: Path, told: str) -> int:
    reason.write_text(told, encoding="utf-8")
    _fail(told)
    return STOP


def _fail(told: str) -> int:
    print(told, file=sys.stderr)
    return 1


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        sys.exit(keep(Path(sys.argv[2]), Path(sys.argv[3])))
    sys.exit(fetch(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), [Path(one) for one in sys.argv[5:]]))
