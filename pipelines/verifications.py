"""Identities still to be verified, as a file that comes back as IDENTITES once answered."""

from __future__ import annotations

from pathlib import Path

import sql
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines import audit
from pipelines.private_file import write_private
from reports.execution import as_text
from reports.lists import french
from schemas.formats import formats


def pending(connection: Connection, key: RegistryKey, out: Path, who: str) -> int:
    """Write who is known by a waiting number only and has no answer yet; NIR, CLE and STATUT are left to fill.

    Args:
        out: the file to write or replace whole, readable by its owner alone.
        who: the account that asks, for the audit.

    Returns:
        How many identities it holds.

    Raises:
        UsageError: the file cannot be written there.
    """
    names = formats()["IDENTITES"].names
    rows = []
    for sealed, last, first, birth, sex in connection.execute(sql.query("monthly", "unverified")).fetchall():
        known = {
            "NIA": key.open(sealed).decode(),
            "NOM": last,
            "PRENOM": first,
            "DATENAISSANCE": french(birth),
            "SEXE": sex,
        }
        rows.append([known.get(name, "") for name in names])
    audit.looked(connection, who, audit.COMMAND, "identities pending", records=len(rows))
    write_private(out, as_text(names, sorted(rows)).encode())
    return len(rows)
