"""The registry itself, in dicts and lists: deposits, one pass after another, the queue and what leaves it.

Left out: `AVT-05`, `AVT-11`, `AVT-12`, `MET-16`, and a physician's corrections of a body's results.

Choices where the contract leaves room:

- Codes that come from the text and the delay (`AVT-04`) are those of the day the file was received; a row that waits
  is matched again, never read again. `queue_days` run from that day; a row leaves once more than that many have passed.
- Only rows that wait for `IDT-05`, `-06` or `-07` are taken up by the release: references first, then measures, each
  in order of receipt. A row that still waits for the same reasons keeps its codes, warnings included.
- At most one current and one waiting version stand for a key; the waiting one is the last version. A row without code
  identical to either is a `DOUBLON`; otherwise the last version decides (`MET-11`, or a result after `ABS`).
- A result after a waiting `ABS` takes its place as a `C` would: the `ABS` leaves as `REJETE` with `MET-11`.
- An `A` that finds a waiting `C` over a current measure ends both, where NIR and SIRET are those of either. An `A` of
  a waiting measure leaves no version, so a second one finds nothing (`MET-10`).
- Only the current version is compared: a replaced one sent again is `MET-11`.
- An INF row with VALEUR 0 and one without VALEUR differ in content.
- An `A` row whose DATE_FIN_PORT cannot be read may find the measure in any year.
- The attribute values of a TRAVAILLEURS row hold from its day on and end what was announced for later.
- `IDT-08` needs both names; `IDT-09` looks at the start against the lower bound, at the end against the upper.
- A month worked in the air is a period from its first to its last day, considered on the last.
- A departure ends the last period of the attachment, or moves its end; `MET-01` looks at that period's start. A return
  is a later DATEDEBUT than the end; any other DATEDEBUT moves the start of the last period, even a closed one. A row
  that waited does not undo what came after it. `IDT-09` is judged for each period: one that holds the measure will do.
- Only a designation as `MDT` covers the RPPS of a committed dose.
- Only a passive result follows an `ABS` without `C`.
- `AVT-10` and the perimeter of CRP and MDT are judged only where the establishment is known, at the end of the
  period (DESIGNATIONS of an MDT: DATEDEBUT).
- `FIC-06`: any earlier submission of the same bytes that fits the conditions will do; the earliest gives the figures.
"""

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from twin import layouts, reading
from twin.cells import plain_upper, thousandths, trim
from twin.checking import NR_ENDS, check_row
from twin.ledger import WAITING, Attachment, Establishment, Line, Partner, Period, Submission, Worker

HEALS_BY_ITSELF = {"IDT-05", "IDT-06", "IDT-07"}
MARGIN = timedelta(days=31)
BOOKS = {"NAVIGANT": "CAL-E-COS", "ENGAGEE": "INT-E50"}
"""Headings of the books where no TYPE_MESURE stands."""


class TwinRegistry:
    def __init__(self, partners: list[Partner], queue_days: int = 90) -> None:
        self.partners = {partner.code: partner for partner in partners}
        self.queue_days = queue_days
        self.pending: list[tuple[int, Partner, str, bytes, str | None]] = []
        self.submissions: list[Submission] = []
        self.establishments: dict[str, Establishment] = {}
        self.workers: dict[str, Worker] = {}
        self.attachments: dict[tuple[str, str], Attachment] = {}
        self.designations: dict[tuple[str, str, str, date], date | None] = {}
        self.current: list[Line] = []
        self.annulled: list[Line] = []
        self.waiting: list[Line] = []

    # --- what users see ----------------------------------------------------------------------------------------------

    def deposit(self, partner: str, name: str, data: bytes, marker: str | None = None) -> None:
        self.pending.append((len(self.pending), self.partners[partner], name, data, marker))

    def run(self, today: date) -> list[Submission]:
        """One pass; the submissions that it took, in the order of taking."""

        def order(entry: tuple[int, Partner, str, bytes, str | None]) -> tuple[bool, int, str]:
            return (entry[1].role not in ("GESTIONNAIRE", "EMPLOYEUR"), entry[0], entry[2])

        taken = [self._integrate(*entry[1:], today) for entry in sorted(self.pending, key=order)]
        self.pending = []
        self._release()
        self._expire(today)
        return taken

    def submission(self, partner: str, name: str) -> Submission:
        return next(one for one in reversed(self.submissions) if (one.partner.code, one.name) == (partner, name))

    def rows(self, partner: str, name: str) -> list[tuple[str, set[str]]]:
        return [(line.outcome, set(line.codes)) for line in self.submission(partner, name).lines]

    def queue(self) -> list[tuple[str, str, int, frozenset[str]]]:
        """(sender, file, line, codes that make it wait)."""
        return sorted(
            (one.sender.code, one.submission.name, one.line, frozenset(one.codes & WAITING)) for one in self.waiting
        )

    def doses(self) -> set[tuple[Any, ...]]:
        """(format, sender, NIR, SIRET, TYPE_MESURE, day of the end, state, µSv) of every current measure."""
        return {
            (
                one.format,
                one.sender.code,
                *(one.values.get(name) for name in ("NIR", "SIRET", "TYPE_MESURE")),
                one.end,
                one.values.get("ETAT_RESULTAT"),
                None if one.values.get("VALEUR") is None else int(one.values["VALEUR"] * 1000),
            )
            for one in self.current
        }

    def a_declarer(self, partner: str) -> set[tuple[str, str]]:
        """(NIR, SIRET) that measures wait for, in the employer's SIREN."""
        sirens = self.partners[partner].sirens
        return {
            (one.values["NIR"], one.values["SIRET"])
            for one in self.waiting
            if one.format in layouts.MEASURES and one.codes & HEALS_BY_ITSELF and one.values["SIRET"][:9] in sirens
        }

    # --- one file ----------------------------------------------------------------------------------------------------

    def _integrate(self, partner: Partner, name: str, data: bytes, marker: str | None, today: date) -> Submission:
        digest = hashlib.sha256(data).hexdigest()
        one = Submission(len(self.submissions) + 1, partner, name, digest, today)
        content = reading.read(data, name, today, partner.role, marker)
        one.format, one.code = content.format, content.code
        earlier = self._received_before(partner, digest)
        self.submissions.append(one)
        if earlier is not None and content.code in (None, "FIC-08"):
            one.code = "FIC-06"
            one.first = earlier.first | {"statut": "DEJA_RECU", "codes": {"FIC-06": 1}}
            return one
        if one.code is None:
            for row in content.rows:
                line = self._line(one, row, today)
                one.lines.append(line)
                self._judge(line)
        one.first = one.figures()
        return one

    def _received_before(self, partner: Partner, digest: str) -> Submission | None:
        for one in self.submissions:
            same = one.partner == partner and one.sha256 == digest
            accepted = one.code is None and one.format in layouts.MEASURES
            if same and accepted and all(line.outcome != "REJETE" for line in one.lines):
                return one
        return None

    def _line(self, submission: Submission, row: reading.Row, today: date) -> Line:
        kind = BOOKS.get(submission.format or "", "")
        if not kind and "TYPE_MESURE" in row.values:
            kind = trim(row.values["TYPE_MESURE"])
            if kind not in (layouts.LOCATIONS_OF_TYPE if submission.format == "PASSIVE" else layouts.OPERATIONAL_TYPES):
                kind = "(autre)"
        sent = max(thousandths(reading.sent_value(row)), Decimal(0))
        if row.ragged:
            return Line(submission, row.line, True, kind, sent, {"FMT-01"}, {})
        assert submission.format is not None
        checked = check_row(submission.format, row.values, today, submission.partner.role)
        return Line(submission, row.line, False, kind, sent, checked.codes, checked.values)

    def _judge(self, line: Line) -> None:
        """Outcome and effects of a row that has none yet."""
        line.codes = line.from_text | self._match(line)
        if _rejects(line.codes):
            line.outcome = "REJETE"
        elif line.format in layouts.MEASURES:
            self._settle(line)
        elif line.codes & WAITING:
            self._wait(line)
        else:
            self._apply(line)

    # --- references --------------------------------------------------------------------------------------------------

    def _apply(self, line: Line) -> None:
        values = line.values
        line.outcome = "INTEGRE"
        if line.format == "ETABLISSEMENTS":
            state, since = values["etatAdministratifEtablissement"], values["dateDebut"]
            self.establishments[values["siret"]] = Establishment(state, since)
        elif line.format == "DESIGNATIONS":
            key = (values["SIRET"], values["ROLE"], values["IDENTIFIANT"], values["DATEDEBUT"])
            self.designations[key] = values["DATEFIN"]
        elif line.format == "SORTIES":
            last = self.attachments[values["NIR"], values["SIRET"]].periods[-1]
            if last.end is None or last.origin <= line.submission.id:
                last.end, last.origin = values["DATEFIN"], line.submission.id
        else:
            self._attach(line)

    def _attach(self, line: Line) -> None:
        values, nir, start = line.values, line.values["NIR"], line.values["DATEDEBUT"]
        worker = self.workers.get(nir)
        if worker is None:
            self.workers[nir] = Worker(values["NOM"], values["PRENOM"])
        elif _first_names(worker.prenom) < _first_names(values["PRENOM"]):
            worker.prenom = values["PRENOM"]
        entry = (values["CLASSEMENT"], values["AUTREEXPOSITION"])
        attachment = self.attachments.get((nir, values["SIRET"]))
        origin = line.submission.id
        if attachment is None:
            self.attachments[nir, values["SIRET"]] = Attachment([Period(start, None, origin)], [(start, *entry)])
            return
        last = attachment.periods[-1]
        if last.end is not None and start > last.end:
            attachment.periods.append(Period(start, None, origin))
        elif last.start != start:
            last.start, last.origin = start, origin
        since = max(line.submission.received, start)
        before = [past for past in attachment.history if past[0] < since]
        attachment.history = [*before, (since, *entry)]

    def _designated(self, siret: str, role: str, day: date, identifier: str | None = None) -> bool:
        for (where, what, whom, since), until in self.designations.items():
            named = (where, what) == (siret, role) and identifier in (None, whom)
            if named and since <= day and (until is None or day <= until):
                return True
        return False

    # --- matching ----------------------------------------------------------------------------------------------------

    def _match(self, line: Line) -> set[str]:
        """Codes that need the registry as it stands (`MET-10` to `-12` apart)."""
        codes: set[str] = set()
        if line.ragged or line.format == "ETABLISSEMENTS":
            return codes
        values, end = line.values, line.end
        nir, siret = values.get("NIR"), values.get("SIRET")
        known = self.establishments.get(siret) if siret else None
        if self._out_of_perimeter(line, siret, known is not None):
            codes.add("IDT-10")
        if line.mode == "A":
            return codes
        codes |= self._physician(line, siret if known else None)
        if known and end and known.state == "F" and known.since <= end:
            codes.add("IDT-11")
        if known and siret and end and self._wrong_body(line, siret, end):
            codes.add("AVT-10")
        if line.format == "DESIGNATIONS":
            return codes | ({"IDT-05"} if siret and not known else set())
        if not nir or not siret:
            return codes
        if not known:
            codes.add("IDT-05")
        worker = self.workers.get(nir)
        if worker and values.get("NOM") and values.get("PRENOM") and not _names_agree(worker, values):
            codes.add("IDT-08")
        if line.format == "TRAVAILLEURS":
            return codes
        attachment = self.attachments.get((nir, siret))
        if not worker:
            codes.add("IDT-06")
        elif known and not attachment:
            codes.add("IDT-07")
        if line.format == "SORTIES":
            departure = values.get("DATEFIN")
            if attachment and departure and departure < attachment.periods[-1].start:
                codes.add("MET-01")
            return codes
        if attachment and line.start and end and not any(_holds(one, line.start, end) for one in attachment.periods):
            codes.add("IDT-09")
        if attachment and end and end >= NR_ENDS:
            classed, other = attachment.at(end)
            if classed in ("NC", "NR") or (classed is None and other is None):
                codes.add("MET-06")
        return codes

    def _out_of_perimeter(self, line: Line, siret: str | None, known: bool) -> bool:
        sender = line.sender
        role = line.values.get("ROLE")
        if role and ((sender.role == "EMPLOYEUR" and role == "PST") or (sender.role == "MDT" and role != "PST")):
            return True
        if siret is None:
            return False
        if sender.role == "EMPLOYEUR":
            return siret[:9] not in sender.sirens
        if sender.role in ("CRP", "MDT") and known and line.end:
            return not self._designated(siret, sender.role, line.end, sender.identifiant or "")
        return False

    def _physician(self, line: Line, siret: str | None) -> set[str]:
        """A committed dose bears the RPPS of the account, of a physician whom the establishment designates."""
        rpps, account = line.values.get("RPPS"), line.sender.identifiant
        codes: set[str] = set()
        if rpps and line.sender.role == "MDT" and account and rpps != account:
            codes.add("FMT-05")
        if rpps and siret and line.end and not self._designated(siret, "MDT", line.end, rpps):
            codes.add("IDT-10")
        return codes

    def _wrong_body(self, line: Line, siret: str, end: date) -> bool:
        role = line.sender.role
        if (line.format, role) in (("PASSIVE", "OA"), ("INTERNE", "OA"), ("OPERATIONNELLE", "EXPLOITANT")):
            return not self._designated(siret, role, end, line.sender.code)
        if line.format == "OPERATIONNELLE" and role in ("EMPLOYEUR", "CRP"):
            return self._designated(siret, "EXPLOITANT", end)
        return False

    # --- measures ----------------------------------------------------------------------------------------------------

    def _settle(self, line: Line) -> None:
        current = next((one for one in self.current if one.same_key(line)), None)
        waiting = next((one for one in self.waiting if one.format == line.format and one.same_key(line)), None)
        last = waiting or current
        if line.mode == "A":
            self._annul(line, current, waiting)
        elif any(one and one.content == line.content for one in (current, waiting)):
            line.codes = (line.codes - WAITING) | {"MET-12"}
            line.outcome = "DOUBLON"
        elif line.mode == "C" and last is None:
            self._reject(line, "MET-10")
        elif line.mode is None and last is not None and not _follows_absence(last, line):
            self._reject(line, "MET-11")
        else:
            if waiting:
                self._leave(waiting, "MET-11")
            if line.codes & WAITING:
                self._wait(line)
            else:
                self._replace(current, line)

    def _annul(self, line: Line, current: Line | None, waiting: Line | None) -> None:
        former = next((one for one in reversed(self.annulled) if one.same_key(line)), None)
        whose = ("NIR", "SIRET")
        held = [one for one in (current, waiting) if one]
        if not held and former and all(former.values[name] == line.values[name] for name in whose):
            line.codes |= {"MET-12"}
            line.outcome = "DOUBLON"
        elif not any(all(one.values[name] == line.values[name] for name in whose) for one in held):
            self._reject(line, "MET-10")
        else:
            if waiting:
                self._leave(waiting, "MET-11")
            if current:
                self.current.remove(current)
                self.annulled.append(current)
            line.outcome = "INTEGRE"

    def _replace(self, current: Line | None, line: Line) -> None:
        if current:
            self.current.remove(current)
        self.current.append(line)
        line.outcome = "INTEGRE"

    def _reject(self, line: Line, code: str) -> None:
        line.codes = line.codes | {code}
        line.outcome = "REJETE"

    # --- the queue ---------------------------------------------------------------------------------------------------

    def _wait(self, line: Line) -> None:
        line.outcome = "EN_ATTENTE"
        self.waiting.append(line)

    def _leave(self, line: Line, code: str | None = None) -> None:
        """Out of the queue as rejected, with a follow-up where the report has gone already."""
        self.waiting.remove(line)
        line.outcome = "REJETE"
        line.codes = line.codes | ({code} if code else set())
        self._tell(line)

    def _tell(self, line: Line) -> None:
        if line.submission.first:
            line.submission.changes.append((line.line, "EN_ATTENTE", line.outcome, frozenset(line.codes)))

    def _release(self) -> None:
        moved = True
        while moved:
            moved = False
            for line in sorted(self.waiting, key=_turn):
                if line.codes & HEALS_BY_ITSELF:
                    moved = self._match_again(line) or moved

    def _match_again(self, line: Line) -> bool:
        codes = line.from_text | self._match(line)
        if line.codes & HEALS_BY_ITSELF <= codes:
            return False  # what it waits for has not come: it is not judged again
        line.codes = codes
        if not _rejects(codes) and codes & WAITING:
            return True
        if _rejects(codes):
            self._leave(line)
            return True
        self.waiting.remove(line)
        if line.format in layouts.MEASURES:
            self._replace(next((one for one in self.current if one.same_key(line)), None), line)
        else:
            self._apply(line)
        self._tell(line)
        return True

    def _expire(self, today: date) -> None:
        for line in list(self.waiting):
            if (today - line.submission.received).days > self.queue_days:
                self._leave(line)


def _turn(line: Line) -> tuple[bool, int, int]:
    """References before measures, as in a pass; then in order of receipt."""
    return (line.format in layouts.MEASURES, line.submission.id, line.line)


def _rejects(codes: set[str]) -> bool:
    return any(not code.startswith("AVT") and code not in WAITING | {"MET-12"} for code in codes)


def _holds(period: Period, start: date, end: date) -> bool:
    return period.start - MARGIN <= start and (period.end is None or end <= period.end + MARGIN)


def _follows_absence(last: Line, line: Line) -> bool:
    if line.format != "PASSIVE":
        return False
    return last.values.get("ETAT_RESULTAT") == "ABS" and line.values["ETAT_RESULTAT"] != "ABS"


def fold(name: str) -> str:
    """A name as it is compared: upper case, no accents, hyphens and apostrophes as spaces, single spaces."""
    for char in "'\u2019\u02bc\u0060\u00b4-\u2010\u2011\u2012\u2013\u2014":
        name = name.replace(char, " ")
    return " ".join(plain_upper(name).split())


def _first_names(text: str) -> set[str]:
    return set(fold(text).split())


def _names_agree(worker: Worker, values: dict[str, Any]) -> bool:
    known, sent = _first_names(worker.prenom), _first_names(values["PRENOM"])
    return fold(worker.nom) == fold(values["NOM"]) and (known <= sent or sent <= known)
