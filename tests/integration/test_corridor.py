"""A lab's file from its depot to the warehouse and back, with what waits and what is released."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

NIR, NIR2 = "1850675110042", "284052A004018"
SIRET = "73282932000074"
ESTABLISHMENTS = (
    "siren,siret,etatAdministratifEtablissement,dateDebut,denominationUsuelleEtablissement,enseigne1Etablissement,"
    "activitePrincipaleEtablissement,codeCommuneEtablissement,etablissementSiege,extra\n"
    f"732829320,{SIRET},A,2008-01-01,CLINIQUE,,86.10Z,75110,true,x\n"
)
WORKERS = (
    "NIR;CLE;NOM;PRENOM;DATENAISSANCE;SEXE;SIRET;GROUPE;CLASSEMENT;AUTREEXPOSITION;caractereActivite;"
    "codeDomaineActivite;codeSecteurActivite;codeNuisanceRadiologique;codeTypeContrat;CodeMetier;QUOTITE;DATEDEBUT\n"
)
WORKER = f"{NIR};20;MARTIN;JEAN-PIERRE;12/06/1985;M;{SIRET};;B;;Civil;100000;101010;EXT;CDI;MANIP;1;01/09/2019\n"
PASSIVE = (
    "NIR;NOM;PRENOM;SIRET;TYPE_MESURE;LOCALISATION;TYPE_DOSIMETRE;DATE_DEBUT_PORT;DATE_FIN_PORT;ETAT_RESULTAT;VALEUR;"
    "SEUIL;ID_MESURE;CODE_METROLOGIE\n"
)


def dose(identifier: str, value: str = "0.15", *, code: str = "", nir: str = NIR, **changed: str) -> str:
    cells = {
        "NIR": nir, "NOM": "MARTIN", "PRENOM": "JEAN", "SIRET": SIRET, "TYPE_MESURE": "PAS-HP10-PHO",
        "LOCALISATION": "POITRINE", "TYPE_DOSIMETRE": "OSL", "DEBUT": "01/03/2026", "FIN": "31/03/2026", "ETAT": "MES",
        "VALEUR": value, "SEUIL": "0.05", "ID": identifier, "CODE": code,
    }  # fmt: skip
    return ";".join((cells | changed).values()) + "\n"


@pytest.fixture
def lab(registry):
    registry.partner("ASNR", "GESTIONNAIRE")
    registry.partner("EMPL", "EMPLOYEUR", ["732829320"])
    registry.partner("LABO1", "OA")
    registry.drop("ASNR", "sirene.csv", ESTABLISHMENTS.encode())
    designations = f"SIRET;ROLE;IDENTIFIANT;NOM;PRENOM;COURRIEL;DATEDEBUT;DATEFIN\n{SIRET};OA;LABO1;;;;01/01/2020;\n"
    registry.drop("ASNR", "designations.csv", designations.encode())
    registry.drop("EMPL", "liste.csv", (WORKERS + WORKER).encode())
    registry.run()
    return registry


def test_a_clean_file_is_integrated_and_answered(lab):
    lab.drop("LABO1", "mars.csv", (PASSIVE + dose("M1") + dose("M2", "0.2")).encode())
    lab.run()
    report = lab.report("LABO1", "mars.csv")
    assert report["statut"] == "INTEGRE"
    assert report["lignes"] == {"recues": 2, "integrees": 2, "en_attente": 0, "rejetees": 0, "doublons": 0}
    assert report["doses_msv"]["PAS-HP10-PHO"]["integrees"] == "0.350"
    assert report["codes"] == {}
    reports = [f"mars.csv.{end}" for end in ("ar.json", "rapport.csv", "rapport.html", "rapport.json")]
    assert lab.files("LABO1") == ["accedants.csv", *reports]
    assert lab.files("LABO1", "depot") == []
    assert lab.files("LABO1", "archive") == ["mars.csv"]
    assert {one[5] for one in lab.doses()} == {150, 200}
    lab.verify()


def test_a_dose_waits_for_its_worker_and_integrates_by_itself(lab):
    unknown = dose("M1", nir=NIR2, NOM="ROSSI", PRENOM="ANNA")
    lab.drop("LABO1", "mars.csv", (PASSIVE + unknown + dose("M2")).encode())
    lab.run()
    assert lab.report("LABO1", "mars.csv")["statut"] == "PARTIEL"
    assert lab.rows("LABO1", "mars.csv") == [("EN_ATTENTE", {"IDT-06"}), ("INTEGRE", set())]
    listed = list(csv.DictReader(io.StringIO(lab.read("EMPL", "a-declarer.csv").decode()), delimiter=";"))
    assert [(one["NIR"], one["CLE"], one["NOM"], one["SIRET"]) for one in listed] == [(NIR2, "63", "ROSSI", SIRET)]
    assert "0.15" not in lab.read("EMPL", "a-declarer.csv").decode()
    declared = WORKER.replace(NIR, NIR2).replace(";20;", ";63;").replace("MARTIN;JEAN-PIERRE", "ROSSI;ANNA MARIA")
    declared = declared.replace("12/06/1985;M", "01/05/1984;F")
    lab.drop("EMPL", "suite.csv", (WORKERS + declared).encode())
    lab.run()
    assert lab.rows("LABO1", "mars.csv") == [("INTEGRE", set()), ("INTEGRE", set())]
    follow_up = lab.follow_ups("LABO1", "mars.csv")[0]
    assert follow_up["changements"] == [{"ligne": 1, "avant": "EN_ATTENTE", "apres": "INTEGRE", "codes": []}]
    assert follow_up["statut"] == "INTEGRE"
    assert "a-declarer.csv" not in lab.files("EMPL")
    # The first report stays what it was.
    assert lab.report("LABO1", "mars.csv")["statut"] == "PARTIEL"
    lab.verify()


def test_corrections_annulments_and_duplicates_in_file_order(lab):
    lab.drop("LABO1", "mars.csv", (PASSIVE + dose("M1") + dose("M2", "0.2") + dose("M3", "", ETAT="ABS")).encode())
    lab.run()
    rows = [
        dose("M1"),  # the same again
        dose("M1", "0.3"),  # another content without C
        dose("M1", "0.3", code="C"),
        dose("M1", "0.3", code="C"),
        dose("M2", "0.2", code="A"),
        dose("M2", "0.2", code="A"),
        dose("M9", "0.2", code="C"),
        dose("M3", "0.4"),  # a result after no result
        dose("M2", "0.5"),  # the identifier is free again
        dose("M2", "0.6", code="C"),
    ]
    lab.drop("LABO1", "suite.csv", (PASSIVE + "".join(rows)).encode())
    lab.run()
    assert lab.rows("LABO1", "suite.csv") == [
        ("DOUBLON", {"MET-12"}),
        ("REJETE", {"MET-11"}),
        ("INTEGRE", set()),
        ("DOUBLON", {"MET-12"}),
        ("INTEGRE", set()),
        ("DOUBLON", {"MET-12"}),
        ("REJETE", {"MET-10"}),
        ("INTEGRE", set()),
        ("INTEGRE", set()),
        ("INTEGRE", set()),
    ]
    assert {(one[6], one[5]) for one in lab.doses()} == {("M1", 300), ("M3", 400), ("M2", 600)}
    report = lab.read("LABO1", "suite.csv.rapport.csv").decode().splitlines()
    assert report[1].endswith(f";;Déjà reçu : {lab.submission('LABO1', 'mars.csv')}")
    lab.verify()


def test_a_waiting_origin_can_be_corrected(lab):
    lab.drop("LABO1", "mars.csv", (PASSIVE + dose("M1", nir=NIR2)).encode())
    lab.run()
    lab.drop("LABO1", "suite.csv", (PASSIVE + dose("M1", "0.7", code="C")).encode())
    lab.run()
    assert lab.rows("LABO1", "mars.csv") == [("REJETE", {"IDT-06", "MET-11"})]
    assert lab.rows("LABO1", "suite.csv") == [("INTEGRE", set())]
    assert lab.follow_ups("LABO1", "mars.csv")[0]["changements"][0]["apres"] == "REJETE"
    lab.verify()


def test_an_annulment_ends_a_measure_and_its_waiting_correction(lab):
    """Whichever of the two it names: the identifier is free afterwards."""
    unknown = {"nir": "284052A004018"}
    lab.drop("LABO1", "mars.csv", (PASSIVE + dose("M1") + dose("M2")).encode())
    lab.run()
    corrections = dose("M1", "0.3", code="C", **unknown) + dose("M2", "0.3", code="C", **unknown)
    lab.drop("LABO1", "avril.csv", (PASSIVE + corrections).encode())
    lab.run()
    assert [outcome for outcome, _ in lab.rows("LABO1", "avril.csv")] == ["EN_ATTENTE"] * 2
    again = dose("M1", code="A") + dose("M2", code="A", **unknown) + dose("M1", "0.4") + dose("M2", "0.4")
    lab.drop("LABO1", "mai.csv", (PASSIVE + again).encode())
    lab.run()
    assert lab.rows("LABO1", "avril.csv") == [("REJETE", {"IDT-06", "MET-11"})] * 2
    assert [outcome for outcome, _ in lab.rows("LABO1", "mai.csv")] == ["INTEGRE"] * 4
    assert sorted(one[5] for one in lab.doses()) == [400, 400]


def test_the_same_bytes_again_change_nothing(lab):
    body = (PASSIVE + dose("M1")).encode()
    lab.drop("LABO1", "mars.csv", body)
    lab.run()
    before = lab.doses()
    lab.drop("LABO1", "mars.csv", body)
    lab.drop("LABO1", "autre nom.csv", body)
    lab.run()
    again = lab.report("LABO1", "mars.csv", 2)
    assert again["statut"] == "DEJA_RECU"
    assert again["codes"] == {"FIC-06": 1}
    assert again["lignes"]["integrees"] == 1
    assert lab.report("LABO1", "autre nom.csv")["statut"] == "DEJA_RECU"
    assert lab.doses() == before
    lab.verify()


def test_what_waits_too_long_is_rejected_with_a_follow_up(lab):
    lab.drop("LABO1", "mars.csv", (PASSIVE + dose("M1", nir=NIR2)).encode())
    lab.run(date(2026, 4, 10))
    lab.run(date(2026, 7, 9))
    assert lab.rows("LABO1", "mars.csv")[0][0] == "EN_ATTENTE"
    lab.run(date(2026, 7, 10))
    assert lab.rows("LABO1", "mars.csv") == [("REJETE", {"IDT-06"})]
    assert lab.follow_ups("LABO1", "mars.csv")[0]["statut"] == "REJETE"
    lab.verify()
