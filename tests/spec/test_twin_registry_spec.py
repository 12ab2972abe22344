"""The twin's registry read against the contract by hand: matching, corrections, queue, release, books."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from twin.cells import nir_key
from twin.layouts import COLUMNS
from twin.ledger import Partner
from twin.references import fold
from twin.registry import TwinRegistry

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
    Partner("DOC", "MDT", (), "10003456786"),
    Partner("CALC", "CALCUL"),
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


def analysis(id_: str = "A1", **changes: str) -> dict[str, str]:
    return {
        "NIR": NIR, "NOM": "MARTIN", "PRENOM": "JEAN", "SIRET": SIRET, "TYPE_EXAMEN": "RTU", "UNITE": "Bq/L",
        "DATE_EXAMEN": "16/01/2024", "RADIONUCLEIDE": "Cs-137", "ACTIVITE": "1.2", "ETAT_RESULTAT": "MES",
        "ID_ANALYSE": id_,
    } | changes  # fmt: skip


def committed(id_: str = "E1", **changes: str) -> dict[str, str]:
    return {
        "NIR": NIR, "SIRET": SIRET, "RPPS": "10003456786", "DATE_INCORPORATION": "16/01/2024",
        "RADIONUCLEIDE": "I-131", "VALEUR": "0.3", "ID_EVALUATION": id_,
    } | changes  # fmt: skip


def flown(id_: str = "N1", **changes: str) -> dict[str, str]:
    return {"NIR": NIR, "SIRET": SIRET, "MOIS": "01/2024", "VALEUR": "0.21", "ID_CALCUL": id_} | changes


def departure(day: str, nir: str = NIR, **changes: str) -> dict[str, str]:
    return {"NIR": nir, "CLE": nir_key(nir), "SIRET": SIRET, "DATEFIN": day} | changes


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
        ("LABO", "INTERNE", analysis(), "INTEGRE"),
        ("LABO2", "INTERNE", analysis(NOM="MARTEL"), "EN_ATTENTE AVT-10 IDT-08"),
        ("LABO", "INTERNE", analysis(DATE_EXAMEN="30/11/2022"), "EN_ATTENTE IDT-09"),
        ("DOC", "ENGAGEE", committed(), "REJETE IDT-10"),
        ("DOC", "ENGAGEE", committed(RPPS="10000000017"), "REJETE FMT-05 IDT-10"),
        ("DOC", "ENGAGEE", committed(SIRET="00542012000015"), "EN_ATTENTE IDT-05"),
        ("CALC", "NAVIGANT", flown(), "INTEGRE"),
        ("CALC", "NAVIGANT", flown(MOIS="11/2022"), "EN_ATTENTE IDT-09"),
        ("CALC", "NAVIGANT", flown(MOIS="12/2022"), "INTEGRE"),
        ("CALC", "NAVIGANT", flown(NIR=OTHER), "EN_ATTENTE IDT-06"),
        ("EMP", "SORTIES", departure("31/12/2022"), "REJETE MET-01"),
        ("EMP", "SORTIES", departure("01/01/2023"), "INTEGRE"),
        ("EMP", "SORTIES", departure("31/01/2024", SIRET=FAR), "EN_ATTENTE IDT-07"),
        ("EMP", "SORTIES", departure("31/01/2024", OTHER), "EN_ATTENTE IDT-06"),
    ],
)
def test_matching(partner: str, format_: str, row: dict[str, str], told: str) -> None:
    assert Story().send(partner, format_, row) == [told]


def test_a_committed_dose_comes_from_a_designated_physician() -> None:
    story = Story()
    until = {"DATEFIN": "31/01/2024"}
    story.send("SISERI", "DESIGNATIONS", designation("MDT", "10003456786", **until))
    sent = [committed(), committed("E2", RPPS="10000000017"), committed("E3", DATE_INCORPORATION="01/02/2024")]
    assert story.send("DOC", "ENGAGEE", *sent) == ["INTEGRE", "REJETE FMT-05 IDT-10", "REJETE IDT-10"]
    assert story.send("SISERI", "ENGAGEE", *sent[:2]) == ["INTEGRE", "REJETE IDT-10"]


def test_departure_and_return() -> None:
    story = Story()
    assert story.send("EMP", "SORTIES", departure("10/12/2023")) == ["INTEGRE"]
    late = passive(DATE_DEBUT_PORT="01/01/2024", DATE_FIN_PORT="10/01/2024")
    later = passive("M2", DATE_DEBUT_PORT="01/01/2024", DATE_FIN_PORT="11/01/2024")
    assert story.send("LABO", "PASSIVE", late, later) == ["INTEGRE AVT-04", "EN_ATTENTE AVT-04 IDT-09"]
    assert story.send("EMP", "TRAVAILLEURS", worker(DATEDEBUT="01/02/2024")) == ["INTEGRE"]
    assert story.send("LABO", "PASSIVE", later | {"ID_MESURE": "M3"}) == ["INTEGRE AVT-04"]
    assert story.send("EMP", "SORTIES", departure("31/01/2024")) == ["REJETE MET-01"]
    periods = [(one.start, one.end) for one in story.twin.attachments[NIR, SIRET].periods]
    assert periods == [(date(2023, 1, 1), date(2023, 12, 10)), (date(2024, 2, 1), None)]


def test_analyses_are_one_for_each_nuclide() -> None:
    story = Story()
    cobalt = {"RADIONUCLEIDE": "Co-60"}
    sent = [analysis(), analysis(**cobalt), analysis(ACTIVITE="1.20"), analysis(ACTIVITE="2")]
    assert story.send("LABO", "INTERNE", *sent) == ["INTEGRE", "INTEGRE", "DOUBLON MET-12", "REJETE MET-11"]
    absent = {"ETAT_RESULTAT": "ABS", "ACTIVITE": ""}
    assert story.send("LABO", "INTERNE", analysis("A2", **absent), analysis("A2")) == ["INTEGRE", "REJETE MET-11"]
    moved = {"DATE_EXAMEN": "20/12/2023", "CODE_METROLOGIE": "C"}
    assert story.send("LABO", "INTERNE", analysis(**moved), analysis(CODE_METROLOGIE="A")) == ["INTEGRE", "INTEGRE"]
    assert [line.values["ID_ANALYSE"] for line in story.twin.current] == ["A1", "A2"]


def test_a_correction_takes_a_waiting_one_back() -> None:
    story = Story()
    again, doubtful = {"CODE_METROLOGIE": "C"}, {"VALEUR": "501", "CODE_METROLOGIE": "C"}
    assert story.send("CALC", "NAVIGANT", flown(), flown(**doubtful)) == ["INTEGRE", "EN_ATTENTE MET-05"]
    assert story.send("CALC", "NAVIGANT", flown(**again)) == ["DOUBLON MET-12"]
    assert story.twin.queue() == []


def test_the_books_of_what_has_no_quantity() -> None:
    story = Story()
    for partner, format_, row in [("CALC", "NAVIGANT", flown()), ("LABO", "INTERNE", analysis())]:
        name = story.put(partner, format_, row)
        story.twin.run(TODAY)
        books = story.twin.submission(partner, name).first["doses_msv"]
        assert {kind: book["integrees"] for kind, book in books.items()} == (
            {"CAL-E-COS": "0.210"} if format_ == "NAVIGANT" else {}
        )


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


def test_class_b_above_6_mSv() -> None:
    story = Story()
    story.send("EMP", "TRAVAILLEURS", worker(OTHER, "DUPONT", "LUCIE", CLASSEMENT="B"))
    own = {"nir": OTHER, "NOM": "DUPONT", "PRENOM": "LUCIE"}
    december = {"DATE_DEBUT_PORT": "25/01/2024", "DATE_FIN_PORT": "30/01/2024"}
    assert story.send("LABO", "PASSIVE", passive(**own, VALEUR="6")) == ["INTEGRE"]
    belt, radon = {"LOCALISATION": "CEINTURE"}, {"TYPE_MESURE": "PAS-E-RADON"}
    assert story.send("LABO", "PASSIVE", passive("M2", **own, **belt)) == ["INTEGRE"]
    assert story.send("LABO", "PASSIVE", passive("M3", **own, **radon, VALEUR="9")) == ["INTEGRE"]
    late = story.send("LABO", "PASSIVE", passive("M4", **own, VALEUR="0.001"), passive("M5", **own, **december))
    assert late == ["INTEGRE AVT-05", "INTEGRE"]
    assert story.send("LABO", "PASSIVE", passive("M6", **own, VALEUR="0")) == ["INTEGRE"]
    assert story.send("CALC", "NAVIGANT", flown(NIR=OTHER, VALEUR="0.05")) == ["INTEGRE AVT-05"]
    assert story.send("SISERI", "ENGAGEE", committed(NIR=OTHER)) == ["REJETE IDT-10"]
    assert story.send("LABO", "PASSIVE", passive("M7", VALEUR="7")) == ["INTEGRE"], "class A"


def test_what_waited_is_looked_at_together() -> None:
    story = Story()
    own = {"nir": OTHER, "NOM": "DUPONT", "PRENOM": "LUCIE", "VALEUR": "3.001"}
    name = story.put("LABO", "PASSIVE", passive(**own), passive("M2", **own))
    story.twin.run(TODAY)
    assert story.rows("LABO", name) == ["EN_ATTENTE IDT-06"] * 2
    story.send("EMP", "TRAVAILLEURS", worker(OTHER, "DUPONT", "LUCIE", CLASSEMENT="B"))
    assert story.rows("LABO", name) == ["INTEGRE AVT-05"] * 2


def test_passages_within_the_wear_period() -> None:
    story = Story()
    worn = {"DATE_DEBUT_PORT": "31/01/2024 08:00", "DATE_FIN_PORT": "31/01/2024 23:59"}
    story.send("SITE", "OPERATIONNELLE", operational(VALEUR="1", **worn))
    far = worn | {"DATE_FIN_PORT": "01/02/2024 00:00"}
    story.send("SITE", "OPERATIONNELLE", operational(VALEUR="1", **far), operational(VALEUR="1"))
    assert story.send("LABO", "PASSIVE", passive(VALEUR="0.7"), passive("M2", VALEUR="0.699")) == [
        "INTEGRE",
        "INTEGRE AVT-11",
    ]
    assert story.send("LABO", "PASSIVE", passive("M3", VALEUR="1.3"), passive("M4", VALEUR="1.301")) == [
        "INTEGRE",
        "INTEGRE AVT-11",
    ]
    none, lost = {"ETAT_RESULTAT": "INF", "VALEUR": ""}, {"ETAT_RESULTAT": "PER", "VALEUR": ""}
    assert story.send("LABO", "PASSIVE", passive("M5", **none), passive("M6", **lost)) == ["INTEGRE AVT-11", "INTEGRE"]
    rest = passive("M7", NOM="X"), passive("M8", TYPE_DOSIMETRE="X"), passive("M1", CODE_METROLOGIE="A")
    assert story.send("LABO", "PASSIVE", *rest) == ["EN_ATTENTE AVT-11 IDT-08", "REJETE AVT-11 FMT-05", "INTEGRE"]
