"""The access matrix, cell by cell, from the declaration that the documents print (``schemas/access.py``): every row by
a real connection of its profile, on each side of every date that opens or closes it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from access_world import OPEN, Matrix
from psycopg import errors
from senders import (
    DESIGNATIONS,
    NIR,
    NIR2,
    PASSIVE,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    dose,
    row,
)

from schemas.access import READERS, SIGHT, Scope, Sight
from schemas.identifiers import is_rpps, key_of

NAMES = {one.name for one in READERS}
SEEN = [one for one in SIGHT if one.profile in NAMES]
#: The charges of the world last from the first of these days to the last.
FIRST, LAST = date(2026, 2, 1), date(2026, 4, 30)
#: Those of the second holders begin after the leaver's contract has ended.
LATE = date(2026, 4, 1)
DAY = date(2026, 4, 10)
_physicians = (str(one) for one in itertools.count(10_000_000_100) if is_rpps(str(one)))
#: Who asks in each capacity: a holder, and one who came late.
WHO = {
    "TRAVAILLEUR": ("", ""),
    "EMPLOYEUR": (SIRET, SIRET),
    "AGENT": ("I1", "I2"),
    "CES": ("C1", "C2"),
    "CRP": ("P1", "P2"),
    "MDT": (next(_physicians), next(_physicians)),
    "PST": (next(_physicians), next(_physicians)),
}


@pytest.fixture(scope="module")
def world(registries: Any) -> Iterator[Matrix]:
    """NIR works at both establishments, designated at the first; NIR2 left it on 28/02/2026."""
    with registries() as registry:
        made = Matrix(registry)
        other = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": "ROSSI", "PRENOM": "ANNA", "DATENAISSANCE": "01/05/1984"}
        made.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, **other, SEXE="F", DATEDEBUT="01/01/2019"))
        mine = {"NIR": NIR2, "NOM": "ROSSI", "PRENOM": "ANNA"}
        made.send(
            "LABO1",
            PASSIVE,
            dose("V1", "0.010", DATE_DEBUT_PORT="01/02/2020", DATE_FIN_PORT="29/02/2020"),
            dose("V2", "0.700", **mine, DATE_DEBUT_PORT="01/02/2026", DATE_FIN_PORT="28/02/2026"),
            dose("V3", "0.800", **mine, DATE_DEBUT_PORT="01/03/2026", DATE_FIN_PORT="15/03/2026"),
        )
        made.send("EMPL", SORTIES, row(SORTIES, NIR=NIR2, CLE=key_of(NIR2), DATEFIN="28/02/2026"))
        for staff, roles in (("ASNR", ("CES", "CRP", "MDT")), ("DOCTEUR", ("PST",))):
            made.send(
                staff,
                DESIGNATIONS,
                *(
                    row(
                        DESIGNATIONS,
                        ROLE=role,
                        IDENTIFIANT=who,
                        SIRET=SIRET,
                        DATEDEBUT=f"{start:%d/%m/%Y}",
                        DATEFIN=f"{LAST:%d/%m/%Y}",
                    )
                    for role in roles
                    for who, start in zip(WHO[role], (FIRST, LATE), strict=True)
                ),
            )
        yield made


def asked(world: Matrix, sight: Sight, *, late: bool = False, nir: str = NIR, day: date = DAY) -> Any:
    return world.seen(sight.role, WHO[sight.role][late], nir=nir, own=nir, day=day)


def expected(sight: Sight) -> dict[str, set[Any]]:
    """What a cell's word means in the world, view by view; a view that is not there is refused."""
    contracts = {Scope.OWN: {SIRET, SIRET2}, Scope.ALL: {SIRET, SIRET2}}.get(sight.administrative, {SIRET})
    found: dict[str, set[Any]] = {"person": {"MARTIN"}, "contract": contracts}
    if sight.external is not Scope.NOTHING:
        here = {1111} | ({10} if sight.years is None else set())
        found["passive"] = here | ({2222} if sight.external in (Scope.OWN, Scope.ALL) else set())
        found |= {"operational": {333}, "aircrew": {444}}
    if sight.internal is not Scope.NOTHING:
        found |= {"internal": {"Cs-137"}, "committed": {5555}}
    return found


@pytest.mark.parametrize("sight", SEEN, ids=lambda one: one.role)
def test_each_cell_shows_what_it_says_and_no_more(world: Matrix, sight: Sight) -> None:
    wanted = expected(sight)
    assert asked(world, sight) == wanted
    with world.registry.registry.warehouse.login(sight.profile) as reader:
        for view in sorted({one for views in OPEN.values() for one in views} - set(wanted)):
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(f"select 1 from access.{view}")


@pytest.mark.parametrize("sight", SEEN, ids=lambda one: one.role)
def test_a_charge_opens_on_its_first_day_and_closes_after_its_last(world: Matrix, sight: Sight) -> None:
    for day, inside in (
        (date(2026, 1, 31), False),
        (FIRST, True),
        (LAST, True),
        (date(2026, 5, 1), False),
    ):
        assert (asked(world, sight, day=day) is not None) == (inside or not sight.charge), day


@pytest.mark.parametrize("sight", SEEN, ids=lambda one: one.role)
def test_a_contract_must_meet_the_charge(world: Matrix, sight: Sight) -> None:
    gone = asked(world, sight, nir=NIR2)
    assert gone is not None, "who left stays visible to those who were in charge"
    assert asked(world, sight, late=True) is not None
    assert (asked(world, sight, late=True, nir=NIR2) is None) == sight.charge
    if sight.external is not Scope.NOTHING:
        # The matching takes a period of wear up to 31 days after the contract; an adviser's sight does not.
        assert gone["passive"] == ({700} if sight.within else {700, 800})


def test_every_role_of_the_matrix_is_walked() -> None:
    assert [one.role for one in SEEN] == ["TRAVAILLEUR", "EMPLOYEUR", "CES", "CRP", "MDT", "PST", "AGENT"]
    # Those without statements stand in test_profiles.py.
    assert {one.role for one in SIGHT} - {one.role for one in SEEN} == {"DGT", "DSND", "RECHERCHE"}
