"""The registry itself, in dicts and lists: deposits, one pass after another, the queue and what leaves it.

Left out: `AVT-12`, `MET-16`, and a physician's corrections of a body's results.

Choices where the contract leaves room:

- Codes that come from the text and the delay (`AVT-04`) are those of the day the file was received; a row that waits
  is matched again, never read again. `queue_days` run from that day; a row leaves once more than that many have passed.
- Only rows that wait for `IDT-05`, `-06` or `-07` are taken up by the release: references first, then measures, each
  in order of receipt. A row that still waits for the same reasons keeps its codes, warnings included; any other is
  judged as if it came now.
- At most one current and one waiting version stand for a key; the waiting one is the last version. A row without code
  identical to either is a `DOUBLON`; otherwise the last version decides (`MET-11`, or a result after `ABS`).
- A result after a waiting `ABS` takes its place as a `C` would: the `ABS` leaves as `REJETE` with `MET-11`.
- A `C` identical to the current version while another correction waits takes that one back: the waiting one leaves as
  `REJETE` with `MET-11`, the `C` is a `DOUBLON`. One that would bring two current measures together is `MET-11`.
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
- A designation as `MDT`, or as `PST` by a physician, covers the RPPS of a committed dose; a `PST` sends what a
  physician sends but designations.
- Only a passive result follows an `ABS` without `C`.
- `AVT-10` and the perimeter of CRP and MDT are judged only where the establishment is known, at the end of the
  period (DESIGNATIONS of an MDT: DATEDEBUT).
- `AVT-05` is looked for once all of a file is judged, or all that a release or a decision judges again in one load:
  waiting rows of one format, sender and day of reception. A row that a later one of its file replaced is integrated
  too. A month of flights below 0.10 mSv is a row above 0 that adds nothing.
- `AVT-11` is looked for whatever the outcome of the row, where its worker is known and none of its numbers is
  negative; an INF counts 0. A passage that ends at midnight ends on the day that begins then.
- `FIC-06`: any earlier submission of the same bytes that fits the conditions will do; the earliest gives the figures.
"""

import hashlib
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from twin import exceedances, layouts, reading
from twin.cells import thousandths, trim
from twin.checking import check_row
from twin.ledger import WAITING, Line, Partner, Submission
from twin.references import References

HEALS_BY_ITSELF = {"IDT-05", "IDT-06", "IDT-07"}
BOOKS = {"NAVIGANT": "CAL-E-COS", "ENGAGEE": "INT-E50"}
"""Headings of the books where no TYPE_MESURE stands."""


class TwinRegistry(References):
    def __init__(self, partners: list[Partner], queue_days: int = 90) -> None:
        super().__init__()
        self.partners = {partner.code: partner for partner in partners}
        self.queue_days = queue_days
        self.pending: list[tuple[int, Partner, str, bytes, str | None]] = []
        self.submissions: list[Submission] = []
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
        self.answer()
        self._release()
        self._expire(today)
        self.answer()
        return taken

    def answer(self) -> None:
        """Deliver the follow-ups that are owed."""
        for one in self.submissions:
            one.answer()

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
            (one.under["NIR"], one.under["SIRET"])
            for one in self.waiting
            if one.format in layouts.MEASURES and one.codes & HEALS_BY_ITSELF and one.under["SIRET"][:9] in sirens
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
            self._look_at_class_b(one.lines)
        one.first = one.figures()
        one.told = {line.line: line.outcome for line in one.lines}
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
        return Line(submission, row.line, row.ragged, kind, sent, row.values)

    def _read(self, line: Line) -> None:
        """The row's cells, typed on the day of its reception; identifiers as standing decisions read them."""
        if line.ragged:
            line.from_text = {"FMT-01"}
            return
        assert line.format is not None
        checked = check_row(line.format, line.raw, line.submission.received, line.sender.role)
        line.from_text, line.values = checked.codes, checked.values
        self._reread(line)

    def _reread(self, line: Line) -> None:
        """Without standing decisions nothing is read as something else (see `twin.desk`)."""

    def _judge(self, line: Line) -> None:
        """Outcome and effects of a row that has none yet, or none any more."""
        self._read(line)
        line.under = {column: line.values.get(column) for column in ("NIR", "SIRET")}
        line.codes = (line.from_text | self.match(line)) - line.waived
        if _rejects(line.codes):
            line.outcome = "REJETE"
        elif line.format in layouts.MEASURES:
            self._settle(line)
        elif line.codes & WAITING:
            self._wait(line)
        else:
            self.apply(line)

    # --- warnings that need more than the row ------------------------------------------------------------------------

    def match(self, line: Line) -> set[str]:
        return super().match(line) | self._against_operational(line)

    def _against_operational(self, line: Line) -> set[str]:
        """`AVT-11`: the passages within the wear period add up to another dose than the passive one."""
        values, nir = line.values, line.values.get("NIR")
        if line.format != "PASSIVE" or line.ragged or line.mode == "A" or nir not in self.workers:
            return set()
        kind, state = values.get("TYPE_MESURE"), values.get("ETAT_RESULTAT")
        passive = Decimal(0) if state == "INF" else values.get("VALEUR")
        measured = state in ("MES", "EST", "INF") and passive is not None and "MET-04" not in line.from_text
        if kind != "PAS-HP10-PHO" or not measured or not line.start or not line.end or line.start > line.end:
            return set()
        inside = [
            one.values["VALEUR"]
            for one in self.current
            if one.format == "OPERATIONNELLE" and one.values["NIR"] == nir
            if one.values["TYPE_MESURE"] == "OPE-HP10-PHO" and one.start and one.end
            if line.start <= one.start and one.end <= line.end
        ]
        gap = abs(sum(inside, Decimal(0)) - passive)
        larger = max(sum(inside, Decimal(0)), passive)
        return {"AVT-11"} if inside and gap > Decimal("0.3") and gap > larger * Decimal("0.2") else set()

    def _look_at_class_b(self, lines: list[Line]) -> None:
        """`AVT-05`: more than 6 mSv without radon in the window that a row of class B ends."""
        for line in lines:
            if line.outcome != "INTEGRE" or not line.end or line.mode == "A" or not _effective(line):
                continue
            classed, _ = self.attachments[line.values["NIR"], line.values["SIRET"]].at(line.end)
            counted = exceedances.counted(
                [
                    exceedances.Result(
                        *(0, int(one.values["SIRET"]), one.values.get("TYPE_MESURE", one.format)),
                        *(one.values.get("LOCALISATION", ""), one.start, one.end, int((_effective(one) or 0) * 1000)),
                    )
                    for one in self.current
                    if one.values.get("NIR") == line.values["NIR"]
                    and one.start
                    and one.end
                    and _effective(one) is not None
                ]
            )
            first = exceedances.year_before(line.end)
            if classed == "B" and sum(one.usv for one in counted if first < one.end <= line.end) > 6000:
                line.codes = line.codes | {"AVT-05"}

    # --- measures ----------------------------------------------------------------------------------------------------

    def _settle(self, line: Line) -> None:
        near = [one for one in self.current if one.same_key(line)]
        current = min(near, key=lambda one: _years_apart(one, line), default=None)
        waiting = next((one for one in self.waiting if one.format == line.format and self._meets(line, one)), None)
        if line.mode == "A":
            self._annul(line, current, waiting)
        elif line.mode == "C":
            self._correct(line, near, waiting)
        elif any(one and one.content == line.content for one in (current, waiting)):
            self._repeat(line)
        else:
            last = waiting or current
            if last is not None and not _follows_absence(last, line):
                self._reject(line, "MET-11")
            else:
                self._enter(line, current, waiting)

    def _meets(self, line: Line, other: Line) -> bool:
        """Whether a waiting row, read as it would be now, bears the key of this one."""
        self._read(other)
        judged_there = line.format != "OPERATIONNELLE" or other.under["SIRET"] == line.values["SIRET"]
        return judged_there and other.same_key(line)

    def _correct(self, line: Line, near: list[Line], waiting: Line | None) -> None:
        current = near[0] if near else None
        if waiting and waiting.content == line.content:
            self._repeat(line)
        elif not near and not waiting:
            self._reject(line, "MET-10")
        elif len(near) > 1:
            self._reject(line, "MET-11")
        elif current and current.content == line.content:
            if waiting:
                self._leave(waiting, "MET-11")
            self._repeat(line)
        else:
            self._enter(line, current, waiting)

    def _enter(self, line: Line, current: Line | None, waiting: Line | None) -> None:
        """The row takes the place of what stands or waits under its key, or waits itself."""
        if waiting:
            self._leave(waiting, "MET-11")
        if line.codes & WAITING:
            if line.mode == "C" and not current:
                line.raw = line.raw | {"CODE_METROLOGIE": ""}  # its origin is gone: it will be a new measure
                self._read(line)
            self._wait(line)
        else:
            self._replace(current, line)

    def _repeat(self, line: Line) -> None:
        line.codes = (line.codes - WAITING) | {"MET-12"}
        line.outcome = "DOUBLON"

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
        """Out of the queue as rejected."""
        self.waiting.remove(line)
        line.outcome = "REJETE"
        line.codes = line.codes | ({code} if code else set())

    def _release(self) -> None:
        moved = True
        while moved:
            moved = False
            asked = sorted((one for one in self.waiting if self._may_go(one)), key=turn)
            for _, group in groupby(asked, key=_one_load):
                lines = [one for one in group if one in self.waiting]
                for line in lines:
                    moved = (line in self.waiting and self._judge_again(line)) or moved
                self._look_at_class_b(lines)

    def _may_go(self, line: Line) -> bool:
        """Whether what it waits for has come; else it is not judged again."""
        self._read(line)
        codes = (line.from_text | self.match(line)) - line.waived
        return bool(line.codes & HEALS_BY_ITSELF - codes) or (
            bool(line.codes & HEALS_BY_ITSELF) and self._read_otherwise(line)
        )

    def _judge_again(self, line: Line) -> bool:
        """Whether anything came of it."""
        before = set(line.codes)
        self.waiting.remove(line)
        self._judge(line)
        return line.outcome != "EN_ATTENTE" or line.codes != before

    def _read_otherwise(self, line: Line) -> bool:
        """Whether a standing decision names the identifiers under which the row was last judged."""
        return False

    def _expire(self, today: date) -> None:
        for line in list(self.waiting):
            if (today - line.submission.received).days > self.queue_days:
                self._leave(line)


def turn(line: Line) -> tuple[bool, str, str, int, int]:
    """References before measures, as in a pass; measures format by format and, but passages, sender by sender; then in
    order of receipt."""
    measure = line.format in layouts.MEASURES
    own_keys = measure and line.format != "OPERATIONNELLE"
    return (
        *(measure, (line.format or "") if measure else "", line.sender.code if own_keys else ""),
        *(line.submission.id, line.line),
    )


def _one_load(line: Line) -> tuple[Any, ...]:
    """What is released together."""
    if line.format in layouts.MEASURES:
        return (line.format, line.sender.code, line.submission.received)
    return (line.submission.id,)


def _effective(line: Line) -> Decimal | None:
    """What a result adds to the effective dose without radon, in mSv; None where it is no such result."""
    value: Decimal | None = line.values.get("VALEUR")
    if line.format == "PASSIVE":
        if line.values.get("TYPE_MESURE") not in ("PAS-HP10-PHO", "PAS-HP10-NEU"):
            return None
        state = line.values.get("ETAT_RESULTAT")
        return Decimal(0) if state == "INF" else value if state in ("MES", "EST") else None
    return value if line.format in ("ENGAGEE", "NAVIGANT") else None


def _rejects(codes: set[str]) -> bool:
    return any(not code.startswith("AVT") and code not in WAITING | {"MET-12"} for code in codes)


def _years_apart(one: Line, line: Line) -> int:
    return abs(one.end.year - line.end.year) if one.end and line.end else 0


def _follows_absence(last: Line, line: Line) -> bool:
    if line.format != "PASSIVE":
        return False
    return last.values.get("ETAT_RESULTAT") == "ABS" and line.values["ETAT_RESULTAT"] != "ABS"
