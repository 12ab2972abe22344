"""Exceedances as the desk lists them: filters, counts by state, pages, and all of it as the registry stood at an hour.

Nominative: who shows a list notes the look.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines.books import msv
from pipelines.states import DETECTED, NOTIFIED, STATES
from schemas.formats import passive
from schemas.limits import QUANTITIES, by_code, limits

#: States in which a physician's conclusion is waited for.
OPEN = (DETECTED, NOTIFIED)
ORDERS = ("recents", "echeance", "fenetre", "valeur", "etablissement")
#: Rows of a page, of a page of an export, and days within which a deadline is near.
PAGE, LARGEST, NEAR_DAYS = 50, 5_000, 30
#: After every load: the registry as it stands.
NOW = (1 << 31) - 1


@dataclass(frozen=True)
class Moment:
    """A point of the registry's time.

    Attributes:
        load: the last load it holds; :data:`NOW` for all of them.
        day: the day that deadlines and designations are judged on.
        hour: the hour asked for, ``None`` for now.
    """

    load: int
    day: date
    hour: datetime | None = None


def moment(connection: Connection, text: str | None, today: date) -> Moment:
    """The point of time that an address names.

    Args:
        text: ``AAAA-MM-JJ`` (the end of that day) or ``AAAA-MM-JJTHH:MM[:SS]``, in Paris; empty for now.
        today: the registry's date, for now.

    Raises:
        UsageError: no such date, or one to come.
    """
    if not text:
        return Moment(NOW, today)
    try:
        hour = datetime.fromisoformat(text)
        whole = len(text) == len("2026-04-10")
        if hour.tzinfo is not None or not text.isascii() or hour.year < 1950:
            raise ValueError
        if whole:
            hour = datetime.combine(hour.date() + timedelta(days=1), time())
    except (ValueError, OverflowError):
        raise UsageError("la date se donne sous la forme AAAA-MM-JJ, avec une heure si besoin") from None
    hour = hour.replace(tzinfo=PARIS)
    present = datetime.now(PARIS)
    if whole and hour.date() == present.date() + timedelta(days=1):
        return Moment(NOW, today)
    if hour > present:
        raise UsageError("le registre ne se montre pas à une date à venir")
    row = connection.execute(sql.query("exceedance_pages", "as_of"), (hour,)).fetchone()
    assert row is not None
    return Moment(int(row[0]), hour.date() - timedelta(days=whole), hour)


@dataclass(frozen=True)
class Filters:
    """Which exceedances are wanted; ``None`` for any.

    Attributes:
        etat: a state.
        limite: one of ``QUANTITIES``.
        siret: SIRET of the establishment, or its beginning.
        sans_mdt: those that no physician can be told of.
        sous: those that wait for a physician and whose deadline comes within so many days, or is over.
    """

    etat: str | None = None
    limite: str | None = None
    siret: str | None = None
    sans_mdt: bool = False
    sous: int | None = None

    def parameters(self, when: Moment, delay: int) -> dict[str, Any]:
        """As the queries take them. Raises UsageError where one makes no sense."""
        if self.etat is not None and self.etat not in STATES:
            raise UsageError(f"les états sont {', '.join(STATES)}")
        if self.limite is not None and self.limite not in QUANTITIES:
            raise UsageError(f"les limites sont {', '.join(QUANTITIES)}")
        if self.siret is not None and not (self.siret.isascii() and self.siret.isdigit() and len(self.siret) <= 14):
            raise UsageError("un SIRET, ou son début, ne contient que des chiffres")
        if self.sous is not None and not 0 <= self.sous <= 3_650:
            raise UsageError("l'échéance se compte en jours, de 0 à 3650")
        return {
            "at": when.load,
            "day": when.day,
            "delay": delay,
            "open": list(OPEN),
            "one": None,
            "state": self.etat,
            "limits": [one.code for one in limits() if one.quantity == self.limite] if self.limite else None,
            "siret": f"{self.siret}%" if self.siret else None,
            "alone": self.sans_mdt,
            "until": when.day + timedelta(days=self.sous) if self.sous is not None else None,
            "near": when.day + timedelta(days=NEAR_DAYS),
            "thresholds": json.dumps({one.code: one.usv for one in limits()}),
        }


@dataclass(frozen=True)
class Counts:
    """How many there are, by state in :data:`STATES`' order, and how many want attention."""

    states: dict[str, int]
    without_physician: int
    near: int


def counts(connection: Connection, when: Moment, delay: int, filters: Filters | None = None) -> Counts:
    """Counts under the filters, whatever state they ask for.

    Args:
        delay: days that a physician has to conclude (the setting ``conclusion_days``).
    """
    asked = (filters or Filters()).parameters(when, delay)
    found = connection.execute(_query("counts"), asked).fetchall()
    numbers = {state: int(count) for state, count, _, _ in found}
    return Counts(
        {state: numbers[state] for state in STATES if state in numbers},
        sum(int(row[2]) for row in found),
        sum(int(row[3]) for row in found),
    )


def page(
    connection: Connection,
    key: RegistryKey,
    when: Moment,
    delay: int,
    filters: Filters,
    *,
    order: str = ORDERS[0],
    skipped: int = 0,
    size: int = PAGE,
) -> list[dict[str, Any]]:
    """So many exceedances after those skipped."""
    if order not in ORDERS:
        raise UsageError(f"on trie par {', '.join(ORDERS)}")
    return _found(connection, key, filters.parameters(when, delay) | {"size": size, "skipped": skipped}, order)


def every(
    connection: Connection, key: RegistryKey, when: Moment, delay: int, filters: Filters, order: str
) -> Iterator[dict[str, Any]]:
    """All the exceedances that the filters leave, page after page, at one point of time."""
    skipped = 0
    while True:
        rows = page(connection, key, when, delay, filters, order=order, skipped=skipped, size=LARGEST)
        yield from rows
        skipped += len(rows)
        if len(rows) < LARGEST:
            return


def one(connection: Connection, key: RegistryKey, number: int, when: Moment, delay: int) -> dict[str, Any] | None:
    """One exceedance as a list shows it; ``None`` where the registry knew none of this number."""
    asked = Filters().parameters(when, delay) | {"one": number, "size": 1, "skipped": 0}
    found = _found(connection, key, asked, ORDERS[0])
    return found[0] if found else None


def _query(name: str) -> str:
    return sql.query("exceedance_pages", name).replace("/* standing */", sql.query("exceedance_pages", "standing"))


def _found(connection: Connection, key: RegistryKey, asked: dict[str, Any], order: str) -> list[dict[str, Any]]:
    text = _query("listed").replace("/* order */", sql.query("exceedance_pages", f"order_{order}"))
    listed = []
    for row in connection.execute(text, asked).fetchall():
        number, code, place, start, end, first, last, usv, state, since, deadline, absent, siret, *whom = row
        worker, establishment, person, sealed, last_name, first_name, birth = whom
        limit = by_code()[code]
        listed.append(
            {
                "id": number,
                "limite": limit.quantity,
                "regle": code,
                "libelle": limit.label,
                "seuil_msv": msv(limit.usv),
                "localisation": passive.LOCATIONS[place] if place >= 0 else None,
                "periode_debut": start,
                "periode_fin": end,
                "jours_debut": first,
                "jours_fin": last,
                "valeur_msv": msv(int(usv)),
                "valeur_usv": int(usv),
                "etat": state,
                "etat_depuis": since,
                "echeance": deadline,
                "medecin_absent": absent,
                "siret": siret,
                "numero": key.open(sealed).decode() if sealed is not None else "",
                "nom": last_name or "",
                "prenom": first_name or "",
                "naissance": birth,
                "place": place,
                "travailleur": worker,
                "etablissement": establishment,
                "personne": person,
            }
        )
    return listed
