"""Exceedances through the corridor: found, corrected, annulled, merged, taken back; incremental equals full."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    IDENTITES,
    NAVIGANT,
    NIA,
    NIR,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from loaders.errors import UsageError
from pipelines import exceedance_listings
from pipelines.decide import Decision, decide
from pipelines.exceedances import detect, recompute
from pipelines.undo import undo
from pipelines.verify import verify
from schemas.identifiers import key_of

COVER = {"DATE_DEBUT_PORT": "01/03/2026", "DATE_FIN_PORT": "31/03/2026"}


class World:
    """The small country with a physician; every pass is followed by a full recomputation that must agree."""

    def __init__(self, registry: Any) -> None:
        self.registry = country(registry)
        self.connection, self.key = registry.connection, registry.registry.key
        registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
        registry.partner("NAVIG", "CALCUL")
        self.send("EMPL", DESIGNATIONS, *(row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS, SIRET=one) for one in PLACES))
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2))

    def send(self, partner: str, header: str, *rows: str) -> None:
        self.registry.drop(partner, f"{partner}{self.registry.connection.info.backend_pid}.csv", file(header, *rows))
        done = self.registry.run()
        assert not done.incidents
        assert not done.troubles
        self.agree()

    def lab(self, *rows: str) -> None:
        self.send("LABO1", PASSIVE, *rows)

    def agree(self) -> None:
        """Everything reckoned anew is what stands, and so say the invariants."""
        assert recompute(self.connection, self.registry.today).differences == 0
        self.registry.verify()

    def listed(self, **more: Any) -> list[dict[str, Any]]:
        return exceedance_listings.exceedances(self.connection, self.key, self.wanted(**more))

    def wanted(self, **more: Any) -> exceedance_listings.Wanted:
        return exceedance_listings.Wanted.now(self.registry.settings, **more)

    def shown(self, number: int, **more: Any) -> dict[str, Any]:
        return exceedance_listings.exceedance(self.connection, self.key, self.wanted(**more), number)

    def brief(self) -> list[tuple[Any, ...]]:
        """(id, rule, last day, mSv, state)."""
        return [(one["id"], one["regle"], one["periode_fin"], one["valeur_msv"], one["etat"]) for one in self.listed()]


PLACES = (SIRET, SIRET2)


@pytest.fixture
def world(registry: Any) -> World:
    return World(registry)


def month(number: int, value: str, at: str = "03", **changed: str) -> str:
    days = {"01": "31", "02": "28", "03": "31"}
    period = {"DATE_DEBUT_PORT": f"01/{at}/2026", "DATE_FIN_PORT": f"{days[at]}/{at}/2026"}
    return dose(f"M{number}", value, **(period | changed))


def test_over_all_employers_in_the_shape_of_the_contract(world: World) -> None:
    world.lab(month(1, "12", "02"))
    assert world.listed() == []
    world.lab(month(2, "8.001", SIRET=SIRET2))
    (found,) = world.listed()
    assert found.items() >= {
        ("limite", "EFFICACE"),
        ("periode_debut", "2025-04-01"),
        ("periode_fin", "2026-03-31"),
        ("valeur_msv", "20.001"),
        ("etat", "NOTIFIE"),
        ("nir", NIR),
        ("siret", SIRET),
    }
    assert isinstance(found["id"], int)


def test_exactly_the_limit_is_none(world: World) -> None:
    world.lab(month(1, "12", "02"), month(2, "8", SIRET=SIRET2))
    assert world.listed() == []


def test_a_sum_across_the_turn_of_a_year(world: World) -> None:
    """Neither civil year exceeds any limit."""
    lens = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE"}
    december = {"DATE_DEBUT_PORT": "01/12/2025", "DATE_FIN_PORT": "31/12/2025"}
    world.lab(month(1, "10", **lens, **december), month(2, "10.001", "01", **lens))
    assert world.brief() == [(1, "CRI-20", "2026-01-31", "20.001", "NOTIFIE")]


def test_a_pass_says_how_many_changed(world: World) -> None:
    world.registry.drop("LABO1", "a.csv", file(PASSIVE, month(1, "21")))
    assert world.registry.run().exceedances == 1
    assert world.registry.run().exceedances == 0


def test_a_pass_without_news_opens_no_load(world: World) -> None:
    def loads() -> Any:
        return world.connection.execute("select max(load_id) from ledger.load").fetchone()

    world.lab(month(1, "21"))
    before = loads()
    detect(world.connection, world.registry.today)
    world.registry.run()
    assert loads() == before


def test_corrections_and_annulments_keep_the_number(world: World) -> None:
    world.lab(month(1, "21"))
    world.lab(month(1, "22", CODE_METROLOGIE="C"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "22.000", "NOTIFIE")]
    world.lab(month(1, "19", CODE_METROLOGIE="C"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "22.000", "CADUC")]
    world.lab(month(2, "2", "02"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "NOTIFIE")]
    world.lab(month(1, "19", CODE_METROLOGIE="A"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "CADUC")]
    shown = world.shown(1)
    assert [one["etat"] for one in shown["etats"]] == [*("DETECTE", "NOTIFIE", "CADUC") * 2]
    assert [one["valeur_msv"] for one in shown["calculs"]] == ["21.000", "22.000", "21.000"]
    assert all(one["au"] for one in shown["calculs"])


def test_a_late_result_moves_the_window_and_not_the_number(world: World) -> None:
    world.lab(month(1, "21"))
    world.lab(month(2, "20.5", "02"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "41.500", "NOTIFIE")]
    assert world.listed()[0]["jours_debut"] == "2026-02-28"


def test_what_has_no_value_counts_nothing(world: World) -> None:
    world.lab(
        month(1, "20"),
        month(2, "", ETAT_RESULTAT="ABS"),
        month(3, "", ETAT_RESULTAT="INF"),
        month(4, "0.001", SEUIL="0.05", TYPE_MESURE="PAS-HP10-NEU", LOCALISATION="POITRINE"),
    )
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "20.001", "NOTIFIE")]


def test_committed_doses_and_flights_count_too(world: World) -> None:
    world.lab(month(1, "19.8", "02"))
    world.send("NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="0.099"))
    world.send("DOCTEUR", ENGAGEE, row(ENGAGEE, VALEUR="0.2"))
    assert world.brief() == []
    world.send("NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="0.1", CODE_METROLOGIE="C"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "20.100", "NOTIFIE")]
    shown = world.shown(1)
    assert [(one["grandeur"], one["compte_msv"]) for one in shown["resultats"]] == [
        ("PAS-HP10-PHO", "19.800"),
        ("INT-E50", "0.200"),
        ("CAL-E-COS", "0.100"),
    ]


def test_a_physicians_correction_stands_in(world: World) -> None:
    world.lab(month(1, "21"))
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": ""}
    world.send("DOCTEUR", PASSIVE, month(1, "3", **mine, CODE_METROLOGIE="C"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "CADUC")]
    world.send("DOCTEUR", PASSIVE, month(1, "3", **mine, CODE_METROLOGIE="A"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "NOTIFIE")]


def test_what_a_physicians_version_lets_go_counts_again_for_whoever_it_is_of(world: World) -> None:
    """The body has moved its result to another worker meanwhile: it is that one's sums that change."""
    nia_and_nir(world)
    world.lab(month(1, "21"))
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": ""}
    world.send("DOCTEUR", PASSIVE, month(1, "3", **mine, CODE_METROLOGIE="C"))
    world.lab(month(1, "22", NIR=NIA, CODE_METROLOGIE="C"))
    assert [state for *_, state in world.brief()] == ["CADUC"]
    world.send("DOCTEUR", PASSIVE, month(1, "3", **mine, CODE_METROLOGIE="A"))
    assert world.brief()[1:] == [(2, "EFF-20", "2026-03-31", "22.000", "NOTIFIE")]


def test_chest_and_belt(world: World) -> None:
    belt = {"LOCALISATION": "CEINTURE"}
    world.lab(month(1, "15"), month(2, "9", **belt))
    assert world.brief() == []
    world.lab(month(3, "6", "02", **belt))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "NOTIFIE")]
    shown = world.shown(1)
    assert [one["compte_msv"] for one in shown["resultats"]] == ["6.000", "15.000", None]


def worn(number: int, value: str, first: str, last: str, **changed: str) -> str:
    return dose(f"M{number}", value, **({"DATE_DEBUT_PORT": first, "DATE_FIN_PORT": last} | changed))


def test_a_change_flips_dosimeters_that_hang_together_over_years(world: World) -> None:
    """What counts of 2023 turns on a result of 2025, whose own years hold next to nothing."""
    world.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="01/01/2020"))
    belt = {"LOCALISATION": "CEINTURE"}
    last = ("01/02/2025", "30/04/2025")
    world.lab(
        worn(1, "21", "01/01/2023", "31/03/2023", **belt),
        worn(2, "10", "15/03/2023", "14/06/2023"),
        worn(3, "0", "10/06/2023", "09/09/2023", **belt),
        worn(4, "5", "05/09/2023", "04/12/2023"),
        worn(5, "0", "01/12/2023", "28/02/2024", **belt),
        worn(6, "3", "20/02/2024", "19/05/2024"),
        worn(7, "0", "15/05/2024", "14/08/2024", **belt),
        worn(8, "1", "10/08/2024", "09/11/2024"),
        worn(9, "0", "05/11/2024", "04/02/2025", **belt),
        worn(10, "5", *last),
    )
    assert world.brief() == []
    world.lab(worn(10, "1", *last, CODE_METROLOGIE="C"))
    assert world.brief() == [(1, "EFF-20", "2023-03-31", "21.000", "NOTIFIE")]


def test_a_small_result_completes_a_sum_of_several_years(world: World) -> None:
    world.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, DATEDEBUT="01/01/2015"))
    lens = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE"}
    world.lab(worn(1, "45", "01/12/2018", "31/12/2018", **lens), worn(2, "45", "01/12/2020", "31/12/2020", **lens))
    assert world.brief() == []
    world.lab(worn(3, "10.001", "01/06/2023", "30/06/2023", **lens))
    assert world.brief() == [(1, "CRI-100", "2023-06-30", "100.001", "NOTIFIE")]


def test_skin_and_lens_by_their_own_limits(world: World) -> None:
    world.lab(
        month(1, "500.001", TYPE_MESURE="PAS-HP007-EXT", LOCALISATION="DOIGT_D"),
        month(2, "500", TYPE_MESURE="PAS-HP007-EXT", LOCALISATION="DOIGT_G"),
        month(3, "20.001", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"),
    )
    assert {(one["limite"], one["localisation"], one["valeur_msv"]) for one in world.listed()} == {
        ("EXTREMITES", "DOIGT_D", "500.001"),
        ("CRISTALLIN", None, "20.001"),
    }


def nia_and_nir(world: World) -> None:
    """A second history under a waiting number."""
    world.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), PRENOM="JEAN"))


def test_a_merge_brings_two_histories_above_the_limit(world: World) -> None:
    nia_and_nir(world)
    world.lab(month(1, "12", "02"), month(2, "9", NIR=NIA))
    assert world.brief() == []
    world.send("ASNR", IDENTITES, row(IDENTITES))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "NOTIFIE")]
    assert world.listed()[0]["nir"] == NIR
    # The merge is taken back: the sums fall apart again.
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("insert into ledger.load (load_id, kind) values (nextval('ledger.load_number'), 'test')")
        admin.execute("update identity.alias set until_load = (select max(load_id) from ledger.load)")
        admin.execute("select ledger.seal_load(max(load_id)::integer) from ledger.load")
    detect(world.connection, world.registry.today)
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "CADUC")]
    world.agree()


def test_a_merge_keeps_the_number_of_the_run(world: World) -> None:
    nia_and_nir(world)
    world.lab(month(1, "21", NIR=NIA))
    assert [(one["id"], one["nir"]) for one in world.listed()] == [(1, NIA)]
    world.send("ASNR", IDENTITES, row(IDENTITES))
    assert [(one["id"], one["nir"], one["etat"]) for one in world.listed()] == [(1, NIR, "NOTIFIE")]
    world.lab(month(2, "1", "02"))
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "22.000", "NOTIFIE")]


def test_two_exceedances_that_merge_leave_one(world: World) -> None:
    nia_and_nir(world)
    world.lab(month(1, "21", NIR=NIA), month(2, "30"))
    assert len(world.listed()) == 2
    world.send("ASNR", IDENTITES, row(IDENTITES))
    assert sorted((one["valeur_msv"], one["etat"]) for one in world.listed()) in (
        [("21.000", "CADUC"), ("51.000", "NOTIFIE")],
        [("30.000", "CADUC"), ("51.000", "NOTIFIE")],
    )


def test_a_decision_taken_back_takes_its_exceedance_along(world: World) -> None:
    world.lab(month(1, "21", NOM="AUTREMENT"))
    (entry,) = world.registry.queue()
    made = decide(world.connection, world.key, Decision("rattacher", "même personne", "anna"), {entry["id"]: None})
    detect(world.connection, world.registry.today)
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "DETECTE")]
    undo(world.connection, made.number, "anna", "erreur")
    # Until the next detection the invariants say nothing against it: it is known not to be looked at.
    assert all(
        one.held
        for one in verify(world.registry.as_("analyst"), world.registry.settings)
        if "recalcul" in one.invariant
    )
    detect(world.connection, world.registry.today)
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "CADUC")]
    world.registry.answer()
    world.agree()


def test_a_day_of_birth_that_is_mended_changes_the_limit(world: World) -> None:
    world.lab(month(1, "7"))
    assert world.brief() == []
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("insert into ledger.load (load_id, kind) values (nextval('ledger.load_number'), 'test')")
        admin.execute("update identity.civil set until_load = (select max(load_id) from ledger.load)")
        admin.execute(
            "insert into identity.civil select distinct on (worker_id) worker_id, last_name, first_name,"
            " folded_last_name, folded_first_name, date '2008-04-01', sex, until_load, null, submission_id, line"
            " from identity.civil order by worker_id, since_load desc"
        )
        admin.execute("select ledger.seal_load(max(load_id)::integer) from ledger.load")
    detect(world.connection, world.registry.today)
    assert world.brief() == [(1, "EFF-6-J", "2026-03-31", "7.000", "DETECTE")]
    world.agree()


def test_any_past_state_can_be_shown(world: World) -> None:
    world.lab(month(1, "21"))
    row_ = world.connection.execute("select max(load_id) from ledger.load").fetchone()
    world.lab(month(1, "3", CODE_METROLOGIE="C"))
    held = world.connection.execute(
        "select s.state, r.value_usv from exposure.state s join exposure.reckoning r using (exceedance_id)"
        " where s.since_load <= %(n)s and (s.until_load is null or s.until_load > %(n)s)"
        " and r.since_load <= %(n)s and (r.until_load is null or r.until_load > %(n)s)",
        {"n": row_[0]},
    ).fetchall()
    assert held == [("NOTIFIE", 21_000)]


def test_a_recomputation_tells_and_mends_what_differs(world: World) -> None:
    world.lab(month(1, "21"))
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("update exposure.reckoning set value_usv = 1")
    assert not all(one.held for one in verify(world.registry.as_("analyst"), world.registry.settings))
    found = recompute(world.connection, world.registry.today)
    assert (found.persons, found.standing, found.differences) == (1, 1, 1)
    assert world.brief() == [(1, "EFF-20", "2026-03-31", "21.000", "NOTIFIE")]
    world.agree()


def test_a_detection_that_fails_is_one_trouble_and_is_made_up_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    trap = "alter table exposure.reckoning add constraint never check (value_usv <> 27773) not valid"
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute(trap)
    world.registry.drop("LABO1", "a.csv", file(PASSIVE, month(1, "27.773")))
    done = world.registry.run()
    assert done.troubles == [0]
    assert world.registry.report("LABO1", "a.csv")["statut"] == "INTEGRE"
    assert "27773" not in caplog.text
    assert world.brief() == []
    with world.registry.registry.warehouse.admin() as admin:
        admin.execute("alter table exposure.reckoning drop constraint never")
    assert world.registry.run().exceedances == 1
    assert [one[1:] for one in world.brief()] == [("EFF-20", "2026-03-31", "27.773", "NOTIFIE")]
    world.agree()


def test_an_unknown_number_is_told(world: World) -> None:
    with pytest.raises(UsageError, match="aucun dépassement 9"):
        world.shown(9)


def test_no_log_names_anybody_or_tells_a_dose(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.lab(month(1, "27.773"))
    assert world.brief()
    assert "exceedances: 1 persons, 1 new" in caplog.text
    for secret in (NIR, "MARTIN", "27.773", "27773"):
        assert secret not in caplog.text
