"""``AVT-05`` and ``AVT-11`` through the corridor: files, trials, rows that waited, corrections within a file."""

from __future__ import annotations

from typing import Any

import pytest
from senders import (
    DESIGNATIONS,
    ENGAGEE,
    NAVIGANT,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    RPPS,
    SIRET2,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)

from schemas.identifiers import key_of

LATE = {"AVT-04"}
ANNE = {"NIR": NIR2, "NOM": "NGUYEN", "PRENOM": "ANNE"}
ANNE_AT_WORK = ANNE | {"CLE": key_of(NIR2), "SEXE": "F", "DATENAISSANCE": "14/05/1984"}


class Land:
    def __init__(self, registry: Any) -> None:
        self.registry = country(registry)
        registry.partner("NAVIG", "CALCUL")
        self.count = 0

    def send(self, partner: str, header: str, *rows: str) -> list[tuple[str, set[str]]]:
        self.count += 1
        self.registry.drop(partner, f"f{self.count}.csv", file(header, *rows))
        done = self.registry.run()
        assert not done.incidents
        assert not done.troubles
        self.registry.verify()
        return [(outcome, set(codes) - LATE) for outcome, codes in self.registry.rows(partner, f"f{self.count}.csv")]

    def report(self, partner: str) -> Any:
        return self.registry.report(partner, f"f{self.count}.csv")


@pytest.fixture
def land(registry: Any) -> Land:
    return Land(registry)


def month(identifier: str, value: str, at: int, year: int = 2026, **changed: str) -> str:
    days = {1: 31, 2: 28, 3: 31, 4: 30}[at]
    worn = {"DATE_DEBUT_PORT": f"01/{at:02}/{year}", "DATE_FIN_PORT": f"{days}/{at:02}/{year}"}
    return dose(identifier, value, **(worn | changed))


def passage(value: str, start: str = "10/03/2026 08:00", end: str = "10/03/2026 17:00", **changed: str) -> str:
    return row(OPERATIONNELLE, VALEUR=value, DATE_DEBUT_PORT=start, DATE_FIN_PORT=end, **changed)


ABOVE, FINE = ("INTEGRE", {"AVT-05"}), ("INTEGRE", set())


def test_above_6_mSv_is_told_on_every_row_whose_window_is_above(land: Land) -> None:
    assert land.send("LABO1", PASSIVE, month("M1", "3", 1), month("M2", "3", 2), month("M3", "0.001", 3)) == [
        FINE,
        FINE,
        ABOVE,
    ]
    report = land.report("LABO1")
    assert (report["statut"], report["codes"]["AVT-05"]) == ("INTEGRE", 1)
    *_, last = cells(land.registry.read("LABO1", "f1.csv.rapport.csv"))
    told = "Avertissement : Travailleur de catégorie B au-dessus de 6 mSv sur 12 mois"
    assert (last["CODE_ERREUR"], last["LIBELLE_ERREUR"]) == ("", told)
    assert "AVT-05" in land.registry.read("LABO1", "f1.csv.rapport.html").decode()


def test_the_whole_file_counts_whatever_the_order_of_its_rows(land: Land) -> None:
    assert land.send("LABO1", PASSIVE, month("M1", "1", 3), month("M2", "5.001", 2)) == [ABOVE, FINE]


def test_a_year_later_nothing_of_it_counts(land: Land) -> None:
    land.send("LABO1", PASSIVE, month("M1", "5", 3, 2025))
    assert land.send("LABO1", PASSIVE, month("M2", "1.001", 3), month("M3", "1.001", 2)) == [FINE, ABOVE]


def test_zero_below_threshold_and_other_quantities_carry_none(land: Land) -> None:
    land.send("LABO1", PASSIVE, month("M1", "6", 2), month("M2", "50", 2, TYPE_MESURE="PAS-E-RADON"))
    other = {"TYPE_MESURE": "PAS-HP3", "LOCALISATION": "TETE"}
    assert land.send("LABO1", PASSIVE, month("M3", "1", 3, **other)) == [FINE]
    assert land.send("LABO1", PASSIVE, month("M4", "0.001", 3)) == [ABOVE], "radon and the lens add nothing"
    assert land.send("LABO1", PASSIVE, month("M5", "0", 3), month("M6", "", 3, ETAT_RESULTAT="INF")) == [FINE, FINE]


def test_months_of_flights_and_committed_doses_count_too(land: Land) -> None:
    land.send("LABO1", PASSIVE, month("M1", "4", 1))
    land.send("EMPL", DESIGNATIONS, row(DESIGNATIONS, ROLE="MDT", IDENTIFIANT=RPPS))
    assert land.send("ASNR", ENGAGEE, row(ENGAGEE, VALEUR="2", DATE_INCORPORATION="12/02/2026")) == [FINE]
    flown = [row(NAVIGANT, MOIS="02/2026", VALEUR="0.09"), row(NAVIGANT, MOIS="03/2026", VALEUR="0.1", ID_CALCUL="N2")]
    assert land.send("NAVIG", NAVIGANT, *flown) == [FINE, ABOVE]
    assert land.send("NAVIG", NAVIGANT, row(NAVIGANT, MOIS="03/2026", VALEUR="0.05", ID_CALCUL="N3")) == [ABOVE]


def test_the_class_is_that_of_the_attachment_on_the_last_day(land: Land) -> None:
    land.send("LABO1", PASSIVE, month("M1", "6", 1))
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2, CLASSEMENT="A", DATEDEBUT="01/01/2026"))
    warned = [codes & {"AVT-05"} for _, codes in land.send("LABO1", PASSIVE, month("M2", "1", 2, SIRET=SIRET2))]
    assert warned == [set()]
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, CLASSEMENT="A", DATEDEBUT="01/03/2026"))
    before = land.send("LABO1", PASSIVE, month("M3", "1", 3), month("M4", "1", 2))
    assert before == [ABOVE, ABOVE], "class A holds from the registry's date of its row on, 10 April"
    later = month("M5", "1", 4, DATE_FIN_PORT="10/04/2026")
    assert land.send("LABO1", PASSIVE, later) == [FINE]


def test_chest_and_belt_worn_together_count_once(land: Land) -> None:
    belt = {"LOCALISATION": "CEINTURE"}
    assert land.send("LABO1", PASSIVE, month("M1", "4", 3), month("M2", "5", 3, **belt)) == [FINE, FINE]
    assert land.send("LABO1", PASSIVE, month("M3", "1.001", 3, **belt)) == [ABOVE]


def test_a_correction_within_the_file(land: Land) -> None:
    """The row that was replaced is integrated too; the sum holds what is in force at the end."""
    mended = month("M1", "7", 3, CODE_METROLOGIE="C")
    assert land.send("LABO1", PASSIVE, month("M1", "5", 3), mended) == [ABOVE, ABOVE]
    assert land.send("LABO1", PASSIVE, month("M1", "1", 3, CODE_METROLOGIE="C")) == [FINE]
    assert land.send("LABO1", PASSIVE, month("M1", "", 3, CODE_METROLOGIE="A")) == [FINE]


def test_a_row_that_waited_is_warned_when_it_is_released(land: Land) -> None:
    assert (
        land.send("LABO1", PASSIVE, *(month(f"M{at}", "3.001", at, **ANNE) for at in (1, 2)))
        == [("EN_ATTENTE", {"IDT-06"})] * 2
    )
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, **ANNE_AT_WORK))
    (told,) = land.registry.follow_ups("LABO1", "f1.csv")
    assert [(one["apres"], set(one["codes"]) - LATE) for one in told["changements"]] == [FINE, ABOVE]
    assert told["codes"]["AVT-05"] == 1
    second = cells(land.registry.read("LABO1", "f1.csv.suivi-1.csv"))[1]
    assert "Avertissement : Travailleur de catégorie B" in second["LIBELLE_ERREUR"]


def test_passages_that_disagree_with_the_wear_period(land: Land) -> None:
    land.send("SITE", OPERATIONNELLE, passage("0.7"), passage("0.301", "31/03/2026 22:00", "31/03/2026 23:59"))
    assert land.send("LABO1", PASSIVE, month("M1", "0.7", 3)) == [("INTEGRE", {"AVT-11"})]
    assert land.send("LABO1", PASSIVE, month("M2", "0.701", 3)) == [FINE], "0.300 is not more than 0.3"
    told = "Avertissement : Écart marqué entre dosimétrie passive et opérationnelle"
    assert cells(land.registry.read("LABO1", "f2.csv.rapport.csv"))[0]["LIBELLE_ERREUR"] == told
    assert land.report("LABO1")["codes"] == {}


def test_a_fifth_of_the_larger(land: Land) -> None:
    land.send("SITE", OPERATIONNELLE, passage("2"))
    told = land.send("LABO1", PASSIVE, month("M1", "2.5", 3), month("M2", "2.501", 3))
    assert [codes & {"AVT-11"} for _, codes in told] == [set(), {"AVT-11"}]
    assert land.send("LABO1", PASSIVE, month("M3", "", 3, ETAT_RESULTAT="INF")) == [("INTEGRE", {"AVT-11"})]
    for at, state in enumerate(("ABS", "PER", "DET")):
        assert land.send("LABO1", PASSIVE, month(f"N{at}", "", 3, ETAT_RESULTAT=state)) == [FINE]
    assert land.send("LABO1", PASSIVE, month("N9", "0.1", 3, TYPE_MESURE="PAS-HP10-NEU")) == [FINE]


def test_only_passages_wholly_inside(land: Land) -> None:
    land.send(
        *("SITE", OPERATIONNELLE),
        passage("1", "28/02/2026 23:00", "01/03/2026 01:00"),
        passage("1", "31/03/2026 23:00", "01/04/2026 00:00"),
        passage("1", TYPE_MESURE="OPE-HP10-NEURAP"),
    )
    assert land.send("LABO1", PASSIVE, month("M1", "0", 3)) == [FINE]
    land.send("SITE", OPERATIONNELLE, passage("0.4", "01/03/2026 00:00", "31/03/2026 23:59"))
    assert land.send("LABO1", PASSIVE, month("M2", "0", 3)) == [("INTEGRE", {"AVT-11"})]


def test_at_any_establishment_and_whatever_becomes_of_the_row(land: Land) -> None:
    land.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2))
    land.send("ASNR", OPERATIONNELLE, passage("1", SIRET=SIRET2))
    rows = month("M1", "0", 3), month("M2", "0", 3, NOM="DUPONT"), month("M3", "0", 3, TYPE_DOSIMETRE="X")
    outcomes = land.send("LABO1", PASSIVE, *rows)
    assert outcomes == [
        ("INTEGRE", {"AVT-11"}),
        ("EN_ATTENTE", {"AVT-11", "IDT-08"}),
        ("REJETE", {"AVT-11", "FMT-05"}),
    ]
    again = cells(land.registry.read("LABO1", f"f{land.count}.csv.rapport.csv"))
    assert [one["CODE_ERREUR"] for one in again] == ["", "IDT-08", "FMT-05"]
    assert land.send("LABO1", PASSIVE, rows[0]) == [("DOUBLON", {"AVT-11", "MET-12"})]


def test_a_trial_finds_both_and_leaves_nothing(land: Land) -> None:
    land.send("SITE", OPERATIONNELLE, passage("1"))
    before = land.registry.state()
    client = land.registry.client
    client.put("LABO1", "depot/essai", "t.csv", file(PASSIVE, month("M1", "7", 3)))
    client.put("LABO1", "depot/essai", "t.csv.ok", b"")
    land.registry.run()
    (told,) = cells(land.registry.read("LABO1", "essai/t.csv.rapport.csv"))
    assert "catégorie B au-dessus de 6 mSv" in told["LIBELLE_ERREUR"]
    assert "Écart marqué" in told["LIBELLE_ERREUR"]
    assert land.registry.state() == before
