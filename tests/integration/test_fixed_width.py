"""Fixed-width files through the whole corridor: what integrates, waits, is refused, and the answers to it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from records import head, records, trailer, written
from senders import (
    NIR,
    NIR2,
    OPERATIONNELLE,
    PASSIVE,
    SIRET,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)
from twin.cells import nir_key

EXAMPLES = Path(__file__).parents[2] / "docs" / "emetteurs" / "exemples"
INTEGRE: tuple[str, set[str]] = ("INTEGRE", set())


@pytest.fixture
def land(registry: Any) -> Any:
    return country(registry)


def passed(land: Any) -> None:
    done = land.run()
    assert not done.incidents, done
    assert not done.troubles, done
    land.verify()


def test_a_file_of_each_layout_integrates_as_its_csv_would(land: Any) -> None:
    land.drop("LABO1", "mars.txt", written(PASSIVE, dose("M1"), dose("M2", "1.234")))
    land.drop("SITE", "avril.txt", written(OPERATIONNELLE, row(OPERATIONNELLE), partner="SITE", end="\r\n"))
    passed(land)
    assert land.rows("LABO1", "mars.txt") == [INTEGRE] * 2
    assert land.rows("SITE", "avril.txt") == [INTEGRE]
    assert {found[:6] for found in land.doses()} == {
        ("PASSIVE", NIR, SIRET, "PAS-HP10-PHO", "2026-03-31", 150),
        ("PASSIVE", NIR, SIRET, "PAS-HP10-PHO", "2026-03-31", 1234),
        ("OPERATIONNELLE", NIR, SIRET, "OPE-HP10-PHO", "2026-04-08 11:40", 12),
    }
    report = land.report("LABO1", "mars.txt")
    assert (report["statut"], report["depot"]["format"]) == ("INTEGRE", "PASSIVE")
    assert report["doses_msv"]["PAS-HP10-PHO"]["integrees"] == "1.384"

    land.drop("LABO1", "memes.csv", file(PASSIVE, dose("M1", "0.150"), dose("M2", "1.234")))
    land.drop("SITE", "memes.csv", file(OPERATIONNELLE, row(OPERATIONNELLE)))
    passed(land)
    for partner in ("LABO1", "SITE"):
        assert {outcome for outcome, _ in land.rows(partner, "memes.csv")} == {"DOUBLON"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_report_is_a_csv_that_may_be_sent_again(land: Any, encoding: str, end: str) -> None:
    lines = [
        dose("M1", "0.150", PRENOM="JEAN-PIERRE"),
        dose("M2", "0.150", NOM="LÉVÊQUE"),
        dose("M3", "0.150", NIR=NIR2, NOM='L"A;B'.replace(";", ","), PRENOM="Zoé"),
        dose("M4", "", ETAT_RESULTAT="ABS", SEUIL=""),
    ]
    sent = records(PASSIVE, *lines)
    sent.insert(4, "20" + sent[4][2:].replace("M4", "M5"))
    sent.insert(5, sent[1][:148] + "0.15     " + sent[1][157:].replace("M1", "M6"))
    sent[-1] = trailer(6, 450)
    land.drop("LABO1", "mars.txt", "".join(line + end for line in sent).encode(encoding))
    passed(land)
    found = land.rows("LABO1", "mars.txt")
    wanted = [
        set(),
        {"AVT-02", "IDT-08"},
        {"AVT-02", "IDT-06"},
        {"FMT-01"},
        {"FMT-04"},
        set(),
    ]
    assert [codes for _, codes in found] == wanted
    body = land.read("LABO1", "mars.txt.rapport.csv")
    assert body.count(b"\r\n") == (body.count(b"\n") if end == "\r\n" else 0)
    assert body.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    rows = cells(body, encoding)
    assert list(rows[0]) == [*PASSIVE.split(";"), "CODE_ERREUR", "LIBELLE_ERREUR"]
    assert list(rows[0].values()) == [
        *(NIR, "MARTIN", "JEAN-PIERRE", SIRET, "PAS-HP10-PHO", "POITRINE", "OSL", "01/03/2026", "31/03/2026"),
        *("MES", "0.150", "0.050", "M1", "", "", ""),
    ]
    assert [one["NOM"] for one in rows] == ["MARTIN", "LÉVÊQUE", 'L"A,B', "MARTIN", "MARTIN", "MARTIN"]
    assert [one["VALEUR"] for one in rows] == ["0.150", "0.150", "0.150", "", "0.15 µSv", ""]
    assert [one["CODE_ERREUR"] for one in rows] == ["", "IDT-08", "IDT-06", "FMT-01", "FMT-04", ""]
    assert rows[3]["ID_MESURE"] == "M5"

    land.drop("LABO1", "encore.csv", body)
    passed(land)
    again = land.rows("LABO1", "encore.csv")
    assert [outcome for outcome, _ in again] == ["DOUBLON", "DOUBLON", "DOUBLON", "INTEGRE", "REJETE", "DOUBLON"]
    assert again[4][1] == {"FMT-04"}


def test_a_waiting_row_is_followed_up_in_the_columns_of_the_csv(land: Any) -> None:
    waiting = dose("M2", "0.200", NIR=NIR2, NOM="DURAND", PRENOM="ZOÉ")
    land.drop("LABO1", "mars.txt", written(PASSIVE, dose("M1"), waiting, end="\r\n"))
    passed(land)
    assert land.rows("LABO1", "mars.txt") == [INTEGRE, ("EN_ATTENTE", {"AVT-02", "IDT-06"})]
    worker = {"NIR": NIR2, "CLE": "06", "NOM": "DURAND", "PRENOM": "ZOE", "DATENAISSANCE": "12/05/1984", "SEXE": "F"}
    key = 97 - int(NIR2.replace("2A", "19")) % 97
    land.drop("EMPL", "suite.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, **(worker | {"CLE": f"{key:02d}"}))))
    passed(land)
    assert land.rows("LABO1", "mars.txt")[1] == ("INTEGRE", {"AVT-02"})
    (follow_up,) = land.follow_ups("LABO1", "mars.txt")
    assert [one["ligne"] for one in follow_up["changements"]] == [2]
    body = land.read("LABO1", "mars.txt.suivi-1.csv")
    (line,) = cells(body)
    assert list(line) == ["LIGNE", "ISSUE", *PASSIVE.split(";"), "CODE_ERREUR", "LIBELLE_ERREUR"]
    assert (line["LIGNE"], line["ISSUE"], line["PRENOM"], line["VALEUR"]) == ("2", "INTEGRE", "ZOÉ", "0.200")
    assert body.count(b"\r\n") == 2


def test_files_that_are_refused(land: Any) -> None:
    sound = records(PASSIVE, dose("M1"), dose("M2"))
    first, *details, _ = sound
    text = {
        "autre.txt": written(PASSIVE, dose("M1"), partner="LABO2"),
        "vide.txt": f"{first}\n{trailer(0, 0)}\n".encode(),
        "apres.txt": "\n".join([*sound, details[0]]).encode(),
        "tronque.txt": "\n".join(sound)[:-40].encode(),
        "une_ligne.txt": "\n".join([first, *details, trailer(3, 300)]).encode(),
        "un_usv.txt": "\n".join([first, *details, trailer(2, 301)]).encode(),
        "inconnu.txt": "\n".join([first.replace("SISPAS01", "SISPAS99"), *sound[1:]]).encode(),
        "coupe.txt.gz": gzip.compress("\n".join(sound).encode())[:-9],
        "site.txt": written(OPERATIONNELLE, row(OPERATIONNELLE), partner="LABO1"),
    }
    for name, data in text.items():
        land.drop("LABO1", name, data)
    land.drop("LABO1", "marque.txt", "\n".join(sound).encode(), marker="LIGNES=2\nSOMME_MSV=0.301")
    passed(land)
    found = {name: land.report("LABO1", name) for name in [*text, "marque.txt"]}
    assert {name: one["codes"] for name, one in found.items()} == {
        "autre.txt": {"FIC-05": 1},
        "vide.txt": {"FIC-01": 1},
        "apres.txt": {"FIC-09": 1},
        "tronque.txt": {"FIC-08": 1},
        "une_ligne.txt": {"FIC-08": 1},
        "un_usv.txt": {"FIC-08": 1},
        "inconnu.txt": {"FIC-03": 1},
        "coupe.txt.gz": {"FIC-09": 1},
        "site.txt": {"FIC-05": 1},
        "marque.txt": {"FIC-08": 1},
    }
    assert {one["statut"] for one in found.values()} == {"REFUSE"}
    assert not [name for name in land.files("LABO1") if name.endswith(".rapport.csv")]
    assert not land.doses()


def test_the_same_bytes_twice_and_true_totals(land: Any) -> None:
    data = gzip.compress(written(PASSIVE, dose("M1"), dose("M2", "0.200"), encoding="cp1252"))
    land.drop("LABO1", "mars.txt.gz", data, marker="LIGNES=2\nSOMME_MSV=0.35")
    passed(land)
    assert land.rows("LABO1", "mars.txt.gz") == [INTEGRE] * 2
    land.drop("LABO1", "encore.txt.gz", data)
    passed(land)
    again = land.report("LABO1", "encore.txt.gz")
    assert (again["statut"], again["codes"]) == ("DEJA_RECU", {"FIC-06": 1})
    assert again["lignes"]["integrees"] == 2


def test_corrections_and_annulments(land: Any) -> None:
    land.drop("LABO1", "1.txt", written(PASSIVE, dose("M1"), dose("M2")))
    passed(land)
    lines = [dose("M1", "0.170", CODE_METROLOGIE="C"), dose("M2", "", CODE_METROLOGIE="A")]
    land.drop("LABO1", "2.txt", written(PASSIVE, *lines))
    passed(land)
    assert land.rows("LABO1", "2.txt") == [INTEGRE] * 2
    assert [found[5] for found in land.doses()] == [170]


@pytest.mark.parametrize(("name", "partner", "number"), [("sispas01.txt", "LABO1", 2), ("sisope01.txt", "SITE", 2)])
def test_the_examples_of_the_docs_integrate(land: Any, name: str, partner: str, number: int) -> None:
    land.drop(partner, name, (EXAMPLES / name).read_bytes())
    passed(land)
    assert land.rows(partner, name) == [INTEGRE] * number


def test_a_workbook_is_told_what_to_do(land: Any) -> None:
    names = ["mars.xlsx", "MARS.XLS", "mars.ods"]
    for name in names:
        land.drop("LABO1", name, b"PK\x03\x04" + b"\0" * 50)
    land.drop("LABO1", "inconnu.csv", b"A;B\n1;2\n")
    passed(land)
    for name in names:
        assert land.report("LABO1", name)["codes"] == {"FIC-03": 1}
        page = land.read("LABO1", f"{name}.rapport.html").decode()
        assert re.search("classeur.*CSV.*point-virgule", page, re.DOTALL), name
    assert "classeur" not in land.read("LABO1", "inconnu.csv.rapport.html").decode()


def test_the_header_is_no_data(land: Any) -> None:
    """Two files that differ only in their header's sequence number are two files with the same rows."""
    lines = records(PASSIVE, dose("M1"))
    land.drop("LABO1", "1.txt", "\n".join(lines).encode())
    land.drop("LABO1", "2.txt", "\n".join([head(PASSIVE)[:-1] + "2", *lines[1:]]).encode())
    passed(land)
    assert land.rows("LABO1", "1.txt") == [INTEGRE]
    assert land.rows("LABO1", "2.txt") == [("DOUBLON", {"MET-12"})]


LONG = "VANDENBERGHE DE LA TOUR DU PIN MONTAUBAN"


def test_a_name_that_fills_its_places_may_go_on(land: Any) -> None:
    def rows(letter: str) -> list[str]:
        names = LONG[:30], LONG[:29], "VAN"
        return [dose(f"{letter}{at}", NOM=name, NIR=NIR2, PRENOM="ANNE") for at, name in enumerate(names)]

    land.drop("LABO1", "avant.txt", written(PASSIVE, *rows("M")))
    passed(land)
    assert [codes for _, codes in land.rows("LABO1", "avant.txt")] == [{"IDT-06"}] * 3
    known = row(
        TRAVAILLEURS, NIR=NIR2, CLE=nir_key(NIR2), NOM=LONG, PRENOM="ANNE", DATENAISSANCE="15/05/1984", SEXE="F"
    )
    land.drop("EMPL", "longs.csv", file(TRAVAILLEURS, known))
    passed(land)
    wanted = [set(), {"IDT-08"}, {"IDT-08"}]
    assert [codes for _, codes in land.rows("LABO1", "avant.txt")] == wanted  # released with the same eyes
    land.drop("LABO1", "apres.txt", written(PASSIVE, *rows("N")))
    land.drop("LABO1", "apres.csv", file(PASSIVE, *rows("P")))
    passed(land)
    assert [codes for _, codes in land.rows("LABO1", "apres.txt")] == wanted
    assert [codes for _, codes in land.rows("LABO1", "apres.csv")] == [{"IDT-08"}] * 3  # a CSV cuts no name
