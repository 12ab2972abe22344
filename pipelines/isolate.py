"""One file's trouble stays its own: what fails on it is logged and counted, and the pass goes on.

The kind of the error and the place are logged, never its message, which may hold values. A service
that is gone (SFTP connection, database, backup folder) is no file's trouble: it ends the pass and may be tried again.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from loaders.backups import BackupFailed
from loaders.errors import DatabaseLost
from loaders.sftp import SftpLost

log = logging.getLogger("siseri.isolate")


def told(error: BaseException) -> str:
    """An error's kind and place (function and line), which a log may hold; never its message."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {where.name}:{where.lineno}"


class Troubles(list[int]):
    """Numbers (submissions, partners) that something failed on, in order."""

    @contextmanager
    def keep(self, what: str, number: int) -> Iterator[None]:
        """Run something for one file or account; its failure is noted here."""
        try:
            yield
        except (SftpLost, DatabaseLost, BackupFailed, psycopg.OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - logged, counted, and shown in the exit status
            log.error("%s %s: %s", what, number, told(error))
            self.append(number)
