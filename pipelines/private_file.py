"""A file with personal data, where the operator says: whole or not at all, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from loaders.errors import UsageError


def write_private(out: Path, body: bytes) -> None:
    """Write or replace a file, mode 0600.

    Raises:
        UsageError: it cannot be written there.
    """
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(body)
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)
    except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError("the file cannot be written there") from error
