"""Causes: the queue as groups that one decision can settle, and the rows of a group; pages of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines.books import msv
from pipelines.match import person_column
from schemas import codebook
from schemas.formats import formats

ORDERS = ("lignes", "dose", "anciennete")
#: Rows of a page, and the most that one may ask for.
PAGE, LARGEST = 50, 500
_EPOCH = date(1970, 1, 1)
#: Columns of a row that its list shows besides who it is about.
_DAYS = ("DATE_DEBUT_PORT", "DATE_FIN_PORT", "DATE_EXAMEN", "DATE_INCORPORATION", "MOIS", "DATEDEBUT", "DATEFIN")


@dataclass(frozen=True)
class Filters:
    """Which causes are wanted; ``None`` for any.

    Attributes:
        emetteur: the sender's code.
        code: a code that holds the rows.
        siret: SIRET or its beginning, of causes that concern an establishment.
        motif: ``CORRECTION_DU_MEDECIN`` or ``FUSION``: entries that hold no row.
        jours: the oldest row waits for at least so many days.
    """

    emetteur: str | None = None
    code: str | None = None
    format: str | None = None
    siret: str | None = None
    motif: str | None = None
    jours: int | None = None

    def parameters(self, today: date) -> dict[str, Any]:
        """As the queries take them. Raises UsageError where one makes no sense."""
        if self.code is not None and self.code not in codebook.rules():
            raise UsageError(f"aucune ligne n'attend pour {self.code}")
        if self.siret is not None and not (self.siret.isascii() and self.siret.isdigit()):
            raise UsageError("un SIRET, ou son début, ne contient que des chiffres")
        if self.jours is not None and not 0 <= self.jours <= 36_500:
            raise UsageError("l'ancienneté se compte en jours")
        return {
            "partner": self.emetteur,
            "format": self.format,
            "codes": codebook.bit(self.code) if self.code else None,
            "siret": f"{self.siret}%" if self.siret else None,
            "motive": self.motif,
            "until": today - timedelta(days=self.jours) if self.jours is not None else None,
        }


@dataclass(frozen=True)
class Page:
    """Rows of a list, and where the next page begins (``None`` at the end)."""

    rows: list[dict[str, Any]]
    following: str | None


#: Largest sum of doses, and largest day (since 1970-01-01), that a page can begin after.
_SUM, _DAY = 1 << 62, 1 << 20


def _place(token: str | None, largest: int) -> tuple[int | None, int | None]:
    """Where a page begins: the value it is sorted by, and the number of the last row before it."""
    if token is None:
        return None, None
    if len(token) > 40:
        raise UsageError("cette page n'existe pas")
    value, _, number = token.partition("_")
    try:
        place = int(value), int(number)
    except ValueError:
        raise UsageError("cette page n'existe pas") from None
    if abs(place[0]) > largest or not 0 <= place[1] < 1 << 31:
        raise UsageError("cette page n'existe pas")
    return place


def causes(
    connection: Connection,
    today: date,
    filters: Filters,
    *,
    order: str = "lignes",
    after: str | None = None,
    size: int = PAGE,
) -> Page:
    """One page of causes.

    Args:
        order: most rows first, most mSv first, or oldest first.
        after: where the page begins, from the page before.
    """
    if order not in ORDERS:
        raise UsageError(f"on trie par {', '.join(ORDERS)}")
    size = min(size, LARGEST)
    value, number = _place(after, _DAY if order == "anciennete" else _SUM)
    text = sql.query("desk", "causes").replace("/* after */", sql.query("desk", f"after_{order}"))
    text = text.replace("/* order */", sql.query("desk", f"order_{order}"))
    asked = filters.parameters(today) | {"today": today, "after": value, "after_id": number, "size": size + 1}
    found = connection.execute(text, asked).fetchall()
    rows = [_cause(row[:10]) | {"semaine": int(row[10]), "semaine_avant": int(row[11])} for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    last = found[size - 1]
    place = {"lignes": last[7], "dose": last[8], "anciennete": (last[9] - _EPOCH).days}[order]
    return Page(rows, f"{place}_{last[0]}")


def totals(connection: Connection, today: date, filters: Filters) -> dict[str, Any]:
    """What the filters leave in all: causes, rows, dose (mSv as text), oldest day."""
    row = connection.execute(sql.query("desk", "totals"), filters.parameters(today)).fetchone()
    assert row is not None
    count, rows, usv, oldest = row
    return {
        "causes": count,
        "lignes": int(rows),
        "dose_msv": msv(int(usv)),
        "depuis": oldest.isoformat() if oldest else None,
    }


def senders(connection: Connection) -> list[dict[str, Any]]:
    """Senders and formats that something waits for, with the number of rows."""
    found = connection.execute(sql.query("desk", "senders")).fetchall()
    return [{"emetteur": code, "format": layout, "lignes": int(rows)} for code, layout, rows in found]


def cause(connection: Connection, number: int) -> dict[str, Any]:
    """One cause. Raises UsageError where there is none."""
    row = connection.execute(sql.query("desk", "cause"), (number,)).fetchone()
    if row is None:
        raise UsageError(f"aucune cause {number}")
    return _cause(row)


def _cause(row: tuple[Any, ...]) -> dict[str, Any]:
    number, code, layout, codes, siret, person, motive, rows, usv, oldest = row
    book = codebook.book()
    return {
        "id": number,
        "codes": list(codebook.names(codes)),
        "libelles": [book[one].label for one in codebook.names(codes)],
        "motif": motive or None,
        "emetteur": code,
        "format": layout,
        "siret": siret or None,
        "un_travailleur": person,
        "lignes": rows,
        "dose_msv": msv(int(usv)),
        "depuis": oldest.isoformat() if oldest else None,
    }


def entries(
    connection: Connection, key: RegistryKey, number: int, *, after: str | None = None, size: int = PAGE
) -> Page:
    """One page of a cause's rows, in the order they came. Nominative: the caller notes the look."""
    size = min(size, LARGEST)
    value, last_id = _place(after, _DAY)
    asked = {"cause": number, "after": value, "after_id": last_id, "size": size + 1}
    found = connection.execute(sql.query("desk", "entries"), asked).fetchall()
    rows = [listed_entry(key, row) for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    return Page(rows, f"{(found[size - 1][11] - _EPOCH).days}_{found[size - 1][0]}")


def every_entry(connection: Connection, key: RegistryKey, number: int) -> Iterator[dict[str, Any]]:
    """All the rows of a cause, page after page."""
    after: str | None = None
    while True:
        page = entries(connection, key, number, after=after, size=LARGEST)
        yield from page.rows
        after = page.following
        if after is None:
            return


def every_cause(
    connection: Connection, today: date, filters: Filters, order: str = "lignes"
) -> Iterator[dict[str, Any]]:
    """All the causes that the filters leave, page after page."""
    after: str | None = None
    while True:
        page = causes(connection, today, filters, order=order, after=after, size=LARGEST)
        yield from page.rows
        after = page.following
        if after is None:
            return


def numbers(connection: Connection, cause_number: int) -> dict[int, int]:
    """All the entries of a cause as it is now, each with its revision."""
    return {int(entry): int(revision) for entry, revision in connection.execute(
        sql.query("desk", "numbers"), (cause_number,)).fetchall()}  # fmt: skip


def listed_entry(key: RegistryKey, row: tuple[Any, ...]) -> dict[str, Any]:
    """An entry as a page lists it: its facts, whether a question was asked, the registry's date of its reception."""
    return entry_facts(key, row[:16]) | {"question": row[16], "jour": row[11].isoformat()}


def entry_facts(key: RegistryKey, row: tuple[Any, ...]) -> dict[str, Any]:
    """An entry as its list shows it, from the sixteen first columns of its query."""
    (
        number,
        revision,
        depot,
        name,
        line,
        code,
        layout,
        codes,
        waived,
        motive,
        received,
        _,
        siret,
        quantity,
        usv,
        sealed,
    ) = row
    values = {} if sealed is None else key.open_row(sealed)
    person = person_column(formats()[layout])
    return {
        "id": number,
        "revision": revision,
        "depot": depot,
        "fichier": name,
        "ligne": line,
        "emetteur": code,
        "format": layout,
        "codes": list(codebook.names(codes)),
        "mis_de_cote": list(codebook.names(waived)),
        "motif": motive,
        "supprimee": sealed is None,
        "recu_le": received.astimezone(PARIS).isoformat(timespec="seconds"),
        "siret": siret or values.get("SIRET"),
        "grandeur": quantity or None,
        "dose_msv": msv(int(usv)) if quantity else None,
        "numero": values.get(person or "", ""),
        "nom": values.get("NOM", ""),
        "prenom": values.get("PRENOM", ""),
        "dates": " – ".join(values[name] for name in _DAYS if values.get(name)),
    }
