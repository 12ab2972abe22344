"""Decide: what an analyst settles of waiting rows, through the same corridor as a file.

A decision is one load over any number of entries: it is seen whole or not at all, can be previewed (the same work,
rolled back) and is kept with who, when and why. Who decides on entries that another one settled or changed meanwhile
is told, and nothing is done to those.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection, load
from pipelines import second_look
from pipelines.books import ORDER
from pipelines.load import Change, apply_changes, leave_queue
from pipelines.match import person_column
from pipelines.rejudge import Entry, in_turn, numbers_read, open_entries, rejudge
from schemas import codebook
from schemas.codebook import Outcome, Severity
from schemas.formats import formats
from schemas.identifiers import key_of

log = logging.getLogger("siseri.decide")

ACTIONS = ("corriger", "rattacher", "confirmer", "rejeter", "rejouer")
#: Causes of a rejection, in words.
CAUSES = {
    "HORS_CHAMP": "hors champ du registre",
    "NON_SDI": "sans surveillance dosimétrique individuelle",
    "DOUBLE": "déjà transmise par ailleurs",
    "AUTRE": "autre cause",
}
#: Codes that an analyst may set aside: the row is right although they hold it. The others lack a reference.
CONFIRMABLE = codebook.mask(("IDT-08", "IDT-09", "IDT-11", "MET-05"))
#: Faults that a row carries by itself, whatever the registry knows: a correction that brings one is refused.
_OWN_FAULTS = codebook.severity_mask(Severity.REJECT) & ~codebook.mask(
    ("IDT-10", "MET-06", "MET-10", "MET-11", "MET-16")
)
#: Longest reason, and longest name of who decides.
MOTIVE, WHO = 500, 100
#: Longest value: no column keeps a longer one.
VALUE = 1000


@dataclass(frozen=True)
class Decision:
    """What is decided.

    Attributes:
        action: one of ``ACTIONS``.
        motive: why, in the analyst's words; the sender reads it.
        who: who decides.
        cause: with ``rejeter``, one of ``CAUSES``.
        values: with ``corriger`` (at least one) and ``rattacher`` (at most one): column and value.
        standing: the standing decision that has these rows judged again, if one has.
    """

    action: str
    motive: str
    who: str
    cause: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    standing: int | None = None

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise UsageError(f"action inconnue : {', '.join(ACTIONS)}")
        clean_text("le motif", self.motive, MOTIVE)
        clean_text("l'auteur de la décision", self.who, WHO)
        if self.action == "rejeter":
            if self.cause is None:
                object.__setattr__(self, "cause", "AUTRE")
            elif self.cause not in CAUSES:
                raise UsageError(f"cause inconnue : {', '.join(CAUSES)}")
        elif self.cause is not None:
            raise UsageError("une cause ne va qu'avec un rejet")
        if self.action == "corriger" and not self.values:
            raise UsageError("une correction demande un champ et une valeur")
        if self.action == "rattacher" and len(self.values) > 1:
            raise UsageError("un rattachement vise un travailleur ou un établissement, pas plusieurs champs")
        if any(len(text) > VALUE for pair in self.values for text in pair):
            raise UsageError(f"une valeur dépasse {VALUE} caractères")
        if self.action not in ("corriger", "rattacher") and self.values:
            raise UsageError(f"« {self.action} » ne prend ni champ ni valeur")


def clean_text(what: str, text: str, longest: int) -> None:
    """Raises UsageError where a text of a person is empty, too long or holds control characters."""
    if not text.strip():
        raise UsageError(f"{what} manque")
    if len(text) > longest:
        raise UsageError(f"{what} dépasse {longest} caractères")
    if any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in text):
        raise UsageError(f"{what} contient un caractère de contrôle")


@dataclass(frozen=True)
class Fate:
    """What a decision makes of one entry: codes before, outcome and codes after."""

    entry: int
    submission: int
    line: int
    format: str
    before: tuple[str, ...]
    outcome: Outcome
    after: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.entry,
            "depot": self.submission,
            "ligne": self.line,
            "avant": {"issue": Outcome.EN_ATTENTE.name, "codes": list(self.before)},
            "apres": {"issue": self.outcome.name, "codes": list(self.after)},
        }


@dataclass(frozen=True)
class Effect:
    """What a decision did, or would do.

    Attributes:
        number: of the decision; ``None`` for a preview.
        fates: of each entry decided, in the order they came.
        gone: entries that wait no longer.
        changed: entries that another decision changed since they were looked at.
        references: whether references were integrated, that other rows may wait for.
    """

    number: int | None
    fates: list[Fate] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    references: bool = False

    def counts(self) -> dict[str, int]:
        """Entries by outcome."""
        return dict(Counter(fate.outcome.name for fate in self.fates))

    def as_json(self) -> dict[str, Any]:
        return {
            "decision": self.number,
            "apercu": self.number is None,
            "issues": self.counts(),
            "lignes": [fate.as_json() for fate in self.fates],
            "parties": self.gone,
            "modifiees": self.changed,
        }


def decide(
    connection: Connection,
    key: RegistryKey,
    decision: Decision,
    wanted: Mapping[int, int | None],
    *,
    preview: bool = False,
) -> Effect:
    """Apply a decision to entries of the queue, all in one load.

    Args:
        wanted: entries, each with the revision that was looked at (``None``: as it is now).
        preview: do the same and leave nothing.

    Raises:
        UsageError: none of the entries can be decided any more; the action does not fit one of them; or the
            correction is itself at fault (not in a preview, which shows it).
    """
    rehearsal = connection.transaction(force_rollback=True) if preview else nullcontext()
    with rehearsal, load(connection, "decide") as number:
        cursor = connection.cursor()
        entries, gone, changed = _still(cursor, wanted)
        if not entries:
            raise UsageError("ces lignes n'attendent plus, ou une autre décision les a changées depuis")
        brought = second_look.Brought()
        changes = _changes(cursor, number, key, decision, entries, brought)
        changes = second_look.warned(cursor, number, entries, changes, brought)
        effect = _effect(entries, changes, gone, changed)
        if decision.action in ("corriger", "rattacher") and not preview:
            _refuse_own_faults(effect)
        apply_changes(cursor, number, changes, None, None)
        recorded = _record(cursor, number, key, decision, effect)
    if preview:
        return effect
    log.info("decision %s: %s on %s entries: %s", recorded, decision.action, len(entries), effect.counts())
    return replace(effect, number=recorded)


def _still(cursor: Cursor, wanted: Mapping[int, int | None]) -> tuple[list[Entry], list[int], list[int]]:
    """The wanted entries that are open and as they were looked at; those that are not open; those that changed."""
    found = open_entries(cursor, list(wanted))
    there = {one.number for one in found}
    changed = [one.number for one in found if wanted[one.number] not in (None, one.revision)]
    gone = sorted(set(wanted) - there)
    return [one for one in found if one.number not in set(changed)], gone, changed


def _changes(
    cursor: Cursor,
    number: int,
    key: RegistryKey,
    decision: Decision,
    entries: Sequence[Entry],
    brought: second_look.Brought,
) -> list[Change]:
    """Carry the decision out; the changes that rows and books are still to learn of."""
    cursor.execute(sql.query("decide", "before_rows"))
    cursor.execute(sql.query("decide", "note_before"), ([one.number for one in entries],))
    cases = [one for one in entries if one.motive is not None]
    if cases:
        if decision.action != "confirmer":
            raise UsageError(
                "une de ces entrées ne retient aucune ligne : elle se confirme, une fois vue, et rien d'autre"
            )
        cursor.execute(sql.query("decide", "settle_cases"), (number, [one.number for one in cases]))
    rows = [one for one in entries if one.motive is None]
    if decision.action == "rejeter":
        return [Change(one.number, Outcome.REJETE, one.codes) for one in rows]
    decided = _decided(cursor, key, decision, rows)
    was = {one.number: one for one in rows}
    amended = frozenset(one.number for one in decided if one is not was[one.number])
    changes: dict[int, Change] = {}
    judged: set[int] = set()
    for group in in_turn(decided):
        # A group before may have sent some of these out of the queue: they bear one key with rows of it.
        here = [one for one in group if one.number not in changes]
        if here:
            judged |= {one.number for one in here}
            made = rejudge(cursor, number, key, here, brought, amended, [one for one in was if one not in judged])
            leave_queue(cursor, number, made)
            changes |= {change.entry_id: change for change in made}
    return list(changes.values())


def _decided(cursor: Cursor, key: RegistryKey, decision: Decision, rows: Sequence[Entry]) -> list[Entry]:
    """The entries as the decision makes them; those that it leaves as they are are given back themselves."""
    if decision.action == "corriger":
        return [_with_values(key, one, decision.values) for one in rows]
    if decision.action == "rattacher":
        return _attached(cursor, key, decision.values, rows)
    if decision.action == "confirmer":
        if any(not one.codes & CONFIRMABLE for one in rows):
            raise UsageError("une de ces lignes n'a rien à confirmer : il lui manque une référence")
        return [replace(one, waived=one.waived | (one.codes & CONFIRMABLE)) for one in rows]
    return list(rows)


def _with_values(key: RegistryKey, entry: Entry, values: Sequence[tuple[str, str]]) -> Entry:
    layout = formats()[entry.format]
    row = key.open_row(entry.sealed)
    for name, value in values:
        if not layout.has(name):
            raise UsageError(f"{entry.format} n'a pas de champ {name}")
        row[name] = value
    return _mended(key, entry, row)


def _mended(key: RegistryKey, entry: Entry, row: dict[str, str]) -> Entry:
    """The entry with another row: what was confirmed of the row before is not confirmed of this one."""
    return replace(entry.with_row(key, row), waived=0)


def _attached(
    cursor: Cursor, key: RegistryKey, values: Sequence[tuple[str, str]], rows: Sequence[Entry]
) -> list[Entry]:
    """Rows that are henceforth of a known worker, under the names the registry has, or of a known establishment."""
    name, value = values[0] if values else (None, "")
    if name == "SIRET":
        siret = "".join(value.split())
        if cursor.execute(sql.query("decide", "known_siret"), (siret,)).fetchone() is None:
            raise UsageError("cet établissement n'est pas connu du registre")
        return [_with_values(key, one, [("SIRET", siret)]) for one in rows]
    told: list[tuple[Entry, str, dict[str, str]]] = []
    for one in rows:
        column = person_column(formats()[one.format])
        if column is None or name not in (None, column):
            raise UsageError(f"{one.format} : on rattache par {column or 'SIRET'} ou par SIRET")
        row = key.open_row(one.sealed)
        told.append((one, column, row | ({column: value} if value else {})))
    numbers = _numbers(cursor, key, told)
    known = _names(cursor, key, set(numbers))
    return [
        _mended(key, one, row | _of_worker(one, column, number, known))
        for (one, column, row), number in zip(told, numbers, strict=True)
    ]


def _numbers(cursor: Cursor, key: RegistryKey, told: Sequence[tuple[Entry, str, dict[str, str]]]) -> list[str]:
    """Whose each row is: its number, or the one that a standing decision reads in its place."""
    numbers = ["".join(row[column].split()).upper() for _, column, row in told]
    places = [at for at, (_, column, _) in enumerate(told) if column == "NIR"]
    for at, number in zip(
        places, numbers_read(cursor, key, [(told[at][0], told[at][2]) for at in places]), strict=True
    ):
        numbers[at] = number
    return numbers


def _names(cursor: Cursor, key: RegistryKey, numbers: set[str]) -> dict[str, tuple[str, str]]:
    """Last and first name of the workers known under these numbers; raises UsageError where one is nobody's."""
    asked = sorted(numbers)
    found = cursor.execute(sql.query("decide", "known_people"), (key.fingerprints(asked),)).fetchall()
    if len(found) < len(asked):
        raise UsageError("aucun travailleur n'est connu sous ce numéro")
    return {asked[place - 1]: (last, first) for place, last, first in found}


def _of_worker(entry: Entry, column: str, number: str, known: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The cells that say whose a row is, for a worker that the registry knows."""
    layout = formats()[entry.format]
    cells = {column: number, "NOM": known[number][0], "PRENOM": known[number][1]}
    if column == "NIR":
        cells["CLE"] = key_of(number)
    return {name: text for name, text in cells.items() if layout.has(name)}


def _effect(entries: Sequence[Entry], changes: Sequence[Change], gone: list[int], changed: list[int]) -> Effect:
    by_entry = {change.entry_id: change for change in changes}
    fates = []
    for one in entries:
        change = by_entry.get(one.number)
        outcome = Outcome.INTEGRE if one.motive else change.outcome if change else Outcome.EN_ATTENTE
        after = change.codes if change else one.codes
        fates.append(
            Fate(
                *(one.number, one.submission, one.line, one.format, codebook.names(one.codes), outcome),
                after=codebook.names(after),
            )
        )
    references = any(
        fate.outcome is Outcome.INTEGRE and formats()[fate.format].measure is None
        for fate, one in zip(fates, entries, strict=True)
        if one.motive is None
    )
    return Effect(None, fates, gone, changed, references)


def own_faults(fate: Fate) -> tuple[str, ...]:
    """Why a corrected row would be rejected, where that lies in the row itself and not in what the registry knows."""
    if fate.outcome is not Outcome.REJETE:
        return ()
    return codebook.names(codebook.mask(fate.after) & _OWN_FAULTS)


def _refuse_own_faults(effect: Effect) -> None:
    for fate in effect.fates:
        own = own_faults(fate)
        if own:
            told = " ; ".join(f"{code} {codebook.book()[code].label}" for code in own)
            raise UsageError(f"la valeur donnée serait rejetée (entrée {fate.entry}) : {told}")


def _record(cursor: Cursor, number: int, key: RegistryKey, decision: Decision, effect: Effect) -> int:
    told = (decision.action, decision.cause, decision.motive.strip(), decision.who.strip())
    names = ", ".join(name for name, _ in decision.values) or None
    sealed = key.seal_row(dict(decision.values)) if decision.values else None
    counts = effect.counts()
    rows = (counts.get(outcome.name, 0) for outcome in ORDER)
    asked = (*told, names, sealed, decision.standing, number, *rows)
    found = cursor.execute(sql.query("decide", "record"), asked).fetchone()
    assert found is not None
    cursor.execute(sql.query("decide", "before_table"))
    copy_in(
        cursor,
        "decided",
        pa.table(
            {
                "entry_id": pa.array([fate.entry for fate in effect.fates]),
                "outcome": pa.array([fate.outcome.value for fate in effect.fates]),
                "codes_after": pa.array([codebook.mask(fate.after) for fate in effect.fates]),
            }
        ),
    )
    cursor.execute(sql.query("decide", "remember"), (found[0],))
    return int(found[0])
