"""The analysts' desk over the twin's registry: decisions, decisions taken back, standing decisions.

Written from `docs/analystes.md`, decision 0017 and the contract. Choices where these leave room:

- The decided rows leave the queue together, then are judged one by one as if they came now (on the day of their
  reception): references first, then measures, each in order of receipt. Those that wait again do so where they were.
- A correction or an attachment that would leave one of its rows `REJETE` is refused where that row carries a code other
  than `IDT-10`, `MET-06`, `MET-10` and `MET-11`, which only the registry tells.
- A code set aside stays so, whatever is corrected of the row later.
- `rattacher` looks up the worker whom the row is read as, standing decisions included, and puts the row under that
  worker's number.
- A decision is taken back only where each of its rows is as the decision left it: in force, waiting, rejected or a
  duplicate, and no other decision in force concerns it since; where it sent no other row out of the queue; where
  what it replaced finds its place free, within the years in which a key holds; and where no other row waits under
  the key of one of those that would wait again, both as last judged.
- What bears the identifier and waits under it, as last read, is judged again when a standing decision about it is
  approved; what bears it and waits under the one to be read, when it is revoked. Each is a decision (`rejouer`), which
  can be taken back. Nothing is approved while a measure is in force under the identifier on one of its days.
- Standing decisions are looked up in what was sent, once; a row whose considered day cannot be read is not concerned.
  A departure is considered on its day.
- The release judges again what waits for a reference under an identifier that a standing decision in force names.
- A waiting row is met by others, and matched again by the release, as it would be read now; a passage only by those
  of the SIRET under which it was last judged.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from twin import layouts
from twin.cells import nir_key, squeeze
from twin.ledger import WAITING, Line
from twin.registry import TwinRegistry, turn

CONFIRMABLE = {"IDT-08", "IDT-09", "IDT-11", "MET-05"}
TOLD_BY_THE_REGISTRY = {"IDT-10", "MET-06", "MET-10", "MET-11"}


class RefusedError(Exception):
    """The desk refuses; nothing changes."""


@dataclass(frozen=True)
class Before:
    """A row as it waited before a decision."""

    raw: dict[str, str]
    from_text: set[str]
    values: dict[str, Any]
    codes: set[str]
    waived: set[str]
    under: dict[str, Any]


@dataclass(eq=False)
class Decided:
    rows: dict[Line, Before]
    after: dict[Line, str] = field(default_factory=dict)
    replaced: list[Line] = field(default_factory=list)
    sent_out: bool = False
    """Whether other rows left the queue by it."""
    undone: bool = False


@dataclass(eq=False)
class Standing:
    kind: str
    sent: str
    meant: str
    first: date
    last: date | None = None
    partner: str | None = None
    approved: bool = False
    revoked: bool = False

    def concerns(self, line: Line, day: date) -> bool:
        for_it = self.partner in (None, line.sender.code)
        return for_it and self.first <= day and (self.last is None or day <= self.last)


class TwinDesk(TwinRegistry):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.standing: list[Standing] = []
        self.decisions: list[Decided] = []

    # --- decisions ---------------------------------------------------------------------------------------------------

    def decide(self, action: str, lines: list[Line], values: tuple[tuple[str, str], ...] = ()) -> Decided:
        """Decide on those of the rows that wait.

        Raises:
            RefusedError: none waits, or the decision does not fit.
        """
        rows = sorted((one for one in lines if one in self.waiting), key=turn)
        if not rows:
            raise RefusedError("nothing waits")
        kept = self._snapshot()
        decided = Decided({one: _before(one) for one in rows})
        current, waiting = list(self.current), set(self.waiting) - set(rows)
        try:
            self._carry_out(action, rows, values)
        except RefusedError:
            self._restore(kept)
            raise
        decided.after = {one: one.outcome for one in rows}
        decided.replaced = [one for one in current if one not in self.current]
        decided.sent_out = not waiting <= set(self.waiting)
        self.decisions.append(decided)
        return decided

    def _carry_out(self, action: str, rows: list[Line], values: tuple[tuple[str, str], ...]) -> None:
        if action == "rejeter":
            for line in rows:
                self._leave(line)
            return
        for line in rows:
            if action == "corriger":
                self._amend(line, dict(values))
            elif action == "rattacher":
                self._attach_to(line, *(values[0] if values else ("", "")))
            elif action == "confirmer":
                if not line.codes & CONFIRMABLE:
                    raise RefusedError("nothing to confirm")
                line.waived = line.waived | (line.codes & CONFIRMABLE)
        for line in rows:
            self.waiting.remove(line)
        for line in rows:
            self._judge(line)
        self._look_at_class_b(rows)
        if action in ("corriger", "rattacher") and any(line.outcome == "REJETE" and _own_faults(line) for line in rows):
            raise RefusedError("the value itself is at fault")

    def _amend(self, line: Line, cells: dict[str, str]) -> None:
        assert line.format is not None
        if any(column not in layouts.COLUMNS[line.format] for column in cells):
            raise RefusedError("no such column")
        line.raw = line.raw | cells
        line.waived = set()  # what was confirmed of the row before is not confirmed of this one

    def _attach_to(self, line: Line, column: str, value: str) -> None:
        if column == "SIRET":
            if squeeze(value) not in self.establishments:
                raise RefusedError("unknown establishment")
            self._amend(line, {"SIRET": squeeze(value)})
            return
        assert line.format is not None
        if column not in ("", "NIR") or "NIR" not in layouts.COLUMNS[line.format]:
            raise RefusedError("by NIR or by SIRET")
        if value:
            line.raw = line.raw | {"NIR": value}
        self._read(line)
        nir = line.values.get("NIR")
        worker = self.workers.get(nir) if nir else None
        if worker is None:
            raise RefusedError("unknown worker")
        assert isinstance(nir, str)
        whole = {"NIR": nir, "CLE": nir_key(nir), "NOM": worker.nom, "PRENOM": worker.prenom}
        self._amend(line, {name: text for name, text in whole.items() if name in layouts.COLUMNS[line.format]})

    # --- taken back --------------------------------------------------------------------------------------------------

    def undo(self, decided: Decided) -> None:
        """Take a decision back. Raises RefusedError where something stands on it."""
        if decided.undone or decided.sent_out:
            raise RefusedError("undone, or others left the queue by it")
        later = self.decisions[self.decisions.index(decided) + 1 :]
        if any(line in other.rows for other in later if not other.undone for line in decided.rows):
            raise RefusedError("decided again")
        for line, outcome in decided.after.items():
            if line.outcome != outcome or (outcome == "INTEGRE" and line not in self.current):
                raise RefusedError("not as the decision left it")
        kept = self._snapshot()
        for line in decided.rows:
            if line in self.current:
                self.current.remove(line)
            if line in self.waiting:
                self.waiting.remove(line)
        if any(one.same_key(other) for one in decided.replaced for other in self.current):
            self._restore(kept)
            raise RefusedError("the place of what it replaced is taken")
        self.current += decided.replaced
        others = [one for one in self.waiting if one.format in layouts.MEASURES]
        for line, before in decided.rows.items():
            line.raw, line.under = before.raw, before.under
            self._read(line)
            line.codes, line.waived, line.outcome = set(before.codes), set(before.waived), "EN_ATTENTE"
            self.waiting.append(line)
            if line.format in layouts.MEASURES and any(_as_judged(line).same_key(_as_judged(one)) for one in others):
                self._restore(kept)
                raise RefusedError("another row waits under its key")
        decided.undone = True

    # --- standing decisions ------------------------------------------------------------------------------------------

    def propose(self, rule: Standing) -> Standing:
        known = self.establishments if rule.kind == "SIRET" else self.workers
        if rule.sent == rule.meant or rule.meant not in known:
            raise RefusedError("no sense, or nothing known")
        for other in self.standing:
            if other.revoked or other.kind != rule.kind:
                continue
            same_days = (rule.last is None or other.first <= rule.last) and (
                other.last is None or rule.first <= other.last
            )
            same_senders = None in (rule.partner, other.partner) or rule.partner == other.partner
            crossing = other.sent == rule.sent and same_days and same_senders
            if crossing or other.meant == rule.sent or other.sent == rule.meant:
                raise RefusedError("it crosses another, or follows it")
        self.standing.append(rule)
        return rule

    def approve(self, rule: Standing) -> None:
        if rule.approved or rule.revoked:
            raise RefusedError("approved or revoked")
        for one in self.current:
            days = one.end is not None and rule.first <= one.end and (rule.last is None or one.end <= rule.last)
            if days and one.values[rule.kind] == rule.sent:
                raise RefusedError("a measure is in force under it")
        rule.approved = True
        self._again(rule, rule.sent)

    def revoke(self, rule: Standing) -> None:
        if rule.revoked:
            raise RefusedError("revoked")
        rule.revoked = True
        if rule.approved:
            self._again(rule, rule.meant)

    def _again(self, rule: Standing, identifier: str) -> None:
        column = rule.kind
        under = [
            one
            for one in self.waiting
            if one.under.get(column) == identifier
            and _sent(one, column) == rule.sent
            and rule.partner in (None, one.sender.code)
        ]
        if under:
            self.decide("rejouer", under)

    def _reread(self, line: Line) -> None:
        day = line.values.get("DATEFIN") if line.format == "SORTIES" else line.end
        if line.format == "ETABLISSEMENTS" or day is None:
            return
        sent = dict(line.values)
        for rule in self.standing:
            if rule.approved and not rule.revoked and rule.concerns(line, day) and sent.get(rule.kind) == rule.sent:
                line.values[rule.kind] = rule.meant

    def _read_otherwise(self, line: Line) -> bool:
        return any(
            rule.approved
            and not rule.revoked
            and rule.partner in (None, line.sender.code)
            and line.under.get(rule.kind) == rule.sent
            for rule in self.standing
        )

    # --- as it was ---------------------------------------------------------------------------------------------------

    def _snapshot(self) -> dict[str, Any]:
        lines = [line for one in self.submissions for line in one.lines]
        return {
            "lists": (list(self.current), list(self.annulled), list(self.waiting)),
            "lines": [(line, _before(line), line.outcome) for line in lines],
            "references": self.references(),
        }

    def _restore(self, kept: dict[str, Any]) -> None:
        self.current, self.annulled, self.waiting = kept["lists"]
        for line, before, outcome in kept["lines"]:
            line.raw, line.from_text, line.values = before.raw, before.from_text, before.values
            line.codes, line.waived, line.under, line.outcome = before.codes, before.waived, before.under, outcome
        self.establishments, self.workers, self.attachments, self.designations = kept["references"]


def _as_judged(line: Line) -> Line:
    """The row under the identifiers that it was last judged under, whatever is read in their place now."""
    return replace(line, values=line.values | line.under)


def _sent(line: Line, column: str) -> str:
    """The identifier in the row, whatever is read in its place."""
    text = squeeze(line.raw[column]).upper()
    return text.zfill(14) if column == "SIRET" else text


def _own_faults(line: Line) -> set[str]:
    others = TOLD_BY_THE_REGISTRY | WAITING | {"MET-12"}
    return {code for code in line.codes if code not in others and not code.startswith("AVT")}


def _before(line: Line) -> Before:
    return Before(line.raw, line.from_text, line.values, set(line.codes), set(line.waived), line.under)
