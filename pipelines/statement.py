"""A worker's dose statement, as whoever asks may see it: plain data, ready for the page, JSON and CSV.

Everything is read through the views of 0019_access.sql under the asker's own profile: what is not open never gets here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection, Warehouse
from pipelines import statement_rows, windows
from pipelines.principals import Principal, admitted
from pipelines.statement_rows import Facts, Row
from pipelines.statement_sums import Bounds, sums, windows_of
from schemas.formats import passive
from schemas.formats.common import months_later
from schemas.identifiers import key_of

#: One message for whatever is not open, so that it does not tell who is known.
NOTHING = (
    "aucun relevé à remettre : travailleur inconnu du registre, ou hors de ce que ce demandeur peut voir à cette date"
)
#: Profiles that see internal doses.
INTERNAL = ("worker", "physician")
#: An adviser's single results go back so far; the view says the same (0019_access.sql).
ADVISER_MONTHS = 60


def statement(
    warehouse: Warehouse,
    key: RegistryKey,
    asking: Principal,
    subject: str,
    *,
    today: date,
    months: int | None,
    who: str,
    door: str,
) -> Facts:
    """A worker's statement.

    Args:
        subject: the NIR or NIA, 13 characters.
        today: the registry's date.
        months: single results of so many last months; ``None``: of the whole time that is open.
        who, door: as in :func:`pipelines.audit.looked`.

    Raises:
        UsageError: nothing is open to this asker of this person, or nobody has this number.
    """
    with admitted(warehouse, key, asking, day=today, who=who, door=door, what="releve", subject=subject) as reader:
        if reader is None:
            raise UsageError(NOTHING)
        # One snapshot: the sums are of the results that are listed.
        with reader.transaction():
            reader.execute("set transaction isolation level repeatable read, read only")
            return _Reading(reader, key, asking, today, months).facts()


def read(reader: Connection, name: str) -> list[Row]:
    """The rows of one of the queries on the access views."""
    return reader.execute(sql.query("access", name)).fetchall()


class _Reading:
    """One reading of all that a ticket opens."""

    def __init__(
        self, reader: Connection, key: RegistryKey, asking: Principal, today: date, months: int | None
    ) -> None:
        self._reader, self._key, self._asking = reader, key, asking
        self._today, self._months = today, months
        self._since = months_later(today, -months) if months else None

    def facts(self) -> Facts:
        person = read(self._reader, "persons")[0]
        contracts = [statement_rows.contract(row) for row in read(self._reader, "contracts")]
        facts: Facts = {
            "version": 1,
            "etabli_le": self._today.isoformat(),
            "demandeur": {"role": self._asking.capacity, "identifiant": self._asking.identifiant},
            "mois": self._months,
            "depuis": (self._since + timedelta(1)).isoformat() if self._since else None,
            "travailleur": self._person(person),
            "contrats": contracts,
            "doses_visibles": self._asking.profile != "employer",
            "internes_visibles": self._internal,
            "resultats": [],
            "sommes": [],
            "sommes_contrats": [],
            "depassements": [],
        }
        if self._asking.profile != "employer":
            self._doses(facts, person[3])
        return facts

    @property
    def _internal(self) -> bool:
        return self._asking.profile in INTERNAL

    def _doses(self, facts: Facts, birth: date) -> None:
        """Results, sums and exceedances."""
        fetched = Fetched.of(self._reader, self._asking.profile)
        listed = fetched.facts()
        operational = [one for one in listed if one["format"] == "OPERATIONNELLE"]
        names = {one["siret"]: one["etablissement"] for one in facts["contrats"]}
        found = read(self._reader, "conclusions") if self._internal else []
        concluded = dict(statement_rows.conclusion(row) for row in found)
        facts["resultats"] = [
            {name: value for name, value in one.items() if name not in ("personne", "integre_le", "mesure")}
            | {"etablissement": names.get(one["siret"], "")}
            | concluded.get(one["depassement"], statement_rows.NOT_CONCLUDED)
            for one in sorted(listed, key=_order)
            if self._since is None or date.fromisoformat(one["fin"][:10]) > self._since
        ]
        facts["sommes"] = sums(fetched.results(), operational, self._bounds(birth))
        if self._asking.profile == "crp":
            facts["sommes_contrats"] = [statement_rows.contract_sum(row) for row in read(self._reader, "contract_sums")]
        facts["depassements"] = [
            statement_rows.exceedance(row, internal=self._internal)
            | concluded.get(row[0], statement_rows.NOT_CONCLUDED)
            for row in read(self._reader, "exceedances")
        ]

    def _bounds(self, birth: date) -> Bounds:
        adviser = self._asking.profile == "crp"
        open_from = months_later(self._today, -ADVISER_MONTHS) + timedelta(1) if adviser else date.min
        if self._since:
            open_from = max(open_from, (self._since + timedelta(1)).replace(month=1, day=1))
        held = None if self._internal else frozenset(span for (span,) in read(self._reader, "committed_spans"))
        career = not adviser and self._since is None
        return Bounds(self._today, birth, open_from, career, held)

    def _person(self, row: Row) -> Facts:
        _, last, first, birth, sex, kind, sealed = row
        nir = self._key.open(sealed).decode()
        return {
            "nir": nir,
            "cle": key_of(nir),
            "identifiant": kind,
            "nom": last,
            "prenom": first,
            "date_naissance": birth.isoformat(),
            "sexe": sex,
        }


@dataclass(frozen=True)
class Fetched:
    """All results that a ticket opens, as the views give them; internal ones where the profile has a right."""

    passive: list[Row]
    aircrew: list[Row]
    operational: list[Row]
    internal: list[Row]
    committed: list[Row]

    @classmethod
    def of(cls, reader: Connection, profile: str) -> Fetched:
        """Read them."""
        inside = profile in INTERNAL
        names = [*("passive", "aircrew", "operational"), *(("internal", "committed") if inside else ())]
        found = {name: read(reader, name) for name in names}
        return cls(**({"internal": [], "committed": []} | found))

    def facts(self) -> list[Facts]:
        """Every result as plain data."""
        made = [statement_rows.external(row) for row in self.passive]
        made += [statement_rows.aircrew(row) for row in self.aircrew]
        made += [statement_rows.operational(row) for row in self.operational]
        made += [statement_rows.analysis(row) for row in self.internal]
        return made + [statement_rows.committed(row) for row in self.committed]

    def results(self) -> windows.Results:
        """Those that enter the windows; of one person."""
        entering = [
            (row[1], row[3], row[4], row[6], row[7], 0 if row[8] == passive.INF else row[9] or 0)
            for row in self.passive
            if row[8] in (passive.MES, passive.INF, passive.EST)
        ]
        entering += [(row[1], windows.AIRCREW, -1, row[3].replace(day=1), row[3], row[4]) for row in self.aircrew]
        entering += [(row[1], windows.COMMITTED, -1, row[3], row[3], row[5]) for row in self.committed]
        return windows_of(entering)


def _order(one: Facts) -> tuple[Any, ...]:
    return one["fin"], one["debut"], one["siret"], one["grandeur"], one["localisation"] or "", one["valeur_msv"] or ""
