"""Once a month: to each physician and adviser, for every establishment that designates the account, the results of the
month that ended which it may see, older ones that came or changed since its last file, and those that hold no longer.

Read through the access views under the account's own right (0019_access.sql), and noted in the audit. Where a
designation ends, its files leave ``retour/`` the same day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import sql
from loaders import crash
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import Connection, Warehouse
from pipelines import audit
from pipelines.isolate import Troubles
from pipelines.monthly_news import Before, news
from pipelines.principals import Principal, admitted
from pipelines.statement import INTERNAL, Fetched, read
from pipelines.statement_rows import ended
from reports.lists import result_list

log = logging.getLogger("siseri.monthly")

Owed = tuple[int, str, str, str, int, str, datetime | None, datetime | None, date, date]


def deliver(
    client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, troubles: Troubles
) -> int:
    """Deliver the files that are owed this month and take out those whose right has ended.

    Returns:
        How many files were written.
    """
    today = settings.registry_date()
    _withdraw(client, connection, today, troubles)
    month = today.replace(day=1)
    owed: list[Owed] = connection.execute(
        sql.query("monthly_results", "owed"), {"today": today, "month": month}
    ).fetchall()
    if not owed:
        return 0
    news = connection.execute(sql.query("monthly_results", "news"), {"day": today}).fetchone()
    assert news is not None
    if not news[1]:
        return 0
    last = month - timedelta(1)
    candidates = _candidates(connection, owed, last)
    # What is loaded from here on may be missing in this month's files, and counts as come since.
    moment = connection.execute(sql.query("monthly_results", "moment")).fetchone()
    assert moment is not None
    warehouse = Warehouse(settings, connection.info.dsn)
    history = {hour for (hour,) in connection.execute(sql.query("monthly_results", "history"))}
    written, before = 0, len(troubles)
    for one in owed:
        partner_id, code, _, _, establishment, siret, *_ = one
        if establishment not in candidates:
            continue
        with troubles.keep("partner", partner_id):
            body = _results(warehouse, key, one, today, last, history)
            if body is None:
                continue
            name = f"resultats-{siret}-{last:%Y-%m}.csv"
            client.put(code, "retour", name, body)
            crash.reach("results.delivered")
            # Recorded last: a pass that dies before this delivers the same again.
            with connection.transaction():
                connection.execute(sql.query("monthly_results", "delivered"), (partner_id, name, month, moment[0]))
            written += 1
    if len(troubles) == before:
        with connection.transaction():
            connection.execute(sql.query("monthly_results", "looked"), (news[0], today))
    log.info("monthly results written: %s", written)
    return written


def _withdraw(client: SftpClient, connection: Connection, today: date, troubles: Troubles) -> None:
    for partner_id, code, name, month in connection.execute(
        sql.query("monthly_results", "outlived"), {"today": today}
    ).fetchall():
        with troubles.keep("partner", partner_id):
            client.take_back(code, "retour", name)
            with connection.transaction():
                connection.execute(sql.query("monthly_results", "removed"), (partner_id, name, month))


def _candidates(connection: Connection, owed: Iterable[Owed], last: date) -> set[int]:
    """Establishments that have something to tell: nobody's data are opened for the others."""
    asked = {
        "establishments": sorted({one[4] for one in owed}),
        "first": last.replace(day=1),
        "last": last,
        "year": last.year,
        # Of an account that never got any, the month alone counts; a day to come finds nothing older.
        "since": min((one[6] for one in owed if one[6]), default=datetime.max),
    }
    return {one for (one,) in connection.execute(sql.query("monthly_results", "candidates"), asked).fetchall()}


def _results(
    warehouse: Warehouse, key: RegistryKey, owed: Owed, today: date, last: date, history: set[datetime]
) -> bytes | None:
    """The file of an account and establishment; ``None`` where nothing may or need be told."""
    _, code, role, identifiant, _, siret, last_at, first_at, first_month, last_month = owed
    before = Before.of(last_at, first_at, first_month, last_month) if last_at and first_at else None
    asking = Principal(role, identifiant)
    with admitted(
        warehouse, key, asking, day=today, who=code, door=audit.RETURN, what="resultats", siret=siret
    ) as reader:
        if reader is None:
            return None
        with reader.transaction():
            reader.execute("set transaction isolation level repeatable read, read only")
            gone = reader.execute(sql.query("access", "ended"), (before.last_at,)).fetchall() if before else []
            held = Fetched.of(reader, asking.profile).facts()
            found = news(held, [ended(row) for row in gone], last, before, history)
            persons = {row[0]: row for row in read(reader, "persons")}
    if not found:
        return None
    found.sort(key=lambda one: (persons[one["personne"]][1:3], one["personne"], one["fin"], one["debut"]))
    rows = []
    for one in found:
        _, last_name, first_name, *_, sealed = persons[one["personne"]]
        rows.append({"NIR": key.open(sealed).decode(), "NOM": last_name, "PRENOM": first_name} | one)
    return result_list(rows, internal=asking.profile in INTERNAL)
