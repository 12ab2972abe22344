"""The desk's pages of exceedances and of held files: what they show, to whom, as of when; and what they keep quiet."""

from __future__ import annotations

import dataclasses
import html
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from desk_server import ANALYST, NOBODY, READER, SENIOR, Caller, Desk
from senders import (
    CONCLUSION,
    DESIGNATIONS,
    ENGAGEE,
    IDENTITES,
    NAVIGANT,
    NIA,
    NIR,
    NIR2,
    PASSIVE,
    RPPS,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)

from desk.access import Person
from loaders.settings import PARIS
from pipelines import exceedance_listings, held
from schemas.identifiers import key_of

MARKUP = '<script>alert("x")</script>'
FEBRUARY = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "28/02/2026"}
SKIN = {"TYPE_MESURE": "PAS-HP007-EXT", "LOCALISATION": "MAIN_D"}


class Work:
    """The desk over a small country where doses exceed; a second worker, at another establishment."""

    def __init__(self, registry: Any, desk: Desk) -> None:
        self.bench, self.desk = country(registry), desk
        self.connection, self.key = registry.connection, registry.registry.key
        registry.partner("DOCTEUR", "MDT", identifiant=RPPS)
        registry.partner("NAVIG", "CALCUL")
        other = {"NIR": NIR2, "CLE": key_of(NIR2), "NOM": MARKUP, "PRENOM": "=ZOE & CO", "DATENAISSANCE": "02/05/1984"}
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2))
        other |= {"SEXE": "F", "SIRET": SIRET2}
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, SIRET=SIRET2))
        self.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, **other))

    def send(self, partner: str, header: str, *rows: str) -> None:
        name = f"{header[:6]}-{datetime.now(PARIS):%H%M%S%f}.csv".replace(";", "")
        self.bench.drop(partner, name, file(header, *rows))
        assert not self.bench.run().incidents
        assert {outcome for outcome, _ in self.bench.rows(partner, name)} == {"INTEGRE"}, self.bench.rows(partner, name)

    def lab(self, *rows: str) -> None:
        self.send("LABO1", PASSIVE, *rows)

    def designate(self, *sirets: str) -> None:
        who = {"ROLE": "MDT", "IDENTIFIANT": RPPS, "NOM": "LE<BRUN>", "PRENOM": "ANNE", "COURRIEL": "a@b.fr"}
        self.send("EMPL", DESIGNATIONS, *(row(DESIGNATIONS, SIRET=one, **who) for one in sirets))

    def by(self, person: Person = READER) -> Caller:
        return self.desk.by(person)

    def looks(self) -> list[tuple[Any, ...]]:
        return (
            self.bench.as_("administrator")
            .execute("select who, door, what, records from audit.look order by look_id")
            .fetchall()
        )

    def listed(self) -> list[dict[str, Any]]:
        return exceedance_listings.exceedances(self.connection, self.key)


@pytest.fixture
def at(registry: Any, desk: Desk) -> Iterator[Work]:
    made = Work(registry, desk)
    yield made
    made.bench.verify()


def shown(answer: httpx.Response, status: int = 200) -> str:
    """The page's text as a reader sees it, without markup and with single spaces."""
    assert answer.status_code == status, (answer.status_code, answer.text[:2000])
    text = html.unescape(re.sub(r"<[^>]*>", " ", answer.text))
    return " ".join(text.replace("\u202f", " ").replace("\xa0", " ").split())


def picture(answer: httpx.Response) -> ElementTree.Element:
    """The curve, read as XML: it must be well formed."""
    found = re.search(r'<svg class="courbe".*?</svg>', answer.text, re.S)
    assert found
    return ElementTree.fromstring(found[0])


def rows(answer: httpx.Response) -> list[int]:
    """The numbers that a list shows, in order."""
    return [int(one) for one in re.findall(r'<tr data-href="/siseri/depassements/(\d+)', answer.text)]


def test_the_list_tells_what_there_is(at: Work) -> None:
    assert "Aucun dépassement." in shown(at.by().get("/depassements"))
    at.designate(SIRET)
    at.lab(dose("M1", "21"), dose("M2", "600", NIR=NIR2, NOM=MARKUP, PRENOM="=ZOE & CO", SIRET=SIRET2, **SKIN))
    answer = at.by().get("/depassements")
    text = shown(answer)
    assert "2 notifiés" in text
    assert "1 sans médecin" in text
    assert f"dose efficace 20 mSv 21,000 01/04/2025 – 31/03/2026 {NIR} MARTIN JEAN-PIERRE {SIRET}" in text
    assert "extrémités 500 mSv main droite 600,000" in text
    assert "07/10/2026" in text, "180 days after the registry's date"
    assert rows(answer) == [2, 1]
    assert MARKUP.upper() in text, "as a reader sees it"
    assert "<script>" not in answer.text.lower()
    assert at.looks()[-1] == ("lecteur", "BUREAU", "depassements", 2)


def test_filters_and_orders(at: Work) -> None:
    at.designate(SIRET)
    at.lab(dose("M1", "21"), dose("M2", "600", NIR=NIR2, NOM=MARKUP, PRENOM="=ZOE & CO", SIRET=SIRET2, **SKIN))
    at.lab(dose("M3", "25", **FEBRUARY, TYPE_MESURE="PAS-HP3", LOCALISATION="TETE"))
    at.lab(dose("M3", "1", **FEBRUARY, TYPE_MESURE="PAS-HP3", LOCALISATION="TETE", CODE_METROLOGIE="C"))
    caller = at.by()
    for asked, wanted in (
        ({}, [3, 2, 1]),
        ({"etat": "CADUC"}, [3]),
        ({"etat": "NOTIFIE", "ordre": "echeance"}, [1, 2]),
        ({"limite": "EFFICACE"}, [1]),
        ({"limite": "PEAU"}, []),
        ({"siret": SIRET2}, [2]),
        ({"siret": SIRET2[:9]}, [3, 2, 1]),
        ({"sans_mdt": "1"}, [2]),
        ({"sous": "180"}, [2, 1]),
        ({"sous": "179"}, []),
        ({"ordre": "valeur"}, [3, 2, 1]),
        ({"ordre": "fenetre"}, [2, 1, 3]),
        ({"ordre": "etablissement"}, [3, 1, 2]),
        ({"apres": "2"}, [1]),
    ):
        assert rows(caller.get("/depassements", **asked)) == wanted, asked
    back = caller.client.get(
        html.unescape(re.findall(r'data-href="([^"]*)"', caller.get("/depassements", etat="CADUC").text)[0])
    )
    assert 'href="/siseri/depassements?etat=CADUC"' in back.text


@pytest.mark.parametrize(
    "asked",
    [
        {"etat": "PERDU"},
        {"etat": MARKUP},
        {"limite": "TOUTES"},
        {"siret": "%"},
        {"siret": "7328a"},
        {"sous": "-1"},
        {"sous": "٣"},
        {"sous": "99999"},
        {"ordre": "nom"},
        {"au": "hier"},
        {"au": "2999-01-01"},
        {"au": "9999-12-31"},
        {"au": "0001-01-01"},
        {"au": "2026-04-10T10:00+02:00"},
        {"au": "x" * 50},
    ],
)
def test_filters_that_make_no_sense_are_told(at: Work, asked: dict[str, str]) -> None:
    at.lab(dose("M1", "21"))
    caller, before = at.by(), at.looks()
    answer = caller.get("/depassements", **asked)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert MARKUP not in answer.text
    assert rows(answer) == []
    assert caller.get("/depassements/export.csv", **asked).status_code == 400
    assert at.looks() == before


def test_one_exceedance_shows_its_arithmetic(at: Work) -> None:
    at.designate(SIRET)
    at.lab(
        dose("M1", "12", **FEBRUARY),
        dose("M2", "5", LOCALISATION="POITRINE"),
        dose("M3", "6.5", LOCALISATION="CEINTURE"),
    )
    at.send("DOCTEUR", ENGAGEE, row(ENGAGEE, VALEUR="2"))
    at.send(
        "NAVIG", NAVIGANT, row(NAVIGANT, VALEUR="0.09"), row(NAVIGANT, VALEUR="0.5", MOIS="02/2026", ID_CALCUL="N2")
    )
    answer = at.by().get("/depassements/1")
    text = shown(answer)
    assert "21,000 mSv pour une limite de 20 mSv" in text
    assert "non : l’autre emplacement l’emporte" in text
    assert "0 : mois de vol sous 0,100 mSv" in text
    assert "21,000 − 20 mSv = 1,000 mSv au-dessus de la limite 21,000" in text
    assert "INT-E50" in text
    assert "LE<BRUN> ANNE (RPPS 10003456786" in text
    assert "LE<BRUN>" not in answer.text
    assert "SANS_MDT" not in text
    assert re.search(r'href="/siseri/recherche\?q=\d+">\d+</a>, ligne 1', answer.text)
    assert at.looks()[-1] == ("lecteur", "BUREAU", "depassement", 1)
    drawing = picture(answer)
    names = [one.get("class") for one in drawing.iter()]
    assert names.count("resultat") == 5
    assert names.count("resultat ecarte") == 1
    assert names.count("jour sommet") == 1
    assert "somme" in names
    assert "fenetre" in names
    assert "style" not in {word for one in drawing.iter() for word in one.attrib}
    assert 'style="' not in answer.text


def test_no_physician_is_said_in_plain_words(at: Work) -> None:
    at.lab(dose("M1", "12", **FEBRUARY), dose("M2", "9", SIRET=SIRET2))
    assert shown(at.by().get("/depassements/1")).count("aucun médecin du travail désigné") == 2
    at.designate(SIRET2)
    assert shown(at.by().get("/depassements/1")).count("aucun médecin du travail désigné") == 1


def test_who_was_told_and_when(at: Work) -> None:
    at.lab(dose("M1", "21"))
    before = datetime.now(PARIS).isoformat()[:26]
    answer = at.by().get("/depassements/1")
    assert re.search(r"EMPL employeur notifié \d\d/\d\d/\d{4} à \d\d:\d\d", shown(answer))
    assert "DOCTEUR" not in answer.text
    assert "(SANS_MDT)" in shown(answer)
    at.designate(SIRET)
    at.bench.run()
    now = shown(at.by().get("/depassements/1"))
    assert "DOCTEUR médecin du travail notifié" in now
    assert "(SANS_MDT)" not in now
    assert rows(at.by().get("/depassements", sans_mdt="1")) == []
    then = at.by().get("/depassements/1", au=before)
    assert "DOCTEUR" not in then.text
    assert "LE&lt;BRUN" not in then.text
    assert "(SANS_MDT)" in shown(then)
    assert rows(at.by().get("/depassements", sans_mdt="1", au=before)) == [1]


def test_two_histories_of_one_person(at: Work) -> None:
    """A merge: before it, one history alone, under the number known then."""
    who = {"NIR": NIA, "CLE": key_of(NIA), "PRENOM": "JEAN"}
    at.send("EMPL", TRAVAILLEURS, row(TRAVAILLEURS, **who))
    at.lab(dose("M1", "21", NIR=NIA), dose("M2", "2", **FEBRUARY))
    before = datetime.now(PARIS).isoformat()[:26]
    assert NIA in at.by().get("/depassements").text
    at.send("ASNR", IDENTITES, row(IDENTITES))
    now, then = at.by().get("/depassements/1"), at.by().get("/depassements/1", au=before)
    assert "23,000 mSv pour une limite" in shown(now)
    assert f"{NIR} · naissance" in shown(now)
    assert "21,000 mSv pour une limite" in shown(then)
    assert f"{NIA} · naissance" in shown(then)
    assert "2,000" not in shown(then)
    assert NIR in at.by().get("/depassements").text
    assert NIR not in at.by().get("/depassements", au=before).text


def test_a_conclusion_and_what_it_adjusts(at: Work) -> None:
    at.designate(SIRET)
    at.lab(dose("M1", "12", **FEBRUARY), dose("M2", "11"))
    before = datetime.now(PARIS).isoformat()[:26]
    said = {"CONCLUSION": "MODIFIEE", "VALEUR_RETENUE": "8", "COMMENTAIRE": "<b>porté au bureau</b>"}
    at.send("DOCTEUR", CONCLUSION, row(CONCLUSION, ID_DEPASSEMENT="1", **said))
    answer = at.by().get("/depassements/1")
    text = shown(answer)
    assert "Modifié , 8,000 mSv retenus, le 02/04/2026 · RPPS 10003456786" in text
    assert "<b>porté au bureau</b>" in text
    assert "<b>" not in answer.text
    assert "-4,000 -4,000 ajusté par la conclusion 8,000" in text
    assert "8,000 mSv : la limite de 20 mSv n’est pas dépassée" in text
    assert picture(answer) is not None
    then = shown(at.by().get("/depassements/1", au=before))
    assert "Aucune n’est reçue." in then
    assert "23,000 − 20 mSv = 3,000 mSv au-dessus" in then
    assert rows(at.by().get("/depassements", etat="MODIFIE")) == [1]


def test_a_physicians_version_stands_in(at: Work) -> None:
    at.designate(SIRET)
    at.lab(dose("M1", "30"))
    at.send("DOCTEUR", PASSIVE, dose("LABO1/M1", "21", ETAT_RESULTAT="EST", CODE_METROLOGIE="C"))
    text = shown(at.by().get("/depassements/1"))
    assert "21,000 mSv pour une limite" in text
    assert "30,000 non : remplacé par la version du médecin" in text


def test_a_lapsed_one_says_why_its_results_do_not_add_up(at: Work) -> None:
    at.lab(dose("M1", "21"))
    before = datetime.now(PARIS)
    at.lab(dose("M1", "19", CODE_METROLOGIE="C"))
    caller = at.by()
    text = shown(caller.get("/depassements/1"))
    assert "caduc" in text
    assert "Ces résultats donnent 19,000 mSv ; le dernier calcul retenu donnait 21,000 mSv" in text
    then = shown(caller.get("/depassements/1", au=before.isoformat()[:26]))
    assert "Ces résultats donnent" not in then
    assert "Le registre tel qu’il était le" in then
    assert "21,000 mSv pour une limite" in then
    assert "notifié" in then
    assert "caduc" not in then
    day = caller.get("/depassements", au=before.isoformat()[:26])
    assert "1 notifié" in shown(day)
    assert f"au={before.isoformat()[:10]}" in day.text, "the hour goes along to the exceedance's page"


def test_before_it_was_known_there_is_none(at: Work) -> None:
    before = datetime.now(PARIS).isoformat()[:26]
    at.lab(dose("M1", "21"))
    caller = at.by()
    assert rows(caller.get("/depassements", au=before)) == []
    assert "n’en connaissait pas" in shown(caller.get("/depassements/1", au=before), 404)
    assert rows(caller.get("/depassements", au=f"{datetime.now(PARIS):%Y-%m-%d}")) == [1], "today is now"
    assert caller.get("/depassements/2").status_code == 404
    assert caller.get(f"/depassements/{1 << 40}").status_code == 422


def test_the_career_is_drawn_along_every_epoch(at: Work) -> None:
    at.lab(
        dose("M1", "21"),
        dose("M2", "3", DATE_DEBUT_PORT="01/11/2019", DATE_FIN_PORT="30/11/2019"),
    )
    near, career = (picture(at.by().get("/depassements/1", **more)) for more in ({}, {"carriere": "1"}))
    assert [one.get("class") for one in near.iter()].count("resultat") == 1
    assert [one.get("class") for one in career.iter()].count("resultat") == 2


def test_the_list_leaves_as_a_file(at: Work) -> None:
    at.lab(dose("M1", "21"), dose("M2", "600", NIR=NIR2, NOM=MARKUP, PRENOM="=ZOE & CO", SIRET=SIRET2, **SKIN))
    caller = at.by()
    answer = caller.get("/depassements/export.csv", limite="EXTREMITES")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (told,) = cells(answer.content.removeprefix(b"\xef\xbb\xbf"))
    assert (told["id"], told["valeur_msv"], told["localisation"], told["numero"]) == ("2", "600.000", "MAIN_D", NIR2)
    assert told["medecin_absent"] == "SANS_MDT"
    assert not told["prenom"].startswith("="), "no formula"
    book = caller.get("/depassements/export.xlsx")
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    assert [one[2:] for one in at.looks()] == [("export", 1), ("export", 2)]


def test_who_may_not_read_sees_nothing(at: Work) -> None:
    at.lab(dose("M1", "21"))
    for path in ("/depassements", "/depassements/1", "/depassements/export.csv", "/retenus"):
        assert at.by(NOBODY).get(path).status_code == 403
        assert at.by(None).get(path).status_code == 401  # type: ignore[arg-type]
    assert at.looks() == []


def test_the_first_page_tells_what_wants_attention(at: Work) -> None:
    assert "sans médecin" not in shown(at.by().get("/"))
    at.lab(dose("M1", "21"))
    answer = at.by().get("/")
    assert "1 dépassement sans médecin" in shown(answer)
    assert at.looks() == [], "a count is no look"


def test_readers_search_persons_too(at: Work) -> None:
    at.bench.drop("LABO1", "w.csv", file(PASSIVE, dose("W1", NIR="1991233123456")))
    at.bench.run()
    answer = at.by(READER).post("/recherche", {"q": "1991233123456"})
    assert answer.status_code == 200
    assert "Une personne" in answer.text
    assert at.looks()[-1][:3] == ("lecteur", "BUREAU", "recherche")
    assert at.by(READER).post("/recherche", {"q": NIR}, token="").status_code == 403
    assert (
        at.by(READER).post("/recherche", {"q": NIR}, headers={"Origin": "https://ailleurs.example"}).status_code == 403
    )
    assert at.by(NOBODY).post("/recherche", {"q": NIR}).status_code == 403
    assert at.by(READER).post("/decider", {}).status_code == 403


@pytest.fixture
def strict(at: Work) -> Work:
    """A held file."""
    at.bench.settings = dataclasses.replace(at.bench.settings, hold_share=Decimal("0.5"), hold_rows=2)
    at.bench.drop("LABO1", "gros.csv", file(PASSIVE, dose("H1", "-1"), dose("H2", "-1"), dose("H3")))
    at.bench.settings = dataclasses.replace(at.bench.settings, today=at.bench.today)
    at.bench.run()
    assert len(held.held(at.connection)) == 1
    return at


def test_held_files_are_shown_and_answered(strict: Work) -> None:
    number = held.held(strict.connection)[0]["id"]
    text = shown(strict.by(ANALYST).get("/retenus"))
    assert "gros.csv PASSIVE 67 %" in text
    assert "Un analyste principal répond" in text
    assert "Intégrer" not in text
    assert strict.by(ANALYST).post(f"/retenus/{number}/integrer").status_code == 403
    assert strict.by(ANALYST).post(f"/retenus/{number}/ecarter", {"motif": "non"}).status_code == 403
    chief = strict.by(SENIOR)
    assert "Intégrer" in shown(chief.get("/retenus"))
    done = chief.post(f"/retenus/{number}/integrer")
    assert done.status_code == 303
    assert f"Dépôt {number} accepté" in shown(chief.client.get(done.headers["location"]))
    assert held.held(strict.connection) == []
    again = chief.post(f"/retenus/{number}/ecarter", {"motif": "trop tard"})
    assert "a déjà répondu" in shown(chief.client.get(again.headers["location"]))
    strict.bench.run()
    assert strict.bench.report("LABO1", "gros.csv") is not None


def test_a_held_file_is_set_aside_with_a_motive(strict: Work) -> None:
    number = held.held(strict.connection)[0]["id"]
    chief = strict.by(SENIOR)
    nothing = chief.post(f"/retenus/{number}/ecarter", {"motif": "  "})
    assert 'role="alert"' in chief.client.get(nothing.headers["location"]).text
    assert len(held.held(strict.connection)) == 1
    chief.post(f"/retenus/{number}/ecarter", {"motif": "unité fausse"})
    strict.desk.app.state.aftermath.wait()
    report = strict.bench.report("LABO1", "gros.csv")
    assert report is not None
    assert report["statut"] == "REFUSE"
    assert "unité fausse" in (strict.bench.home("LABO1") / "retour" / "gros.csv.rapport.html").read_text()
