"""Proposals for every kind of fault, of rows that really wait: sent, held by the corridor, looked up."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from senders import (
    CLOSED,
    DESIGNATIONS,
    ENGAGEE,
    ESTABLISSEMENTS,
    IDENTITES,
    INTERNE,
    NAVIGANT,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    file,
    row,
)
from stdnum import luhn as oracle

import sql
from pipelines import candidates
from pipelines import proposals as engine
from pipelines.decide import Decision, decide
from pipelines.listings import queue
from pipelines.simulation.identities import siret as made_siret
from pipelines.variants import nir_variants, siret_variants
from schemas import codebook
from schemas.formats import formats
from schemas.identifiers import key_of
from schemas.spec import Kind

OTHER_SIREN = "443061841"
OTHER = made_siret(OTHER_SIREN, 7)
SISTER = made_siret(OTHER_SIREN, 31)

#: Workers: NIR, birth name, first names, birth, SIRET.
MARTIN = ("1850675110042", "MARTIN", "JEAN-PIERRE", "12/06/1985", SIRET)
LEGALL = ("2840529019018", "LE GALL", "ANNA", "21/05/1984", SIRET)
DUPONT = ("1791213055123", "DUPONT", "HUGO", "03/12/1979", SIRET)
CORSE = ("284052A004018", "ROSSI", "LUCIE", "30/05/1984", SIRET)
#: Homonyms born the same day in different towns, of one establishment.
TWIN_A = ("1900369123011", "MOREAU", "PAUL", "09/03/1990", SIRET)
TWIN_B = ("1900333063077", "MOREAU", "PAUL", "09/03/1990", SIRET)
AWAY = ("2710144109200", "PETIT", "CLAIRE", "15/01/1971", OTHER)
PROVISIONAL = ("3880613055001", "ROUX", "KARIM", "01/06/1988", SIRET)
WORKERS = (MARTIN, LEGALL, DUPONT, CORSE, TWIN_A, TWIN_B, AWAY, PROVISIONAL)


def listed(worker: tuple[str, ...], **changed: str) -> str:
    nir, last, first, birth, siret = worker
    sex = "M" if nir[0] in "137" else "F"
    cells = {"NIR": nir, "CLE": key_of(nir), "NOM": last, "PRENOM": first, "DATENAISSANCE": birth, "SEXE": sex}
    return row(TRAVAILLEURS, **(cells | {"SIRET": siret} | changed))


def sent(header: str, worker: tuple[str, ...], **changed: str) -> str:
    """A measure of a worker, with these cells changed."""
    names = {"NIR": worker[0], "SIRET": worker[4]}
    if "NOM" in header.split(";"):
        names |= {"NOM": worker[1], "PRENOM": worker[2]}
    return row(header, **(names | changed))


@pytest.fixture
def land(registry: Any) -> Any:
    """Two companies of several establishments each, a closed one with its successor, and their workers."""
    registry.partner("ASNR", "GESTIONNAIRE")
    registry.partner("LABO1", "OA")
    registry.partner("SITE", "EXPLOITANT")
    registry.partner("CALCUL1", "CALCUL")
    registry.partner("DOC", "MDT", identifiant=RPPS)

    def place(siret: str, **changed: str) -> str:
        return row(ESTABLISSEMENTS, **({"siret": siret, "siren": siret[:9]} | changed))

    closed = {"etatAdministratifEtablissement": "F", "dateDebut": "2026-02-01"}
    opened = {"dateDebut": "2026-02-01"}
    away = {"codeCommuneEtablissement": "44109", "denominationUsuelleEtablissement": "USINE"}
    registry.drop(
        "ASNR",
        "a.csv",
        file(
            ESTABLISSEMENTS,
            place(SIRET, **(away | {"activitePrincipaleEtablissement": "25.11Z"})),
            place(SIRET2, **opened),
            place(CLOSED, **closed),
            place(OTHER, **away),
            place(SISTER, **away),
        ),
    )
    designations = [
        row(DESIGNATIONS, SIRET=one, ROLE=role, IDENTIFIANT=code)
        for one in (SIRET, SIRET2, OTHER, SISTER)
        for role, code in (("OA", "LABO1"), ("EXPLOITANT", "SITE"), ("MDT", RPPS))
    ]
    registry.drop("ASNR", "b.csv", file(DESIGNATIONS, *designations))
    registry.drop("ASNR", "c.csv", file(TRAVAILLEURS, *(listed(one) for one in WORKERS)))
    registry.run()
    return registry


def proposed(
    land: Any, header: str, line: str, codes: str, by: str = "LABO1", *, cures: bool = True, both: bool = False
) -> list[dict[str, Any]]:
    """The proposals of one row that waits for ``codes``; the first one (``both``: two), decided, cures it."""
    land.drop(by, "essai.csv", file(header, line))
    land.run()
    found = [one for one in land.queue() if one["emetteur"] == by]
    assert len(found) == 1, land.rows(by, "essai.csv")
    held = {code for code in found[0]["codes"] if not code.startswith("AVT")}
    assert held == set(codes.split(",")), found[0]["codes"]
    propositions: list[dict[str, Any]] = found[0]["propositions"]
    scores = [one["score"] for one in propositions]
    assert scores == sorted(scores, reverse=True)
    assert all(engine.DISPLAYED_FROM <= one <= 1 for one in scores)
    assert len(scores) <= engine.MOST
    assert all(one["action"] in ("corriger", "rattacher", "confirmer") and one["raison"] for one in propositions)
    if propositions and cures:
        best = propositions[0]
        some = propositions[:2] if both else [best]
        values = tuple((one["champ"], one["valeur"]) for one in some) if best["action"] != "confirmer" else ()
        decision = Decision(best["action"], "essai", "test", values=values)
        effect = decide(land.connection, land.registry.key, decision, {found[0]["id"]: None}, preview=True)
        assert effect.counts() == {"INTEGRE": 1}, effect.fates
    return propositions


def first(found: list[dict[str, Any]]) -> tuple[str, str, str]:
    assert found
    return found[0]["champ"], found[0]["valeur"], found[0]["action"]


# --- numbers ---------------------------------------------------------------------------------------


def test_transposed_digits_of_a_number(land: Any) -> None:
    found = proposed(land, PASSIVE, sent(PASSIVE, MARTIN, NIR="1850675101042"), "IDT-06")
    assert first(found) == ("NIR", MARTIN[0], "corriger")
    assert found[0]["score"] > 0.9
    reason = found[0]["raison"]
    assert "intervertis" in reason
    assert "caractères 9 et 10 : 01 au lieu de 10" in reason
    assert "concordants" in reason
    assert "06/1985" in reason
    assert "depuis le 01/09/2019" in reason


@pytest.mark.parametrize(
    ("header", "by"), [(OPERATIONNELLE, "SITE"), (NAVIGANT, "CALCUL1"), (ENGAGEE, "DOC"), (INTERNE, "LABO1")]
)
def test_one_wrong_digit_in_every_format(land: Any, header: str, by: str) -> None:
    found = proposed(land, header, sent(header, DUPONT, NIR="1791213065123"), "IDT-06", by)
    assert first(found) == ("NIR", DUPONT[0], "corriger")
    assert found[0]["score"] > 0.8
    assert "un chiffre du numéro diffère (caractère 9 : 6 au lieu de 5)" in found[0]["raison"].lower()


def test_a_departure_whose_key_was_computed_on_a_wrong_number(land: Any) -> None:
    wrong = "1791213065123"
    line = row(SORTIES, NIR=wrong, CLE=key_of(wrong), SIRET=SIRET)
    found = proposed(land, SORTIES, line, "IDT-06", "ASNR")
    assert first(found) == ("NIR", DUPONT[0], "rattacher")  # the key must change too
    assert f"clé recalculée {key_of(DUPONT[0])}" in found[0]["raison"]


@pytest.mark.parametrize("department", ["2B", "20", "19"])
def test_a_department_of_corsica(land: Any, department: str) -> None:
    wrong = CORSE[0][:5] + department + CORSE[0][7:]
    found = proposed(land, PASSIVE, sent(PASSIVE, CORSE, NIR=wrong), "IDT-06")
    assert first(found) == ("NIR", CORSE[0], "corriger")
    assert "corse" in found[0]["raison"]


def test_a_worker_known_under_a_waiting_number(land: Any) -> None:
    found = proposed(land, OPERATIONNELLE, sent(OPERATIONNELLE, PROVISIONAL, NIR="1880613055001"), "IDT-06", "SITE")
    assert first(found) == ("NIR", PROVISIONAL[0], "corriger")


def test_the_number_of_another_person(land: Any) -> None:
    """A line of the list slipped: LE GALL's results under DUPONT's number."""
    found = proposed(land, PASSIVE, sent(PASSIVE, LEGALL, NIR=DUPONT[0]), "IDT-08")
    assert first(found) == ("NIR", LEGALL[0], "corriger")
    assert all(one["valeur"] != DUPONT[0] for one in found)


def test_an_alias_leads_to_the_present_number(land: Any) -> None:
    certified = "1880613055001"
    answer = row(
        *(IDENTITES,),
        NIA=PROVISIONAL[0],
        NIR=certified,
        CLE=key_of(certified),
        NOM="ROUX",
        PRENOM="KARIM",
        DATENAISSANCE="01/06/1988",
    )
    land.drop("ASNR", "identites.csv", file(IDENTITES, answer))
    land.run()
    # Near the waiting number; what is proposed is the NIR that it became.
    found = proposed(land, PASSIVE, sent(PASSIVE, PROVISIONAL, NIR="3880613055010"), "IDT-06")
    assert first(found)[:2] == ("NIR", certified)


def test_merged_persons_are_one_candidate(land: Any) -> None:
    """The attachment lies under the waiting number, the names asked for under the NIR it was merged into."""
    certified = "1880613055001"
    other = (certified, "ROUX", "KARIM", "01/06/1988", OTHER)
    land.drop("ASNR", "liste.csv", file(TRAVAILLEURS, listed(other)))
    answer = row(
        *(IDENTITES,),
        NIA=PROVISIONAL[0],
        NIR=certified,
        CLE=key_of(certified),
        NOM="ROUX",
        PRENOM="KARIM",
        DATENAISSANCE="01/06/1988",
    )
    land.drop("ASNR", "identites.csv", file(IDENTITES, answer))
    land.run()
    found = proposed(land, PASSIVE, sent(PASSIVE, PROVISIONAL, NIR="1880613055010"), "IDT-06")
    assert [(one["champ"], one["valeur"]) for one in found] == [("NIR", certified)]
    assert "à ce SIRET" in found[0]["raison"]


def test_homonyms_born_the_same_day(land: Any) -> None:
    for right, other, wrong in ((TWIN_A, TWIN_B, "1900369123101"), (TWIN_B, TWIN_A, "1900333063078")):
        found = proposed(land, PASSIVE, sent(PASSIVE, right, NIR=wrong), "IDT-06")
        assert first(found) == ("NIR", right[0], "corriger"), other
        land.connection.execute("update queue.entry set until_load = since_load where until_load is null")


def test_homonyms_that_nothing_tells_apart_are_worth_less(land: Any) -> None:
    """A number one digit from both: neither is believed."""
    near_a, near_b = "1900369123016", "1900369123015"
    twins = [(nir, "MOREAU", "PAUL", "09/03/1990", SIRET) for nir in (near_a, near_b)]
    land.drop("ASNR", "liste.csv", file(TRAVAILLEURS, *(listed(one) for one in twins)))
    land.run()
    found = proposed(land, PASSIVE, sent(PASSIVE, TWIN_A, NIR="1900369123019"), "IDT-06")
    assert {one["valeur"] for one in found} == {near_a, near_b, TWIN_A[0]}
    assert all(one["score"] <= 0.5 for one in found)
    assert "une autre personne reste possible" in found[0]["raison"]


def test_a_person_of_no_list_gets_nothing(land: Any) -> None:
    stranger = ("1661159350222", "LEFEBVRE", "YANN", "", SIRET)
    assert proposed(land, PASSIVE, sent(PASSIVE, stranger), "IDT-06") == []


def test_a_mere_homonym_is_not_proposed(land: Any) -> None:
    homonym = ("1661159350222", "DUPONT", "HUGO", "", SIRET)
    assert proposed(land, PASSIVE, sent(PASSIVE, homonym), "IDT-06") == []


# --- names -----------------------------------------------------------------------------------------


def test_a_mistyped_name(land: Any) -> None:
    found = proposed(land, PASSIVE, sent(PASSIVE, DUPONT, NOM="DUPOMT"), "IDT-08")
    assert [(one["champ"], one["valeur"], one["action"]) for one in found] == [("NOM", "DUPONT", "corriger")]
    assert "une faute près" in found[0]["raison"]


def test_a_mistyped_first_name(land: Any) -> None:
    found = proposed(land, INTERNE, sent(INTERNE, DUPONT, PRENOM="HUGOT"), "IDT-08")
    assert [(one["champ"], one["valeur"]) for one in found] == [("PRENOM", "HUGO")]


def test_swapped_names(land: Any) -> None:
    found = proposed(land, PASSIVE, sent(PASSIVE, LEGALL, NOM="ANNA", PRENOM="Le Gall"), "IDT-08", both=True)
    assert [(one["champ"], one["valeur"]) for one in found[:2]] == [("NOM", "LE GALL"), ("PRENOM", "ANNA")]
    assert first(found[2:]) == ("NIR", LEGALL[0], "rattacher")  # both in one decision
    assert "intervertis" in found[0]["raison"]


def test_swapped_names_under_a_mistyped_number(land: Any) -> None:
    line = sent(PASSIVE, LEGALL, NIR="2840529019081", NOM="ANNA", PRENOM="LE GALL")
    found = proposed(land, PASSIVE, line, "IDT-06")
    assert first(found) == ("NIR", LEGALL[0], "rattacher")


def test_a_spouses_name(land: Any) -> None:
    found = proposed(land, PASSIVE, sent(PASSIVE, LEGALL, NOM="BERTRAND"), "IDT-08")
    assert [(one["champ"], one["valeur"]) for one in found] == [("NOM", "LE GALL")]
    assert "époux" in found[0]["raison"]
    assert found[0]["score"] > 0.8


def test_a_spouses_name_under_a_mistyped_number(land: Any) -> None:
    line = sent(PASSIVE, LEGALL, NIR="2840529019081", NOM="BERTRAND")
    assert first(proposed(land, PASSIVE, line, "IDT-06")) == ("NIR", LEGALL[0], "rattacher")


def test_a_former_name(land: Any) -> None:
    """What the registry held before counts: the names were corrected since."""
    land.connection.execute("begin")
    with land.registry.warehouse.admin() as admin:
        admin.execute(
            "insert into identity.civil (worker_id, last_name, first_name, folded_last_name, folded_first_name,"
            " birth_day, sex, since_load, until_load, submission_id, line)"
            " select worker_id, 'KERVELLA', first_name, 'KERVELLA', folded_first_name, birth_day, sex, since_load,"
            " since_load, submission_id, line + 10000 from identity.civil where last_name = 'LE GALL'"
        )
    land.connection.execute("commit")
    found = proposed(land, PASSIVE, sent(PASSIVE, LEGALL, NOM="KERVELLA"), "IDT-08")
    assert [(one["champ"], one["valeur"]) for one in found] == [("NOM", "LE GALL")]
    assert "auparavant" in found[0]["raison"]


def test_names_that_an_analyst_confirmed_before(land: Any) -> None:
    land.drop("LABO1", "avant.csv", file(PASSIVE, sent(PASSIVE, DUPONT, NOM="Quéré", ID_MESURE="A1")))
    land.run()
    (waiting,) = land.queue()
    seen = Decision("confirmer", "livret de famille vu", "test")
    decide(land.connection, land.registry.key, seen, {waiting["id"]: None})
    found = proposed(land, PASSIVE, sent(PASSIVE, DUPONT, NOM="QUERE", ID_MESURE="A2"), "IDT-08")
    assert first(found) == ("NOM", "DUPONT", "corriger")
    assert [one["action"] for one in found] == ["corriger", "confirmer"]
    assert "déjà été confirmés" in found[1]["raison"]


def test_names_of_nobody_under_a_colleagues_number(land: Any) -> None:
    assert proposed(land, PASSIVE, sent(PASSIVE, DUPONT, NOM="LEFEBVRE", PRENOM="YANN"), "IDT-08") == []


def test_a_worker_list_with_another_name(land: Any) -> None:
    found = proposed(land, TRAVAILLEURS, listed(LEGALL, NOM="LE GAL"), "IDT-08", "ASNR")
    assert first(found) == ("NOM", "LE GALL", "corriger")
    assert "21/05/1984" in found[0]["raison"]


def test_an_identity_under_a_mistyped_waiting_number(land: Any) -> None:
    line = row(
        *(IDENTITES,),
        NIA="3880613055010",
        NIR="1880613055001",
        CLE=key_of("1880613055001"),
        NOM="ROUX",
        PRENOM="KARIM",
        DATENAISSANCE="01/06/1988",
    )
    found = proposed(land, IDENTITES, line, "IDT-06", "ASNR")
    assert first(found)[:2] == ("NIA", PROVISIONAL[0])


def test_an_identity_with_another_name(land: Any) -> None:
    line = row(
        *(IDENTITES,),
        NIA=PROVISIONAL[0],
        NIR="1880613055001",
        CLE=key_of("1880613055001"),
        NOM="ROUY",
        PRENOM="KARIM",
        DATENAISSANCE="01/06/1988",
    )
    assert first(proposed(land, IDENTITES, line, "IDT-08", "ASNR")) == ("NOM", "ROUX", "corriger")


# --- establishments --------------------------------------------------------------------------------


def test_transposed_digits_of_a_siret(land: Any) -> None:
    wrong = next(
        one for one, slip in siret_variants(OTHER).items() if slip.name == "TRANSPOSED" and one[:9] != OTHER[:9]
    )
    found = proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=wrong), "IDT-05")
    assert first(found) == ("SIRET", OTHER, "corriger")
    assert found[0]["score"] > 0.9
    assert "intervertis" in found[0]["raison"]
    assert "rattaché depuis le 01/09/2019" in found[0]["raison"]


def test_two_wrong_digits_of_a_siret(land: Any) -> None:
    wrong = next(
        one for one, slip in siret_variants(OTHER).items() if slip.name == "TWO_DIGITS" and one[:9] != OTHER[:9]
    )
    assert first(proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=wrong), "IDT-05")) == ("SIRET", OTHER, "corriger")


def test_zeros_lost_inside_a_siret(land: Any) -> None:
    """Two zeros lost and put back in front keep the Luhn sum: nothing rejects the row."""
    found = proposed(land, OPERATIONNELLE, sent(OPERATIONNELLE, AWAY, SIRET=OTHER[:9] + OTHER[11:]), "IDT-05", "SITE")
    assert first(found) == ("SIRET", OTHER, "corriger")
    assert "zéros perdus" in found[0]["raison"].lower()


@pytest.mark.parametrize(("header", "by"), [(PASSIVE, "LABO1"), (OPERATIONNELLE, "SITE"), (NAVIGANT, "CALCUL1")])
def test_another_establishment_of_the_same_company(land: Any, header: str, by: str) -> None:
    found = proposed(land, header, sent(header, AWAY, SIRET=SISTER), "IDT-07", by)
    assert first(found) == ("SIRET", OTHER, "rattacher")
    assert "même entreprise" in found[0]["raison"]


def test_an_unknown_establishment_of_the_workers_company(land: Any) -> None:
    wrong = made_siret(OTHER_SIREN, 88)
    assert first(proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=wrong), "IDT-05"))[:2] == ("SIRET", OTHER)


def test_a_departure_from_a_wrong_establishment(land: Any) -> None:
    line = row(SORTIES, NIR=AWAY[0], CLE=key_of(AWAY[0]), SIRET=SISTER)
    assert first(proposed(land, SORTIES, line, "IDT-07", "ASNR")) == ("SIRET", OTHER, "rattacher")


def test_an_undeclared_attachment_gets_nothing(land: Any) -> None:
    """The establishment designates the sender: its employer will declare the worker."""
    assert proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=SIRET), "IDT-07") == []


def test_an_attachment_elsewhere_where_the_sender_is_not_designated(land: Any) -> None:
    land.partner("LABO2", "OA")
    found = proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=SIRET), "IDT-07", "LABO2")
    assert first(found) == ("SIRET", OTHER, "rattacher")
    assert "ne désigne pas l'émetteur" in found[0]["raison"]


def test_the_successor_of_a_closed_establishment(land: Any) -> None:
    line = listed(MARTIN, SIRET=CLOSED, DATEDEBUT="01/03/2026")
    found = proposed(land, TRAVAILLEURS, line, "IDT-11", "ASNR")
    assert found[0]["valeur"] in (SIRET, SIRET2)
    assert {one["valeur"] for one in found} >= {SIRET2}
    told = next(one["raison"] for one in found if one["valeur"] == SIRET2)
    for words in ("fermé depuis le 01/02/2026", "01/02/2026", "même commune", "même activité", "même nom"):
        assert words in told


def test_the_successor_where_the_worker_is_not_known(land: Any) -> None:
    line = row(DESIGNATIONS, SIRET=CLOSED, DATEDEBUT="01/03/2026")
    found = proposed(land, DESIGNATIONS, line, "IDT-11", "ASNR")
    assert first(found) == ("SIRET", SIRET2, "rattacher")


def test_a_closed_establishment_that_the_worker_left(land: Any) -> None:
    found = proposed(land, PASSIVE, sent(PASSIVE, AWAY, SIRET=CLOSED), "IDT-07,IDT-11")
    assert ("SIRET", OTHER) in [(one["champ"], one["valeur"]) for one in found]


# --- periods ---------------------------------------------------------------------------------------


def test_a_period_that_begins_too_late(land: Any) -> None:
    start = {"DATE_DEBUT_PORT": "20/07/2019", "DATE_FIN_PORT": "20/08/2019"}
    found = proposed(land, PASSIVE, sent(PASSIVE, DUPONT, **start), "IDT-09")
    assert first(found) == ("DATEDEBUT", "20/07/2019", "confirmer")
    assert "01/09/2019" in found[0]["raison"]
    assert "12 jours au-delà des 31 tolérés" in found[0]["raison"]


def test_a_period_that_ended_too_early(land: Any) -> None:
    land.drop(
        "ASNR", "sortie.csv", file(SORTIES, row(SORTIES, NIR=DUPONT[0], CLE=key_of(DUPONT[0]), DATEFIN="27/02/2026"))
    )
    land.run()
    found = proposed(land, PASSIVE, sent(PASSIVE, DUPONT), "IDT-09")
    assert first(found) == ("DATEFIN", "31/03/2026", "confirmer")
    assert "1 jour au-delà" in found[0]["raison"]


def test_another_attachment_that_covers_the_period(land: Any) -> None:
    """He left this establishment long before, for another of the company."""
    departure = row(SORTIES, NIR=AWAY[0], CLE=key_of(AWAY[0]), SIRET=OTHER, DATEFIN="31/12/2021")
    land.drop("ASNR", "s.csv", file(SORTIES, departure))
    land.drop("ASNR", "t.csv", file(TRAVAILLEURS, listed(AWAY, SIRET=SISTER, DATEDEBUT="01/01/2022")))
    land.run()
    found = proposed(land, PASSIVE, sent(PASSIVE, AWAY), "IDT-09")
    assert first(found) == ("SIRET", SISTER, "rattacher")


# --- values ----------------------------------------------------------------------------------------


def test_micro_sieverts_sent_as_milli_sieverts(land: Any) -> None:
    usual = [
        sent(
            PASSIVE,
            DUPONT,
            VALEUR=f"0.{at}",
            ID_MESURE=f"U{at}",
            DATE_DEBUT_PORT=f"01/0{at}/2026",
            DATE_FIN_PORT=f"2{at}/0{at}/2026",
        )
        for at in (1, 2)
    ]
    land.drop("LABO1", "mois.csv", file(PASSIVE, *usual))
    land.run()
    found = proposed(land, PASSIVE, sent(PASSIVE, DUPONT, VALEUR="510", ID_MESURE="X"), "MET-05")
    assert first(found) == ("VALEUR", "0.510", "corriger")
    assert "divisée par 1000" in found[0]["raison"]
    assert "0.100 à 0.200 mSv" in found[0]["raison"]


def test_micro_sieverts_judged_by_colleagues(land: Any) -> None:
    usual = [sent(OPERATIONNELLE, LEGALL, ZONE=f"Z{at}", VALEUR=f"0.0{at}") for at in (10, 20, 40)]
    land.drop("SITE", "jour.csv", file(OPERATIONNELLE, *usual))
    land.run()
    found = proposed(land, OPERATIONNELLE, sent(OPERATIONNELLE, DUPONT, VALEUR="130"), "MET-05", "SITE")
    assert first(found)[0] == "VALEUR"
    assert first(found)[1] == "0.130"
    assert "collègues" in found[0]["raison"]


# --- as a whole ------------------------------------------------------------------------------------


def test_many_rows_at_once_are_each_as_alone(land: Any) -> None:
    lines = [
        sent(PASSIVE, MARTIN, NIR="1850675101042", ID_MESURE="1"),
        sent(PASSIVE, DUPONT, NOM="DUPOMT", ID_MESURE="2"),
        sent(PASSIVE, AWAY, SIRET=SISTER, ID_MESURE="3"),
        sent(PASSIVE, DUPONT, VALEUR="600", ID_MESURE="4"),
        sent(PASSIVE, LEGALL, NIR=DUPONT[0], ID_MESURE="5"),
    ]
    land.drop("LABO1", "tout.csv", file(PASSIVE, *lines * 60))  # the repeats are duplicates of what waits
    land.drop("SITE", "tout.csv", file(OPERATIONNELLE, sent(OPERATIONNELLE, MARTIN, NIR="1850675101042")))
    land.run()
    together = land.queue()
    assert len(together) == 6

    for one in together:
        assert queue(land.connection, land.registry.key, one["id"])[0] == one
        assert one["propositions"]


def test_more_rows_than_one_chunk(land: Any) -> None:
    key = land.registry.key
    line = dict(zip(PASSIVE.split(";"), sent(PASSIVE, DUPONT, NOM="DUPOMT").split(";"), strict=True))

    one = engine.Waiting(codebook.bit("IDT-08"), "PASSIVE", line, date(2026, 4, 10))
    nothing = engine.Waiting(0, "PASSIVE", line, date(2026, 4, 10))
    found = engine.proposals(land.connection, key, [one, nothing] * engine.CHUNK)
    assert [bool(some) for some in found] == [True, False] * engine.CHUNK
    assert all(some == found[0] for some in found[::2])


def test_rows_that_cannot_be_read_propose_nothing(land: Any) -> None:

    every = codebook.mask(("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"))
    for name, layout in formats().items():
        for text in ("", "x", "é" * 500, "31/02/2026", "0" * 14):
            row_ = dict.fromkeys(layout.names, text)
            one = engine.Waiting(every, name, row_, date(2026, 4, 10))
            assert engine.proposals(land.connection, land.registry.key, [one]) == [[]], (name, text)


@pytest.mark.parametrize("day", ["01/01/0001", "31/12/9999"])
def test_days_at_the_ends_of_time(land: Any, day: str) -> None:

    for held in ("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"):
        for name, layout in formats().items():
            cells = dict.fromkeys(layout.names, "600") | {"NIR": DUPONT[0], "NIA": DUPONT[0], "SIRET": SIRET}
            cells |= {"NOM": "X", "PRENOM": "Y", "TYPE_MESURE": next(iter(_types(layout)), "")}
            for column in layout.columns:
                if column.kind in (Kind.DATE, Kind.TIME, Kind.MONTH):
                    cells[column.name] = {Kind.TIME: f"{day} 10:00", Kind.MONTH: day[3:]}.get(column.kind, day)
            one = engine.Waiting(codebook.bit(held), name, cells, date(2026, 4, 10))
            engine.proposals(land.connection, land.registry.key, [one])


def _types(layout: Any) -> tuple[str, ...]:
    return tuple(layout.column("TYPE_MESURE").codes) if layout.has("TYPE_MESURE") else ()


def test_every_query_goes_by_an_index(land: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    plain, asked = candidates._ask, []

    def explained(connection: Any, name: str, parameters: Any) -> Any:
        plan = connection.execute("explain " + sql.query("proposals", name), parameters).fetchall()
        asked.append(name)
        assert "Seq Scan" not in str(plan), (name, plan)
        return plain(connection, name, parameters)

    monkeypatch.setattr(candidates, "_ask", explained)
    land.connection.execute("set enable_seqscan = off")  # tables this small would be read whole
    every = codebook.mask(("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"))
    some = [
        engine.Waiting(
            every, name, dict(zip(header.split(";"), sent(header, DUPONT).split(";"), strict=True)), land.today
        )
        for name, header in (
            ("PASSIVE", PASSIVE),
            ("OPERATIONNELLE", OPERATIONNELLE),
            ("ENGAGEE", ENGAGEE),
            ("NAVIGANT", NAVIGANT),
        )
    ]
    engine.proposals(land.connection, land.registry.key, some)

    text = (files("sql") / "queries" / "proposals.sql").read_text()
    assert set(asked) == {line.split(": ")[1] for line in text.splitlines() if line.startswith("-- name: ")}


def test_a_number_that_hits_another_worker_of_no_such_establishment(land: Any) -> None:
    """One digit off, and it is somebody's who works elsewhere: the colleague near it is meant, and nothing of hers."""
    near = "2710144109201"
    land.drop("ASNR", "liste.csv", file(TRAVAILLEURS, listed((near, "ROUSSEL", "LEA", "15/01/1971", SIRET))))
    land.run()
    colleague = (near, "", "", "", SIRET)
    found = proposed(land, OPERATIONNELLE, sent(OPERATIONNELLE, colleague, NIR=AWAY[0]), "IDT-07", "SITE")
    assert [(one["champ"], one["valeur"]) for one in found] == [("NIR", near)]


def test_the_analyst_may_read_what_proposals_need(land: Any) -> None:

    every = codebook.mask(("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-11", "MET-05"))
    line = dict(zip(PASSIVE.split(";"), sent(PASSIVE, DUPONT, NOM="DUPOMT").split(";"), strict=True))
    with land.registry.warehouse.analyst() as analyst:
        found = engine.proposals(
            analyst, land.registry.key, [engine.Waiting(every, "PASSIVE", line, date(2026, 4, 10))]
        )
    assert found[0]


def test_variants_are_well_formed_and_reach_every_slip() -> None:

    near = nir_variants("284052A004018")
    assert {"284052B004018", "2840520004018", "2840519004018", "184052A004018", "284502A004018"} <= set(near)
    assert all(len(one) == 13 for one in near)
    found = siret_variants(SIRET)
    assert all(oracle.is_valid(one) for one in found)
    assert SIRET not in found
    assert len(found) > 700
