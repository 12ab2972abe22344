"""The promises of quality: honest months keep them all, each planted drift breaks its own, once, and no other."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from desk_server import READER, Desk
from psycopg import errors
from quality_world import FIRST, Months, person, worker
from senders import PASSIVE, TRAVAILLEURS, country, dose, file

from loaders.errors import ServiceMissing, UsageError
from pipelines.quality import check, expectations, standing
from pipelines.tallies import month_before
from schemas.promises import When, promises

#: Months of honest files before the first drift: the last of them has three of the same place in their quarter before.
HONEST = 10
#: What drifts, one month each. Who never has results comes last: they stay attached.
DRIFTS = {
    "VOLUME": ["LABO1"],
    "REJETS": ["LABO1"],
    "ATTENTE": ["LABO1"],
    "INCONNUS": ["LABO1"],
    "TARDIFS": ["LABO1"],
    "REFUSES": ["OA"],
    "ZEROS": ["PAS-HP10-PHO"],
    "SANS_RESULTAT": ["LABO1"],
    "DOSIMETRES": ["LABO1 OSL", "LABO1 TLD"],
    "MOYENNES": ["100000"],
    "NAISSANCES": ["registre"],
    "COUVERTURE": ["100000"],
}
#: Judged of the registry as it stands, in tests of their own.
PRESENT = {name for name, one in promises().items() if one.when is When.PRESENT}


def month(place: int) -> date:
    return month_before(FIRST, -place)


@pytest.fixture(scope="module")
def world(registries: Any) -> Iterator[Months]:
    """Ten honest months, then one for each drift, then an honest one; each received on its tenth."""
    with registries() as registry:
        made = Months(registry)
        for place, drift in enumerate((*[""] * HONEST, *DRIFTS, "")):
            made.receive(month(place), drift)
            if place >= HONEST - 1:
                after = month(place + 1).replace(day=5)
                made.verdicts[drift or place] = made.judge(month(place), after)
                if drift == "NAISSANCES":
                    made.told = standing.broken(registry.as_("analyst"), registry.settings)
        yield made


def test_every_promise_is_tried() -> None:
    assert set(DRIFTS) | PRESENT == set(promises())
    assert len(promises()) >= 12


def test_honest_months_keep_every_promise(world: Months) -> None:
    before = world.verdicts[HONEST - 1]
    assert {name: one.broken for name, one in before.items() if one.broken} == {}
    assert set(before) == set(DRIFTS)
    # Each had something to judge, but for what honest months do not bring: many files, many identities.
    assert {name for name, one in before.items() if not one.judged} == {"REFUSES", "NAISSANCES"}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drift_breaks_its_own_promise_and_no_other(world: Months, drift: str) -> None:
    told = {name: list(one.broken) for name, one in world.verdicts[drift].items() if one.broken}
    assert told == {drift: DRIFTS[drift]}
    assert world.verdicts[drift][drift].judged >= len(DRIFTS[drift])


def test_a_month_after_drifts_is_judged_by_what_was_usual_before_them(world: Months) -> None:
    """The median forgets a month that drifted; workers without results are still without them."""
    last = world.verdicts[HONEST + len(DRIFTS)]
    assert {name: one.broken for name, one in last.items() if one.broken} == {"COUVERTURE": ("100000",)}


def kept(world: Months, when: date) -> dict[tuple[str, str], tuple[int, Decimal]]:
    found = world.registry.as_("analyst").execute(
        "select promise, subject, base, value from quality.measure where month = %s", (when,)
    )
    return {(promise, subject): (base, value) for promise, subject, base, value in found.fetchall()}


def share(part: int, whole: int) -> tuple[int, Decimal]:
    return whole, round(Decimal(100 * part) / whole, 4)


@pytest.mark.parametrize("drift", [one for one in DRIFTS if one not in ("REFUSES", "NAISSANCES", "COUVERTURE")])
def test_the_measures_are_those_of_the_rows_counted_one_by_one(world: Months, drift: str) -> None:
    when = month(HONEST + list(DRIFTS).index(drift))
    found = kept(world, when)
    rows = world.sent[when]
    taken = [one for one in rows if one.known and not faulty(one.cells)]
    for body in ("LABO1", "LABO2"):
        mine = [one for one in rows if one.body == body]
        told = {
            "VOLUME": (len(mine), len(mine)),
            "REJETS": share(sum(faulty(one.cells) for one in mine), len(mine)),
            "INCONNUS": share(sum(one.cells["TYPE_DOSIMETRE"] == "XXX" for one in mine), len(mine)),
            "ATTENTE": share(sum(not one.known and not faulty(one.cells) for one in mine), len(mine)),
            "TARDIFS": share(sum((when.replace(day=10) - end(one.cells)).days > 20 for one in mine), len(mine)),
        }
        brought = [one.cells for one in taken if one.body == body]
        absent = sum(one["ETAT_RESULTAT"] == "ABS" for one in brought)
        told["SANS_RESULTAT"] = share(absent, len(brought))
        assert {name: found[name, body] for name in told if (name, body) in found} == {
            name: value for name, value in told.items() if value[0] >= promises()[name].base
        }
        if len(brought) >= promises()["DOSIMETRES"].base:
            for kind in ("OSL", "TLD", "FILM"):
                used = sum(one["TYPE_DOSIMETRE"] == kind for one in brought)
                assert found["DOSIMETRES", f"{body} {kind}"] == share(used, len(brought))
    measured = [one.cells for one in taken if one.cells["ETAT_RESULTAT"] != "ABS"]
    below = sum(one["ETAT_RESULTAT"] == "INF" for one in measured)
    assert found["ZEROS", "PAS-HP10-PHO"] == share(below, len(measured))
    if len(measured) >= promises()["MOYENNES"].base:
        mean = sum(Decimal(one["VALEUR"] or 0) for one in measured) / len(measured)
        assert found["MOYENNES", "100000"] == (len(measured), round(mean, 4))


def faulty(cells: dict[str, str]) -> bool:
    return cells["VALEUR"] == "x" or cells["TYPE_DOSIMETRE"] == "XXX"


def end(cells: dict[str, str]) -> date:
    return datetime.strptime(cells["DATE_FIN_PORT"], "%d/%m/%Y").date()


def test_what_was_broken_is_told_once_as_new(world: Months) -> None:
    """Said for an alert: what, where, by how much; at the next check the same break is no news."""
    found = [one for one in world.told if one["mois"] == f"{month(HONEST + list(DRIFTS).index('NAISSANCES')):%Y-%m}"]
    assert [(one["promesse"], one["tenue"]) for one in found] == [("NAISSANCES", False)]
    (subject,) = found[0]["rompue_pour"]
    assert subject == {
        "sujet": "registre",
        "nombre": 60,
        "valeur": 100.0,
        "habituel": None,
        "ecart": 100.0,
        "nouveau": True,
    }


def test_the_last_two_months_are_judged_unasked(world: Months, caplog: pytest.LogCaptureFixture) -> None:
    registry = world.registry
    last = month(HONEST + len(DRIFTS))
    today = month_before(last, -1).replace(day=5)
    registry.settings = dataclasses.replace(registry.settings, today=today)
    with caplog.at_level(logging.WARNING, "siseri.quality"):
        verdicts = check.check(registry.registry.warehouse, registry.as_("publisher"), registry.settings)
    assert {one.month for one in verdicts} == {last, month_before(last, -1)}
    assert {one.promise.name for one in verdicts if one.month > last} == {
        name for name, one in promises().items() if one.when is not When.ENDED
    }
    assert caplog.messages == [f"promise broken: COUVERTURE {last:%Y-%m} 100000"]
    (broken,) = standing.broken(registry.as_("analyst"), registry.settings)
    assert [(one["sujet"], one["nouveau"]) for one in broken["rompue_pour"]] == [("100000", False)]
    page = standing.write(registry.as_("analyst"), registry.settings, None)
    text = page.read_text()
    assert page == registry.settings.home / "qualite" / "qualite.html"
    assert oct(page.stat().st_mode)[-3:] == "600"
    assert text.count('class="rompue"') == 1
    assert "COUVERTURE" in text
    desk = Desk(registry.settings)
    shown = desk.by(READER).get("/qualite")
    desk.close()
    assert shown.status_code == 200
    assert shown.text.count('<span class="alerte">rompue</span>') == 1
    for told in ("LABO1", "Utilisations medicales et veterinaires (100000)"):
        assert told in shown.text
        assert told in text
    for number in (0, 250):
        assert not any(value in text for value in person(number).values())


def test_the_first_check_counts_the_months_before(world: Months) -> None:
    """A registry that was never checked has its past; an old month is judged as of then."""
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("delete from quality.verdict")
        admin.execute("delete from quality.measure")
        admin.execute("delete from quality.run")
    for drift in ("ZEROS", "MOYENNES"):
        when = month(HONEST + list(DRIFTS).index(drift))
        verdicts = world.judge(when, date(2026, 4, 1))
        assert {name: list(one.broken) for name, one in verdicts.items() if one.broken} == {drift: DRIFTS[drift]}


def test_months_that_cannot_be_judged(world: Months) -> None:
    for text in ("2024", "2024-13", "04-2024", "2099-01"):
        with pytest.raises(UsageError, match="month"):
            check.months_of(world.registry.settings, text)


def present(land: Any, day: date) -> dict[str, list[str]]:
    land.settings = dataclasses.replace(land.settings, today=day)
    verdicts = check.check(land.registry.warehouse, land.as_("publisher"), land.settings, f"{day:%Y-%m}")
    assert {one.promise.name for one in verdicts if one.judged} >= PRESENT
    return {one.promise.name: list(one.broken) for one in verdicts if one.broken}


def test_the_queue_is_judged_as_it_stands(registry: Any) -> None:
    land = country(registry)
    known = [dose(f"K{number}") for number in range(150)]
    strangers = [dose(f"S{number}", **person(number)) for number in range(20)]
    land.drop("LABO1", "connus.csv", file(PASSIVE, *known))
    land.drop("LABO1", "un.csv", file(PASSIVE, strangers[0]))
    land.run(date(2026, 4, 10))
    assert present(land, date(2026, 4, 10)) == {}
    # 81 days of 90, and 82.
    assert present(land, date(2026, 6, 30)) == {}
    assert present(land, date(2026, 7, 1)) == {"ANCIENNETE": ["registre"]}
    land.drop("EMPL", "un.csv", file(TRAVAILLEURS, worker(0)))
    land.run(date(2026, 7, 1))
    assert present(land, date(2026, 7, 1)) == {}
    land.drop("LABO1", "autres.csv", file(PASSIVE, *strangers[1:]))
    land.run(date(2026, 7, 2))
    assert present(land, date(2026, 7, 2)) == {"FILE": ["registre"]}


def test_a_check_that_died_before_its_verdicts_is_made_again(registry: Any) -> None:
    """Counted and not judged: the check before still stands, and the next one says what it would have said."""
    land = country(registry)
    land.drop("LABO1", "mars.csv", file(PASSIVE, *(dose(f"K{at}") for at in range(80))))
    land.drop("LABO2", "mars.csv", file(PASSIVE, *(dose(f"S{at}", **person(at)) for at in range(30))))
    land.run(date(2026, 4, 10))
    for _ in range(2):
        assert present(land, date(2026, 4, 10)) == {"FILE": ["registre"]}
    with registry.registry.warehouse.admin() as admin:
        admin.execute("delete from quality.verdict where run_id = (select max(run_id) from quality.verdict)")
        admin.execute("delete from quality.measure where promise = 'FILE'")
    (told,) = standing.broken(land.as_("analyst"), land.settings)
    assert [(one["sujet"], one["valeur"]) for one in told["rompue_pour"]] == [("registre", None)]
    assert standing.write(land.as_("analyst"), land.settings, None).exists()
    assert present(land, date(2026, 4, 10)) == {"FILE": ["registre"]}
    (told,) = standing.broken(land.as_("analyst"), land.settings)
    assert told["rompue_pour"][0]["valeur"] == pytest.approx(100 * 30 / 116, abs=1e-4)


def test_great_expectations_leaves_no_session_and_says_nothing_of_the_warehouse(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = registry.registry.warehouse
    assert expectations.held_by(
        warehouse, check.PROFILE, date(2026, 4, 1), [expectations.Bounds("x", None, Decimal(1))]
    )
    with warehouse.admin() as admin:
        (left,) = admin.execute(
            "select count(*) from pg_stat_activity where usename = current_database() || '_publisher'"
        ).fetchone()
    assert left == 0
    monkeypatch.setattr(
        type(warehouse), "address", lambda *told: "postgresql+psycopg://nobody:secret@127.0.0.1:1/nowhere"
    )
    with pytest.raises(ServiceMissing) as said:
        expectations.held_by(warehouse, check.PROFILE, date(2026, 4, 1), [])
    assert "nobody" not in str(said.value)
    assert said.value.__suppress_context__


def test_the_warehouse_takes_no_figure_about_few(registry: Any) -> None:
    """Whoever wrote it: fewer than eleven is refused by the table."""
    publisher = registry.as_("publisher")
    (number,) = publisher.execute(
        "insert into quality.run (month, whole, registry_date) values ('2026-04-01', false, '2026-04-10')"
        " returning run_id"
    ).fetchone()
    text = "insert into quality.measure values ('2026-04-01', 'ZEROS', 'x', %s, 1, null, null, %s)"
    publisher.execute(text, (11, number))
    with pytest.raises(errors.CheckViolation):
        publisher.execute(text.replace("'x'", "'y'"), (10, number))


def test_few_workers_give_no_share_of_their_doses(registry: Any) -> None:
    land = country(registry)
    land.drop("LABO1", "connus.csv", file(PASSIVE, *(dose(f"K{number}") for number in range(400))))
    land.run(date(2026, 4, 10))
    present(land, date(2026, 4, 10))
    found = land.as_("analyst").execute("select distinct promise from quality.measure").fetchall()
    assert {"REJETS", "ATTENTE"} <= {name for (name,) in found}
    assert not {"ZEROS", "MOYENNES", "SANS_RESULTAT", "DOSIMETRES"} & {name for (name,) in found}
