"""The twin's registry read against the contract by hand: matching, corrections, queue, release, books."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from twin.cells import nir_key
from twin.layouts import COLUMNS
from twin.ledger import Partner
from twin.registry import TwinRegistry, fold

TODAY = date(2024, 2, 10)
NIR, OTHER = "1850675116001", "2994299351123"
SIRET, FAR = "73282932000074", "44306184100047"

PARTNERS = [
    Partner("SISERI", "GESTIONNAIRE"),
    Partner("EMP", "EMPLOYEUR", ("732829320", "443061841")),
    Partner("LABO", "OA"),
    Partner("LABO2", "OA"),
    Partner("SITE", "EXPLOITANT"),
    Partner("CRP1", "CRP", (), "PCR-7"),
]


def table(format_: str, rows: Iterable[dict[str, str]]) -> bytes:
    separator = "," if format_ == "ETABLISSEMENTS" else ";"
    columns = COLUMNS[format_]
    lines = [separator.join(columns), *(separator.join(row.get(column, "") for column in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def establishment(siret: str = SIRET, state: str = "A", since: str = "2020-01-01") -> dict[str, str]:
    return {"siren": siret[:9], "siret": siret, "etatAdministratifEtablissement": state, "dateDebut": since}


def worker(
    nir: str = NIR, nom: str = "MARTIN", prenom: str = "JEAN", siret: str = SIRET, **changes: str
) -> dict[str, str]:
    return {
        "NIR": nir, "CLE": nir_key(nir), "NOM": nom, "PRENOM": prenom, "SIRET": siret,
        "DATENAISSANCE": f"14/06/19{nir[1:3]}", "SEXE": "M" if nir[0] == "1" else "F", "CLASSEMENT": "A",
        "caractereActivite": "Civil", "codeDomaineActivite": "100000", "codeSecteurActivite": "101000",
        "codeNuisanceRadiologique": "EXT", "codeTypeContrat": "CDI", "CodeMetier": "AS", "QUOTITE": "1",
        "DATEDEBUT": "01/01/2023",
    } | changes  # fmt: skip


def passive(id_: str = "M1", nir: str = NIR, **changes: str) -> dict[str, str]:
    return {
        "NIR": nir, "NOM": "MARTIN", "PRENOM": "JEAN", "SIRET": SIRET, "TYPE_MESURE": "PAS-HP10-PHO",
        "LOCALISATION": "POITRINE", "TYPE_DOSIMETRE": "OSL", "DATE_DEBUT_PORT": "01/01/2024",
        "DATE_FIN_PORT": "31/01/2024", "ETAT_RESULTAT": "MES", "VALEUR": "0.5", "ID_MESURE": id_,
    } | changes  # fmt: skip


def operational(**changes: str) -> dict[str, str]:
    return {
        "NIR": NIR, "SIRET": SIRET, "LIEU": "BR", "ZONE": "VERTE", "TYPE_MESURE": "OPE-HP10-PHO",
        "TYPE_DOSIMETRE": "EPD", "DATE_DEBUT_PORT": "05/02/2024 08:00", "DATE_FIN_PORT": "05/02/2024 17:00",
        "VALEUR": "0.012", "ACTIVITE": "VISITE",
    } | changes  # fmt: skip


def designation(role: str = "OA", whom: str = "LABO", siret: str = SIRET, **changes: str) -> dict[str, str]:
    return {"SIRET": siret, "ROLE": role, "IDENTIFIANT": whom, "DATEDEBUT": "01/01/2020"} | changes


class Story:
    """Drops one file, runs one pass, and tells the rows' outcomes and codes."""

    def __init__(self, *, known: bool = True) -> None:
        self.twin = TwinRegistry(PARTNERS)
        self.today = TODAY
        self.count = 0
        if known:
            self.send("SISERI", "ETABLISSEMENTS", establishment(), establishment(FAR))
            self.send("EMP", "TRAVAILLEURS", worker())
            self.send("EMP", "DESIGNATIONS", designation(), designation("EXPLOITANT", "SITE"))

    def put(self, partner: str, format_: str, *rows: dict[str, str]) -> str:
        self.count += 1
        name = f"f{self.count:03d}.csv"
        self.twin.deposit(partner, name, table(format_, rows))
        return name

    def send(self, partner: str, format_: str, *rows: dict[str, str]) -> list[str]:
        name = self.put(partner, format_, *rows)
        self.twin.run(self.today)
        return self.rows(partner, name)

    def rows(self, partner: str, name: str) -> list[str]:
        told = [" ".join([outcome, *sorted(codes)]) for outcome, codes in self.twin.rows(partner, name)]
        code = self.twin.submission(partner, name).code
        return [code] if code else told

    def values(self) -> list[int | None]:
        return sorted((dose[-1] for dose in self.twin.doses()), key=str)


def test_a_sound_measure_integrates() -> None:
    story = Story()
    assert story.send("LABO", "PASSIVE", passive()) == ["INTEGRE"]
    assert story.send("SITE", "OPERATIONNELLE", operational()) == ["INTEGRE"]
    assert story.values() == [12, 500]


@pytest.mark.parametrize(
    ("partner", "format_", "row", "told"),
    [
        ("LABO", "PASSIVE", passive(nir=OTHER), "EN_ATTENTE IDT-06"),
        ("LABO", "PASSIVE", passive(SIRET=FAR), "EN_ATTENTE AVT-10 IDT-07"),
        ("LABO", "PASSIVE", passive(nir=OTHER, SIRET="00542012000015"), "EN_ATTENTE IDT-05 IDT-06"),
        ("LABO", "PASSIVE", passive(SIRET="00542012000015"), "EN_ATTENTE IDT-05"),
        ("LABO", "PASSIVE", passive(NOM="MARTEL"), "EN_ATTENTE IDT-08"),
        ("LABO", "PASSIVE", passive(PRENOM="JEAN-PIERRE"), "INTEGRE"),
        ("LABO", "PASSIVE", passive(PRENOM="PIERRE"), "EN_ATTENTE IDT-08"),
        (
            "LABO",
            "PASSIVE",
            passive(DATE_DEBUT_PORT="30/11/2022", DATE_FIN_PORT="30/11/2022"),
            "EN_ATTENTE AVT-04 IDT-09",
        ),
        ("LABO", "PASSIVE", passive(DATE_DEBUT_PORT="01/12/2022", DATE_FIN_PORT="01/12/2022"), "INTEGRE AVT-04"),
        ("LABO", "PASSIVE", passive(VALEUR="501"), "EN_ATTENTE MET-05"),
        ("LABO", "PASSIVE", passive(VALEUR="501", NIR="x"), "REJETE IDT-01 MET-05"),
        ("LABO2", "PASSIVE", passive(), "INTEGRE AVT-10"),
        ("LABO", "PASSIVE", passive(CODE_METROLOGIE="C"), "REJETE MET-10"),
        ("LABO", "PASSIVE", passive(CODE_METROLOGIE="A"), "REJETE MET-10"),
        ("EMP", "OPERATIONNELLE", operational(), "INTEGRE AVT-10"),
        ("EMP", "OPERATIONNELLE", operational(SIRET="00542012000015"), "REJETE IDT-05 IDT-10"),
        ("CRP1", "OPERATIONNELLE", operational(), "REJETE AVT-10 IDT-10"),
        ("EMP", "DESIGNATIONS", designation("PST", "10003456786"), "REJETE IDT-10"),
        ("EMP", "TRAVAILLEURS", worker(nom="MARTEL"), "EN_ATTENTE IDT-08"),
        ("EMP", "TRAVAILLEURS", worker(prenom="JEAN MARC"), "INTEGRE"),
        ("SITE", "PASSIVE", passive(), "FIC-05"),
    ],
)
def test_matching(partner: str, format_: str, row: dict[str, str], told: str) -> None:
    assert Story().send(partner, format_, row) == [told]


def test_a_closed_establishment_waits_for_an_analyst() -> None:
    story = Story()
    story.send("SISERI", "ETABLISSEMENTS", establishment(state="F", since="2024-01-31"))
    ends = [passive("M1"), passive("M2", DATE_FIN_PORT="30/01/2024")]
    assert story.send("LABO", "PASSIVE", *ends) == ["EN_ATTENTE IDT-11", "INTEGRE"]


def test_a_crp_sends_for_who_designates_it() -> None:
    story = Story()
    story.send("SISERI", "DESIGNATIONS", designation("CRP", "PCR-7"))
    assert story.send("CRP1", "OPERATIONNELLE", operational()) == ["INTEGRE AVT-10"]


def test_names_are_folded() -> None:
    assert fold("  d’Œuvré–Saint  Luc") == "D OEUVRE SAINT LUC"


def test_unclassified_workers_are_not_registered_since_february_2024() -> None:
    story = Story()
    story.today = date(2024, 1, 20)
    story.send("EMP", "TRAVAILLEURS", worker(OTHER, "NGUYEN", "MAI", CLASSEMENT="NC"))
    story.today = date(2024, 2, 20)
    names = {"NOM": "NGUYEN", "PRENOM": "MAI"}
    late = {"DATE_FIN_PORT": "01/02/2024"}
    sent = [passive("M1", OTHER, **names), passive("M2", OTHER, **names, **late)]
    assert story.send("LABO", "PASSIVE", *sent) == ["INTEGRE", "REJETE MET-06"]


def test_corrections_and_annulments() -> None:
    story = Story()
    corrected = {"VALEUR": "0.7", "CODE_METROLOGIE": "C"}
    one, two, three = passive(), passive(**corrected), passive(CODE_METROLOGIE="A")
    assert story.send("LABO", "PASSIVE", one, one, passive(VALEUR="0.7"), two, two, one) == [
        "INTEGRE", "DOUBLON MET-12", "REJETE MET-11", "INTEGRE", "DOUBLON MET-12", "REJETE MET-11",
    ]  # fmt: skip
    assert story.values() == [700]
    assert story.send("LABO", "PASSIVE", three, three, one) == ["INTEGRE", "DOUBLON MET-12", "INTEGRE"]
    assert story.values() == [500]
    assert story.send("LABO", "PASSIVE", passive(nir=OTHER, CODE_METROLOGIE="A")) == ["REJETE MET-10"]
    assert story.send("LABO2", "PASSIVE", passive(VALEUR="9")) == ["INTEGRE AVT-10"]


def test_a_result_may_follow_an_absence() -> None:
    story = Story()
    absent = passive(ETAT_RESULTAT="ABS", VALEUR="")
    assert story.send("LABO", "PASSIVE", absent, passive(), passive(ETAT_RESULTAT="PER", VALEUR="")) == [
        "INTEGRE", "INTEGRE", "REJETE MET-11",
    ]  # fmt: skip
    assert story.values() == [500]


def test_an_identifier_serves_again_two_years_later() -> None:
    story = Story()
    long_ago = {"DATE_DEBUT_PORT": "01/12/2021", "DATE_FIN_PORT": "31/12/2021"}
    sent = [passive(), passive(**long_ago), passive(DATE_DEBUT_PORT="01/12/2023", DATE_FIN_PORT="31/12/2023")]
    assert story.send("LABO", "PASSIVE", *sent) == ["INTEGRE", "EN_ATTENTE AVT-04 IDT-09", "REJETE AVT-04 MET-11"]


def test_a_waiting_origin_gives_way_to_its_correction() -> None:
    story = Story(known=False)
    story.send("SISERI", "ETABLISSEMENTS", establishment())
    story.send("EMP", "DESIGNATIONS", designation())
    first = story.put("LABO", "PASSIVE", passive())
    story.twin.run(TODAY)
    assert story.send("LABO", "PASSIVE", passive(), passive(VALEUR="2")) == [
        "DOUBLON MET-12",
        "REJETE IDT-06 MET-11",
    ]
    assert story.send("LABO", "PASSIVE", passive(VALEUR="2", CODE_METROLOGIE="C")) == ["EN_ATTENTE IDT-06"]
    assert story.rows("LABO", first) == ["REJETE IDT-06 MET-11"]
    assert [change[:3] for change in story.twin.submission("LABO", first).changes] == [(1, "EN_ATTENTE", "REJETE")]
    assert story.send("LABO", "PASSIVE", passive(CODE_METROLOGIE="A")) == ["INTEGRE"]
    assert story.twin.queue() == []
    assert story.twin.doses() == set()


def test_the_release_runs_until_nothing_moves() -> None:
    story = Story(known=False)
    lab = story.put("LABO", "PASSIVE", passive(), passive("M2", NOM="MARTEL"))
    employer = story.put("EMP", "TRAVAILLEURS", worker(), worker(prenom="PAUL"))
    story.twin.run(TODAY)
    assert story.rows("LABO", lab) == ["EN_ATTENTE IDT-05 IDT-06"] * 2
    assert story.rows("EMP", employer) == ["EN_ATTENTE IDT-05"] * 2
    assert story.twin.a_declarer("EMP") == {(NIR, SIRET)}
    story.send("SISERI", "ETABLISSEMENTS", establishment())
    assert story.rows("EMP", employer) == ["INTEGRE", "EN_ATTENTE IDT-08"]
    assert story.rows("LABO", lab) == ["INTEGRE AVT-10", "EN_ATTENTE AVT-10 IDT-08"]
    assert story.twin.a_declarer("EMP") == set()


def test_what_waits_too_long_is_rejected() -> None:
    story = Story()
    name = story.put("LABO", "PASSIVE", passive(nir=OTHER))
    story.twin.run(TODAY)
    story.twin.run(TODAY + timedelta(days=90))
    assert story.rows("LABO", name) == ["EN_ATTENTE IDT-06"]
    story.twin.run(TODAY + timedelta(days=91))
    assert story.rows("LABO", name) == ["REJETE IDT-06"]


def test_employers_come_first_in_a_pass() -> None:
    story = Story(known=False)
    lab = story.put("LABO", "PASSIVE", passive())
    story.put("SISERI", "ETABLISSEMENTS", establishment())
    story.put("EMP", "TRAVAILLEURS", worker())
    story.twin.run(TODAY)
    assert story.rows("LABO", lab) == ["INTEGRE AVT-10"]
    assert story.twin.submission("LABO", lab).changes == []


def test_the_same_bytes_again() -> None:
    story = Story()
    sent = [passive(), passive("M2", nir=OTHER)]
    story.send("LABO", "PASSIVE", *sent)
    again = story.put("LABO", "PASSIVE", *sent)
    story.twin.run(TODAY)
    submission = story.twin.submission("LABO", again)
    assert (submission.code, submission.first["statut"]) == ("FIC-06", "DEJA_RECU")
    assert submission.first["lignes"] == {"recues": 2, "integrees": 1, "en_attente": 1, "rejetees": 0, "doublons": 0}
    assert story.send("LABO2", "PASSIVE", *sent) == ["INTEGRE AVT-10", "EN_ATTENTE AVT-10 IDT-06"]
    assert story.send("EMP", "TRAVAILLEURS", worker()) == ["INTEGRE"]


def test_the_books_close() -> None:
    story = Story()
    rows = [passive(), passive(), passive("M2", VALEUR="-3"), passive("M3", nir=OTHER, VALEUR="1,2345")]
    rows += [passive("M4", TYPE_MESURE="X", VALEUR="0.0005"), passive("M5", VALEUR="abc")]
    name = story.put("LABO", "PASSIVE", *rows)
    story.twin.run(TODAY)
    report = story.twin.submission("LABO", name).first
    assert report["statut"] == "PARTIEL"
    assert report["lignes"] == {"recues": 6, "integrees": 1, "en_attente": 1, "rejetees": 3, "doublons": 1}
    books = report["doses_msv"]
    assert books["PAS-HP10-PHO"] == {
        "recues": "2.235", "integrees": "0.500", "en_attente": "1.235", "rejetees": "0.000", "doublons": "0.500",
    }  # fmt: skip
    assert books["(autre)"]["rejetees"] == "0.001"
    assert report["codes"]["MET-12"] == 1
