"""People and places: workers, establishments and attachments of the old registry become those of this one.

The registry's own word goes before the old one's: who and what it knows already stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in
from loaders.secrets import RegistryKey
from pipelines.legacy import trades
from pipelines.legacy.known import Known, Survey
from pipelines.legacy.outcomes import Ledger, Outcome, Wait, named_label, named_place
from pipelines.legacy.parts import Rows
from pipelines.legacy.repairs import person, siret, siret_valid
from pipelines.names import agree, fold
from pipelines.versions import Buffer
from schemas import nomenclature
from schemas.formats.common import months_later
from schemas.formats.travailleurs import DEFAULT_GROUP
from schemas.identifiers import is_nia
from schemas.legacy import CLASSES

_EPOCH = date(1970, 1, 1)
#: How long after its last dose a worker counts as active (rule of the takeover).
ACTIVE_MONTHS = 12


def _day(value: int | None) -> date | None:
    return None if value is None else _EPOCH + timedelta(days=value)


def active_since(day: date) -> date:
    """The first day whose dose makes a worker active on ``day``: twelve months before."""
    return months_later(day, -ACTIVE_MONTHS)


def establishments(cursor: Cursor, ledger: Ledger, rows: Rows, survey: Survey) -> None:
    """Take the establishments that have doses and that the registry does not know."""
    known = dict(cursor.execute(sql.query("legacy", "establishments")).fetchall())
    bare = dict(cursor.execute(sql.query("legacy", "bare_establishments")).fetchall())
    places = Buffer("reference.establishment", None, ledger.load)
    states = Buffer("reference.establishment_state", "close_establishment", ledger.load)
    names = ("SIRET", "ETAT", "DENOMINATION", "ENSEIGNE", "ACTIVITE", "COMMUNE")
    columns = [rows.values[name].to_pylist() for name in (*names, "DATE_ETAT")]
    for at, (sent, state, usual, sign, activity, municipality, since) in enumerate(zip(*columns, strict=True)):
        line = int(rows.lines[at])
        number, repairs = siret(sent)
        ledger.repairs += [(line, one) for one in repairs]
        if not siret_valid(number):
            ledger.add(0, "etablissements", Outcome.REFUSED, "IDT-04")
        elif state not in ("A", "F"):
            ledger.add(0, "etablissements", Outcome.REFUSED, "FMT-05")
        elif number not in survey.sirets:
            ledger.add(0, "etablissements", Outcome.REFUSED, "SANS_DOSE")
        elif number in known:
            ledger.add(0, "etablissements", Outcome.DUPLICATE)
        else:
            if number in bare:
                identifier = bare[number]
            else:
                identifier = _draw(cursor, "draw_establishments", 1)[0]
                places.insert(establishment_id=identifier, siret=number)
            known[number] = identifier
            states.insert(
                establishment_id=identifier,
                state=state,
                state_since=_day(since) or date(1900, 1, 1),
                usual_name=usual,
                sign=sign,
                activity=activity,
                municipality=municipality,
                head_office=None,
                submission_id=ledger.part,
                line=line,
            )
            ledger.add(0, "etablissements", Outcome.TAKEN)
    places.flush(cursor)
    states.flush(cursor)


def _draw(cursor: Cursor, sequence: str, count: int) -> list[int]:
    return [number for (number,) in cursor.execute(sql.query("apply", sequence), (count,)).fetchall()]


def workers(cursor: Cursor, ledger: Ledger, rows: Rows, key: RegistryKey, migration: int) -> None:
    """Mend every worker; who can be told apart becomes, or is, a worker of the registry."""
    names = ("NIR", "CLE", "NOM", "PRENOM", "SEXE")
    columns = [rows.values[name].to_pylist() for name in (*names, "ID_TRAVAILLEUR", "DATENAISSANCE")]
    met = _met(cursor, migration, [one for one in columns[5] if one is not None])
    people = []
    for at, (*texts, old, birth) in enumerate(zip(*columns, strict=True)):
        line = int(rows.lines[at])
        if old is None or old < 1:
            ledger.add(0, "travailleurs", Outcome.REFUSED, "FMT-02" if old is None else "FMT-05")
        elif old in met:
            ledger.add(0, "travailleurs", Outcome.DUPLICATE)
        else:
            met.add(old)
            one = person(dict(zip(names, texts, strict=True)), _day(birth))
            ledger.repairs += [(line, repair) for repair in one.repairs]
            people.append((at, old, one))
    prints = key.fingerprints([one.nir for _, _, one in people if one.cause is None])
    held = {
        fingerprint: (worker, last, first)
        for fingerprint, worker, last, first in cursor.execute(
            sql.query("legacy", "people"), (list(dict.fromkeys(prints)),)
        ).fetchall()
    }
    fresh = iter(_draw(cursor, "draw_workers", len(set(prints) - set(held))))
    table = _Workers(ledger, key)
    wanted = iter(prints)
    mapped: list[tuple[int, int | None, str | None, str | None, int]] = []
    for at, old, one in people:
        line, cause = int(rows.lines[at]), one.cause
        number: int | None = None
        if cause is None:
            fingerprint = next(wanted)
            last, first = fold(one.last), fold(one.first)
            if fingerprint not in held:
                number = next(fresh)
                held[fingerprint] = (number, last, first)
                table.add(number, fingerprint, one, last, first, line)
            elif agree(last, first, *held[fingerprint][1:]):
                number = held[fingerprint][0]
            else:
                cause = "NOM_DISCORDANT"
        if number is None:
            sealed = "\\x" + key.seal_row(rows.texts(np.array([at]))[0]).hex()
            mapped.append((old, None, cause, sealed, line))
            ledger.add(0, "travailleurs", Outcome.WAITING, cause or "")
        else:
            mapped.append((old, number, None, None, line))
            ledger.add(0, "travailleurs", Outcome.TAKEN)
    table.flush(cursor)
    copy_in(
        cursor,
        "legacy.worker",
        pa.table(
            {
                "migration_id": pa.array([migration] * len(mapped), pa.int32()),
                "old_id": pa.array([one[0] for one in mapped], pa.int64()),
                "worker_id": pa.array([one[1] for one in mapped], pa.int32()),
                "cause": pa.array([one[2] for one in mapped], pa.string()),
                "sealed": pa.array([one[3] for one in mapped], pa.string()),
                "submission_id": pa.array([ledger.part] * len(mapped), pa.int32()),
                "line": pa.array([one[4] for one in mapped], pa.int32()),
            }
        ),
    )


def _met(cursor: Cursor, migration: int, asked: list[int]) -> set[int]:
    return {one for (one,) in cursor.execute(sql.query("legacy", "met_workers"), (migration, asked)).fetchall()}


class _Workers:
    """New workers, their identifiers and civil status."""

    def __init__(self, ledger: Ledger, key: RegistryKey) -> None:
        self._ledger, self._key = ledger, key
        self._people = Buffer("identity.worker", None, ledger.load)
        self._identifiers = Buffer("identity.identifier", None, ledger.load)
        self._civil = Buffer("identity.civil", "close_civil", ledger.load)

    def add(self, number: int, fingerprint: str, one: Any, last: str, first: str, line: int) -> None:
        self._people.insert(worker_id=number)
        self._identifiers.insert(
            fingerprint=fingerprint,
            worker_id=number,
            kind="NIA" if is_nia(one.nir) else "NIR",
            sealed="\\x" + self._key.seal(one.nir.encode()).hex(),
        )
        self._civil.insert(
            worker_id=number,
            last_name=one.last,
            first_name=one.first,
            folded_last_name=last,
            folded_first_name=first,
            birth_day=one.birth,
            sex=one.sex,
            submission_id=self._ledger.part,
            line=line,
        )

    def flush(self, cursor: Cursor) -> None:
        for buffer in (self._people, self._identifiers, self._civil):
            buffer.flush(cursor)


@dataclass
class _Stay:
    """A row of attachments, judged."""

    line: int
    start: date
    end: date | None
    values: dict[str, Any]
    label: str | None


@dataclass
class _Pair:
    stays: list[_Stay] = field(default_factory=list)


def attachments(cursor: Cursor, ledger: Ledger, rows: Rows, known: Known, survey: Survey, day: date) -> None:
    """Take attachments; who had no dose in twelve months has none that runs on.

    A pair that the registry has already keeps what it has. Rows of a pair in one batch are its periods; those that
    overlap are one, and what changes between them holds from the later start on.
    """
    columns = {name: rows.values[name].to_pylist() for name in rows.values}
    pairs: defaultdict[tuple[int, int], _Pair] = defaultdict(_Pair)
    numbers, whys = known.workers(np.array([-1 if one is None else one for one in columns["ID_TRAVAILLEUR"]], np.int64))
    waiting: list[tuple[int, str, str]] = []
    for at in range(len(rows)):
        line = int(rows.lines[at])
        one = {name: values[at] for name, values in columns.items()}
        place, repairs = siret(one["SIRET"])
        ledger.repairs += [(line, repair) for repair in repairs]
        fault = _fault(one, rows, at)
        if fault is not None:
            ledger.add(0, "rattachements", Outcome.REFUSED, fault)
        elif place not in survey.sirets:
            ledger.add(0, "rattachements", Outcome.REFUSED, "SANS_DOSE")
        elif not numbers[at]:
            waiting.append((at, known.causes[whys[at]], str(one["ID_TRAVAILLEUR"])))
        elif place not in known.establishments:
            waiting.append((at, "ETABLISSEMENT", named_place(place)))
        else:
            stay = _stay(line, one, survey.last_day(one["ID_TRAVAILLEUR"]), day)
            pairs[int(numbers[at]), known.establishments[place]].stays.append(stay)
    texts = rows.texts(np.array([at for at, _, _ in waiting], np.int64)) if waiting else []
    for (at, cause, about), text in zip(waiting, texts, strict=True):
        ledger.wait("rattachements", Wait(int(rows.lines[at]), cause, about, 0, "rattachements", 0, text))
    _write(cursor, ledger, pairs)


def _fault(one: dict[str, Any], rows: Rows, at: int) -> str | None:
    if one["ID_TRAVAILLEUR"] is None or (one["DATE_DEBUT"] is None and not rows.bad["DATE_DEBUT"][at]):
        return "FMT-02"
    if rows.bad["DATE_DEBUT"][at] or rows.bad["DATE_FIN"][at]:
        return "FMT-03"
    if one["CLASSEMENT"] not in ("", *CLASSES):
        return "FMT-05"
    if one["DATE_FIN"] is not None and one["DATE_FIN"] < one["DATE_DEBUT"]:
        return "MET-01"
    return None


def _stay(line: int, one: dict[str, Any], last: date | None, day: date) -> _Stay:
    start, end = _day(one["DATE_DEBUT"]), _day(one["DATE_FIN"])
    assert start is not None
    if (last is None or last < active_since(day)) and (end is None or end > (last or day)):
        end = max(start, last or day - timedelta(days=1))
    sector = one["SECTEUR"] if one["SECTEUR"] in nomenclature.codes("secteur_activite") else ""
    trade, ambiguous = trades.today(one["METIER"], sector)
    domain = next((row["code_domaine"] for row in nomenclature.rows("secteur_activite") if row["code"] == sector), "")
    share = one["QUOTITE_DIXIEMES"]
    values = {
        "class": one["CLASSEMENT"] or None,
        "other_exposure": one["AUTREEXPOSITION"] or None,
        "character": one["CARACTERE"] or "Civil",
        "domain": domain,
        "sector": sector,
        "hazard": one["NUISANCE"],
        "contract": one["CONTRAT"],
        "trade": trade,
        "share_tenths": share if share is not None and 1 <= share <= 10 else 10,
        "worker_group": DEFAULT_GROUP,
    }
    return _Stay(line, start, end, values, named_label(one["METIER"].strip()) if ambiguous else None)


def _write(cursor: Cursor, ledger: Ledger, pairs: dict[tuple[int, int], _Pair]) -> None:
    if not pairs:
        return
    asked = [list(column) for column in zip(*pairs, strict=True)]
    there = {(w, e): number for w, e, number in cursor.execute(sql.query("legacy", "pairs"), asked).fetchall()}
    living = {one for (one,) in cursor.execute(sql.query("legacy", "living"), (list(there.values()),)).fetchall()}
    fresh = iter(_draw(cursor, "draw_attachments", len(pairs) - len(there)))
    made = Buffer("reference.attachment", None, ledger.load)
    periods = Buffer("reference.attachment_period", "close_period", ledger.load)
    statuses = Buffer("reference.attachment_status", "close_status", ledger.load)
    labels: list[dict[str, Any]] = []
    for (worker, place), pair in pairs.items():
        number = there.get((worker, place))
        if number in living:
            ledger.add(0, "rattachements", Outcome.DUPLICATE, rows=len(pair.stays))
            continue
        if number is None:
            number = next(fresh)
            made.insert(attachment_id=number, worker_id=worker, establishment_id=place)
        kept = sorted({stay.start: stay for stay in reversed(pair.stays)}.values(), key=lambda stay: stay.start)
        ledger.add(0, "rattachements", Outcome.DUPLICATE, rows=len(pair.stays) - len(kept))
        ledger.add(0, "rattachements", Outcome.TAKEN, rows=len(kept))
        for at, (start, end, line) in enumerate(_spans(kept), start=1):
            periods.insert(
                attachment_id=number, number=at, start_day=start, end_day=end, submission_id=ledger.part, line=line
            )
        for stay in kept:
            statuses.insert(
                attachment_id=number,
                valid_from=stay.start,
                **stay.values,
                submission_id=ledger.part,
                line=stay.line,
            )
            if stay.label is not None:
                labels.append({"attachment_id": number, "valid_from": stay.start, "label": stay.label})
    for buffer in (made, periods, statuses):
        buffer.flush(cursor)
    if labels:
        columns = {name: [one[name] for one in labels] for name in labels[0]}
        copy_in(cursor, "legacy.label", pa.table(columns | {"since_load": [ledger.load] * len(labels)}))


def _spans(stays: Iterable[_Stay]) -> list[tuple[date, date | None, int]]:
    """Periods of a pair, in order: those that overlap are one; each with the line that began it."""
    spans: list[tuple[date, date | None, int]] = []
    for stay in stays:
        if spans:
            start, end, line = spans[-1]
            if end is None or stay.start <= end:
                longer = None if end is None or stay.end is None else max(end, stay.end)
                spans[-1] = (start, longer, line)
                continue
        spans.append((stay.start, stay.end, stay.line))
    return spans
