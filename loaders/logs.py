"""Logs that grow: cut where they are written, removed where each run leaves its own.

Every program appends to its log (``O_APPEND``), so a log may be copied aside and emptied under it; what is written
between the two is lost, a line at the worst.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

#: A log is cut at this size, and so many cut ones are kept: 120 MB a program at the most.
MOST_BYTES = 20 << 20
KEPT = 5


def rotate(folder: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> int:
    """Cut the logs of a folder that grew beyond ``most_bytes``: ``x.log`` becomes ``x.log.1``. Returns how many."""
    cut = 0
    for log in sorted(folder.glob("*.log")):
        if log.is_symlink() or not log.is_file() or log.stat().st_size <= most_bytes:
            continue
        for number in range(kept, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                log.with_name(f"{log.name}.{number - 1}").replace(log.with_name(f"{log.name}.{number}"))
        aside = log.with_name(f"{log.name}.1")
        with (
            log.open("rb") as source,
            os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out,
        ):
            shutil.copyfileobj(source, out)
        os.truncate(log, 0)
        cut += 1
    return cut


def expire(folder: Path, days: int) -> int:
    """Remove the files below a folder that nobody wrote to for so many days, and folders left empty.

    Links are neither followed nor removed. Returns how many files went.
    """
    before = time.time() - days * 86_400
    gone = 0
    for path, folders, names in os.walk(folder, topdown=False):
        for name in names:
            file = Path(path) / name
            with contextlib.suppress(FileNotFoundError):
                if not file.is_symlink() and file.stat().st_mtime < before:
                    file.unlink()
                    gone += 1
        for name in folders:
            below = Path(path) / name
            with contextlib.suppress(OSError):  # not empty, or a link
                if below.stat().st_mtime < before:
                    below.rmdir()
    return gone
