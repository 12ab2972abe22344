"""What physicians conclude on exceedances, and what becomes of them and of the doses; incremental equals full."""

from __future__ import annotations

import itertools
import logging
from datetime import date
from typing import Any

import pytest
from integration.test_exceedances import World, month
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    IDENTITES,
    NAVIGANT,
    NIA,
    NIR2,
    PASSIVE,
    RPPS,
    RPPS2,
    TRAVAILLEURS,
    file,
    row,
)

from loaders.errors import UsageError
from loaders.warehouse import load
from pipelines.exceedances import note_legacy_day
from pipelines.states import enter_states
from schemas.identifiers import key_of


@pytest.fixture
def world(registry: Any) -> World:
    return World(registry)


names = itertools.count(1)


def sent(world: World, partner: str, header: str, *rows: str) -> list[str]:
    """Send a file; the outcome and codes of each row, as words."""
    number = next(names)
    name = f"{partner}-{number}.csv"
    # Never the same bytes: empty lines at the end are nothing to the reader.
    world.registry.drop(partner, name, file(header, *rows) + b"\n" * number)
    done = world.registry.run()
    assert not done.incidents
    assert not done.troubles
    world.agree()
    return [" ".join([outcome, *sorted(codes)]) for outcome, codes in world.registry.rows(partner, name)]


def conclude(world: World, kind: str = "MAINTENUE", value: str = "", partner: str = "DOCTEUR", **changed: str) -> str:
    """Send a conclusion on exceedance 1."""
    told = {"ID_DEPASSEMENT": "1", "CONCLUSION": kind, "VALEUR_RETENUE": value} | changed
    return sent(world, partner, CONCLUSION, row(CONCLUSION, **told))[0]


def lab(world: World, *rows: str) -> list[str]:
    return sent(world, "LABO1", PASSIVE, *rows)


def state(world: World, number: int = 1) -> tuple[str, str]:
    (found,) = [one for one in world.listed() if one["id"] == number]
    return found["etat"], found["valeur_msv"]


def versions(world: World, measure: str = "M1") -> list[tuple[int, str | None]]:
    """Every version of a result, the oldest first: dose in micro-sievert, and why it was replaced."""
    return list(
        world.connection.execute(
            "select value_usv, until_code from dose.passive where measure_id = %s order by since_load, until_load",
            (measure,),
        ).fetchall()
    )


def test_maintained(world: World) -> None:
    lab(world, month(1, "21"))
    assert conclude(world, COMMENTAIRE="mesure confirmée") == "INTEGRE"
    assert state(world) == ("MAINTENU", "21.000")
    assert versions(world) == [(21_000, None)]
    shown = world.shown(1)
    assert [one["etat"] for one in shown["etats"]] == ["DETECTE", "NOTIFIE", "MAINTENU"]
    (said,) = shown["conclusions"]
    assert said.items() >= {
        ("conclusion", "MAINTENUE"),
        ("valeur_retenue_msv", None),
        ("date", "2026-04-02"),
        ("rpps", RPPS),
        ("commentaire", "mesure confirmée"),
    }


def test_a_maintained_one_follows_the_sums_and_lapses_with_them(world: World) -> None:
    lab(world, month(1, "21"))
    conclude(world)
    lab(world, month(2, "4", "02"))
    assert state(world) == ("MAINTENU", "25.000")
    lab(world, month(1, "2", CODE_METROLOGIE="C"))
    assert state(world) == ("CADUC", "25.000")
    lab(world, month(3, "15", "01"))
    assert state(world) == ("NOTIFIE", "21.000")
    assert conclude(world) == "INTEGRE"


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"ID_DEPASSEMENT": "2"}, "MET-16"),
        ({"ID_DEPASSEMENT": "01"}, "MET-16"),
        ({"ID_DEPASSEMENT": "un"}, "MET-16"),
        ({"ID_DEPASSEMENT": "99999999999999999999"}, "MET-16"),
        ({"NIR": NIR2}, "MET-16"),
        ({"NIR": "1"}, "IDT-01"),
        ({"DATE_CONCLUSION": "31/12/2019"}, "IDT-10"),
        ({"CONCLUSION": "MODIFIEE"}, "MET-13"),
        ({"RPPS": RPPS2}, "FMT-05 IDT-10"),
    ],
)
def test_what_cannot_be_concluded(world: World, changed: dict[str, str], codes: str) -> None:
    lab(world, month(1, "21"))
    told = row(CONCLUSION, **({"ID_DEPASSEMENT": "1"} | changed))
    assert sent(world, "DOCTEUR", CONCLUSION, told) == [f"REJETE {codes}"]
    assert state(world)[0] == "NOTIFIE"


def test_what_is_closed_cannot_be_concluded_again_the_same_row_included(world: World) -> None:
    lab(world, month(1, "21"))
    said = row(CONCLUSION, ID_DEPASSEMENT="1")
    assert sent(world, "DOCTEUR", CONCLUSION, said, said) == ["INTEGRE", "REJETE MET-16"]
    assert conclude(world, "ANNULEE") == "REJETE MET-16"
    assert state(world) == ("MAINTENU", "21.000")


def test_the_registrys_staff_may_send_what_a_designated_physician_concluded(world: World) -> None:
    lab(world, month(1, "21"))
    assert conclude(world, partner="ASNR", RPPS=RPPS2) == "REJETE IDT-10"
    assert conclude(world, partner="ASNR") == "INTEGRE"


def test_what_was_retained_by_default_gives_way_to_a_physician(world: World) -> None:
    lab(world, month(1, "21"))
    with load(world.connection, "test") as number:
        enter_states(world.connection.cursor(), number, [(1, "RETENU_PAR_DEFAUT")], date(2026, 4, 10))
    world.agree()
    assert conclude(world) == "INTEGRE"


def test_modified_below_the_limit(world: World) -> None:
    lab(world, month(2, "4", "02"), month(1, "21"))
    assert conclude(world, "MODIFIEE", "12.5") == "INTEGRE"
    assert state(world) == ("MODIFIE", "12.500")
    assert versions(world) == [(21_000, "M"), (8_500, None)]
    # A later result that does not cross the limit changes nothing; one that does re-opens.
    lab(world, month(3, "7.5", "01"))
    assert state(world) == ("MODIFIE", "12.500")
    lab(world, month(4, "0.001", "01"))
    assert state(world) == ("NOTIFIE", "20.001")
    assert conclude(world, "MODIFIEE", "3") == "INTEGRE"
    assert state(world) == ("MODIFIE", "3.000")


def test_modified_above_the_limit_re_opens_above_what_was_retained(world: World) -> None:
    lab(world, month(1, "30"))
    assert conclude(world, "MODIFIEE", "25") == "INTEGRE"
    assert state(world) == ("MODIFIE", "25.000")
    lab(world, month(2, "0", "02"))
    assert state(world) == ("MODIFIE", "25.000")
    lab(world, month(3, "0.001", "02"))
    assert state(world) == ("NOTIFIE", "25.001")


def test_other_days_alone_hold_more_than_was_retained(world: World) -> None:
    """The entry balances below zero; the first days of the run still exceed, and do not open anew."""
    lab(world, month(1, "21", "01"), month(2, "4", "02"))
    assert conclude(world, "MODIFIEE", "10") == "INTEGRE"
    assert versions(world, "M2") == [(4_000, "M"), (-11_000, None)]
    assert [one["etat"] for one in world.listed()] == ["MODIFIE"]
    lab(world, month(3, "0.5", "01"))
    assert state(world) == ("NOTIFIE", "21.500")


def test_annulled(world: World) -> None:
    neutrons = {"TYPE_MESURE": "PAS-HP10-NEU"}
    lab(world, month(1, "18"), month(2, "5", **neutrons), month(3, "2", "02"))
    assert conclude(world, "ANNULEE") == "INTEGRE"
    assert state(world) == ("ANNULE", "2.000")
    assert versions(world) == [(18_000, "M"), (0, None)]
    assert versions(world, "M2") == [(5_000, "M"), (0, None)]
    assert versions(world, "M3") == [(2_000, None)]
    lab(world, month(4, "18.001"))
    assert state(world) == ("NOTIFIE", "20.001")
    # Results that one line set to 0 alike are told apart when another conclusion comes.
    assert conclude(world, "ANNULEE") == "INTEGRE"
    assert state(world) == ("ANNULE", "2.000")


def test_the_sender_meets_its_own_word(world: World) -> None:
    lab(world, month(1, "21"))
    conclude(world, "MODIFIEE", "12")
    assert lab(world, month(1, "21")) == ["DOUBLON MET-12"]
    assert lab(world, month(1, "21", CODE_METROLOGIE="C")) == ["DOUBLON MET-12"]
    assert lab(world, month(1, "12")) == ["REJETE MET-11"]
    assert state(world) == ("MODIFIE", "12.000")


def test_a_correction_of_the_body_is_kept_beside_for_an_analyst(world: World) -> None:
    lab(world, month(1, "21"))
    conclude(world, "MODIFIEE", "12")
    corrected = month(1, "28", CODE_METROLOGIE="C")
    assert lab(world, corrected, month(1, "29", CODE_METROLOGIE="C")) == ["INTEGRE AVT-05"] * 2
    assert versions(world) == [(21_000, "M"), (12_000, None), (28_000, "M"), (29_000, "M")]
    assert {one["motif"] for one in world.registry.queue()} == {"CORRECTION_DU_MEDECIN"}
    assert state(world) == ("MODIFIE", "12.000")
    assert lab(world, month(1, "29")) == ["DOUBLON MET-12"]
    assert lab(world, corrected) == ["INTEGRE AVT-05"]


def test_what_the_body_annuls_takes_the_adjustment_along_and_an_analyst_is_told(world: World) -> None:
    lab(world, month(1, "21"))
    conclude(world, "MODIFIEE", "12")
    assert lab(world, month(1, "21", CODE_METROLOGIE="A")) == ["INTEGRE"]
    assert versions(world) == [(21_000, "M"), (12_000, "A")]
    assert [one["motif"] for one in world.registry.queue()] == ["CORRECTION_DU_MEDECIN"]
    assert state(world) == ("MODIFIE", "12.000")
    assert lab(world, month(1, "21", CODE_METROLOGIE="A")) == ["DOUBLON MET-12"]
    assert lab(world, month(1, "21")) == ["INTEGRE AVT-05"]
    assert state(world) == ("NOTIFIE", "21.000")
    # What holds under the key now is a measure of its own.
    assert conclude(world, "MODIFIEE", "2") == "INTEGRE"
    assert lab(world, month(1, "21")) == ["DOUBLON MET-12"]


def test_of_a_physicians_version_the_latest_word_counts(world: World) -> None:
    lab(world, month(1, "21"))
    mine = {"ID_MESURE": "LABO1/M1", "ETAT_RESULTAT": "EST", "SEUIL": "", "CODE_METROLOGIE": "C"}
    assert sent(world, "DOCTEUR", PASSIVE, month(1, "25", **mine)) == ["INTEGRE AVT-05"]
    assert conclude(world, "MODIFIEE", "12") == "INTEGRE"
    assert versions(world, "LABO1/M1") == [(25_000, "M"), (12_000, None)]
    assert versions(world) == [(21_000, None)]
    assert state(world) == ("MODIFIE", "12.000")


def test_committed_doses_and_flights_are_adjusted_where_nothing_external_was_measured(world: World) -> None:
    lab(world, month(1, "19", "02"))
    sent(world, "DOCTEUR", ENGAGEE, row(ENGAGEE, VALEUR="3"))
    assert state(world) == ("NOTIFIE", "22.000")
    assert conclude(world, "MODIFIEE", "20") == "INTEGRE"
    assert state(world) == ("MODIFIE", "20.000")
    assert world.connection.execute(
        "select value_usv, until_code from dose.committed order by since_load"
    ).fetchall() == [(3_000, "M"), (1_000, None)]
    sent(world, "NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="4"))
    # A day that no longer exceeds lies between: this is another run.
    assert (state(world), state(world, 2)) == (("MODIFIE", "20.000"), ("NOTIFIE", "24.000"))
    assert conclude(world, "ANNULEE", ID_DEPASSEMENT="2") == "INTEGRE"
    assert state(world, 2) == ("ANNULE", "20.000")
    assert sent(world, "NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="4")) == ["DOUBLON MET-12"]
    assert sent(world, "DOCTEUR", ENGAGEE, row(ENGAGEE, VALEUR="3")) == ["DOUBLON MET-12"]


def test_a_dosimeter_worn_with_it_does_not_count_instead(world: World) -> None:
    belt = {"LOCALISATION": "CEINTURE"}
    lab(world, month(1, "21"), month(2, "9", **belt), month(3, "4", "02"))
    assert state(world) == ("NOTIFIE", "25.000")
    assert conclude(world, "MODIFIEE", "5") == "INTEGRE"
    assert state(world) == ("MODIFIE", "5.000")


def test_two_limits_of_one_day(world: World) -> None:
    lens = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE"}
    lab(world, month(1, "21"), month(2, "22", **lens))
    assert [one["limite"] for one in world.listed()] == ["CRISTALLIN", "EFFICACE"]
    assert conclude(world, "MODIFIEE", "7") == "INTEGRE"
    assert (state(world), state(world, 2)) == (("MODIFIE", "7.000"), ("NOTIFIE", "21.000"))


def test_a_merge_keeps_what_was_concluded(world: World) -> None:
    sent(world, "EMPL", TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key_of(NIA), PRENOM="JEAN"))
    lab(world, month(1, "21", NIR=NIA))
    assert conclude(world, "MODIFIEE", "12") == "REJETE MET-16"
    assert conclude(world, "MODIFIEE", "12", NIR=NIA) == "INTEGRE"
    sent(world, "ASNR", IDENTITES, row(IDENTITES))
    assert state(world) == ("MODIFIE", "12.000")
    lab(world, month(2, "9", "02"))
    assert state(world) == ("NOTIFIE", "21.000")
    # A NIR means the person: either number will do.
    assert conclude(world, NIR=NIA) == "INTEGRE"


def test_history_of_before_the_migration_is_listed_and_closed(world: World) -> None:
    with load(world.connection, "test") as number:
        note_legacy_day(world.connection.cursor(), number, date(2026, 3, 1))
    lab(world, month(1, "21", "02"))
    assert state(world) == ("REPRISE", "21.000")
    world.agree()
    assert conclude(world) == "REJETE MET-16"
    lab(world, month(1, "2", "02", CODE_METROLOGIE="C"))
    assert state(world)[0] == "CADUC"
    lab(world, month(1, "22", "02", CODE_METROLOGIE="C"))
    assert state(world) == ("REPRISE", "22.000")
    lab(world, month(2, "1"))
    assert state(world) == ("NOTIFIE", "23.000")


def test_without_a_conclusion_it_is_retained_by_default(world: World) -> None:
    lab(world, month(1, "21"))
    with load(world.connection, "test") as number:
        enter_states(world.connection.cursor(), number, [(1, "NOTIFIE")], date(2026, 4, 10))
    (found,) = world.listed()
    assert (found["etat"], found["echeance"]) == ("NOTIFIE", "2026-10-07")
    assert world.registry.run(date(2026, 10, 7)).retained == 0
    done = world.registry.run(date(2026, 10, 8))
    assert (done.retained, state(world)[0]) == (1, "RETENU_PAR_DEFAUT")
    assert world.listed()[0]["etat_depuis"] == "2026-10-08"
    assert world.registry.run().retained == 0
    world.agree()
    lab(world, month(2, "1", "02"))
    assert state(world) == ("RETENU_PAR_DEFAUT", "22.000")
    lab(world, month(1, "2", CODE_METROLOGIE="C"))
    assert state(world)[0] == "CADUC"


def test_what_was_concluded_in_time_is_not_retained(world: World) -> None:
    lab(world, month(1, "21"))
    with load(world.connection, "test") as number:
        enter_states(world.connection.cursor(), number, [(1, "NOTIFIE")], date(2026, 4, 10))
    conclude(world)
    assert world.registry.run(date(2027, 1, 1)).retained == 0
    assert state(world)[0] == "MAINTENU"


def instant(world: World) -> str:
    row_ = world.connection.execute("select max(recorded_at) from ledger.load").fetchone()
    return str(row_[0].isoformat())


def test_as_the_registry_held_them(world: World) -> None:
    before = instant(world)
    lab(world, month(1, "21"))
    found = instant(world)
    conclude(world, "MODIFIEE", "12")
    concluded = instant(world)
    lab(world, month(2, "9", "02"))
    assert state(world) == ("NOTIFIE", "21.000")

    def then(moment: str) -> list[tuple[str, str]]:
        listed = world.listed(as_of=moment)
        return [(one["etat"], one["valeur_msv"]) for one in listed]

    assert then(before) == []
    assert then(found) == [("NOTIFIE", "21.000")]
    assert then(concluded) == [("MODIFIE", "12.000")]
    assert then("2020-01-01") == []
    assert then("2999-12-31") == [("NOTIFIE", "21.000")]
    shown = world.shown(1, as_of=concluded)
    assert [(one["etat"], one["au"]) for one in shown["etats"]][2] == ("MODIFIE", None)
    assert [one["valeur_msv"] for one in shown["calculs"]] == ["21.000", "12.000"]
    assert [(one["valeur_msv"], one["compte_msv"]) for one in shown["resultats"]] == [("12.000", "12.000")]
    assert [one["valeur_msv"] for one in world.shown(1, as_of=found)["resultats"]] == ["21.000"]
    assert [one["valeur_msv"] for one in world.shown(1)["resultats"]] == ["9.000", "12.000"]
    with pytest.raises(UsageError, match="aucun dépassement 1 à cette date"):
        world.shown(1, as_of=before)
    for moment in ("hier", "2026-02-30", "2026-13", "9999-12-31"):
        with pytest.raises(UsageError, match="ni une date"):
            then(moment)


def test_lists_of_what_needs_somebody(world: World) -> None:
    lab(world, month(1, "21"), month(2, "21", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"))

    def ids(**asked: Any) -> list[int]:
        listed = world.listed(**asked)
        return [one["id"] for one in listed]

    assert ids(without_physician=True) == []
    assert ids(states=("NOTIFIE",)) == [1, 2]
    with load(world.connection, "test") as number:
        enter_states(world.connection.cursor(), number, [(2, "NOTIFIE")], date(2026, 4, 1))
    assert ids(states=("DETECTE", "NOTIFIE")) == [1, 2]
    # Due on 28 September, 171 days after 10 April.
    assert (ids(unanswered_days=170), ids(unanswered_days=171)) == ([], [2])
    with pytest.raises(UsageError, match="aucun état PERDU"):
        ids(states=("PERDU",))
    told = {"ROLE": "MDT", "IDENTIFIANT": RPPS, "DATEFIN": "15/02/2026"}
    sent(world, "ASNR", DESIGNATIONS, row(DESIGNATIONS, **told))
    assert ids(without_physician=True) == [1, 2]
    sent(world, "ASNR", DESIGNATIONS, row(DESIGNATIONS, **told | {"DATEDEBUT": "05/04/2026", "DATEFIN": ""}))
    assert ids(without_physician=True) == []


def test_no_log_tells_a_conclusion(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lab(world, month(1, "27.773"))
    assert conclude(world, "MODIFIEE", "13.577", COMMENTAIRE="CANARI") == "INTEGRE"
    for secret in ("13.577", "13577", "14196", "CANARI", RPPS):
        assert secret not in caplog.text
    stored = world.connection.execute("select remark from exposure.conclusion").fetchone()
    assert b"CANARI" not in stored[0]
