"""Who is told of an exceedance (contract, outcomes.md "Exceedances"; decision 0024): open accounts only, by what ties
them to the establishments whose results make it. A designation counts on the registry's date: who can answer is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import sql
from loaders.bulk import Cursor
from pipelines.notice_cases import Case, Place
from pipelines.states import ADJUSTED

#: Roles that are told of everything that their authority covers, whatever the establishment.
AUTHORITIES = ("DGT", "DSND")


@dataclass(frozen=True)
class Account:
    """An open account that notices can go to."""

    number: int
    code: str
    role: str
    identifiant: str | None
    sirens: frozenset[str]


@dataclass(frozen=True)
class Told:
    """The last notice that an account was given of an exceedance.

    ``establishments`` are those by which it was concerned; ``withdrawn``: it said that what was told before no longer
    holds for this account, and nothing else. ``removed``: it was taken out of ``retour/`` when the tie ended.
    """

    state: str
    revision: int
    audience: str
    withdrawn: bool
    establishments: tuple[int, ...]
    digest: str
    file_name: str
    sealed: bytes
    removed: bool


class Mandates:
    """What ties each account to establishments on one day."""

    def __init__(
        self,
        accounts: Iterable[Account],
        places: Mapping[int, Place],
        designated: Iterable[tuple[int, str, str]],
        today: date,
    ) -> None:
        self.accounts = {one.number: one for one in accounts}
        self.places, self._today = places, today
        self._of_siren = {siren: one.number for one in self.accounts.values() for siren in one.sirens}
        self._of_identifier: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for one in self.accounts.values():
            if one.identifiant:
                self._of_identifier[one.role, one.identifiant].append(one.number)
        self._designated: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        for establishment, role, identifier in designated:
            self._designated[establishment].add((role, identifier))

    def holders(self, establishment: int) -> set[int]:
        """The accounts of the employer, physicians and advisers of an establishment."""
        found = {one for pair in self._designated[establishment] for one in self._of_identifier.get(pair, ())}
        employer = self._of_siren.get(self.places[establishment].siret[:9])
        if employer is not None and self.accounts[employer].role == "EMPLOYEUR":
            found.add(employer)
        return found

    def without_physician(self, case: Case) -> str | None:
        """Why no physician who could conclude can be told: the exceedance's establishment designates none, or none with
        an account; ``None`` where one can."""
        named = {pair for pair in self._designated[case.establishment] if pair[0] == "MDT"}
        if not named:
            return "SANS_MDT"
        return None if any(self._of_identifier.get(pair) for pair in named) else "SANS_COMPTE"

    def no_physician(self, case: Case) -> bool:
        """Whether no establishment concerned designates a physician.

        This is told to all: which establishment is the exceedance's is not everybody's to know, since its result is
        the largest.
        """
        return not any(role == "MDT" for one in case.concerned for role, _ in self._designated[one])

    def recipients(self, case: Case, told: Mapping[int, Told]) -> dict[int, tuple[int, ...]]:
        """Who reads this case in full, and the establishments by which each is concerned (ascending).

        Void or modified, a case still concerns who was told of it by the establishments it was told for, whatever their
        results have become; void, nobody else.
        """
        found: defaultdict[int, set[int]] = defaultdict(set)
        for establishment in case.concerned:
            for account in self.holders(establishment):
                found[account].add(establishment)
        authority = self._authority(case, told)
        for one in self.accounts.values():
            if one.role == authority:
                found[one.number] |= set(case.concerned)
        if case.void or case.state in ADJUSTED:
            for number, before in told.items():
                if not before.withdrawn and number in self.accounts and before.audience not in AUTHORITIES:
                    found[number] |= {one for one in before.establishments if number in self.holders(one)}
        if case.void:
            found = defaultdict(set, {one: by for one, by in found.items() if one in told})
        return {one: tuple(sorted(by)) for one, by in found.items() if by}

    def _authority(self, case: Case, told: Mapping[int, Told]) -> str:
        """The defence delegate where an attachment concerned was military within the window.

        The character of an attachment can be mended from today on only, so today's counts too where neither authority
        has been told yet; what an attachment becomes later takes nothing from the one that was.
        """
        if case.military(case.start, case.end):
            return "DSND"
        for before in told.values():
            if before.audience in AUTHORITIES and not before.withdrawn:
                return before.audience
        return "DSND" if case.military(self._today, self._today) else "DGT"

    def former(self, case: Case, told: Mapping[int, Told], reading: Iterable[int]) -> list[int]:
        """Who was told and is concerned no longer, and must hear so: that the case is void, or no longer theirs.

        Somebody whose designation ended hears no more of a case that holds.
        """
        return [
            number
            for number, before in sorted(told.items())
            if number in self.accounts
            and number not in reading
            and not before.withdrawn
            and (case.void or self._still_tied(number, before))
        ]

    def _still_tied(self, number: int, before: Told) -> bool:
        """Whether what tied an account to the establishments it was told for is in force."""
        return before.audience in AUTHORITIES or any(number in self.holders(one) for one in before.establishments)


def accounts(cursor: Cursor) -> list[Account]:
    """The open accounts that notices can go to."""
    rows = cursor.execute(sql.query("notices", "accounts")).fetchall()
    return [Account(number, code, role, name, frozenset(sirens)) for number, code, role, name, sirens in rows]


def designated(cursor: Cursor, establishments: set[int], today: date) -> list[tuple[int, str, str]]:
    """(establishment, role, identifier) of the physicians and advisers designated on a day."""
    asked = {"establishments": sorted(establishments), "today": today}
    return [tuple(row) for row in cursor.execute(sql.query("notices", "designated"), asked).fetchall()]


def told(cursor: Cursor, exceedances: list[int]) -> dict[int, dict[int, Told]]:
    """By exceedance and account, the last notice."""
    found: defaultdict[int, dict[int, Told]] = defaultdict(dict)
    for row in cursor.execute(sql.query("notices", "told"), (exceedances,)).fetchall():
        exceedance, partner, state, revision, audience, withdrawn, by, digest, name, sealed, removed = row
        found[exceedance][partner] = Told(
            state, revision, audience, withdrawn, tuple(by), str(digest), name, bytes(sealed), removed
        )
    return dict(found)
