"""Tell employers whom they must declare: ``a-declarer.csv`` in their ``retour/``, kept up to date."""

from __future__ import annotations

import logging
from itertools import groupby
from operator import itemgetter

import sql
from loaders import crash
from loaders.secrets import RegistryKey
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone
from pipelines.check import check
from pipelines.isolate import Troubles
from pipelines.read import chunk_of_rows
from pipelines.rules import Rules
from reports.declarations import declaration_list
from schemas import codebook
from schemas.formats import formats
from schemas.spec import Context

log = logging.getLogger("siseri.declare")

NAME = "a-declarer.csv"


def declare(client: SftpClient, connection: Connection, key: RegistryKey, troubles: Troubles) -> int:
    """Renew or remove every employer's list that changed. Gives how many were written or removed.

    Args:
        troubles: gathers the employers whose list could not be delivered now.
    """
    waits = codebook.mask(("IDT-05", "IDT-06", "IDT-07"))
    with alone(connection, DELIVERY, Delivery.DECLARATIONS) as held:
        return _declare(client, connection, key, troubles, waits) if held else 0


def _declare(client: SftpClient, connection: Connection, key: RegistryKey, troubles: Troubles, waits: int) -> int:
    employers = connection.execute(sql.query("release", "employers"), {"waits": waits}).fetchall()
    done = 0
    for partner_id, code, _, signature in employers:
        with troubles.keep("partner", partner_id):
            if signature is None:
                client.take_back(code, "retour", NAME)
                with connection.transaction():
                    connection.execute(sql.query("release", "undeclared"), (partner_id,))
            else:
                client.put(code, "retour", NAME, declaration_list(wanted(connection, key, partner_id, waits)))
                crash.reach("declare.delivered")
                with connection.transaction():
                    connection.execute(sql.query("release", "declared"), (partner_id, signature))
            done += 1
    log.info("declaration lists changed: %s", done)
    return done


def wanted(connection: Connection, key: RegistryKey, partner_id: int, waits: int) -> list[dict[str, str]]:
    """NIR, SIRET, NOM, PRENOM of the workers to declare, one row per person and establishment."""
    found = connection.execute(sql.query("release", "declarations"), {"partner": partner_id, "waits": waits}).fetchall()
    listed: list[dict[str, str]] = []
    by_sender = itemgetter(0, 2, 3)
    for (format_name, sender, received_on), group in groupby(sorted(found, key=by_sender), key=by_sender):
        rows = list(group)
        layout = formats()[format_name]
        checked = check(layout, chunk_of_rows(layout, [key.open_row(row[-1]) for row in rows]), Context.on(received_on))
        Rules.in_force(connection.cursor(), key, sender).apply(layout, checked)  # whom the number is read as
        named = [name for name in ("NIR", "NOM", "PRENOM") if layout.has(name)]
        columns = {name: checked.values[name].to_pylist() for name in named}
        columns["SIRET"] = [row[1] for row in rows]
        listed += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return sorted(listed, key=lambda row: (row["SIRET"], row["NIR"]))
