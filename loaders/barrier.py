"""Before an answer goes out, the log of what it tells is in the backup folder: no answer outlives its registry.

PostgreSQL archives its log in pieces of 16 MB, at the latest a minute after something was written. An answer does not
wait for that minute: the piece under way is closed and the answer goes out when it has come in. Once per load, not per
answer.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg

import sql
from loaders.backups import BackupFailed, Target, line_of
from loaders.settings import Settings

PATIENCE_S = 60.0


class Barrier:
    """Called before each answer; connects as the administrator when it is called first."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._passed: int | None = None

    def __call__(self) -> None:
        """Return when every load committed so far is in the backup folder.

        Raises:
            BackupFailed: it does not come in.
        """
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        row = self._connection.execute(sql.query("backup", "last_load")).fetchone()
        last = int(row[0]) if row else 0
        if last != self._passed:
            archived(self._connection, self._settings)
            self._passed = last

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def archived(connection: psycopg.Connection[Any], settings: Settings, patience_s: float = PATIENCE_S) -> str:
    """Close the piece of the log under way and wait until it is in the backup folder; gives its name.

    Args:
        connection: the administrator's, in autocommit.

    Raises:
        BackupFailed: it does not come in, or the database archives nothing, or elsewhere.
    """
    wal = wal_folder(connection, settings)
    row = connection.execute(sql.query("backup", "close_piece")).fetchone()
    assert row is not None
    piece = wal / f"{row[0]}.gz"
    limit = time.monotonic() + patience_s
    while not piece.exists():
        if time.monotonic() > limit:
            raise BackupFailed(
                f"the database's log does not reach the backup folder {settings.backup_dir} (is it full, or gone?);"
                " answers wait, nothing is lost"
            )
        time.sleep(0.01)
    return str(row[0])


def wal_folder(connection: psycopg.Connection[Any], settings: Settings) -> Path:
    """The folder that the living server archives its log to.

    Raises:
        BackupFailed: it was started without, or with another one.
    """
    target = Target.of(settings)
    line = line_of(settings.home, target.path)
    row = connection.execute(sql.query("backup", "archiving")).fetchone()
    command = str(row[0]) if row and row[0] else ""
    if line is None or str(target.wal(line)) not in command:
        raise BackupFailed(
            "the database was started before SISERI_BACKUP_DIR was set: end what holds it ('siseri down'),"
            " then try again"
        )
    return target.wal(line)
