"""The formats beyond the first five, through the whole corridor: what integrates, corrects, ends, merges."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    IDENTITES,
    INTERNE,
    NAVIGANT,
    NIA,
    NIR,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    RPPS2,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    country,
    dose,
    file,
    row,
)

from schemas import codebook

INTEGRE: tuple[str, set[str]] = ("INTEGRE", set())


@pytest.fixture
def world(registry: Any) -> Any:
    """The small country, with a physician designated by the first establishment and an aircrew body."""
    country(registry)
    registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
    registry.partner("CRP1", "CRP", identifiant="CRP-7")
    registry.partner("NAVIG", "CALCUL")
    registry.drop(
        "EMPL",
        "medecin.csv",
        file(
            DESIGNATIONS,
            row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS),
            row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="CRP-7"),
        ),
    )
    registry.run()
    assert registry.rows("EMPL", "medecin.csv") == [INTEGRE, INTEGRE]
    return registry


def sent(world: Any, partner: str, name: str, header: str, *rows: str) -> list[tuple[str, set[str]]]:
    """Drop a file, run a pass, and give what became of its rows."""
    world.drop(partner, name, file(header, *rows))
    done = world.run()
    assert not done.incidents, done
    assert not done.troubles, done
    world.verify()
    assert world.report(partner, name)["statut"] != "REFUSE", world.report(partner, name)
    return world.rows(partner, name)


def codes(world: Any, partner: str, name: str, header: str, *rows: str) -> list[set[str]]:
    return [found for _, found in sent(world, partner, name, header, *rows)]


def scalar(world: Any, query: str, *parameters: Any) -> Any:
    found = world.connection.execute(query, parameters).fetchone()
    return found[0] if found else None


# --- INTERNE, ENGAGEE, NAVIGANT -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partner", "header", "value", "line", "key"),
    [
        ("LABO1", INTERNE, "ACTIVITE", None, "ID_ANALYSE"),
        ("DOCTEUR", ENGAGEE, "VALEUR", "INT-E50", "ID_EVALUATION"),
        ("NAVIG", NAVIGANT, "VALEUR", "CAL-E-COS", "ID_CALCUL"),
    ],
)
def test_measures_are_kept_corrected_and_annulled(
    world: Any, partner: str, header: str, value: str, line: str | None, key: str
) -> None:
    first = row(header, **{value: "0.4"})
    assert sent(world, partner, "1.csv", header, first) == [INTEGRE]
    doses = world.report(partner, "1.csv")["doses_msv"]
    assert doses == (
        {line: {**dict.fromkeys(doses[line], "0.000"), "recues": "0.400", "integrees": "0.400"}} if line else {}
    )
    assert codes(world, partner, "2.csv", header, first, row(header, **{value: "0.5"})) == [{"MET-12"}, {"MET-11"}]
    correction = row(header, **{value: "0.5", "CODE_METROLOGIE": "C"})
    assert sent(world, partner, "3.csv", header, correction, correction) == [INTEGRE, ("DOUBLON", {"MET-12"})]
    assert codes(world, partner, "4.csv", header, row(header, **{key: "Z9", "CODE_METROLOGIE": "C"})) == [{"MET-10"}]
    annulment = row(header, **{value: "", "CODE_METROLOGIE": "A"})
    assert sent(world, partner, "5.csv", header, annulment, annulment) == [INTEGRE, ("DOUBLON", {"MET-12"})]
    assert scalar(world, "select count(*) from dose.every_version where until_load is null") == 0
    assert scalar(world, "select count(*) from dose.every_version") == 2


def test_an_analysis_is_one_measure_a_radionuclide(world: Any) -> None:
    several = [row(INTERNE), row(INTERNE, RADIONUCLEIDE="Co-60"), row(INTERNE, RADIONUCLEIDE="Cs-137")]
    assert codes(world, "LABO1", "1.csv", INTERNE, *several) == [set(), set(), {"MET-12"}]
    kept = world.connection.execute("select nuclide, activity_nbq, limit_nbq from dose.internal order by 1").fetchall()
    assert kept == [("Co-60", 1_200_000_000, 500_000_000), ("Cs-137", 1_200_000_000, 500_000_000)]


def test_faults_of_internal_results(world: Any) -> None:
    rows = [
        row(INTERNE, ID_ANALYSE="1", UNITE="Bq"),
        row(INTERNE, ID_ANALYSE="2", ACTIVITE=""),
        row(INTERNE, ID_ANALYSE="3", ETAT_RESULTAT="INF"),
        row(INTERNE, ID_ANALYSE="4", RADIONUCLEIDE="Cs137"),
        row(INTERNE, ID_ANALYSE="5", ACTIVITE="-1"),
        row(INTERNE, ID_ANALYSE="6", NOM="DURAND"),
        row(INTERNE, ID_ANALYSE="7", ACTIVITE="1,25"),
    ]
    wanted = [{"MET-15"}, {"MET-13"}, {"MET-13"}, {"FMT-05"}, {"MET-04"}, {"IDT-08"}, {"AVT-03"}]
    assert codes(world, "LABO1", "1.csv", INTERNE, *rows) == wanted
    assert codes(world, "LABO2", "2.csv", INTERNE, row(INTERNE)) == [{"AVT-10"}]


def test_committed_doses_bear_a_designated_physician(world: Any) -> None:
    rows = [
        row(ENGAGEE, ID_EVALUATION="1", RPPS=RPPS2),
        row(ENGAGEE, ID_EVALUATION="2", RPPS="10003456787"),
        row(ENGAGEE, ID_EVALUATION="3", SIRET=SIRET2),
        row(ENGAGEE, ID_EVALUATION="4", VALEUR="500.001"),
        row(ENGAGEE, ID_EVALUATION="5", DATE_INCORPORATION="31/12/2019"),
    ]
    wanted = [{"FMT-05", "IDT-10"}, {"FMT-05"}, {"IDT-07", "IDT-10"}, {"MET-05"}, {"IDT-10"}]
    assert codes(world, "DOCTEUR", "1.csv", ENGAGEE, *rows) == wanted


def test_a_month_of_flights(world: Any) -> None:
    rows = [
        row(NAVIGANT, ID_CALCUL="1", MOIS="04/2026"),
        row(NAVIGANT, ID_CALCUL="2", MOIS="05/2026"),
        row(NAVIGANT, ID_CALCUL="3", MOIS="13/2026"),
        row(NAVIGANT, ID_CALCUL="4", NB_VOLS="1.5"),
        row(NAVIGANT, ID_CALCUL="5", NB_VOLS="douze"),
        row(NAVIGANT, ID_CALCUL="6", NB_VOLS="", VALEUR="0.0004"),
    ]
    wanted = [set(), {"MET-02"}, {"FMT-03"}, {"FMT-05"}, {"FMT-04"}, {"AVT-01"}]
    assert codes(world, "NAVIG", "1.csv", NAVIGANT, *rows) == wanted
    assert scalar(world, "select end_day::text from dose.aircrew where measure_id = '1'") == "2026-04-30"


def test_no_exceedance_can_be_concluded_upon_yet(world: Any) -> None:
    rows = [row(CONCLUSION), row(CONCLUSION, VALEUR_RETENUE="3"), row(CONCLUSION, CONCLUSION="MODIFIEE", RPPS=RPPS2)]
    wanted = [{"MET-16"}, {"MET-13", "MET-16"}, {"FMT-05", "MET-13", "MET-16"}]
    assert codes(world, "DOCTEUR", "1.csv", CONCLUSION, *rows) == wanted


# --- physicians and advisers --------------------------------------------------------------------------


def test_a_physician_adds_and_corrects(world: Any) -> None:
    assert sent(world, "LABO1", "labo.csv", PASSIVE, dose("M1", "0.15"), dose("M2", "0.20")) == [INTEGRE, INTEGRE]
    rows = [
        dose("X1", "0.9", ETAT_RESULTAT="EST"),
        dose("LABO1/M1", "0.9", ETAT_RESULTAT="EST", CODE_METROLOGIE="C"),
        dose("LABO1/M2", "0.9", ETAT_RESULTAT="EST"),
        dose("LABO1/M3", "0.9", ETAT_RESULTAT="EST", CODE_METROLOGIE="C"),
        dose("X2", "0.9"),
    ]
    wanted = [INTEGRE, INTEGRE, ("REJETE", {"MET-11"}), ("REJETE", {"MET-10"}), ("REJETE", {"MET-13"})]
    assert sent(world, "DOCTEUR", "docteur.csv", PASSIVE, *rows) == wanted
    aside = world.connection.execute("select measure_id from dose.passive_set_aside").fetchall()
    assert aside == [("M1",)]  # kept, not counted
    assert scalar(world, "select count(*) from dose.passive where until_load is null") == 4
    # What the body corrects afterwards is kept beside, and laid before an analyst.
    later = [dose("M1", "0.30", CODE_METROLOGIE="C"), dose("M2", "0.30", CODE_METROLOGIE="C")]
    assert sent(world, "LABO1", "apres.csv", PASSIVE, *later) == [INTEGRE, INTEGRE]
    queued = world.connection.execute("select line, motive from queue.entry where until_load is null").fetchall()
    assert queued == [(1, "CORRECTION_DU_MEDECIN")]
    assert [one["ligne"] for one in world.queue()] == [1]
    # Taken back, the body's own version counts again.
    taken_back = dose("LABO1/M1", "", ETAT_RESULTAT="", CODE_METROLOGIE="A")
    assert sent(world, "DOCTEUR", "retire.csv", PASSIVE, taken_back) == [INTEGRE]
    assert not world.connection.execute("select * from dose.passive_set_aside").fetchall()


def test_a_physician_cannot_reach_a_measure_of_another_establishment(world: Any) -> None:
    world.drop("EMPL", "autre.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2)))
    world.drop("LABO1", "labo.csv", file(PASSIVE, dose("M1", SIRET=SIRET2)))
    world.run()
    stolen = dose("LABO1/M1", "0.9", ETAT_RESULTAT="EST", CODE_METROLOGIE="C")
    elsewhere = dose("LABO1/M1", "0.9", ETAT_RESULTAT="EST", CODE_METROLOGIE="C", SIRET=SIRET2)
    assert codes(world, "DOCTEUR", "1.csv", PASSIVE, stolen, elsewhere) == [{"MET-10"}, {"IDT-10"}]


def test_physicians_and_advisers_keep_to_their_establishments(world: Any) -> None:
    rows = [row(DESIGNATIONS, ROLE="PST", IDENTIFIANT=RPPS2), row(DESIGNATIONS, ROLE="CRP", IDENTIFIANT="X")]
    rows.append(row(DESIGNATIONS, ROLE="PST", IDENTIFIANT=RPPS2, SIRET=SIRET2))
    assert codes(world, "DOCTEUR", "1.csv", DESIGNATIONS, *rows) == [set(), {"IDT-10"}, {"IDT-10"}]
    rows = [row(OPERATIONNELLE), row(OPERATIONNELLE, SIRET=SIRET2)]
    assert codes(world, "CRP1", "1.csv", OPERATIONNELLE, *rows) == [{"AVT-10"}, {"IDT-07", "IDT-10"}]


def test_whom_a_physician_delegates_to_sends_as_one_but_delegates_no_further(world: Any) -> None:
    world.partner("ADJOINT", "MDT", identifiant=RPPS2)
    assert codes(world, "ADJOINT", "0.csv", ENGAGEE, row(ENGAGEE, RPPS=RPPS2)) == [{"IDT-10"}]
    assert sent(world, "DOCTEUR", "1.csv", DESIGNATIONS, row(DESIGNATIONS, ROLE="PST", IDENTIFIANT=RPPS2)) == [INTEGRE]
    assert sent(world, "ADJOINT", "1.csv", ENGAGEE, row(ENGAGEE, RPPS=RPPS2)) == [INTEGRE]
    assert codes(world, "ADJOINT", "2.csv", ENGAGEE, row(ENGAGEE, RPPS=RPPS2, SIRET=SIRET2)) == [{"IDT-07", "IDT-10"}]
    assert sent(world, "ADJOINT", "3.csv", PASSIVE, dose("E1", "0.4", ETAT_RESULTAT="EST")) == [INTEGRE]
    further = row(DESIGNATIONS, ROLE="PST", IDENTIFIANT="10000000009")
    assert codes(world, "ADJOINT", "4.csv", DESIGNATIONS, further) == [{"IDT-10"}]


# --- departures ---------------------------------------------------------------------------------------


def test_a_departure_ends_the_attachment(world: Any) -> None:
    rows = [
        row(SORTIES),
        row(SORTIES, DATEFIN="31/08/2019"),
        row(SORTIES, CLE="21"),
        row(SORTIES, SIRET=SIRET2),
        row(SORTIES, NIR=NIR2, CLE="49"),
    ]
    found = codes(world, "EMPL", "1.csv", SORTIES, *rows)
    assert found[:4] == [set(), {"MET-01"}, {"IDT-02"}, {"IDT-07"}]
    assert "IDT-06" in found[4]
    period = (
        "select start_day::text, end_day::text from reference.attachment_period where until_load is null order by 1"
    )
    assert world.connection.execute(period).fetchall() == [("2019-09-01", "2026-03-31")]
    # Sent again: integrated, nothing new. Another day: corrected.
    versions = scalar(world, "select count(*) from reference.attachment_period")
    assert sent(world, "EMPL", "2.csv", SORTIES, row(SORTIES)) == [INTEGRE]
    assert scalar(world, "select count(*) from reference.attachment_period") == versions
    assert sent(world, "EMPL", "3.csv", SORTIES, row(SORTIES, DATEFIN="28/02/2026")) == [INTEGRE]
    assert world.connection.execute(period).fetchall() == [("2019-09-01", "2026-02-28")]
    # Wear ends on 31 March, 31 days after: still covered; in another file a day less would not do.
    assert codes(world, "LABO1", "labo.csv", PASSIVE, dose("M1")) == [set()]
    assert sent(world, "EMPL", "4.csv", SORTIES, row(SORTIES, DATEFIN="27/02/2026")) == [INTEGRE]
    assert codes(world, "LABO1", "labo2.csv", PASSIVE, dose("M2")) == [{"IDT-09"}]
    # A return is a new period.
    back = row(TRAVAILLEURS, DATEDEBUT="01/04/2026")
    assert sent(world, "EMPL", "retour.csv", TRAVAILLEURS, back) == [INTEGRE]
    assert world.connection.execute(period).fetchall() == [("2019-09-01", "2026-02-27"), ("2026-04-01", None)]


def test_a_departure_outside_the_company_is_refused_and_one_too_early_waits(world: Any) -> None:
    world.partner("AUTRE", "EMPLOYEUR", ["443061841"])
    assert codes(world, "AUTRE", "1.csv", SORTIES, row(SORTIES)) == [{"IDT-10"}]
    assert codes(world, "EMPL", "1.csv", SORTIES, row(SORTIES, SIRET=SIRET2)) == [{"IDT-07"}]
    assert sent(world, "EMPL", "liste2.csv", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2)) == [INTEGRE]
    assert world.rows("EMPL", "1.csv") == [INTEGRE]
    assert scalar(world, "select count(*) from reference.attachment_period where end_day = '2026-03-31'") == 1


# --- identities ---------------------------------------------------------------------------------------


@pytest.fixture
def twins(world: Any) -> Any:
    """One person declared twice: under a NIR (in the country) and under an NIA, elsewhere."""
    waiting = row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA), SIRET=SIRET2)
    assert sent(world, "EMPL", "nia.csv", TRAVAILLEURS, waiting) == [INTEGRE]
    return world


def key(nir: str) -> str:
    return f"{97 - int(nir) % 97:02d}"


def test_a_waiting_number_becomes_a_number(world: Any) -> None:
    other = "385067511099" + "9"
    nir = "185067511099" + "9"
    waiting = row(TRAVAILLEURS, NIR=other, CLE=key(other), NOM="PETIT", PRENOM="LUC")
    assert sent(world, "EMPL", "nia.csv", TRAVAILLEURS, waiting) == [INTEGRE]
    assert codes(world, "LABO1", "avant.csv", PASSIVE, dose("M1", NIR=nir, NOM="PETIT", PRENOM="LUC")) == [{"IDT-06"}]
    answer = row(IDENTITES, NIA=other, NIR=nir, CLE=key(nir), NOM="PETIT", PRENOM="LUC")
    assert sent(world, "ASNR", "sngi.csv", IDENTITES, answer) == [INTEGRE]
    assert world.rows("LABO1", "avant.csv") == [INTEGRE]  # its reference came
    assert codes(world, "LABO1", "apres.csv", PASSIVE, dose("M2", NIR=other, NOM="PETIT", PRENOM="LUC")) == [set()]
    assert scalar(world, "select count(distinct worker_id) from dose.passive") == 1
    state = world.connection.execute("select state, verified_on::text from identity.verification").fetchall()
    assert state == [("CERTIFIE", "2026-04-10")]
    tables = ("verification", "alias", "identifier", "civil")
    before = [scalar(world, f"select count(*) from identity.{table}") for table in tables]
    assert sent(world, "ASNR", "encore.csv", IDENTITES, answer) == [INTEGRE]
    assert [scalar(world, f"select count(*) from identity.{table}") for table in tables] == before


def test_two_histories_become_one_person(twins: Any) -> None:
    shared = dose("M1"), dose("M2", NIR=NIA, SIRET=SIRET2)
    assert codes(twins, "LABO1", "avant.csv", PASSIVE, *shared) == [set(), {"AVT-10"}]
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    persons = "select count(distinct p.person_id) from dose.passive d join identity.person p using (worker_id)"
    assert scalar(twins, persons) == 1
    # What was sent under one number is known under the other; each number is attached wherever one was.
    again = [dose("M2", SIRET=SIRET2), dose("M1", NIR=NIA), dose("M3", NIR=NIA)]
    found = codes(twins, "LABO1", "apres.csv", PASSIVE, *again)
    assert found == [{"AVT-10", "MET-12"}, {"MET-12"}, set()]
    # The merge can be taken back: nothing was moved.
    assert scalar(twins, "select count(*) from identity.alias where until_load is null") == 1
    assert scalar(twins, "select count(distinct worker_id) from dose.passive") == 2


def test_passages_follow_the_person(twins: Any) -> None:
    twins.drop("EMPL", "nia2.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA))))
    twins.run()
    both = [row(OPERATIONNELLE, NIR=nir) for nir in (NIR, NIA)]
    other = row(OPERATIONNELLE, ZONE="BR3"), row(OPERATIONNELLE, ZONE="BR3", NIR=NIA, VALEUR="0.9")
    alone = row(OPERATIONNELLE, ZONE="BR4", NIR=NIA)
    assert codes(twins, "SITE", "avant.csv", OPERATIONNELLE, *both, *other, alone) == [set()] * 5
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    current = "select zone, value_usv from dose.operational where until_load is null order by 1, 2"
    # The same passage twice: one remains. Two different ones: both remain, and a person decides.
    kept = [("BR2", 12), ("BR3", 12), ("BR3", 900), ("BR4", 12)]
    assert twins.connection.execute(current).fetchall() == kept
    queued = twins.connection.execute("select motive, book_usv from queue.entry where until_load is null").fetchall()
    assert queued == [("FUSION", 900)]
    corrected = row(OPERATIONNELLE, ZONE="BR4", VALEUR="0.02", CODE_METROLOGIE="C")
    found = codes(twins, "SITE", "apres.csv", OPERATIONNELLE, row(OPERATIONNELLE, ZONE="BR4"), corrected)
    assert found == [{"MET-12"}, set()]
    assert twins.connection.execute(current).fetchall() == [*kept[:3], ("BR4", 20)]


def test_a_merge_is_never_silent_where_identities_differ(twins: Any) -> None:
    rows = [
        row(IDENTITES, NOM="DURAND"),
        row(IDENTITES, NIA="385067511099" + "9"),
        row(IDENTITES, CLE="21"),
        row(IDENTITES, NIA=NIR),
        row(IDENTITES, NIR="", CLE="", STATUT="CERTIFIE"),
        row(IDENTITES, DATENAISSANCE="13/06/1985"),
    ]
    wanted = [{"IDT-08"}, {"IDT-06"}, {"IDT-02"}, {"IDT-01"}, {"FMT-02"}, {"IDT-08"}]
    assert codes(twins, "ASNR", "1.csv", IDENTITES, *rows) == wanted
    assert scalar(twins, "select count(*) from identity.alias") == 0
    refused = row(IDENTITES, NIR="", CLE="", STATUT="REFUSE")
    assert sent(twins, "ASNR", "2.csv", IDENTITES, refused) == [INTEGRE]
    assert scalar(twins, "select state from identity.verification where until_load is null") == "REFUSE"
    assert codes(twins, "LABO1", "labo.csv", PASSIVE, dose("M9", NIR=NIA, SIRET=SIRET2)) == [{"AVT-10"}]


def test_a_correction_of_a_merged_attachment_finds_its_period(twins: Any) -> None:
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    assert sent(twins, "EMPL", "sortie.csv", SORTIES, row(SORTIES, SIRET=SIRET2)) == [INTEGRE]
    ended = "select count(*) from reference.attachment_period where until_load is null and end_day = '2026-03-31'"
    assert scalar(twins, ended) == 1
    assert scalar(twins, "select count(*) from reference.attachment") == 2
    assert sent(twins, "EMPL", "liste.csv", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2)) == [INTEGRE]
    assert scalar(twins, "select count(*) from reference.attachment") == 2


def test_the_code_book_holds_every_code_that_is_raised(world: Any) -> None:
    counted = world.connection.execute("select distinct codes from ledger.row_entry").fetchall()
    assert all(codebook.names(mask) or not mask for (mask,) in counted)


# --- what a merge or a change of physician must not break ------------------------------------------------


#: One passage under two numbers, with different doses.
PASSAGES = ((NIR, "0.1"), (NIA, "0.9"))


def test_a_key_with_two_passages_is_corrected_or_annulled_as_one(twins: Any) -> None:
    twins.drop("EMPL", "nia2.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA))))
    twins.run()
    pairs = [row(OPERATIONNELLE, ZONE=zone, NIR=nir, VALEUR=value) for zone in "AB" for nir, value in PASSAGES]
    assert codes(twins, "SITE", "avant.csv", OPERATIONNELLE, *pairs) == [set()] * 4
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    again = [
        row(OPERATIONNELLE, ZONE="A", NIR=NIA, VALEUR="0.9"),
        row(OPERATIONNELLE, ZONE="A", VALEUR="0.5", CODE_METROLOGIE="C"),
        row(OPERATIONNELLE, ZONE="B", NIR=NIA, CODE_METROLOGIE="A"),
    ]
    assert codes(twins, "SITE", "apres.csv", OPERATIONNELLE, *again) == [{"MET-12"}, set(), set()]
    current = "select zone, value_usv from dose.operational where until_load is null"
    assert twins.connection.execute(current).fetchall() == [("A", 500)]


def test_a_status_of_one_number_does_not_undo_that_of_the_other(world: Any) -> None:
    unsurveilled = row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA), CLASSEMENT="NC", DATEDEBUT="01/01/2020")
    world.drop("EMPL", "nc.csv", file(TRAVAILLEURS, unsurveilled))
    world.run(date(2024, 1, 10))
    assert world.rows("EMPL", "nc.csv") == [INTEGRE]
    world.today = date(2026, 4, 10)
    assert sent(world, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    assert codes(world, "LABO1", "labo.csv", PASSIVE, dose("M1")) == [set()]


def test_what_was_certified_stands(twins: Any) -> None:
    other = row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA), SIRET=SIRET2, DATENAISSANCE="12/06/1985")
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    births = "select birth_day::text from identity.civil where until_load is null"
    before = twins.connection.execute(births).fetchall()
    assert sent(twins, "EMPL", "liste.csv", TRAVAILLEURS, other) == [INTEGRE]
    assert twins.connection.execute(births).fetchall() == before


def test_a_departure_ends_every_attachment_of_a_merged_person(twins: Any) -> None:
    twins.drop("EMPL", "meme.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIA, CLE=key(NIA))))
    twins.run()
    assert sent(twins, "ASNR", "sngi.csv", IDENTITES, row(IDENTITES)) == [INTEGRE]
    for name, end in (("a.csv", "31/03/2026"), ("b.csv", "31/01/2026")):
        assert sent(twins, "EMPL", name, SORTIES, row(SORTIES, DATEFIN=end)) == [INTEGRE]
    assert codes(twins, "LABO1", "labo.csv", PASSIVE, dose("M1")) == [{"IDT-09"}]


def test_a_physician_reaches_no_result_from_before_the_designation(world: Any) -> None:
    old = {"DATE_DEBUT_PORT": "01/12/2019", "DATE_FIN_PORT": "31/12/2019"}
    world.partner("DOC2", "MDT", identifiant=RPPS2)
    late = row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS2, DATEDEBUT="01/01/2020")
    assert sent(world, "EMPL", "deux.csv", DESIGNATIONS, late) == [INTEGRE]
    assert codes(world, "LABO1", "labo.csv", PASSIVE, dose("M1", **old)) == [{"AVT-04", "AVT-10"}]
    moved = {"DATE_DEBUT_PORT": "01/01/2020", "DATE_FIN_PORT": "31/01/2020"}
    stolen = dose("LABO1/M1", "0.001", ETAT_RESULTAT="EST", CODE_METROLOGIE="C", **moved)
    assert codes(world, "DOC2", "vol.csv", PASSIVE, stolen) == [{"AVT-04", "MET-10"}]


def test_a_second_physician_and_a_late_result_are_laid_before_an_analyst(world: Any) -> None:
    world.partner("DOC2", "MDT", identifiant=RPPS2)
    assert sent(world, "EMPL", "deux.csv", DESIGNATIONS, row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS2)) == [INTEGRE]
    assert sent(world, "LABO1", "labo.csv", PASSIVE, dose("M1", "", ETAT_RESULTAT="ABS")) == [INTEGRE]
    for partner, value in (("DOCTEUR", "0.9"), ("DOC2", "0.8")):
        corrected = dose("LABO1/M1", value, ETAT_RESULTAT="EST", CODE_METROLOGIE="C")
        assert sent(world, partner, "corrige.csv", PASSIVE, corrected) == [INTEGRE]
    assert sent(world, "LABO1", "labo2.csv", PASSIVE, dose("M1", "0.3")) == [INTEGRE]
    senders = "select p.code from queue.entry e join ledger.partner p using (partner_id) order by e.entry_id"
    assert world.connection.execute(senders).fetchall() == [("DOC2",), ("LABO1",)]
    assert world.connection.execute("select measure_id from dose.passive_set_aside").fetchall() == [("M1",)]


def test_identities_that_are_no_waiting_numbers_carry_nothing_else(world: Any) -> None:
    rows = [row(IDENTITES, NIA=NIR2), row(IDENTITES, NIA=NIR, NOM="DURAND"), row(IDENTITES, NIR=NIA, CLE="97")]
    found = codes(world, "ASNR", "1.csv", IDENTITES, *rows)
    assert found[:2] == [{"IDT-01"}, {"IDT-01"}]
    assert "IDT-02" not in found[2]
