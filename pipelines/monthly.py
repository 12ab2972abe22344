"""Once a month: each employer's own list and what is missing in it, each body's contacts, each physician's and
adviser's results, in their ``retour/``.

A month's lists are owed from the first pass of the month on which there is something to tell; what was
delivered stands in the ledger, so that any pass may be repeated. Where a list tells of an establishment that is no
longer the account's, it is made anew the same day.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

import sql
from loaders import crash
from loaders.registry import depots, opened
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone
from pipelines import doors, monthly_results
from pipelines.isolate import Troubles
from pipelines.signs import Duty, give
from reports.lists import contact_list, french, incomplete_list, worker_list

log = logging.getLogger("siseri.monthly")

_ATTRIBUTES = (
    *("GROUPE", "CLASSEMENT", "AUTREEXPOSITION", "caractereActivite", "codeDomaineActivite", "codeSecteurActivite"),
    *("codeNuisanceRadiologique", "codeTypeContrat", "CodeMetier"),
)

#: Lists by file name, ``None`` where this month's has nothing to say; the establishments (SIRET) that they tell of.
Lists = tuple[dict[str, bytes | None], set[str]]


def renew() -> dict[str, int]:
    """Deliver what is owed this month: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        doors.turn(registry.connection, client, settings)
        lists = deliver(client, registry.connection, settings, registry.key, troubles)
        give(registry.connection, Duty.MONTHLY)
    return {"lists": lists, "troubles": len(troubles)}


def deliver(
    client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, troubles: Troubles
) -> int:
    """Renew the lists of every account that is owed this month's; one that became empty is removed.

    Args:
        troubles: gathers the accounts whose lists could not be delivered now.

    Returns:
        How many lists were written.
    """
    with alone(connection, DELIVERY, Delivery.LISTS) as held:
        if not held:
            return 0
        written = _lists(client, connection, settings, key, troubles)
        return written + monthly_results.deliver(client, connection, settings, key, troubles)


def _lists(client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, troubles: Troubles) -> int:
    today = settings.registry_date()
    month = today.replace(day=1)
    owed = connection.execute(sql.query("monthly", "owed"), {"today": today, "month": month}).fetchall()
    outlived = connection.execute(sql.query("monthly", "outlived"), {"today": today}).fetchall()
    owed += [account for account in outlived if account not in owed]
    written = 0
    for partner_id, code, role in owed:
        with troubles.keep("partner", partner_id):
            lists, sirets = _LISTS_OF_ROLE[role](connection, key, partner_id, code, role, today)
            for name, body in lists.items():
                if body is None:
                    client.take_back(code, "retour", name)
                else:
                    client.put(code, "retour", name, body)
            crash.reach("monthly.delivered")
            # Recorded last and together: a pass that dies before this delivers the same again.
            with connection.transaction():
                connection.execute(sql.query("monthly", "forget_told"), (partner_id,))
                connection.execute(sql.query("monthly", "note_told"), (partner_id, sorted(sirets)))
                for name in lists:
                    connection.execute(sql.query("monthly", "delivered"), (partner_id, name, month))
            written += sum(body is not None for body in lists.values())
    if owed:
        log.info("monthly lists written: %s", written)
    return written


def _of_employer(connection: Connection, key: RegistryKey, partner_id: int, code: str, role: str, today: date) -> Lists:
    found = connection.execute(sql.query("monthly", "workers"), {"partner": partner_id, "today": today}).fetchall()
    workers = [_worker(key, row) for row in found]
    missing = [worker for worker, (*_, designated) in zip(workers, found, strict=True) if not designated]
    lists = {
        "travailleurs.csv": worker_list(workers) if workers else None,
        "incomplets.csv": incomplete_list(missing) if missing else None,
    }
    return lists, {worker["SIRET"] for worker in workers}


def _worker(key: RegistryKey, row: tuple[Any, ...]) -> dict[str, str]:
    """A worker in the words of TRAVAILLEURS, and the name of the establishment."""
    sealed, last, first, birth, sex, siret, *attributes, tenths, start, establishment, _ = row
    texts = {
        "NIR": key.open(sealed).decode(),
        "NOM": last,
        "PRENOM": first,
        "DATENAISSANCE": french(birth),
        "SEXE": sex,
        "SIRET": siret,
        "QUOTITE": f"{tenths // 10}.{tenths % 10}",
        "DATEDEBUT": french(start),
        "ETABLISSEMENT": establishment,
    }
    return texts | {name: text or "" for name, text in zip(_ATTRIBUTES, attributes, strict=True)}


def _of_body(connection: Connection, key: RegistryKey, partner_id: int, code: str, role: str, today: date) -> Lists:
    asked = {"code": code, "role": role, "today": today}
    found = connection.execute(sql.query("monthly", "contacts"), asked).fetchall()
    return {"accedants.csv": contact_list(found) if found else None}, {row[0] for row in found}


_LISTS_OF_ROLE: dict[str, Callable[[Connection, RegistryKey, int, str, str, date], Lists]] = {
    "EMPLOYEUR": _of_employer,
    "OA": _of_body,
    "EXPLOITANT": _of_body,
}
