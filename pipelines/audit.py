"""Audit: who looked at nominative data, when, by which door. Written before what is shown, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sql
from loaders.warehouse import Connection

#: Doors: the page of the Airflow UI, the command, an account's ``retour/``.
DESK, COMMAND, RETURN = "BUREAU", "COMMANDE", "RETOUR"


def looked(
    connection: Connection, who: str, door: str, what: str, entries: Sequence[int] = (), records: int = 1
) -> None:
    """Note a look.

    Args:
        who: the person's account name.
        what: the kind of page or listing, never its content.
        entries: the queue entries shown, one line each; else one line for ``records`` nominative records.
    """
    with connection.transaction():
        if entries:
            connection.execute(sql.query("audit", "entries"), (who, door, what, list(entries)))
        else:
            connection.execute(sql.query("audit", "records"), (who, door, what, records))
