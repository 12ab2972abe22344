"""Identities: rows of IDENTITES certify or refuse what was declared under a waiting number (NIA).

A certified NIA becomes its NIR. Where the NIR is known already the two histories are one person's from
then on: an alias says so, nothing is moved, and closing the alias takes the merge back.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

import sql
from loaders.bulk import Cursor, copy_in
from loaders.secrets import RegistryKey
from pipelines.check import Checked
from pipelines.match import Matched
from pipelines.names import agree, fold
from pipelines.references import References
from pipelines.settle import Source
from pipelines.versions import Buffer, Fact
from schemas import codebook
from schemas.formats.identites import CERTIFIE, FORMAT, REFUSE, STATES

_EPOCH = date(1970, 1, 1)
_NAMES = ("last_name", "first_name", "folded_last_name", "folded_first_name", "birth_day", "sex")


class Identities:
    """The persons that one chunk of IDENTITES names, as they stand while its rows pass."""

    def __init__(self, cursor: Cursor, load: int, references: References, key: RegistryKey, today: date) -> None:
        self._cursor, self._load, self._references, self._key, self._today = cursor, load, references, key, today
        self._identifiers = Buffer("identity.identifier", None, load)
        self._aliases = Buffer("identity.alias", "close_alias", load)
        self._states = Buffer("identity.verification", "close_verification", load)
        self._civil = Buffer("identity.civil", "close_civil", load)
        self._person_of = {place: int(person) for place, person in enumerate(references.worker) if person}
        self._members: dict[int, dict[int, Fact | None]] = {}
        self._certified: dict[int, set[str]] = {}
        self._known: dict[int, Fact] = {}
        self._state_of: dict[int, Fact] = {}

    def apply(self, checked: Checked, matched: Matched, source: Source, blocked: int) -> int:
        """Act on rows in file order; raises ``IDT-08`` where an identity is not the one known.

        Returns:
            How many versions were written.
        """
        rows = np.flatnonzero((matched.nir_place >= 0) & (matched.worker > 0))
        if not len(rows):
            return 0
        self._read(sorted(set(self._person_of.values())))
        texts = {name: checked.values[name].take(pa.array(rows)).to_pylist() for name in ("NIR", "NOM", "PRENOM")}
        other = self._references.place_of_nir(checked.values["NIR"])
        named = checked.readable["NOM"] & checked.readable["PRENOM"]
        for at, row in enumerate(rows.tolist()):
            person = self._person_of[int(matched.nir_place[row])]
            place = int(other[row]) if checked.readable["NIR"][row] else -1
            sent = fold(texts["NOM"][at]), fold(texts["PRENOM"][at])
            if named[row] and not self._is(person, sent):
                checked.raise_at("IDT-08", row)
            if int(checked.codes[row]) & blocked:
                continue
            origin = {"submission_id": int(source.submission[row]), "line": int(source.line[row])}
            if checked.values["STATUT"][row] == REFUSE:
                self._state(person, REFUSE, origin)
                continue
            birth = _EPOCH + timedelta(days=int(checked.values["DATENAISSANCE"][row]))
            sex = FORMAT.column("SEXE").codes[checked.values["SEXE"][row]]
            known = self._person_of.get(place)
            fingerprint = self._references.fingerprints[place]
            if known == person:
                pass
            elif self._certified[person]:  # this person bears another NIR already: no waiver helps
                checked.codes[row] |= np.uint64(codebook.bit("IDT-08"))
                continue
            elif known is None:
                self._person_of[place] = person
                self._identifiers.insert(
                    fingerprint=fingerprint,
                    worker_id=person,
                    kind="NIR",
                    sealed="\\x" + self._key.seal(texts["NIR"][at].encode()).hex(),
                )
                self._certified[person].add(fingerprint)
            elif not checked.waives("IDT-08", row) and not self._same(known, sent, birth):
                checked.raise_at("IDT-08", row)  # never merged silently: a person decides
                continue
            else:
                self._merge(person, known, checked, row, origin)
                person = known
            self._correct(person, birth, sex, origin)
            self._state(person, CERTIFIE, origin)
        buffers = (self._identifiers, self._aliases, self._states, self._civil)
        return sum(buffer.flush(self._cursor) for buffer in buffers)

    def _ask(self, name: str, *parameters: Any) -> list[Any]:
        return self._cursor.execute(sql.query("apply", name), parameters).fetchall()

    def _read(self, people: list[int]) -> None:
        for person in people:
            self._members[person] = {person: None}
            self._certified[person] = set()
        for person, number, since, line, origin in self._ask("aliases", people):
            self._members[person][number] = Fact({"worker_id": number}, (number, since, line), origin)
        for person, fingerprint in self._ask("certified", people):
            self._certified[person].add(str(fingerprint))
        for worker, last, first, birth, sex, since, line, origin in self._ask("civil", people):
            values = dict(zip(_NAMES, (last, first, fold(last), fold(first), birth, sex), strict=True))
            self._known[worker] = Fact(values, (worker, since, line), origin)
        for worker, state, since, line, origin in self._ask("verifications", people):
            self._state_of[worker] = Fact({"state": state}, (worker, since, line), origin)

    def _is(self, person: int, sent: tuple[str, str]) -> bool:
        known = self._known[person].values
        return agree(*sent, known["folded_last_name"], known["folded_first_name"])

    def _same(self, person: int, sent: tuple[str, str], birth: date) -> bool:
        """Whether the known person bears these names and this birth date."""
        return self._is(person, sent) and bool(self._known[person].values["birth_day"] == birth)

    def _state(self, person: int, state: int, origin: dict[str, int]) -> None:
        known = self._state_of.get(person)
        if known is not None and (known.values["state"] == STATES[state] or known.origin > origin["submission_id"]):
            return
        values = {"worker_id": person, "state": STATES[state], "verified_on": self._today, **origin}
        self._state_of[person] = (
            self._states.insert(**values) if known is None else self._states.replace(known, **values)
        )

    def _correct(self, person: int, birth: date, sex: str, origin: dict[str, int]) -> None:
        """The certified birth date and sex hold from now on."""
        known = self._known[person]
        if known.origin > origin["submission_id"] or (known.values["birth_day"], known.values["sex"]) == (birth, sex):
            return
        values = {name: known.values[name] for name in _NAMES} | {"birth_day": birth, "sex": sex}
        self._known[person] = self._civil.replace(known, worker_id=person, **values, **origin)

    def _merge(self, number: int, person: int, checked: Checked, row: int, origin: dict[str, int]) -> None:
        """From now on ``number``, and all that was merged into it, stands for ``person``."""
        self._conflicts([*self._members[number]], [*self._members[person]], checked, row, origin)
        for one, alias in self._members.pop(number).items():
            if alias is not None:
                self._aliases.close(alias)
            self._members[person][one] = self._aliases.insert(worker_id=one, person_id=person, **origin)
        self._certified[person] |= self._certified.pop(number)
        for place, of in self._person_of.items():
            if of == number:
                self._person_of[place] = person

    def _conflicts(
        self, numbers: list[int], others: list[int], checked: Checked, row: int, origin: dict[str, int]
    ) -> None:
        """Passages that now bear one key: the later is annulled where the two are the same, else a person decides."""
        for found in self._ask("same_passages", numbers, others):
            worker, start, digest, year, same, quantity, usv = found
            if same:
                keys = ([worker], [start], [digest], [year], [origin["submission_id"]], [origin["line"]], ["A"])
                self._cursor.execute(sql.query("settle", "operational_close"), (self._load, *keys))
                continue
            sent = {name: checked.sent[name][row].as_py() for name in FORMAT.names}
            case = {
                **origin,
                "format": FORMAT.name,
                "codes": 0,
                "quantity": quantity,
                "book_usv": usv,
                "sealed": "\\x" + self._key.seal_row(sent).hex(),
                "received_on": self._today,
                "since_load": self._load,
                "motive": "FUSION",
                "partner_id": self._sender_of(origin["submission_id"]),
            }
            copy_in(self._cursor, "queue.entry", pa.table({name: pa.array([value]) for name, value in case.items()}))

    def _sender_of(self, submission: int) -> int:
        ((partner,),) = self._ask("sender", submission)
        return int(partner)
