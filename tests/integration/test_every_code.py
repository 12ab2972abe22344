"""Every code of the book can be met by a sender, and no sender meets a code that is not in the book."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

from senders import (
    CLOSED,
    CONCLUSION,
    DESIGNATIONS,
    IDENTITES,
    INTERNE,
    NIR2,
    NIR3,
    OPERATIONNELLE,
    PASSIVE,
    SIRET2,
    SORTIES,
    TRAVAILLEURS,
    UNKNOWN,
    country,
    dose,
    file,
    row,
)

from schemas import codebook
from schemas.formats import formats

#: What needs exceedances, or a model: not raised yet.
LATER = {"AVT-12"}

_PASSIVE = {
    "FMT-01": dose("1") + ";",
    "FMT-02": dose("2", TYPE_DOSIMETRE=""),
    "FMT-03": dose("3", DATE_FIN_PORT="31/02/2026"),
    "FMT-04": dose("4", "--"),
    "FMT-05": dose("5", LOCALISATION="tete"),
    "FMT-06": dose("6" * 21),
    "FMT-07": dose("7", TYPE_DOSIMETRE="O\x01SL"),
    "IDT-01": dose("8", NIR="185067511004"),
    "IDT-04": dose("9", SIRET="73282932000075"),
    "IDT-05": dose("10", SIRET=UNKNOWN),
    "IDT-06": dose("11", NIR=NIR2),
    "IDT-07": dose("12", SIRET=SIRET2),
    "IDT-08": dose("13", NOM="DURAND"),
    "IDT-09": dose("14", DATE_DEBUT_PORT="01/06/2019", DATE_FIN_PORT="30/06/2019"),
    "IDT-11": dose("15", SIRET=CLOSED),
    "MET-01": dose("16", DATE_DEBUT_PORT="01/04/2026"),
    "MET-02": dose("17", DATE_FIN_PORT="11/04/2026"),
    "MET-03": dose("18", DATE_DEBUT_PORT="31/12/2025"),
    "MET-04": dose("19", "-1"),
    "MET-05": dose("20", "500.001"),
    "MET-10": dose("21", CODE_METROLOGIE="C"),
    "MET-11": dose("M0", "0.16"),
    "MET-12": dose("M0"),
    "MET-13": dose("22", ETAT_RESULTAT="ABS"),
    "MET-14": dose("23", LOCALISATION="TETE"),
    "AVT-01": dose("24", "0.1234"),
    "AVT-02": dose("25", NOM="martin"),
    "AVT-03": dose("26", "0,15"),
    "AVT-04": dose("27", DATE_DEBUT_PORT="01/01/2026", DATE_FIN_PORT="31/01/2026"),
    "AVT-07": dose("28", SIRET="5520176400013"),
}
_WORKERS = {
    "IDT-02": row(TRAVAILLEURS, CLE="21"),
    "IDT-03": row(TRAVAILLEURS, DATENAISSANCE="12/06/1984"),
    "IDT-10": row(TRAVAILLEURS, SIRET=UNKNOWN),
    "MET-06": row(TRAVAILLEURS, CLASSEMENT="NC"),
    "MET-07": row(TRAVAILLEURS, codeDomaineActivite="200000"),
    "MET-08": row(TRAVAILLEURS, CodeMetier="SOUDEUR"),
    "MET-09": row(TRAVAILLEURS, CLASSEMENT=""),
    "AVT-06": row(TRAVAILLEURS, CodeMetier="INFIRM"),
    "AVT-09": row(TRAVAILLEURS, DATENAISSANCE="12/07/1985"),
}
_ELSEWHERE = {
    ("LABO1", INTERNE, "MET-15"): row(INTERNE, UNITE="Bq"),
    ("LABO2", PASSIVE, "AVT-10"): dose("1"),
    ("SITE", OPERATIONNELLE, "AVT-08"): row(OPERATIONNELLE, VALEUR="0.0001"),
    ("ASNR", CONCLUSION, "MET-16"): row(CONCLUSION),
    ("EMPL", SORTIES, "IDT-02"): row(SORTIES, CLE="21"),
    ("ASNR", IDENTITES, "IDT-03"): row(IDENTITES, SEXE="F"),
    ("EMPL", DESIGNATIONS, "IDT-10"): row(DESIGNATIONS, ROLE="PST", IDENTIFIANT="10003456786"),
    ("LABO1", PASSIVE, "IDT-06"): dose("1", NIR=NIR3),
    ("LABO1", PASSIVE, "AVT-05"): dose("2", "6.001"),
    ("LABO1", PASSIVE, "AVT-11"): dose("2B", "7"),
}


def test_every_code_can_be_raised(registry: Any) -> None:
    country(registry)
    registry.drop("EMPL", "attache.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, SIRET=CLOSED, DATEDEBUT="01/01/2026")))
    registry.drop("LABO1", "origine.csv", file(PASSIVE, dose("M0")))
    worn = {"DATE_DEBUT_PORT": "09/03/2026 08:00", "DATE_FIN_PORT": "09/03/2026 17:00"}
    registry.drop("SITE", "origine.csv", file(OPERATIONNELLE, row(OPERATIONNELLE, **worn)))
    registry.drop("LABO1", "passive.csv", file(PASSIVE, *_PASSIVE.values()))
    registry.drop("EMPL", "liste2.csv", file(TRAVAILLEURS, *_WORKERS.values()))
    for at, ((partner, header, _), line) in enumerate(_ELSEWHERE.items()):
        registry.drop(partner, f"{at}.csv", file(header, line))
    registry.run()
    registry.verify()
    met: set[str] = set()
    expected = [
        *zip(_PASSIVE, registry.rows("LABO1", "passive.csv"), strict=True),
        *zip(_WORKERS, registry.rows("EMPL", "liste2.csv"), strict=True),
        *((code, registry.rows(partner, f"{at}.csv")[0]) for at, (partner, _, code) in enumerate(_ELSEWHERE)),
    ]
    for code, (_, found) in expected:
        assert code in found, (code, found)
        met |= found
    good = file(PASSIVE, dose("F1"))
    refused = {
        "FIC-01": ("LABO1", "f1.csv", file(PASSIVE), None),
        "FIC-02": ("LABO1", "f2.csv", good + b"\0", None),
        "FIC-03": ("LABO1", "f3.xlsx", b"PK\x03\x04", None),
        "FIC-04": ("LABO1", "f4.csv", good.replace(b"SEUIL;", b""), None),
        "FIC-05": ("SITE", "f5.csv", good, None),
        "FIC-06": ("LABO1", "f6.csv", file(PASSIVE, dose("M0")), None),
        "FIC-08": ("LABO1", "f8.csv", good, "LIGNES=2"),
        "FIC-09": ("LABO1", "f9.csv.gz", gzip.compress(good)[:-4], None),
    }
    for partner, name, data, marker in refused.values():
        registry.drop(partner, name, data, marker)
    registry.run()
    for code, (partner, name, *_) in refused.items():
        assert registry.report(partner, name)["codes"] == {code: 1}
        met.add(code)
    assert met == set(codebook.book()) - LATER - {"FIC-07"}  # which takes a setting: test_bad_input


def test_every_rule_names_a_code_of_the_book_for_its_format() -> None:
    for layout in formats().values():
        for rule in layout.rules:
            entry = codebook.book()[rule.code]
            assert not entry.formats or layout.name in entry.formats, (layout.name, rule.code)


def test_no_code_is_written_that_the_book_does_not_hold() -> None:
    root = Path(codebook.__file__).parent.parent
    written: dict[str, str] = {}
    for folder in ("schemas", "pipelines", "loaders", "reports", "cli", "dags"):
        for path in (root / folder).rglob("*.py"):
            for code in re.findall(r'"((?:FIC|FMT|IDT|MET|AVT)-[0-9]{2})"', path.read_text()):
                written[code] = path.name
    assert not {code: name for code, name in written.items() if code not in codebook.book()}
    assert set(codebook.book()) - set(written) == LATER
