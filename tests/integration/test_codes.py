"""Every code of the code book that the first five formats can raise, through the whole corridor, with its outcome."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import Any

import pytest
from senders import (
    CLOSED,
    DESIGNATIONS,
    ESTABLISSEMENTS,
    NIR,
    NIR2,
    NIR3,
    OPERATIONNELLE,
    PASSIVE,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    UNKNOWN,
    cells,
    country,
    dose,
    file,
    row,
)

from schemas.codebook import Severity, book

LATER = frozenset({"MET-16", "AVT-12"})
#: Takes passages too: test_second_look.
SECOND_LOOK = frozenset({"AVT-11"})
OTHER_FORMATS = frozenset({"MET-15"})
UNREGISTERED = "73282932000009"
SHORT_KEY, SHORT_KEY_NIR = "9", "1850675110053"
INTEGRE, EN_ATTENTE, REJETE, DOUBLON = "INTEGRE", "EN_ATTENTE", "REJETE", "DOUBLON"
Case = tuple[str, str, str]  # a row, its outcome, its codes


def passage(**changed: str) -> str:
    return row(OPERATIONNELLE, **changed)


def worker(**changed: str) -> str:
    return row(TRAVAILLEURS, **changed)


def named(**changed: str) -> str:
    return row(DESIGNATIONS, **changed)


JUNE = {"DATE_DEBUT_PORT": "01/06/2019", "DATE_FIN_PORT": "30/06/2019"}
ALICE = {"NIR": NIR3, "NOM": "DURAND", "PRENOM": "ALICE"}

OF_PASSIVE: list[Case] = [
    (dose("P1"), INTEGRE, "AVT-05"),
    ("trop;court", REJETE, "FMT-01"),
    (dose("P2") + ";long", REJETE, "FMT-01"),
    (dose("P3", NOM=""), REJETE, "FMT-02"),
    (dose("P4", DATE_FIN_PORT="31/02/2026"), REJETE, "FMT-03"),
    (dose("P5", "abc"), REJETE, "FMT-04"),
    (dose("P6", TYPE_DOSIMETRE="XX"), REJETE, "FMT-05"),
    (dose("P" * 21), REJETE, "FMT-06"),
    (dose("P7", NOM="MAR\tTIN"), REJETE, "FMT-07"),
    (dose("P8", NIR="123"), REJETE, "IDT-01"),
    (dose("P9", SIRET="73282932000075"), REJETE, "IDT-04"),
    (dose("P10", SIRET=UNKNOWN), EN_ATTENTE, "IDT-05"),
    (dose("P11", NIR=NIR2), EN_ATTENTE, "IDT-06"),
    (dose("P12", NIR=NIR2, SIRET=UNKNOWN), EN_ATTENTE, "IDT-05,IDT-06"),
    (dose("P13", SIRET=SIRET2), EN_ATTENTE, "AVT-10,IDT-07"),
    (dose("P14", NOM="DUPONT"), EN_ATTENTE, "IDT-08"),
    (dose("P15", **JUNE), EN_ATTENTE, "AVT-04,AVT-10,IDT-09"),
    (dose("P16", SIRET=CLOSED), EN_ATTENTE, "AVT-10,IDT-11"),
    (dose("P17", DATE_DEBUT_PORT="01/04/2026"), REJETE, "MET-01"),
    (dose("P18", DATE_FIN_PORT="11/04/2026"), REJETE, "MET-02"),
    (dose("P19", DATE_DEBUT_PORT="30/11/2025", DATE_FIN_PORT="28/02/2026"), REJETE, "AVT-04,MET-03"),
    (dose("P20", DATE_DEBUT_PORT="01/12/2025", DATE_FIN_PORT="28/02/2026"), INTEGRE, "AVT-04"),
    (dose("P21", "-0.1"), REJETE, "MET-04"),
    (dose("P22", "-0.0001"), REJETE, "AVT-01,MET-04"),
    (dose("P23", "500.001"), EN_ATTENTE, "MET-05"),
    (dose("P24", "500"), INTEGRE, "AVT-05"),
    (dose("P25", **ALICE), REJETE, "MET-06"),
    (dose("P26", CODE_METROLOGIE="C"), REJETE, "MET-10"),
    (dose("P27", CODE_METROLOGIE="A"), REJETE, "MET-10"),
    (dose("P1", "0.16"), REJETE, "MET-11"),
    (dose("P1"), DOUBLON, "MET-12"),
    (dose("P11", NIR=NIR2), DOUBLON, "MET-12"),
    (dose("P28", "0.1", ETAT_RESULTAT="ABS"), REJETE, "MET-13"),
    (dose("P29", ""), REJETE, "MET-13"),
    (dose("P30", "0.1", ETAT_RESULTAT="INF"), REJETE, "MET-13"),
    (dose("P31", "", ETAT_RESULTAT="INF"), INTEGRE, ""),
    (dose("P32", TYPE_MESURE="PAS-HP3"), REJETE, "MET-14"),
    (dose("P33", "0.0005"), INTEGRE, "AVT-01,AVT-05"),
    (dose("P34", "0.0004"), INTEGRE, "AVT-01"),
    (dose("P35", NOM="martin", PRENOM="Jéan"), INTEGRE, "AVT-02,AVT-05"),
    (dose("P36", NIR=" 1 85 06 75 110 042"), INTEGRE, "AVT-02,AVT-05"),
    (dose("P37", "0,15"), INTEGRE, "AVT-03,AVT-05"),
    (dose("P38", DATE_FIN_PORT="20/03/2026"), INTEGRE, "AVT-04"),
    (dose("P39", DATE_FIN_PORT="21/03/2026"), INTEGRE, ""),
    (dose("P40", SIRET="1000000008"), EN_ATTENTE, "AVT-07,IDT-05"),
    (dose("P41", "-1", TYPE_DOSIMETRE="XX"), REJETE, "FMT-05,MET-04"),
    (dose("P42", "-1", NIR=NIR2), REJETE, "IDT-06,MET-04"),
    (dose("P43", "0,12345", NOM="dupont", NIR="1"), REJETE, "AVT-01,AVT-02,AVT-03,IDT-01"),
    (dose("P44", "", CODE_METROLOGIE="X", DATE_DEBUT_PORT="x"), REJETE, "FMT-03,FMT-05,MET-13"),
]

OF_OPERATIONNELLE: list[Case] = [
    (passage(), INTEGRE, ""),
    ("a;b;c", REJETE, "FMT-01"),
    (passage(ZONE=""), REJETE, "FMT-02"),
    (passage(DATE_FIN_PORT="08/04/2026 24:00"), REJETE, "FMT-03"),
    (passage(VALEUR="1 000"), REJETE, "FMT-04"),
    (passage(TYPE_MESURE="PAS-HP10-PHO"), REJETE, "FMT-05"),
    (passage(LIEU="L" * 31), REJETE, "FMT-06"),
    (passage(ACTIVITE="A\x07"), REJETE, "FMT-07"),
    (passage(NIR="x"), REJETE, "IDT-01"),
    (passage(SIRET="1"), REJETE, "IDT-04"),
    (passage(SIRET=UNKNOWN), EN_ATTENTE, "IDT-05"),
    (passage(NIR=NIR2), EN_ATTENTE, "IDT-06"),
    (passage(SIRET=SIRET2), EN_ATTENTE, "AVT-10,IDT-07"),
    (
        passage(DATE_DEBUT_PORT="08/04/2019 08:15", DATE_FIN_PORT="08/04/2019 11:40"),
        EN_ATTENTE,
        "AVT-04,AVT-10,IDT-09",
    ),
    (passage(SIRET=CLOSED), EN_ATTENTE, "AVT-10,IDT-11"),
    (passage(DATE_FIN_PORT="08/04/2026 08:15"), REJETE, "MET-01"),
    (passage(DATE_DEBUT_PORT="11/04/2026 08:15", DATE_FIN_PORT="11/04/2026 09:00"), REJETE, "MET-02"),
    (passage(VALEUR="-0.001"), REJETE, "MET-04"),
    (passage(ZONE="Z5", VALEUR="100.001"), EN_ATTENTE, "MET-05"),
    (passage(NIR=NIR3), REJETE, "MET-06"),
    (passage(ZONE="Z6", CODE_METROLOGIE="C"), REJETE, "MET-10"),
    (passage(VALEUR="0.013"), REJETE, "MET-11"),
    (passage(), DOUBLON, "MET-12"),
    (passage(ZONE="Z1", VALEUR="0.0126"), INTEGRE, "AVT-01"),
    (passage(ZONE="Z2", VALEUR="0.0004"), INTEGRE, "AVT-01,AVT-08"),
    (passage(ZONE="Z3", VALEUR="0.000"), INTEGRE, ""),
    (passage(ZONE="z4"), INTEGRE, "AVT-02"),
    (passage(DATE_DEBUT_PORT="02/04/2026 08:15", DATE_FIN_PORT="02/04/2026 09:00"), INTEGRE, "AVT-04"),
    (passage(DATE_DEBUT_PORT="03/04/2026 08:15", DATE_FIN_PORT="03/04/2026 09:00"), INTEGRE, ""),
    (passage(ZONE="Z7", VALEUR="0,012"), INTEGRE, "AVT-03"),
]

OF_TRAVAILLEURS: list[Case] = [
    (worker(), INTEGRE, ""),
    ("a;b", REJETE, "FMT-01"),
    (worker(PRENOM=""), REJETE, "FMT-02"),
    (worker(DATEDEBUT="2019-09-01"), REJETE, "FMT-03"),
    (worker(QUOTITE="x"), REJETE, "FMT-04"),
    (worker(QUOTITE="1.5"), REJETE, "FMT-05"),
    (worker(caractereActivite="civil"), REJETE, "FMT-05"),
    (worker(GROUPE="g" * 101), REJETE, "FMT-06"),
    (worker(GROUPE="a\x00b".replace("\x00", "\x01")), REJETE, "FMT-07"),
    (worker(NIR="9850675110042"), REJETE, "IDT-01"),
    (worker(CLE="21"), REJETE, "IDT-02"),
    (worker(CLE="x1"), REJETE, "IDT-02"),
    (worker(DATENAISSANCE="12/06/1984"), REJETE, "IDT-03"),
    (worker(SEXE="F"), REJETE, "IDT-03"),
    (worker(SIRET="73282932000075"), REJETE, "IDT-04"),
    (worker(SIRET=UNREGISTERED), EN_ATTENTE, "IDT-05"),
    (worker(NOM="DUPONT"), EN_ATTENTE, "IDT-08"),
    (worker(SIRET=UNKNOWN), REJETE, "IDT-05,IDT-10"),
    (worker(SIRET=CLOSED, DATEDEBUT="01/02/2026"), EN_ATTENTE, "IDT-11"),
    (worker(DATENAISSANCE="12/06/2085"), REJETE, "MET-02"),
    (worker(CLASSEMENT="NC"), REJETE, "MET-06"),
    (worker(codeDomaineActivite="200000"), REJETE, "MET-07"),
    (worker(CodeMetier="SOUDEUR"), REJETE, "MET-08"),
    (worker(CLASSEMENT=""), REJETE, "MET-09"),
    (worker(NOM="martin"), INTEGRE, "AVT-02"),
    (worker(QUOTITE="0,8"), INTEGRE, "AVT-03"),
    (worker(CodeMetier="INFIRM"), INTEGRE, "AVT-06"),
    (worker(NIR=SHORT_KEY_NIR, CLE=SHORT_KEY), INTEGRE, "AVT-07"),
    (worker(NIR="1850775110013", CLE="00"), REJETE, "AVT-09,IDT-02"),
    (worker(NIR=SHORT_KEY_NIR, CLE="0" + SHORT_KEY, DATENAISSANCE="12/07/1985"), INTEGRE, "AVT-09"),
    (worker(NIR="1", CLE="1", CLASSEMENT="", QUOTITE="x"), REJETE, "AVT-07,FMT-04,IDT-01,MET-09"),
]

OF_DESIGNATIONS: list[Case] = [
    (named(), INTEGRE, ""),
    ("x", REJETE, "FMT-01"),
    (named(IDENTIFIANT=""), REJETE, "FMT-02"),
    (named(DATEFIN="31/06/2026"), REJETE, "FMT-03"),
    (named(ROLE="CHEF"), REJETE, "FMT-05"),
    (named(ROLE="MDT", IDENTIFIANT="10000000008"), REJETE, "FMT-05"),
    (named(ROLE="MDT", IDENTIFIANT="10000000009"), INTEGRE, ""),
    (named(COURRIEL="pas un courriel"), REJETE, "FMT-05"),
    (named(NOM="N" * 101), REJETE, "FMT-06"),
    (named(NOM="\x02"), REJETE, "FMT-07"),
    (named(SIRET="x"), REJETE, "IDT-04"),
    (named(SIRET=UNREGISTERED), EN_ATTENTE, "IDT-05"),
    (named(SIRET=UNKNOWN), REJETE, "IDT-05,IDT-10"),
    (named(ROLE="PST", IDENTIFIANT="10000000009"), REJETE, "IDT-10"),
    (named(SIRET=CLOSED, DATEDEBUT="01/03/2026"), EN_ATTENTE, "IDT-11"),
    (named(DATEFIN="31/12/2019"), REJETE, "MET-01"),
    (named(DATEFIN="01/01/2020", ROLE="CRP", IDENTIFIANT="C1"), INTEGRE, ""),
    (named(NOM="Durand", ROLE="RPL", IDENTIFIANT="D1"), INTEGRE, "AVT-02"),
    (named(ROLE="PST", IDENTIFIANT="10000000009", DATEFIN="x"), REJETE, "FMT-03,IDT-10"),
]

OF_ETABLISSEMENTS: list[Case] = [
    (row(ESTABLISSEMENTS), INTEGRE, ""),
    ("1,2", REJETE, "FMT-01"),
    (row(ESTABLISSEMENTS, siret=""), REJETE, "FMT-02"),
    (row(ESTABLISSEMENTS, dateDebut="01/01/2008"), REJETE, "FMT-03"),
    (row(ESTABLISSEMENTS, etatAdministratifEtablissement="C"), REJETE, "FMT-05"),
    (row(ESTABLISSEMENTS, siret="73282932000075"), REJETE, "IDT-04"),
    (row(ESTABLISSEMENTS, siret="1000000008", siren="000010000"), INTEGRE, "AVT-07"),
    (row(ESTABLISSEMENTS, enseigne1Etablissement="a\x03"), REJETE, "FMT-07"),
]

FILES = {
    "PASSIVE": ("LABO1", "p.csv", PASSIVE, OF_PASSIVE),
    "OPERATIONNELLE": ("SITE", "o.csv", OPERATIONNELLE, OF_OPERATIONNELLE),
    "TRAVAILLEURS": ("EMPL", "t.csv", TRAVAILLEURS, OF_TRAVAILLEURS),
    "DESIGNATIONS": ("EMPL", "d.csv", DESIGNATIONS, OF_DESIGNATIONS),
    "ETABLISSEMENTS": ("ASNR", "e.csv", ESTABLISSEMENTS, OF_ETABLISSEMENTS),
}


def codes_of(text: str) -> set[str]:
    return set(text.split(",")) - {""}


@pytest.fixture
def land(registry: Any) -> Any:
    """The country, with a worker out of surveillance since before 2024 and one attached to what is closed now."""
    country(registry)
    alice = ALICE | {"CLE": "13", "DATENAISSANCE": "10/06/1990", "SEXE": "F", "CLASSEMENT": "NC"}
    registry.drop("EMPL", "anciens.csv", file(TRAVAILLEURS, worker(**alice)))
    registry.run(date(2024, 1, 15))
    registry.drop("EMPL", "ferme.csv", file(TRAVAILLEURS, worker(SIRET=CLOSED, DATEDEBUT="01/01/2020")))
    registry.run(date(2026, 4, 10))
    assert registry.report("EMPL", "anciens.csv")["statut"] == registry.report("EMPL", "ferme.csv")["statut"] == INTEGRE
    return registry


@pytest.mark.parametrize("name", FILES)
def test_each_code_with_its_outcome(land: Any, name: str) -> None:
    sender, drop, header, cases = FILES[name]
    land.drop(sender, drop, file(header, *(line for line, _, _ in cases)))
    assert land.run().incidents == []
    found = land.rows(sender, drop)
    assert len(found) == len(cases)
    wrong = [
        (line, found[at], (outcome, codes))
        for at, (line, outcome, codes) in enumerate(cases)
        if found[at] != (outcome, codes_of(codes))
    ]
    assert wrong == []
    land.verify()

    # The report says the same, row by row and in sum.
    separator = "," if name == "ETABLISSEMENTS" else ";"
    back = cells(land.read(sender, drop + ".rapport.csv"), delimiter=separator)
    labels = book()
    sums: dict[str, int] = {}
    for at, (_, outcome, codes) in enumerate(cases):
        blocking = [
            code
            for code in sorted(codes_of(codes))
            if labels[code].severity in (Severity.REJECT, Severity.HOLD) and outcome in (REJETE, EN_ATTENTE)
        ]
        assert back[at]["CODE_ERREUR"] == ",".join(blocking)
        said = back[at]["LIBELLE_ERREUR"]
        warnings = [code for code in codes_of(codes) if labels[code].severity is Severity.WARNING]
        parts = {labels[code].label for code in blocking} | {
            f"Avertissement : {labels[code].label}" for code in warnings
        }
        if outcome == DOUBLON:
            parts.add(f"Déjà reçu : {land.submission(sender, drop)}")
        assert set(said.split(" | ")) - {""} == parts
        for code in codes_of(codes):
            sums[code] = sums.get(code, 0) + 1
    report = land.report(sender, drop)
    assert report["codes"] == dict(sorted(sums.items()))
    counted = [outcome for _, outcome, _ in cases]
    assert report["lignes"] == {
        "recues": len(cases),
        "integrees": counted.count(INTEGRE),
        "en_attente": counted.count(EN_ATTENTE),
        "rejetees": counted.count(REJETE),
        "doublons": counted.count(DOUBLON),
    }
    assert report["statut"] == "PARTIEL"
    assert report["depot"]["format"] == name


def test_codes_that_need_another_sender(land: Any) -> None:
    """Perimeter of an employer, operator designated by the establishment, a body nobody designates."""
    rows = [passage(), passage(SIRET=UNKNOWN)]
    land.drop("EMPL", "o.csv", file(OPERATIONNELLE, *rows))
    land.drop("LABO2", "p.csv", file(PASSIVE, dose("X1"), dose("X2", SIRET=UNKNOWN)))
    land.run()
    assert land.rows("EMPL", "o.csv") == [(INTEGRE, {"AVT-10"}), (REJETE, {"IDT-05", "IDT-10"})]
    assert land.rows("LABO2", "p.csv") == [(INTEGRE, {"AVT-10"}), (EN_ATTENTE, {"IDT-05"})]


def test_a_physician_sends_estimates_only(land: Any) -> None:
    land.partner("MED", "MDT", identifiant="10000000009")
    body = file(DESIGNATIONS, named(ROLE="MDT", IDENTIFIANT="10000000009"))
    land.drop("EMPL", "d.csv", body)
    land.run()
    land.drop("MED", "p.csv", file(PASSIVE, dose("E1"), dose("E2", ETAT_RESULTAT="EST")))
    land.run()
    found = land.rows("MED", "p.csv")
    assert found[0] == (REJETE, {"MET-13"})
    assert found[1][0] == INTEGRE


def test_each_file_level_code(land: Any) -> None:
    good = file(PASSIVE, dose("F1"))
    object.__setattr__(land.settings, "max_bytes", 100_000)
    drops: dict[str, tuple[bytes, str | None, str]] = {
        "f01.csv": (file(PASSIVE), None, "FIC-01"),
        "f02.csv": (good.decode().encode("utf-16"), None, "FIC-02"),
        "f03.csv": (b"x;y\n1;2\n", None, "FIC-03"),
        "f04.csv": (file(PASSIVE + ";AUTRE", dose("F2") + ";x"), None, "FIC-04"),
        "f04b.csv": (file(PASSIVE.replace(";SEUIL", ""), dose("F2")), None, "FIC-04"),
        "f04c.csv": (file(PASSIVE + ";NIR", dose("F2") + ";x"), None, "FIC-04"),
        "f05.csv": (file(TRAVAILLEURS, worker()), None, "FIC-05"),
        "f07.csv": (good + b"x" * 100_001, None, "FIC-07"),
        "f08.csv": (good, "LIGNES=2", "FIC-08"),
        "f09.csv": (file(PASSIVE, dose("F3", NOM='"A')), None, "FIC-09"),
        # Two faults of the file: the first of the order stands.
        "f0207.csv": (b"\0" + b"x" * 100_001, None, "FIC-02"),
        "f0901.csv": (file(PASSIVE.replace("NIR", '"NIR')), None, "FIC-09"),
        "f0103.csv": (b"a;b;c\n", None, "FIC-01"),
        "f0408.csv": (file(PASSIVE + ";AUTRE", dose("F2") + ";x"), "LIGNES=9", "FIC-04"),
        "f0508.csv": (file(TRAVAILLEURS, worker(GROUPE="x")), "LIGNES=9", "FIC-05"),
    }
    for name, (data, marker, _) in drops.items():
        land.drop("LABO1", name, data, marker)
    assert land.run().incidents == []
    none = {"recues": 0, "integrees": 0, "en_attente": 0, "rejetees": 0, "doublons": 0}
    for name, (_, _, code) in drops.items():
        report = land.report("LABO1", name)
        assert (report["statut"], report["codes"], report["lignes"]) == ("REFUSE", {code: 1}, none), name
        assert not any(value != "0.000" for line in report["doses_msv"].values() for value in line.values())
        assert f"{name}.rapport.csv" not in land.files("LABO1")
        assert f"{name}.rapport.html" in land.files("LABO1")
    assert land.doses() == set()
    # A refused file does not count as received: the same bytes, well accompanied, are taken.
    for _ in range(2):
        land.drop("LABO1", "f06.csv", good, "LIGNES=1\nSOMME_MSV=0.150")
        land.run()
    assert land.report("LABO1", "f06.csv")["statut"] == INTEGRE
    second = land.report("LABO1", "f06.csv", 2)
    assert (second["statut"], second["codes"]) == ("DEJA_RECU", {"FIC-06": 1})
    assert "f06.csv~2.rapport.csv" not in land.files("LABO1")
    land.verify()


def test_every_code_of_these_formats_is_tried_and_none_is_invented() -> None:
    tried = {code for _, _, _, cases in FILES.values() for _, _, codes in cases for code in codes_of(codes)}
    tried |= {f"FIC-0{number}" for number in range(1, 10)} | {"IDT-10"}
    known = set(book())
    assert tried <= known
    assert known - tried - LATER - SECOND_LOOK - OTHER_FORMATS == set()


def test_no_column_of_the_report_holds_a_code_out_of_the_book(land: Any) -> None:
    for sender, drop, header, cases in FILES.values():
        land.drop(sender, drop, file(header, *(line for line, _, _ in cases)))
    land.run()
    for sender, drop, header, _ in FILES.values():
        text = land.read(sender, drop + ".rapport.csv").decode()
        assert set(re.findall(r"\b(?:FIC|FMT|IDT|MET|AVT)-\d\d\b", text)) <= set(book()), header


def test_books_carry_the_doses_as_sent(land: Any) -> None:
    rows = [
        dose("B1", "0.1"),
        dose("B2", "0,2004"),
        dose("B3", "-5"),
        dose("B4", "abc"),
        dose("B5", "0.3", NIR=NIR2),
        dose("B6", "0.4", TYPE_DOSIMETRE="XX"),
        dose("B7", "0.5", TYPE_MESURE="INCONNUE"),
        dose("B1", "0.1"),
        dose("B8", "0.7", TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"),
        dose("B9", "", ETAT_RESULTAT="ABS"),
        "court;0.9",
    ]
    land.drop("LABO1", "p.csv", file(PASSIVE, *rows))
    land.run()
    report = land.report("LABO1", "p.csv")
    assert report["doses_msv"]["PAS-HP10-PHO"] == {
        "recues": "1.100",
        "integrees": "0.300",
        "en_attente": "0.300",
        "rejetees": "0.400",
        "doublons": "0.100",
    }
    assert report["doses_msv"]["(autre)"]["rejetees"] == report["doses_msv"]["(autre)"]["recues"] == "0.500"
    assert report["doses_msv"]["PAS-HP3"]["integrees"] == "0.700"
    for line in report["doses_msv"].values():
        assert sum(round(float(line[name]) * 1000) for name in list(line)[1:]) == round(float(line["recues"]) * 1000)


def test_the_state_of_a_file(land: Any) -> None:
    good, waits, bad = {}, {"NIR": NIR2}, {"VALEUR": "-1"}
    cases = [
        ([good], "INTEGRE"),
        ([good, good], "INTEGRE"),
        ([waits], "EN_ATTENTE"),
        ([waits, waits], "EN_ATTENTE"),
        ([bad], "REJETE"),
        ([bad, bad], "REJETE"),
        ([bad, waits], "PARTIEL"),
        ([good, waits], "PARTIEL"),
        ([good, bad], "PARTIEL"),
    ]
    for at, (rows, _) in enumerate(cases):
        # Two equal rows are one measure sent twice; others have identifiers of their own.
        names = [f"S{at}-{rows.index(one)}" for one in rows]
        lines = [dose(name, **one) for name, one in zip(names, rows, strict=True)]
        land.drop("LABO1", f"s{at}.csv", file(PASSIVE, *lines))
    land.run()
    states = [land.report("LABO1", f"s{at}.csv")["statut"] for at in range(len(cases))]
    assert states == [state for _, state in cases]


def test_the_corrected_report_is_a_file_to_send_again(land: Any) -> None:
    header = ";".join(reversed(PASSIVE.split(";")))  # the sender's own order of columns

    def turned(line: str) -> str:
        return ";".join(reversed(line.split(";")))

    rows = [dose("R1"), dose("R2", "-1"), dose("R3", NIR=NIR2), dose("R4", "0,25")]
    body = (header + "\r\n" + "".join(turned(one) + "\r\n" for one in rows)).encode("utf-8-sig")
    land.drop("LABO1", "p.csv", body)
    land.run()
    report = land.read("LABO1", "p.csv.rapport.csv")
    assert report.startswith(b"\xef\xbb\xbf" + header.encode() + b";CODE_ERREUR;LIBELLE_ERREUR\r\n")
    assert report.count(b"\r\n") == report.count(b"\n") == 5
    land.drop("LABO1", "corrige.csv", report.replace(b";-1;", b";0.1;"))
    land.run()
    assert [outcome for outcome, _ in land.rows("LABO1", "corrige.csv")] == [DOUBLON, INTEGRE, DOUBLON, DOUBLON]
    first = land.submission("LABO1", "p.csv")
    again = land.read("LABO1", "corrige.csv.rapport.csv").decode("utf-8-sig")
    back = list(csv.DictReader(io.StringIO(again), delimiter=";"))
    assert again.splitlines()[0].count("CODE_ERREUR") == 1
    assert [one["LIBELLE_ERREUR"] for one in back] == [
        f"Déjà reçu : {first}",
        "",
        f"Déjà reçu : {first}",
        f"Déjà reçu : {first} | Avertissement : Virgule décimale convertie",
    ]
    assert {one["NIR"] for one in back} == {NIR, NIR2}
    assert all(one["SIRET"] == SIRET for one in back)
