"""Outcomes: every row of the old registry ends as one of four, with a cause; what waits is sealed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from loaders.bulk import Cursor, copy_in
from loaders.secrets import RegistryKey
from pipelines.legacy.repairs import Repair, siret_valid


class Outcome(StrEnum):
    """The one fate of a row; what is received is their sum."""

    TAKEN = "REPRIS"
    WAITING = "EN_ATTENTE"
    REFUSED = "REFUSE"
    DUPLICATE = "DOUBLON"


#: Causes of waiting, in French, for analysts.
CAUSES = {
    "ANONYME": "Nom de remplacement (ANONYME…) ou vide : personne",
    "NIR_IRREPARABLE": "Numéro qu'aucune règle ne répare",
    "NAISSANCE_ABSENTE": "Date de naissance absente ou illisible",
    "IDENTITE_DISCORDANTE": "Naissance ou sexe contredisent le numéro",
    "NOM_DISCORDANT": "Le numéro est celui d'une personne d'un autre nom",
    "TRAVAILLEUR_ABSENT": "Le numéro de travailleur n'est dans aucun fichier",
    "REJETE": "Travailleur rejeté par un analyste",
    "ETABLISSEMENT": "Établissement inconnu",
    "ORGANISME": "Organisme sans compte",
    "CLE_EN_CONFLIT": "Une autre mesure porte la même clé",
    "MET-05": "Dose invraisemblable, à confirmer",
    "METIER": "Ancien libellé de métier qui en désigne plusieurs, ou aucun",
}
_LONGEST_LABEL = 120
#: Rows whose key may have been seen: judged exactly once every partition has its indexes.
SEEN = "CLE_VUE"


#: Stands for a text that is not what its column is for: it might be anything, a person's number too.
UNFIT = "ILLISIBLE"


def named_place(siret: str) -> str:
    """A SIRET as a group may say it in clear: only where it is one."""
    return siret if siret_valid(siret) else UNFIT


def named_body(code: str) -> str:
    """A body's code as a group may say it in clear: shorter than any person's number."""
    return code if re.fullmatch("[A-Z0-9]{1,10}", code) else UNFIT


def named_label(label: str) -> str:
    """An old trade label as it may be kept in clear: words, no number."""
    return UNFIT if re.search("[0-9]{3}", label) or len(label) > _LONGEST_LABEL else label


@dataclass(frozen=True)
class Wait:
    """A row that waits: its line, cause, what tells its group apart, and the row as it came."""

    line: int
    cause: str
    about: str
    year: int
    quantity: str
    usv: int
    row: dict[str, str]

    @property
    def code(self) -> str:
        return f"{self.cause}:{self.about}" if self.about else self.cause


@dataclass
class Ledger:
    """What became of the rows of one part in one load, gathered until it is written.

    ``rows`` and ``usv``: by (year, quantity, outcome, cause).
    """

    part: int
    load: int
    rows: Counter[tuple[int, str, Outcome, str]] = field(default_factory=Counter)
    usv: Counter[tuple[int, str, Outcome, str]] = field(default_factory=Counter)
    waits: list[tuple[str, Wait]] = field(default_factory=list)
    repairs: list[tuple[int, Repair]] = field(default_factory=list)

    def add(self, year: int, quantity: str, outcome: Outcome, cause: str = "", rows: int = 1, usv: int = 0) -> None:
        """Count rows into an outcome."""
        self.rows[year, quantity, outcome, cause] += rows
        self.usv[year, quantity, outcome, cause] += usv

    def wait(self, kind: str, one: Wait) -> None:
        """A row waits."""
        self.waits.append((kind, one))
        self.add(one.year, one.quantity, Outcome.WAITING, one.cause, 1, one.usv)

    def write(self, cursor: Cursor, key: RegistryKey) -> None:
        """Write movements, waiting rows and repairs."""
        copy_in(cursor, "legacy.movement", self._movements())
        self._write_waits(cursor, key)
        if self.repairs:
            columns = {
                "submission_id": [self.part] * len(self.repairs),
                "line": [line for line, _ in self.repairs],
                "rule": [one.rule for _, one in self.repairs],
                "field": [one.field for _, one in self.repairs],
                "before": [_sealed(key, one.before) for _, one in self.repairs],
                "after": [_sealed(key, one.after) for _, one in self.repairs],
            }
            copy_in(cursor, "legacy.repair", pa.table(columns))

    def _movements(self) -> pa.Table:
        moved = [(name, rows) for name, rows in self.rows.items() if rows or self.usv[name]]
        return pa.table(
            {
                "submission_id": pa.array([self.part] * len(moved), pa.int32()),
                "load_id": pa.array([self.load] * len(moved), pa.int32()),
                "year": pa.array([name[0] for name, _ in moved], pa.int16()),
                "quantity": pa.array([name[1] for name, _ in moved], pa.string()),
                "outcome": pa.array([name[2].value for name, _ in moved], pa.string()),
                "cause": pa.array([name[3] for name, _ in moved], pa.string()),
                "rows_moved": pa.array([rows for _, rows in moved], pa.int64()),
                "usv": pa.array([self.usv[name] for name, _ in moved], pa.int64()),
            }
        )

    def _write_waits(self, cursor: Cursor, key: RegistryKey) -> None:
        if not self.waits:
            return
        count = len(self.waits)
        copy_in(
            cursor,
            "legacy.waiting",
            pa.table(
                {
                    "submission_id": [self.part] * count,
                    "line": [one.line for _, one in self.waits],
                    "kind": [kind for kind, _ in self.waits],
                    "cause": [one.cause for _, one in self.waits],
                    "code": [one.code for _, one in self.waits],
                    "year": [one.year for _, one in self.waits],
                    "quantity": [one.quantity for _, one in self.waits],
                    "usv": [one.usv for _, one in self.waits],
                    "sealed": ["\\x" + key.seal_row(one.row).hex() for _, one in self.waits],
                    "since_load": [self.load] * count,
                }
            ),
        )


def _sealed(key: RegistryKey, text: str) -> str:
    return "\\x" + key.seal(text.encode()).hex()


def taken_by_quantity(ledger: Ledger) -> Iterable[tuple[str, int, int]]:
    """Quantity, rows and micro-sieverts that this load took."""
    rows: Counter[str] = Counter()
    usv: Counter[str] = Counter()
    for (year, quantity, outcome, cause), count in ledger.rows.items():
        if outcome is Outcome.TAKEN:
            rows[quantity] += count
            usv[quantity] += ledger.usv[year, quantity, outcome, cause]
    return [(quantity, rows[quantity], usv[quantity]) for quantity in sorted(rows)]
