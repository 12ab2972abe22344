"""Tell employers whom they must declare: ``a-declarer.csv`` in their ``retour/``, kept up to date."""

from __future__ import annotations

import hashlib
import logging

import pyarrow as pa

import sql
from loaders.secrets import RegistryKey
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines.parsing import parse
from reports.declarations import declaration_list
from schemas import codebook
from schemas.formats import formats

log = logging.getLogger("siseri.declare")

NAME = "a-declarer.csv"


def declare(client: SftpClient, connection: Connection, key: RegistryKey) -> int:
    """Renew or remove every employer's list that changed. Gives how many were written or removed."""
    employers = connection.execute(sql.query("release", "employers")).fetchall()
    waits = codebook.mask(("IDT-05", "IDT-06", "IDT-07"))
    changed = 0
    for partner_id, code, delivered in employers:
        rows = wanted(connection, key, partner_id, waits)
        if not rows:
            if delivered is not None:
                client.remove(code, "retour", NAME)
                with connection.transaction():
                    connection.execute(sql.query("release", "undeclared"), (partner_id,))
                changed += 1
            continue
        body = declaration_list(rows)
        digest = hashlib.sha256(body).hexdigest()
        if digest != delivered:
            client.put(code, "retour", NAME, body)
            with connection.transaction():
                connection.execute(sql.query("release", "declared"), (partner_id, digest))
            changed += 1
    log.info("declaration lists changed: %s", changed)
    return changed


def wanted(connection: Connection, key: RegistryKey, partner_id: int, waits: int) -> list[dict[str, str]]:
    """NIR, SIRET, NOM, PRENOM of the workers to declare, one row per person and establishment."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for format_name, siret, person, sealed in connection.execute(
        sql.query("release", "declarations"), (partner_id, waits)
    ).fetchall():
        row = key.open_row(sealed)
        known = found.setdefault((siret, str(person)), {"SIRET": siret})
        layout = formats()[format_name]
        for name in ("NIR", "NOM", "PRENOM"):
            if not known.get(name) and row.get(name):
                kept, _ = parse(layout.column(name), pa.array([row[name]]))
                known[name] = kept.values[0].as_py()
    return list(found.values())
