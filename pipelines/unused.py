"""Accounts that nobody uses: told a month ahead in their ``retour/``, closed after 24 months.

A use is a login (where the server tells of logins) or a file. The notice goes as soon as the account is used again; one
whose notice has not lain there for a month is never closed, however long it has been unused.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any

import sql
from loaders.settings import PARIS, Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection
from pipelines import age_keys, doors, leftovers
from pipelines.answer import as_document
from pipelines.isolate import Troubles
from reports.execution import VERSION
from reports.page import unused_page
from schemas.formats.common import months_later

log = logging.getLogger("siseri.unused")

#: Months without a use after which an account is closed, and how many of them it is told ahead.
MONTHS, AHEAD = 24, 1
NOTICE = "compte-inutilise"


def keep_doors(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Open and close the accounts whose day has come; once a day, look for unused ones and for what lies in depots.

    Args:
        troubles: gathers the accounts that could not be told or opened now; the next pass tries again.

    Returns:
        How many accounts were opened or closed.
    """
    turned = 0
    with troubles.keep("doors", 0):
        turned = doors.turn(connection, client, settings)
    today = settings.registry_date()
    looked = connection.execute(sql.query("doors", "looked"), (today,)).fetchone()
    if looked and looked[0]:
        return turned
    _note_logins(client, connection)
    before = len(troubles)
    for partner_id, code, warned, used in connection.execute(sql.query("doors", "uses")).fetchall():
        with troubles.keep("partner", partner_id):
            turned += _judge(client, connection, settings, partner_id, code, warned, used)
    leftovers.tell(client, connection, settings, troubles)
    age_keys.tell_all(client, connection, settings, troubles)
    with troubles.keep("doors", 0):
        if client.takes_accounts():
            doors.publish_all(connection, client)  # heals what a server lost or somebody changed
    if len(troubles) == before:
        with connection.transaction():
            connection.execute(sql.query("doors", "note_look"), (today,))
    return turned


def _note_logins(client: SftpClient, connection: Connection) -> None:
    seen = [
        {"code": code, "day": datetime.fromtimestamp(moment, PARIS).date()} for code, moment in client.logins().items()
    ]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(sql.query("doors", "note_login"), seen)


def _judge(
    client: SftpClient,
    connection: Connection,
    settings: Settings,
    partner: int,
    code: str,
    warned: date | None,
    used: date,
) -> int:
    """Tell, close or leave one open account; 1 where it was closed."""
    today = settings.registry_date()
    if today < months_later(used, MONTHS - AHEAD):
        if warned is not None:
            for kind in ("html", "json"):
                client.remove(code, "retour", f"{NOTICE}.{kind}")
            _warn(connection, partner, None)
        return 0
    if warned is None:
        _tell(client, code, used, max(months_later(used, MONTHS), months_later(today, AHEAD)))
        _warn(connection, partner, today)
        return 0
    if today < max(months_later(used, MONTHS), months_later(warned, AHEAD)):
        return 0
    with connection.transaction():
        connection.execute(sql.query("doors", "close_unused"), {"partner": partner})
    doors.settle(connection, client, settings, code)
    log.info("partner %s closed, unused", partner)
    return 1


def _warn(connection: Connection, partner: int, day: date | None) -> None:
    with connection.transaction():
        connection.execute(sql.query("doors", "warn"), {"partner": partner, "day": day})


def _tell(client: SftpClient, code: str, used: date, closes: date) -> None:
    facts: dict[str, Any] = {
        "version": VERSION,
        "emetteur": code,
        "derniere_utilisation": used.isoformat(),
        "ferme_le": closes.isoformat(),
        "message": "Ce compte ne sert plus. Il sera fermé à cette date. Pour le garder, il suffit de s'y connecter ou "
        "d'y déposer un fichier avant.",
    }
    client.put(code, "retour", f"{NOTICE}.html", unused_page(facts))
    client.put(code, "retour", f"{NOTICE}.json", as_document(facts))
