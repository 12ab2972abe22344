"""Audit: who looked at nominative data, when, by which door. Written before what is shown, never changed.

The database chains the looks as they come (0026_audit_chain.sql); ``siseri verify`` walks the chain.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
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


@dataclass(frozen=True)
class Wanted:
    """Which looks: all of whom and at whom, on these days (Europe/Paris, both included)."""

    first: date | None = None
    last: date | None = None
    who: str | None = None
    person: str | None = None  #: NIR or NIA of whom was looked at


def wanted(first: str | None, last: str | None, who: str | None, person: str | None) -> Wanted:
    """What was asked, as typed. Raises UsageError where a day is none or the days are in the wrong order."""
    days = Wanted(_day(first), _day(last), who, person)
    if days.first and days.last and days.first > days.last:
        raise UsageError("le premier jour est après le dernier")
    return days


def looks(
    connection: Connection,
    key: RegistryKey,
    asked: Wanted,
    *,
    skipped: int = 0,
    most: int | None = None,
    chained: bool = False,
) -> list[dict[str, Any]]:
    """The looks, the newest first; of a person: those at him, or at a row that waits or waited for him.

    A look at a list says how many records were shown, not of whom: those are in the audit and not in a person's looks.

    Args:
        connection: of a profile that reads the audit and the identities.
        most: at most so many; ``None`` for all.
        chained: in the order of the chain instead.
    """
    prints, numbers = _known_as(connection, key, asked.person)
    rows = connection.execute(
        sql.query("audit", "listed"),
        {
            "first": _midnight(asked.first),
            "beyond": _midnight(asked.last + timedelta(days=1) if asked.last else None),
            "who": asked.who,
            "person": key.fingerprint(asked.person) if asked.person else None,
            "prints": prints,
            "numbers": numbers,
            "chained": chained,
            "most": most,
            "skipped": skipped,
        },
    ).fetchall()
    return [_as_json(row) for row in rows]


def head(connection: Connection) -> tuple[int, str]:
    """How many looks the chain holds, and the digest of the last: whoever keeps both can tell a chain made anew."""
    row = connection.execute(sql.query("audit", "head")).fetchone()
    assert row is not None
    return int(row[0]), bytes(row[1]).hex()


def holds(connection: Connection, place: int, digest: str) -> bool:
    """Whether the chain still has this digest (hexadecimal) at this place: what :func:`head` gave once."""
    row = connection.execute(sql.query("audit", "link_at"), (place,)).fetchone()
    return (bytes(row[0]).hex() if row else "" if place == 0 else None) == digest.lower()


def as_csv(listed: Iterable[dict[str, Any]]) -> bytes:
    """The looks for an inspection: UTF-8, semicolons, what the digests cover included."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue().encode()


#: Keys of a look, and columns of its file.
COLUMNS = (
    *("id", "quand", "qui", "porte", "objet", "droit", "entree", "depot", "ligne", "travailleur", "enregistrements"),
    *("rang", "empreinte", "contenu"),
)


def _as_json(row: Sequence[Any]) -> dict[str, Any]:
    shown = dict(zip(COLUMNS, row, strict=True))
    moment: datetime = shown["quand"]
    shown["quand"] = moment.astimezone(PARIS).isoformat()
    shown["empreinte"] = bytes(shown["empreinte"]).hex() if shown["empreinte"] is not None else None
    return shown


def _known_as(connection: Connection, key: RegistryKey, person: str | None) -> tuple[list[Any], list[int]]:
    if person is None:
        return [], []
    own = key.fingerprint(person)
    rows = connection.execute(sql.query("audit", "known_as"), (own,)).fetchall()
    return [own, *(one for _, one in rows)], sorted({number for number, _ in rows})


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise UsageError("un jour s'écrit AAAA-MM-JJ") from error


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), PARIS) if day else None
