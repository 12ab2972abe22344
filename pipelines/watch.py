"""Standing checks: what the whole registry shows that no single file does, computed when it is asked for.

Each control fills one temporary table of findings (``sql/queries/watch.sql``), which is then filtered and shown page by
page. An analyst explains a finding once; it stays away until any of its facts changes (docs/decisions/0025).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines import class_b, second_look
from pipelines.books import msv
from pipelines.decide import MOTIVE, WHO, clean_text
from pipelines.exceedances import lay_at_hand, results_at_hand
from schemas.formats import operationnelle, passive
from schemas.formats.common import months_later, plus_months

log = logging.getLogger("siseri.watch")

#: The controls, in the order in which they are shown, with their French labels.
CONTROLS = {
    "categorie-b": "Catégorie B au-dessus de 6 mSv sur 12 mois",
    "passive-operationnelle": "Dosimétrie passive et opérationnelle en désaccord",
    "deux-lieux": "Dosimètres portés en deux lieux à la fois",
    "periode-manquante": "Période de port manquante entre deux autres",
    "resultat-attendu": "Résultats attendus, non venus",
}
#: How far back a control looks where nothing else is asked for; how many findings a page shows.
MONTHS, PAGE = 24, 50
#: Results are due within so many days of the end of wear (AVT-04).
DELAY_DAYS = 20


@dataclass(frozen=True)
class Asked:
    """Which findings are wanted.

    Attributes:
        control: one of :data:`CONTROLS`.
        first, last: results are looked at whose period ends within (both days included).
        today: the registry's date.
        siret, sender: only findings of this establishment, of this sender's results.
        seen: those that were explained too.
    """

    control: str
    first: date
    last: date
    today: date
    siret: str | None = None
    sender: str | None = None
    seen: bool = False


@dataclass(frozen=True)
class Found:
    """One page of findings: ``total`` fit the filters, ``explained`` of these have a remark."""

    rows: list[dict[str, Any]]
    total: int
    explained: int


def asked(
    control: str,
    today: date,
    first: str | None = None,
    last: str | None = None,
    siret: str | None = None,
    sender: str | None = None,
    *,
    seen: bool = False,
) -> Asked:
    """Understand what somebody asks for; the last :data:`MONTHS` months where no days are given.

    Raises:
        UsageError: no such control, or an unreadable day.
    """
    if control not in CONTROLS:
        raise UsageError(f"contrôle inconnu ; il y a {', '.join(CONTROLS)}")
    until = _day(last) if last else today
    since = _day(first) if first else months_later(until, -MONTHS) + timedelta(1)
    if since > until:
        raise UsageError("la période finirait avant de commencer")
    if since.year < 1950 or until.year > 2199:
        raise UsageError("la période sort du registre")
    return Asked(control, since, until, today, siret or None, sender or None, seen)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("un jour s'écrit AAAA-MM-JJ") from None


def findings(
    connection: Connection, key: RegistryKey, wanted: Asked, *, skipped: int = 0, most: int | None = PAGE
) -> Found:
    """One page of what a control finds now, the latest first. Nominative: the look is noted by who shows it.

    Args:
        most: how many findings a page has; ``None`` for all.

    Raises:
        UsageError: no such establishment or sender.
    """
    with _computed(connection, wanted) as cursor:
        filters = {
            "control": wanted.control,
            "establishment": _number(cursor, "establishment", wanted.siret, "aucun établissement sous ce SIRET"),
            "sender": _number(cursor, "sender", wanted.sender, "aucun compte sous ce code"),
        }
        counted = cursor.execute(sql.query("watch", "counted"), filters).fetchone()
        assert counted is not None
        asked_for = filters | {"seen": wanted.seen, "most": most, "skipped": skipped}
        listed = cursor.execute(sql.query("watch", "listed"), asked_for).fetchall()
    return Found([_told(wanted.control, key, *row) for row in listed], *counted)


def explain(connection: Connection, wanted: Asked, finding: str, motive: str, who: str) -> None:
    """Note that a finding was seen and is explained; it is shown no longer unless its facts change.

    Raises:
        UsageError: the control does not find it (any more), or the motive or the person is missing.
    """
    clean_text("le motif", motive, MOTIVE)
    clean_text("l'auteur de la remarque", who, WHO)
    with _computed(connection, wanted) as cursor:
        there = cursor.execute(sql.query("watch", "found"), (finding,)).fetchone()
        if there is None or not there[0]:
            raise UsageError("ce constat n'est plus fait : ses faits ont changé, ou il est hors de la période")
        told = (wanted.control, finding, motive.strip(), wanted.today, who.strip())
        cursor.execute(sql.query("watch", "remark"), told)
        if cursor.rowcount != 1:
            raise UsageError("ce constat est déjà expliqué")
    log.info("a finding of %s was explained", wanted.control)


def reopen(connection: Connection, control: str, finding: str, who: str) -> None:
    """End the remark on a finding; it is shown again. Raises UsageError where there is none."""
    clean_text("l'auteur", who, WHO)
    with connection.transaction():
        cursor = connection.execute(sql.query("watch", "end_remark"), (who.strip(), control, finding))
        if cursor.rowcount != 1:
            raise UsageError("ce constat n'est pas expliqué")
    log.info("a finding of %s was opened again", control)


@contextmanager
def _computed(connection: Connection, wanted: Asked) -> Iterator[Cursor]:
    """What a control finds, in the temporary table of one transaction."""
    with connection.transaction():
        cursor = connection.cursor()
        cursor.execute(sql.query("watch", "finding_table"))
        cursor.execute(sql.query("watch", "sorting_room"))
        span: dict[str, Any] = {
            "first": wanted.first,
            "last": wanted.last,
            "year": wanted.first.year,
            "last_year": wanted.last.year,
        }
        if wanted.control == "categorie-b":
            _above(cursor, span)
        else:
            further = {
                "today": wanted.today,
                "delay": DELAY_DAYS,
                "below": passive.INF,
                "absent": passive.ABS,
                "measured": [passive.MES, passive.INF, passive.EST],
                "photons": passive.TYPES.index("PAS-HP10-PHO"),
                "operational": operationnelle.TYPES.index("OPE-HP10-PHO"),
                "apart": second_look.APART_USV,
            }
            cursor.execute(sql.query("watch", f"find_{wanted.control.replace('-', '_')}"), span | further)
        cursor.execute(sql.query("watch", "analyse"))
        yield cursor


def _above(cursor: Cursor, span: dict[str, Any]) -> None:
    """For each person whose window was above 6 mSv on a result day of class B: the highest such window, the earliest
    if equal."""
    bounds = span | {"external": class_b.EXTERNAL, "ceiling": class_b.CEILING_USV}
    found = cursor.execute(sql.query("watch", "above_candidates"), bounds).fetchall()
    if not found:
        return
    lay_at_hand(cursor, [person for (person,) in found])
    results, further = results_at_hand(cursor, lineage=True)
    first, last = (int((span[name] - date(1970, 1, 1)).days) for name in ("first", "last"))
    summed = np.isin(results.kind, class_b.SUMMED) & (results.usv > 0)
    rows = np.flatnonzero(summed & (results.day >= first) & (results.day <= last))
    sums = class_b.sums(results, results.person[rows], results.day[rows])
    over = sums > class_b.CEILING_USV
    rows, sums = rows[over], sums[over]
    of_b = second_look.of_class_b(cursor, results.person[rows], results.establishment[rows], results.day[rows])
    rows, sums = rows[of_b], sums[of_b]
    order = np.lexsort((results.establishment[rows], results.day[rows], -sums, results.person[rows]))
    rows, sums = rows[order], sums[order]
    peak = np.flatnonzero(np.diff(results.person[rows], prepend=-1))
    rows, sums = rows[peak], sums[peak]
    day = results.day[rows]
    table = {
        "person_id": pa.array(results.person[rows]),
        "establishment_id": pa.array(results.establishment[rows]),
        "sender_id": pa.array(further["sender"][rows]),
        "first_day": _dates(np.asarray(plus_months(day, -12)) + 1),
        "last_day": _dates(day),
        "usv": pa.array(sums),
    }
    copy_in(cursor, "finding", pa.table(table))


def _dates(days: Any) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())


def _number(cursor: Cursor, query: str, text: str | None, missing: str) -> int | None:
    if text is None:
        return None
    found = cursor.execute(sql.query("watch", query), (text,)).fetchone()
    if found is None:
        raise UsageError(missing)
    return int(found[0])


def _told(control: str, key: RegistryKey, finding: str, person: int, sealed: bytes | None, *row: Any) -> dict[str, Any]:
    siret, other, sender, other_sender, quantity, first, last, usv, other_usv, due, passage, *remark = row
    who, when, since, motive = remark
    return {
        "controle": control,
        "constat": finding,
        "travailleur": person,
        "nir": None if sealed is None else key.open(sealed).decode(),
        "siret": siret,
        "autre_siret": other,
        "emetteur": sender,
        "autre_emetteur": other_sender,
        "grandeur": None if quantity is None else passive.TYPES[quantity],
        "format": "OPERATIONNELLE" if passage else "PASSIVE",
        "debut": first.isoformat(),
        "fin": last.isoformat(),
        "jours": (last - first).days + 1,
        "valeur_msv": None if usv is None else msv(int(usv)),
        "operationnelle_msv": None if other_usv is None else msv(int(other_usv)),
        "attendu_le": None if due is None else due.isoformat(),
        "remarque": None
        if who is None
        else {
            "par": who,
            "le": when.astimezone(PARIS).isoformat(timespec="seconds"),
            "vrai_depuis": since.isoformat(),
            "motif": motive,
        },
    }
