"""The archive: the original bytes of every file, unaltered, under their SHA-256."""

from __future__ import annotations

import os
from pathlib import Path

from loaders.settings import Settings


def place(settings: Settings, sha256: str) -> Path:
    """Where the bytes of this hash (hexadecimal) lie, or will lie."""
    return settings.home / "archive" / sha256[:2] / sha256[2:4] / sha256


def keep(settings: Settings, sha256: str, fetched: Path) -> Path:
    """Move a fetched file, already on disk, into the archive; the bytes are there when this returns.

    The same bytes received again change nothing.
    """
    target = place(settings, sha256)
    if target.exists():
        fetched.unlink()
        return target
    settings.folder("archive", sha256[:2], sha256[2:4])
    fetched.chmod(0o400)
    fetched.replace(target)
    for folder in (target.parent, target.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return target
