"""Apply: rows of reference formats become workers, attachments, establishments, designations.

Rows act in file order. A row that changes nothing writes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import sql
from loaders.bulk import Cursor
from loaders.secrets import RegistryKey
from pipelines import conclusions as on_exceedances
from pipelines import departures as ends
from pipelines.check import Checked
from pipelines.identities import Identities
from pipelines.match import Matched
from pipelines.names import agree, fold
from pipelines.references import References
from pipelines.settle import Source
from pipelines.versions import Buffer, Fact
from schemas import codebook
from schemas.codebook import Severity
from schemas.formats import formats
from schemas.formats.travailleurs import DEFAULT_GROUP
from schemas.identifiers import is_nia

_BLOCKED = codebook.severity_mask(Severity.REJECT) | codebook.severity_mask(Severity.HOLD)
_EPOCH = date(1970, 1, 1)

Applier = Callable[[Cursor, int, Checked, Matched | None, References | None, Source, "RegistryKey", date], int]


def _day(value: Any) -> date:
    return _EPOCH + timedelta(days=int(value))


def _texts(checked: Checked, name: str, rows: NDArray[np.int64]) -> list[str]:
    return list(checked.values[name].take(pa.array(rows)).to_pylist())


def _codes(format_name: str, checked: Checked, name: str, rows: NDArray[np.int64]) -> list[str | None]:
    """Code texts of rows; ``None`` where the column is absent."""
    listed = formats()[format_name].column(name).codes
    present = checked.readable[name][rows]
    return [listed[at] if there else None for at, there in zip(checked.values[name][rows], present, strict=True)]


def workers(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of TRAVAILLEURS; raises ``IDT-08`` on rows whose names disagree, in file order.

    Returns:
        How many versions were written.
    """
    assert matched is not None
    assert references is not None
    book = _Workers(cursor, load, references, key, today)
    return book.apply(checked, matched, source)


class _Workers:
    """Workers and attachments that one chunk touches, as they stand while its rows pass."""

    def __init__(self, cursor: Cursor, load: int, references: References, key: RegistryKey, today: date) -> None:
        self._cursor, self._load, self._references, self._key, self._today = cursor, load, references, key, today
        self._people = Buffer("identity.worker", None, load)
        self._identifiers = Buffer("identity.identifier", None, load)
        self._civil = Buffer("identity.civil", "close_civil", load)
        self._pairs = Buffer("reference.attachment", None, load)
        self._periods = Buffer("reference.attachment_period", "close_period", load)
        self._statuses = Buffer("reference.attachment_status", "close_status", load)
        self._worker_of: dict[int, int] = {}
        self._known: dict[int, Fact] = {}
        self._attachment_of: dict[tuple[int, int], int] = {}
        self._period_of: dict[int, list[Fact]] = {}
        self._status_of: dict[int, list[Fact]] = {}
        self._status_origin: dict[int, int] = {}
        self._fresh: dict[str, list[int]] = {}
        self._certified: set[int] = set()

    def apply(self, checked: Checked, matched: Matched, source: Source) -> int:
        # Rows that something else rejects are only compared with the names known when they pass.
        named = checked.readable["NOM"] & checked.readable["PRENOM"]
        rows = np.flatnonzero((matched.nir_place >= 0) & (matched.siret_place >= 0) & named)
        if not len(rows):
            return 0
        self._read(matched, rows)
        texts = {name: _texts(checked, name, rows) for name in ("NIR", "NOM", "PRENOM", "GROUPE")}
        codes = {
            column.name: _codes("TRAVAILLEURS", checked, column.name, rows)
            for column in formats()["TRAVAILLEURS"].columns
            if column.codes
        }
        for at, row in enumerate(rows.tolist()):
            place = int(matched.nir_place[row])
            last, first = texts["NOM"][at], texts["PRENOM"][at]
            known = self._known.get(self._worker_of.get(place, 0))
            if known is not None and not agree(
                fold(last), fold(first), known.values["folded_last_name"], known.values["folded_first_name"]
            ):
                checked.raise_at("IDT-08", row)
            if int(checked.codes[row]) & _BLOCKED:
                continue
            origin = {"submission_id": int(source.submission[row]), "line": int(source.line[row])}
            birth = _day(checked.values["DATENAISSANCE"][row])
            sent = (last, first, birth, str(codes["SEXE"][at]))
            worker = self._person(place, texts["NIR"][at], *sent, origin, renamed=checked.waives("IDT-08", row))
            start = _day(checked.values["DATEDEBUT"][row])
            attachment, fresh = self._attach(worker, int(matched.establishment[row]), start, origin)
            status = {
                "class": codes["CLASSEMENT"][at],
                "other_exposure": codes["AUTREEXPOSITION"][at],
                "character": codes["caractereActivite"][at],
                "domain": codes["codeDomaineActivite"][at],
                "sector": codes["codeSecteurActivite"][at],
                "hazard": codes["codeNuisanceRadiologique"][at],
                "contract": codes["codeTypeContrat"][at],
                "trade": codes["CodeMetier"][at],
                "share_tenths": int(checked.values["QUOTITE"][row]),
                "worker_group": texts["GROUPE"][at] or DEFAULT_GROUP,
            }
            self._status(attachment, start if fresh else max(self._today, start), status, origin)
        buffers = (self._people, self._identifiers, self._civil, self._pairs, self._periods, self._statuses)
        return sum(buffer.flush(self._cursor) for buffer in buffers)

    def _read(self, matched: Matched, rows: NDArray[np.int64]) -> None:
        places = np.unique(matched.nir_place[rows])
        self._worker_of = {int(at): int(self._references.worker[at]) for at in places if self._references.worker[at]}
        people = list(self._worker_of.values())
        for worker, last, first, birth, sex, since, line, origin in self._ask("civil", people):
            values = {
                "last_name": last,
                "first_name": first,
                "folded_last_name": fold(last),
                "folded_first_name": fold(first),
                "birth_day": birth,
                "sex": sex,
            }
            self._known[worker] = Fact(values, (worker, since, line), origin)
        self._certified = {worker for worker, state, *_ in self._ask("verifications", people) if state == "CERTIFIE"}
        both = rows[(matched.worker[rows] > 0) & (matched.establishment[rows] > 0)]
        pairs = self._ask("attachments", matched.worker[both].tolist(), matched.establishment[both].tolist())
        attachments = [attachment for attachment, _, _ in pairs]
        for attachment, number, start, end, since, line, origin in self._ask("periods", attachments):
            values = {"number": number, "start_day": start, "end_day": end}
            fact = Fact(values, (attachment, since, line, number), origin)
            self._period_of.setdefault(attachment, []).append(fact)

        def recency(attachment: int) -> tuple[bool, date]:
            last = self._period_of[attachment][-1].values
            return last["end_day"] is None, last["end_day"] or last["start_day"]

        for attachment, worker, place in pairs:  # a merged person may have several: the present one counts
            other = self._attachment_of.get((worker, place))
            if other is None or recency(attachment) >= recency(other):
                self._attachment_of[worker, place] = attachment
        plain = ("class", "other_exposure", "character", "domain", "sector", "hazard", "contract", "trade")
        names = (*plain, "share_tenths", "worker_group")
        for attachment, valid_from, *rest, since, line, origin in self._ask("statuses", attachments):
            values = dict(zip(names, rest, strict=True)) | {"valid_from": valid_from}
            fact = Fact(values, (attachment, since, line, valid_from), origin)
            self._status_of.setdefault(attachment, []).append(fact)
            self._status_origin[attachment] = max(origin, self._status_origin.get(attachment, 0))

    def _ask(self, name: str, *parameters: Any) -> list[Any]:
        return self._cursor.execute(sql.query("apply", name), parameters).fetchall()

    def _draw(self, sequence: str) -> int:
        """A number of a sequence, drawn a hundred at a time."""
        waiting = self._fresh.setdefault(sequence, [])
        if not waiting:
            waiting.extend(number for (number,) in reversed(self._ask(sequence, 100)))
        return waiting.pop()

    def _person(
        self,
        place: int,
        nir: str,
        last: str,
        first: str,
        birth: date,
        sex: str,
        origin: dict[str, int],
        *,
        renamed: bool,
    ) -> int:
        """The worker of a row, made or brought up to date; ``renamed``: an analyst has confirmed the sent names."""
        worker = self._worker_of.get(place)
        values: dict[str, Any] = {
            "last_name": last,
            "first_name": first,
            "folded_last_name": fold(last),
            "folded_first_name": fold(first),
            "birth_day": birth,
            "sex": sex,
        }
        if worker is None:
            worker = self._worker_of[place] = self._draw("draw_workers")
            self._people.insert(worker_id=worker)
            self._identifiers.insert(
                fingerprint=self._references.fingerprints[place],
                worker_id=worker,
                kind="NIA" if is_nia(nir) else "NIR",
                sealed="\\x" + self._key.seal(nir.encode()).hex(),
            )
            self._known[worker] = self._civil.insert(worker_id=worker, **values, **origin)
            return worker
        known = self._known[worker]
        if worker in self._certified:  # what the social security's service said stands
            values |= {"birth_day": known.values["birth_day"], "sex": known.values["sex"]}
        if known.origin > origin["submission_id"]:
            return worker  # a row that waited does not undo what came after it
        more = set(values["folded_first_name"].split(" ")) > set(known.values["folded_first_name"].split(" "))
        if not (more or renamed):
            # What is known of the names already holds all that was sent.
            for name in ("last_name", "first_name", "folded_last_name", "folded_first_name"):
                values[name] = known.values[name]
        if any(known.values[name] != value for name, value in values.items()):
            self._known[worker] = self._civil.replace(known, worker_id=worker, **values, **origin)
        return worker

    def _attach(self, worker: int, establishment: int, start: date, origin: dict[str, int]) -> tuple[int, bool]:
        attachment = self._attachment_of.get((worker, establishment))
        if attachment is None:
            attachment = self._attachment_of[worker, establishment] = self._draw("draw_attachments")
            self._pairs.insert(attachment_id=attachment, worker_id=worker, establishment_id=establishment)
            made = self._periods.insert(attachment_id=attachment, number=1, start_day=start, end_day=None, **origin)
            self._period_of[attachment] = [made]
            return attachment, True
        periods = self._period_of[attachment]
        last = periods[-1]
        if last.origin > origin["submission_id"]:
            return attachment, False
        end = last.values["end_day"]
        if end is not None and start > end:
            number = last.values["number"] + 1
            periods.append(
                self._periods.insert(attachment_id=attachment, number=number, start_day=start, end_day=None, **origin)
            )
        elif last.values["start_day"] != start:
            number = last.values["number"]
            periods[-1] = self._periods.replace(
                last, attachment_id=attachment, number=number, start_day=start, end_day=end, **origin
            )
        return attachment, False

    def _status(self, attachment: int, valid_from: date, status: dict[str, Any], origin: dict[str, int]) -> None:
        known = self._status_of.setdefault(attachment, [])
        newest = self._status_origin.get(attachment, 0)
        if newest > origin["submission_id"]:
            return
        self._status_origin[attachment] = origin["submission_id"]
        at = bisect_right(known, valid_from, key=lambda fact: fact.values["valid_from"])
        in_force = known[at - 1] if at else None
        same = in_force is not None and all(in_force.values[name] == value for name, value in status.items())
        kept = []
        for fact in known[at:]:  # what was announced for later gives way to what is said now
            if same and all(fact.values[name] == value for name, value in status.items()):
                kept.append(fact)
            else:
                self._statuses.close(fact)
        known[at:] = kept
        if same:
            return
        if in_force is not None and in_force.values["valid_from"] == valid_from:
            self._statuses.close(in_force)
            at -= 1
            del known[at]
        made = self._statuses.insert(attachment_id=attachment, valid_from=valid_from, **status, **origin)
        known.insert(at, made)


def establishments(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of ETABLISSEMENTS. Returns how many versions were written."""
    rows = np.flatnonzero(~checked.carries(_BLOCKED))
    if not len(rows):
        return 0
    places = Buffer("reference.establishment", None, load)
    states = Buffer("reference.establishment_state", "close_establishment", load)
    names = ("state", "state_since", "usual_name", "sign", "activity", "municipality", "head_office")
    sirets = _texts(checked, "siret", rows)
    known: dict[str, tuple[int, Fact]] = {}
    for siret, number, *rest in cursor.execute(sql.query("apply", "establishments"), (sirets,)).fetchall():
        *plain, since, line, written = rest
        values = dict(zip(names, plain, strict=True))
        known[siret] = (number, Fact(values, (number, since, line), written))
    missing = len(set(sirets) - set(known))
    fresh = [number for (number,) in cursor.execute(sql.query("apply", "draw_establishments"), (missing,)).fetchall()]
    fresh.reverse()
    columns = zip(
        rows.tolist(),
        sirets,
        _codes("ETABLISSEMENTS", checked, "etatAdministratifEtablissement", rows),
        checked.values["dateDebut"][rows].tolist(),
        *(
            _texts(checked, name, rows)
            for name in (
                "denominationUsuelleEtablissement",
                "enseigne1Etablissement",
                "activitePrincipaleEtablissement",
                "codeCommuneEtablissement",
            )
        ),
        _codes("ETABLISSEMENTS", checked, "etablissementSiege", rows),
        strict=True,
    )
    for row, siret, state, since, usual, sign, activity, commune, head in columns:
        values = dict(
            zip(
                names,
                (state, _day(since), usual, sign, activity, commune, None if head is None else head == "true"),
                strict=True,
            )
        )
        origin = {"submission_id": int(source.submission[row]), "line": int(source.line[row])}
        if siret not in known:
            number = fresh.pop()
            places.insert(establishment_id=number, siret=siret)
            known[siret] = (number, states.insert(establishment_id=number, **values, **origin))
            continue
        number, fact = known[siret]
        if fact.origin <= origin["submission_id"] and any(fact.values[name] != value for name, value in values.items()):
            known[siret] = (number, states.replace(fact, establishment_id=number, **values, **origin))
    return places.flush(cursor) + states.flush(cursor)


def designations(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of DESIGNATIONS. Returns how many versions were written."""
    assert matched is not None
    rows = np.flatnonzero(~checked.carries(_BLOCKED))
    if not len(rows):
        return 0
    buffer = Buffer("reference.designation", "close_designation", load)
    known: dict[tuple[Any, ...], Fact] = {}
    asked = np.unique(matched.establishment[rows]).tolist()
    names = ("end_day", "last_name", "first_name", "email")
    for number, role, identifiant, start, *rest, since, line, written in cursor.execute(
        sql.query("apply", "designations"), (asked,)
    ).fetchall():
        stored = (number, since, line, role, identifiant, start)
        known[number, role, identifiant, start] = Fact(dict(zip(names, rest, strict=True)), stored, written)
    columns = zip(
        rows.tolist(),
        matched.establishment[rows].tolist(),
        _codes("DESIGNATIONS", checked, "ROLE", rows),
        _texts(checked, "IDENTIFIANT", rows),
        checked.values["DATEDEBUT"][rows].tolist(),
        *(_texts(checked, name, rows) for name in ("NOM", "PRENOM", "COURRIEL")),
        strict=True,
    )
    for row, number, role, identifiant, start_day, last, first, email in columns:
        start = _day(start_day)
        end = _day(checked.values["DATEFIN"][row]) if checked.readable["DATEFIN"][row] else None
        one = (number, role, identifiant, start)
        values = {"end_day": end, "last_name": last, "first_name": first, "email": email}
        where = {"establishment_id": number, "role": role, "identifiant": identifiant, "start_day": start}
        origin = {"submission_id": int(source.submission[row]), "line": int(source.line[row])}
        fact = known.get(one)
        if fact is None:
            known[one] = buffer.insert(**where, **values, **origin)
        elif fact.origin <= origin["submission_id"] and any(
            fact.values[name] != value for name, value in values.items()
        ):
            known[one] = buffer.replace(fact, **where, **values, **origin)
    return buffer.flush(cursor)


def departures(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of SORTIES. Returns how many versions were written."""
    assert matched is not None
    return ends.departures(cursor, load, checked, matched, source, _BLOCKED)


def identities(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of IDENTITES; raises ``IDT-08`` in file order. Returns how many versions were written."""
    assert matched is not None
    assert references is not None
    return Identities(cursor, load, references, key, today).apply(checked, matched, source, _BLOCKED)


def conclusions(
    cursor: Cursor,
    load: int,
    checked: Checked,
    matched: Matched | None,
    references: References | None,
    source: Source,
    key: RegistryKey,
    today: date,
) -> int:
    """Apply a chunk of CONCLUSION. Returns how many rows took effect."""
    assert matched is not None
    return on_exceedances.apply(cursor, load, checked, matched, source, key, today)


APPLIERS: dict[str, Applier] = {
    "SORTIES": departures,
    "IDENTITES": identities,
    "CONCLUSION": conclusions,
    "TRAVAILLEURS": workers,
    "ETABLISSEMENTS": establishments,
    "DESIGNATIONS": designations,
}
