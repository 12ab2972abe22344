"""The senders' homes in a backup, where this registry serves them: each copy shares with the last what did not change.

They hold answers that were not fetched yet and files that were not taken yet. The public keys of the senders go with
them, since without these nobody could log in to a restored registry; nothing secret does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

FOLDER = "homes"
#: Where they lie in a home, and in the copy.
PARTS = {"sftp": "sftp", "keys/partners": "partners"}


def copy(home: Path, part: Path, before: Path | None) -> None:
    """Copy the homes into ``part/homes``; a file that is the same as in the copy before becomes a link to it."""
    for place, name in PARTS.items():
        source = home / place
        if source.is_dir():
            _tree(source, part / FOLDER / name, before / name if before else None)


def restore(folder: Path, home: Path) -> None:
    """Put the copied homes into a restored home, as files of their own."""
    for place, name in PARTS.items():
        source = folder / FOLDER / name
        if source.is_dir():
            _tree(source, home / place, None)


def _tree(source: Path, target: Path, before: Path | None) -> None:
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for entry in sorted(os.scandir(os.fsencode(source)), key=lambda one: one.name):
        name = os.fsdecode(entry.name)
        here, there = source / name, target / name
        # Senders and passes go on meanwhile: what left is in the archive, or comes back.
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir(follow_symlinks=False):
                _tree(here, there, before / name if before else None)
            elif entry.is_file(follow_symlinks=False):
                _file(here, there, before / name if before else None)
    shutil.copystat(source, target)


def _file(source: Path, target: Path, before: Path | None) -> None:
    told = source.stat()
    if before is not None:
        with contextlib.suppress(OSError):
            known = before.stat()
            if (known.st_size, known.st_mtime_ns) == (told.st_size, told.st_mtime_ns):
                os.link(before, target)
                return
    shutil.copy2(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
