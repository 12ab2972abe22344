"""The calendar of expected files, and who is late of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from senders import (
    DESIGNATIONS,
    ESTABLISSEMENTS,
    OPERATIONNELLE,
    PASSIVE,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from pipelines import expected, partners
from pipelines.partners import Span

OWN = expected.OWN_RHYTHM


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def calendar(land: Any, day: date) -> dict[tuple[str, str], tuple[date, int, str, date | None]]:
    found = expected.expected(land.as_("analyst"), day)
    assert [one.due for one in found] == sorted(one.due for one in found)
    return {(one.sender, one.format): (one.due, one.late(day), one.reason, one.last) for one in found}


def send(land: Any, code: str, days: list[date], header: str = PASSIVE) -> None:
    """A good file of a sender, on each of these days."""
    for at, day in enumerate(days):
        made = {
            PASSIVE: dose(f"{code}{at}"),
            OPERATIONNELLE: row(OPERATIONNELLE, LIEU=f"L{at}"),
            TRAVAILLEURS: row(TRAVAILLEURS),
        }[header]
        land.drop(code, f"{day}.csv", file(header, made))
        land.run(day)


def weeks(first: date, count: int, step: int = 7) -> list[date]:
    return [first + timedelta(days=step * at) for at in range(count)]


def test_who_is_designated_and_sent_nothing_is_expected_by_the_rules(land: Any) -> None:
    """A body three months of wear and twenty days after its opening; an operator two weeks; nobody else."""
    opened = date(2026, 4, 10)
    assert calendar(land, opened) == {
        ("LABO1", "PASSIVE"): (
            opened + timedelta(days=112),
            0,
            "port de trois mois au plus, résultat sous 20 jours",
            None,
        ),
        ("SITE", "OPERATIONNELLE"): (
            *(opened + timedelta(days=14), 0, "envoi chaque semaine au moins, sous 7 jours", None),
        ),
    }
    assert calendar(land, date(2026, 4, 24))["SITE", "OPERATIONNELLE"][1] == 0
    assert calendar(land, date(2026, 4, 25))["SITE", "OPERATIONNELLE"][1] == 1


def test_a_rhythm_tighter_than_the_rules_counts_and_a_looser_one_does_not(land: Any) -> None:
    days = weeks(date(2026, 4, 10), 6)
    send(land, "LABO1", days)
    # LABO1 sends each week: by its own rhythm it is late after ten days, by the rules after 112.
    told = calendar(land, days[-1])
    assert told["LABO1", "PASSIVE"] == (days[-1] + timedelta(days=10), 0, OWN, days[-1])
    late = days[-1] + timedelta(days=13)
    assert calendar(land, late)["LABO1", "PASSIVE"][1] == 3
    assert [one["emetteur"] for one in expected.listing(land.as_("analyst"), late, late=True)] == ["SITE", "LABO1"]


def test_lists_of_workers_are_expected_of_nobody_without_a_rhythm(land: Any) -> None:
    send(land, "EMPL", weeks(date(2026, 4, 12), 6), TRAVAILLEURS)
    assert calendar(land, date(2026, 5, 20))["EMPL", "TRAVAILLEURS"][2] == OWN
    send(land, "EMPL", [date(2026, 7, 1), date(2026, 10, 15), date(2026, 10, 18), date(2026, 12, 24)], TRAVAILLEURS)
    assert not {name for name in calendar(land, date(2027, 6, 1)) if name[0] == "EMPL"}


def test_what_was_refused_did_not_come(land: Any) -> None:
    days = weeks(date(2026, 4, 10), 5)
    send(land, "SITE", days, OPERATIONNELLE)
    land.drop("SITE", "vide.csv", b"")
    land.run(days[-1] + timedelta(days=8))
    assert calendar(land, days[-1] + timedelta(days=8))["SITE", "OPERATIONNELLE"][3] == days[-1]


def test_who_is_closed_or_has_no_business_any_more_is_not_late(land: Any) -> None:
    days = weeks(date(2026, 4, 10), 5)
    for code in ("LABO1", "SITE"):
        send(land, code, days, OPERATIONNELLE if code == "SITE" else PASSIVE)
    send(land, "EMPL", days, TRAVAILLEURS)
    later = date(2026, 9, 1)

    def late() -> set[str]:
        return {name for (name, _), told in calendar(land, later).items() if told[1]}

    assert late() == {"LABO1", "SITE", "EMPL"}
    with land.registry.warehouse.login("administrator") as admin:
        partners.disable(admin, land.settings, "EMPL")
        assert late() == {"LABO1", "SITE"}
        partners.reopen(admin, land.settings, "EMPL")
        assert "EMPL" in late()
        # The account's last day is over; nobody has opened or closed accounts since.
        partners.set_days(admin, land.settings, "LABO1", Span(None, date(2026, 8, 31)))
    assert late() == {"SITE", "EMPL"}
    # No establishment designates the operator any more.
    ended = row(DESIGNATIONS, ROLE="EXPLOITANT", IDENTIFIANT="SITE", DATEFIN="30/06/2026")
    land.drop("ASNR", "fin.csv", file(DESIGNATIONS, ended))
    land.run(date(2026, 6, 1))
    assert late() == {"EMPL"}
    # All establishments of the employer are closed.
    closing = {"etatAdministratifEtablissement": "F", "dateDebut": "2026-06-01"}
    shut = [row(ESTABLISSEMENTS, siret=one, **closing) for one in (SIRET, SIRET2)]
    land.drop("ASNR", "fermes.csv", file(ESTABLISSEMENTS, *shut))
    land.run(date(2026, 6, 2))
    assert late() == set()
