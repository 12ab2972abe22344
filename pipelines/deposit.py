"""Deposit: put files into a sender's ``depot/`` as a careful sender would."""

from __future__ import annotations

from pathlib import Path

import sql
from loaders.errors import UsageError
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines.collect import MARKER, readable_name
from schemas.roles import RECEIVERS


def deposit(client: SftpClient, connection: Connection, code: str, files: list[Path]) -> list[str]:
    """Write each file under a temporary name, rename it, leave its marker; the next pass takes it at once.

    Control totals in ``<file>.ok`` beside a local file go with it.

    Raises:
        UsageError: unknown or closed account, one that only receives, a file that cannot be read, a
            name that no pass would take, or one that still waits in the depot.
    """
    found = connection.execute(sql.query("collect", "partner"), (code,)).fetchone()
    if found is None:
        raise UsageError(f"no open account {code}")
    if found[1] in RECEIVERS:
        raise UsageError(f"the account {code} only receives: it has no depot")
    for file in files:
        if not file.is_file():
            raise UsageError(f"not a file: {file.name}")
        if not readable_name(file.name):
            raise UsageError(f"a file of this name would never be taken: {file.name}")
        if client.exists(code, "depot", file.name):
            raise UsageError(f"a file of this name still waits in the depot: {file.name}")
    for file in files:
        totals = file.with_name(file.name + MARKER)
        client.put(code, "depot", file.name, file)
        client.put(code, "depot", file.name + MARKER, totals.read_bytes() if totals.is_file() else b"")
    return [file.name for file in files]
