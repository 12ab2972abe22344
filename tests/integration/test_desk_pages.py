"""The desk's pages, asked as an analyst's browser asks them: what each shows, decides, refuses and keeps to itself."""

from __future__ import annotations

import html
import io
import logging
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from desk_server import ANALYST, READER, SENIOR, Caller, Desk
from senders import (
    CLOSED,
    NIR,
    NIR2,
    NIR3,
    PASSIVE,
    SIRET,
    TRAVAILLEURS,
    UNKNOWN,
    cells,
    country,
    dose,
    file,
    row,
)

from desk.access import Person
from desk.drafts import pack, unpack
from loaders.errors import UsageError
from pipelines import causes
from pipelines.decide import Decision, decide
from schemas.identifiers import key_of

OTHER = Person("autre", may_read=True, may_decide=True)
MARKUP = '<script>alert("x")</script>'


class Analyst:
    """The desk over a small country whose queue a test fills."""

    def __init__(self, registry: Any, desk: Desk) -> None:
        self.bench, self.desk = registry, desk
        self.connection, self.key = registry.connection, registry.registry.key

    def send(self, *rows: str, name: str = "mars.csv", header: str = PASSIVE, partner: str = "LABO1") -> list[int]:
        self.bench.drop(partner, name, file(header, *rows))
        self.bench.run()
        return [one["id"] for one in self.bench.queue()]

    def by(self, person: Person = ANALYST) -> Caller:
        return self.desk.by(person)

    def cause(self, **filters: Any) -> int:
        found = causes.causes(self.connection, self.bench.today, causes.Filters(**filters)).rows
        return int(found[0]["id"])

    def settle(self) -> None:
        """What a decision owes is done."""
        self.desk.app.state.aftermath.wait()

    def looks(self) -> list[tuple[Any, ...]]:
        return (
            self.bench.as_("administrator")
            .execute("select who, door, what, entry_id from audit.look order by look_id")
            .fetchall()
        )


@pytest.fixture
def at(registry: Any, desk: Desk) -> Iterator[Analyst]:
    made = Analyst(country(registry), desk)
    yield made
    made.settle()
    made.bench.answer()
    made.bench.verify()


def shown(answer: httpx.Response, status: int = 200) -> str:
    """The page's text as a reader sees it, without markup and with single spaces."""
    assert answer.status_code == status, (answer.status_code, answer.text[:2000])
    text = html.unescape(re.sub(r"<[^>]*>", " ", answer.text))
    return " ".join(text.replace("\u202f", " ").split())


def form(answer: httpx.Response, action: str) -> dict[str, Any]:
    """The fields of the first form that goes to this address, as a browser would send them untouched."""
    for found in re.finditer(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", answer.text, re.S):
        if found[1].endswith(action):
            fields: dict[str, Any] = {}
            for one in re.finditer(r"<input[^>]*>", found[2]):
                told = dict(re.findall(r'(\w+)="([^"]*)"', one[0]))
                if told.get("type") in ("hidden", None) and "name" in told and told["name"] != "jeton":
                    fields.setdefault(told["name"], []).append(html.unescape(told.get("value", "")))
            return fields
    raise AssertionError(f"no form to {action}")


def follow(caller: Caller, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, (answer.status_code, shown(answer, answer.status_code))
    return caller.client.get(answer.headers["location"])


def decided(caller: Caller, answer: httpx.Response, **changed: Any) -> httpx.Response:
    """Apply what a preview shows."""
    return caller.post("/decider", form(answer, "/decider") | {"motif": "vu avec le laboratoire"} | changed)


def test_causes_tell_what_waits(at: Analyst) -> None:
    at.send(dose("M1", NIR=NIR2), dose("M2", NIR=NIR2), dose("M3", SIRET=UNKNOWN), dose("M4", NOM="DUPONT"))
    text = shown(at.by(READER).get("/"))
    assert "4 lignes en attente · 3 causes · 0,600 mSv" in text
    assert "IDT-06" in text
    assert "un travailleur" in text
    assert UNKNOWN in text
    assert "en hausse : 2" in text
    assert NIR2 not in text


def test_an_empty_queue_says_so(at: Analyst) -> None:
    assert "la file est vide" in shown(at.by(READER).get("/"))
    assert "Rien n’attend sous ces filtres" in shown(at.by(READER).get("/", emetteur="LABO9"))


def test_filters_stay_in_the_address(at: Analyst) -> None:
    at.send(dose("M1", NIR=NIR2), dose("M2", SIRET=UNKNOWN), dose("M3", NOM="DUPONT"))
    caller = at.by(READER)
    for asked, lines in (
        ({"code": "IDT-05"}, 1),
        ({"siret": UNKNOWN[:9]}, 1),
        ({"emetteur": "LABO1", "format": "PASSIVE", "jours": "0", "ordre": "dose"}, 3),
        ({"jours": "5"}, 0),
        ({"motif": "FUSION"}, 0),
    ):
        page = caller.get("/", **asked)
        assert page.text.count("<tr data-href") == lines, asked
        for name, value in asked.items():
            if lines:
                assert f"{name}={value}" in page.text or f"{name}%3D{value}" in page.text
    link = re.search(r'data-href="([^"]*)"', caller.get("/", code="IDT-05").text)
    assert link
    back = caller.client.get(html.unescape(link[1]))
    assert "/siseri/?code=IDT-05" in back.text


@pytest.mark.parametrize(
    "asked",
    [
        {"jours": "x"},
        {"jours": "-1"},
        {"jours": "9" * 30},
        {"jours": "٣"},
        {"siret": "7328a"},
        {"siret": "%"},
        {"code": "IDT-99"},
        {"code": MARKUP},
        {"ordre": "nom"},
        {"emetteur": "a\0b"},
        {"emetteur": "x" * 100},
        {"apres": "x"},
        {"apres": "1_99999999999"},
    ],
)
def test_filters_that_make_no_sense_are_told(at: Analyst, asked: dict[str, str]) -> None:
    answer = at.by(READER).get("/", **asked)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert MARKUP not in answer.text
    assert "<tr data-href" not in answer.text


def test_rows_of_a_cause_are_paged_and_each_look_is_noted(at: Analyst) -> None:
    at.send(*(dose(f"M{n}", NOM="DUPONT") for n in range(120)))
    number = at.cause()
    caller = at.by(READER)
    first = caller.get(f"/causes/{number}")
    assert "120 lignes de LABO1" in shown(first)
    assert "Les noms de naissance doivent être égaux" in shown(first)
    assert NIR in shown(first)
    assert "Aperçu" not in first.text, "who may only read is offered no decision"
    seen: list[str] = []
    page = first
    while True:
        seen += re.findall(r'href="/siseri/lignes/(\d+)"', page.text)
        following = re.search(r'rel="next" href="([^"]*)"', page.text)
        if not following:
            break
        page = caller.client.get(html.unescape(following[1]))
    assert len(set(seen)) == 120
    looks = at.looks()
    assert len(looks) == 120
    assert {one[:3] for one in looks} == {("lecteur", "BUREAU", "cause")}
    assert caller.get("/causes/99999").status_code == 404
    assert caller.get(f"/causes/{1 << 40}").status_code == 422


def test_a_group_is_decided_after_its_preview(at: Analyst) -> None:
    at.send(*(dose(f"M{n}", "0.05", NOM="DUPONT") for n in range(60)), dose("M99", NIR=NIR2))
    number = at.cause(code="IDT-08")
    caller = at.by()
    page = caller.get(f"/causes/{number}")
    asked = form(page, "/apercu") | {"action": "rattacher", "portee": "tout", "motif": ""}
    preview = caller.post("/apercu", asked)
    text = shown(preview)
    assert "Aperçu : rattacher, 60 lignes" in text
    assert "attend IDT-08 intégrée 60" in text
    assert "Les 50 premières lignes" in text
    assert "Cela empire" not in text
    assert at.bench.rows("LABO1", "mars.csv")[0] == ("EN_ATTENTE", {"IDT-08"}), "a preview leaves nothing"
    answer = decided(caller, preview)
    assert answer.headers["location"] == "/siseri/"
    text = shown(follow(caller, answer))
    assert " : 60 lignes intégrées." in text
    assert "1 ligne en attente" in text
    at.settle()
    (told,) = at.bench.follow_ups("LABO1", "mars.csv")
    assert len(told["changements"]) == 60
    (one,) = at.connection.execute("select who, motive, action from queue.decision").fetchall()
    assert one == ("analyste", "vu avec le laboratoire", "rattacher")


def test_ticked_rows_only_are_decided(at: Analyst) -> None:
    entries = at.send(*(dose(f"M{n}", NOM="DUPONT") for n in range(3)))
    caller = at.by()
    page = caller.get(f"/causes/{at.cause()}")
    ticked = [f"{one}:0" for one in entries[:2]]
    preview = caller.post(
        "/apercu", form(page, "/apercu") | {"action": "rejeter", "cause_rejet": "DOUBLE", "ligne": ticked}
    )
    assert "2 lignes" in shown(preview)
    assert "déjà transmise par ailleurs" in shown(preview)
    answer = decided(caller, preview)
    assert answer.headers["location"].startswith("/siseri/causes/")
    assert " : 2 lignes rejetées." in shown(follow(caller, answer))
    assert [outcome for outcome, _ in at.bench.rows("LABO1", "mars.csv")] == ["REJETE", "REJETE", "EN_ATTENTE"]


def test_rows_that_came_after_the_preview_are_not_decided(at: Analyst) -> None:
    at.send(*(dose(f"M{n}", NOM="DUPONT") for n in range(3)))
    number, caller = at.cause(), at.by()
    page = caller.get(f"/causes/{number}")
    at.send(dose("M7", NOM="DUPONT"), name="avril.csv")
    preview = caller.post("/apercu", form(page, "/apercu") | {"action": "rattacher", "portee": "tout"})
    assert "3 lignes alors, 4 lignes maintenant" in shown(preview)
    at.send(dose("M8", NOM="DUPONT"), dose("M9", NOM="DUPONT"), name="mai.csv")
    text = shown(follow(caller, decided(caller, preview)))
    assert "4 lignes intégrées" in text
    assert "2 lignes arrivées depuis l’aperçu" in text
    assert [outcome for outcome, _ in at.bench.rows("LABO1", "mai.csv")] == ["EN_ATTENTE", "EN_ATTENTE"]


def test_a_whole_cause_is_decided_on_its_preview_only(at: Analyst) -> None:
    at.send(*(dose(f"M{n}", NOM="DUPONT") for n in range(3)))
    sent = {"cause": str(at.cause()), "portee": "tout", "action": "rejeter", "motif": "vu"}
    assert "se décide sur son aperçu" in shown(at.by().post("/decider", sent), 400)
    assert len(at.bench.queue()) == 3


def test_a_cause_too_large_for_one_decision_is_decided_in_parts(at: Analyst, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("desk.drafts.MOST", "desk.decisions.MOST"):
        monkeypatch.setattr(place, 3)
    at.send(*(dose(f"M{n}", NOM="DUPONT") for n in range(5)))
    caller = at.by()
    page = caller.get(f"/causes/{at.cause()}")
    preview = caller.post("/apercu", form(page, "/apercu") | {"action": "rejeter", "portee": "tout"})
    assert "Une décision porte sur 3 lignes au plus : 2 lignes de la cause n’en font pas partie." in shown(preview)
    answer = decided(caller, preview)
    assert answer.headers["location"].startswith("/siseri/causes/")
    text = shown(follow(caller, answer))
    assert "3 lignes rejetées. 2 lignes arrivées depuis l’aperçu ou hors de lui, à décider encore." in text


def test_an_entry_that_holds_no_row_is_seen_and_closed(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NIR=NIR2))
    with at.bench.registry.warehouse.admin() as admin:  # as a merge of persons leaves one
        admin.execute("update queue.entry set codes = 0, motive = 'FUSION'")
        admin.execute("update ledger.row_entry set until_load = since_load + 1 where outcome = 'A'")
    caller = at.by()
    assert "Deux mesures sous une même clé après une fusion" in shown(caller.get("/", motif="FUSION"))
    page = caller.get(f"/lignes/{entry}")
    assert "confirmez une fois vu" in shown(page)
    assert 'value="rejeter"' not in page.text
    told = form(page, "/apercu")
    assert "se confirme" in shown(caller.post("/apercu", told | {"action": "rejouer"}), 400)
    with at.bench.registry.warehouse.admin() as admin:
        admin.execute("update ledger.row_entry set until_load = null where outcome = 'A'")
        admin.execute("update queue.entry set codes = 4096, motive = null")


def test_two_analysts_on_the_same_rows(at: Analyst) -> None:
    entries = at.send(*(dose(f"M{n}", NIR=NIR2, SIRET=UNKNOWN) for n in range(3)))
    caller = at.by()
    preview = caller.post(
        "/apercu", form(caller.get(f"/causes/{at.cause()}"), "/apercu") | {"action": "rejeter", "portee": "tout"}
    )
    correction = Decision("corriger", "vu", "autre", values=(("SIRET", SIRET),))
    decide(at.connection, at.key, correction, dict.fromkeys(entries[:1]))
    decide(at.connection, at.key, Decision("rejeter", "vu", "autre"), dict.fromkeys(entries[1:2]))
    text = shown(follow(caller, decided(caller, preview)))
    assert "1 ligne rejetée." in text
    assert "1 ligne n’attendait plus." in text
    assert "1 ligne changée par une autre décision" in text
    assert [outcome for outcome, _ in at.bench.rows("LABO1", "mars.csv")] == ["EN_ATTENTE", "REJETE", "REJETE"]
    # The same again: nothing is left to decide.
    text = shown(decided(caller, preview), 400)
    assert "n'attendent plus" in text
    assert at.connection.execute("select count(*) from queue.decision").fetchone() == (3,)


def test_a_queue_emptied_by_a_release_while_someone_looks(at: Analyst) -> None:
    at.send(dose("M1", NIR=NIR2))
    number, caller = at.cause(), at.by()
    page = caller.get(f"/causes/{number}")
    asked = form(page, "/apercu") | {"action": "rejeter", "portee": "tout"}
    preview = caller.post("/apercu", asked)
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "NOM": "MARTIN", "PRENOM": "JEAN"}
    at.bench.drop("EMPL", "ajout.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), **born)))
    at.bench.run()
    assert at.bench.queue() == []
    assert "Plus rien n’attend sous cette cause" in shown(caller.get(f"/causes/{number}"))
    assert "n'attendent plus" in shown(decided(caller, preview), 400)
    assert "n'attendent plus" in shown(caller.post("/apercu", asked), 400)


def test_a_correction_that_makes_things_worse_shows(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    caller = at.by()
    page = caller.get(f"/lignes/{entry}")
    asked = form(page, "/apercu")

    def preview(**values: str) -> httpx.Response:
        told = {"champ": list(values), "valeur": list(values.values()), "motif": "vu", "action": "corriger"}
        return caller.post("/apercu", asked | told)

    worse = preview(SIRET=UNKNOWN)
    assert "Cela empire : 1 ligne attendrait pour une raison nouvelle." in shown(worse)
    assert "Appliquer" in shown(worse)
    wrong = preview(VALEUR="beaucoup")
    assert "1 ligne serait rejetée" in shown(wrong)
    assert "ne peut pas être appliquée" in shown(wrong)
    assert "Appliquer" not in shown(wrong)
    assert 'value="beaucoup"' in wrong.text, "what was typed is there to be changed"
    assert "attendrait toujours, sans changement" in shown(preview(VALEUR="0.16"))
    forced = form(worse, "/decider") | {"champ": ["VALEUR"], "valeur": ["beaucoup"]}
    assert "la valeur donnée serait rejetée" in shown(caller.post("/decider", forced), 400).lower()
    assert at.bench.rows("LABO1", "mars.csv") == [("EN_ATTENTE", {"IDT-08"})]


def test_one_row_beside_the_registry(at: Analyst) -> None:
    at.send(dose("M0"), name="fevrier.csv")
    first, second = at.send(
        dose("M1", NOM="MARTEN", DATE_FIN_PORT="30/03/2026"), dose("M2", NOM="DUPONT", DATE_FIN_PORT="29/03/2026")
    )
    caller = at.by()
    page = caller.get(f"/lignes/{first}")
    text = shown(page)
    assert "IDT-08" in text
    assert "<mark>MARTEN</mark>" in page.text
    assert "<mark>JEAN</mark>" not in page.text
    assert "rattaché : 01/09/2019 – en cours" in text
    assert "Derniers résultats" in text
    assert "0,150" in text
    assert f"/siseri/lignes/{second}" in page.text
    assert "Propositions" in text
    assert at.looks()[-1] == ("analyste", "BUREAU", "ligne", first)
    proposal = form(page, "/apercu")
    preview = caller.post("/apercu", proposal)
    assert "attend IDT-08 intégrée 1" in shown(preview)
    answer = decided(caller, preview)
    assert answer.headers["location"] == f"/siseri/lignes/{second}", "the next row of the cause follows"
    text = shown(caller.get(f"/lignes/{first}"))
    assert "Cette entrée n’attend plus" in text
    assert "Annuler…" in text
    assert caller.get("/lignes/99999").status_code == 404


def test_a_settled_row_is_not_decided_again(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    caller = at.by()
    told = {"ligne": f"{entry}:0", "entree": str(entry), "format": "PASSIVE", "motif": "vu"}
    assert caller.post("/decider", told | {"action": "rattacher"}).status_code == 303
    for action in ("rattacher", "rejeter", "rejouer"):
        assert "n'attendent plus" in shown(caller.post("/decider", told | {"action": action}), 400)
    assert len(at.bench.doses()) == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"action": ""}, "action inconnue"),
        ({"action": "effacer"}, "action inconnue"),
        ({"action": "corriger"}, "demande un champ"),
        ({"action": "corriger", "champ": "RIEN", "valeur": "1"}, "n'a pas de champ"),
        ({"action": "rattacher", "vers": "NIR"}, "indiquez le numéro"),
        ({"action": "rattacher", "vers": "NIR", "numero": NIR3}, "aucun travailleur"),
        ({"action": "rattacher", "vers": "SIRET", "numero": "\0"}, "indiquez"),
        ({"action": "rattacher", "vers": "SIRET", "numero": UNKNOWN}, "pas connu"),
        ({"action": "rejeter", "cause_rejet": "HUMEUR"}, "cause inconnue"),
        ({"action": "rejouer", "motif": " "}, "le motif manque"),
        ({"action": "rejouer", "motif": "x" * 501}, "dépasse 500"),
        ({"action": "rejouer", "motif": "a\x1bb"}, "caractère de contrôle"),
        ({"action": "rejouer", "ligne": []}, "aucune ligne"),
        ({"action": "rejouer", "ligne": "x:y"}, "illisible"),
        ({"action": "rejouer", "ligne": "-1:0"}, "illisible"),
        ({"action": "rejouer", "ligne": f"{1 << 40}:0"}, "aucune ligne"),
        ({"action": "rejouer", "ligne": [], "selection": "n'importe quoi"}, "illisible"),
        ({"action": "rejouer", "ligne": [], "selection": "eJwDAAAAAAE="}, "illisible"),
    ],
)
def test_forms_at_fault_come_back_as_typed(at: Analyst, told: dict[str, Any], words: str) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    sent = {"ligne": f"{entry}:0", "format": "PASSIVE", "motif": "mon motif"} | told
    answer = at.by().post("/decider", sent)
    assert words in shown(answer, 400).replace("’", "'") or words.capitalize() in shown(answer, 400)
    if sent["motif"] == "mon motif":
        assert 'value="mon motif"' in answer.text
    assert at.bench.rows("LABO1", "mars.csv") == [("EN_ATTENTE", {"IDT-08"})]


def test_a_form_of_thousands_of_fields_breaks_nothing(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    sent = {"ligne": [f"{entry}:0"] * 20_000, "action": "rejeter", "motif": "vu"}
    assert at.by().post("/apercu", sent).status_code in (200, 400)
    assert at.by().post("/apercu", {"ligne": f"{entry}:0", "action": ["rejeter"] * 5000}).status_code in (200, 400)
    assert len(at.bench.queue()) == 1


def test_rights_decide_what_is_offered_and_what_is_done(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", SIRET=CLOSED))
    reader = at.by(READER)
    for path in (f"/lignes/{entry}", f"/causes/{at.cause()}", "/journal", "/permanentes", "/", "/recherche"):
        answer = reader.get(path)
        assert answer.status_code == 200
        posts = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', answer.text)
        assert set(posts) == {"/siseri/recherche"}, path
    sent = {"ligne": f"{entry}:0", "action": "rejeter", "motif": "vu"}
    for path in (
        "/apercu",
        "/decider",
        f"/lignes/{entry}/question",
        "/permanentes",
        "/decisions/1/annuler",
    ):
        assert "pas décider" in shown(reader.post(path, sent | {"texte": "?"}), 403)
    assert at.by().post("/permanentes/1/approuver").status_code == 403
    assert at.by().post("/permanentes/1/revoquer", {"motif": "x"}).status_code == 403
    assert at.bench.queue()


def test_undo_from_the_journal(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    caller = at.by()
    caller.post("/decider", {"ligne": f"{entry}:0", "action": "rattacher", "motif": "usage"})
    text = shown(caller.get("/journal"))
    assert "analyste" in text
    assert "usage" in text
    assert "Aucune décision de cette personne" in shown(caller.get("/journal", par="autre"))
    page = caller.get("/decisions/1")
    assert "1 ligne attendra de nouveau" in shown(page)
    answer = caller.post("/decisions/1/annuler", {"motif": ""})
    assert "Le motif manque." in shown(follow(caller, answer))
    text = shown(follow(caller, caller.post("/decisions/1/annuler", {"motif": "erreur de ma part"})))
    assert "Décision n° 1 annulée : 1 ligne attend de nouveau." in text
    assert "erreur de ma part" in text
    assert at.bench.rows("LABO1", "mars.csv") == [("EN_ATTENTE", {"IDT-08"})]
    assert "déjà annulée" in shown(follow(caller, caller.post("/decisions/1/annuler", {"motif": "encore"})))
    assert "La ligne attend de nouveau : entrée" in shown(caller.get(f"/lignes/{entry}"))
    assert "annulée" in shown(caller.get("/journal"))
    at.settle()
    assert len(at.bench.follow_ups("LABO1", "mars.csv")) == 2
    assert caller.get("/decisions/7").status_code == 404
    assert caller.post("/decisions/7/annuler", {"motif": "x"}).status_code == 404


def test_an_undo_that_something_builds_upon_says_why(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))
    caller = at.by()
    caller.post("/decider", {"ligne": f"{entry}:0", "action": "rattacher", "motif": "usage"})
    at.settle()
    at.send(dose("M1", CODE_METROLOGIE="A"), name="annulation.csv")
    answer = follow(caller, caller.post("/decisions/1/annuler", {"motif": "erreur"}))
    assert "ne peut plus être annulée" in shown(answer)


def test_a_question_reaches_its_sender_and_its_answer_is_kept(at: Analyst) -> None:
    (entry,) = at.send(dose("M1", NIR=NIR2))
    caller = at.by()
    assert "Le texte manque." in shown(follow(caller, caller.post(f"/lignes/{entry}/question", {"texte": " "})))
    text = shown(follow(caller, caller.post(f"/lignes/{entry}/question", {"texte": f"Qui est-ce ?\n{MARKUP}"})))
    assert "Question posée" in text
    at.settle()
    page = caller.get(f"/lignes/{entry}")
    assert "remise" in shown(page)
    assert MARKUP not in page.text
    assert html.escape(MARKUP, quote=False) in page.text.replace("&#34;", '"')
    assert any(".question-1.json" in one for one in at.bench.files("LABO1"))
    assert 'class="question"' in caller.get(f"/causes/{at.cause()}").text
    follow(caller, caller.post(f"/lignes/{entry}/reponse", {"texte": "Une intérimaire."}))
    assert "Une intérimaire." in shown(caller.get(f"/lignes/{entry}"))
    answer = follow(caller, caller.post("/lignes/99999/question", {"texte": "?"}))
    assert answer.status_code == 404


def test_a_standing_decision_needs_two_persons(at: Analyst) -> None:
    at.send(dose("M1", SIRET=CLOSED))
    told = {"genre": "SIRET", "recu": CLOSED, "lu": SIRET, "du": "2026-02-01", "motif": "repris par la clinique"}
    senior = at.by(SENIOR)
    assert "une autre personne doit l’approuver" in shown(follow(senior, senior.post("/permanentes", told)))
    page = senior.get("/permanentes")
    assert "1 ligne attend sous cet identifiant" in shown(page)
    assert "/permanentes/1/approuver" not in page.text
    assert "qui propose n'approuve pas" in shown(follow(senior, senior.post("/permanentes/1/approuver"))).lower()
    analyst = at.by()
    assert "/permanentes/1/approuver" not in analyst.get("/permanentes").text
    chief = at.by(Person("cheffe", may_read=True, may_decide=True, may_approve=True))
    assert "/permanentes/1/approuver" in chief.get("/permanentes").text
    text = shown(follow(chief, chief.post("/permanentes/1/approuver")))
    assert "1 ligne relue, dont 1 intégrées" in text
    assert at.bench.rows("LABO1", "mars.csv")[0][0] == "INTEGRE"
    assert "permanente n° 1" in shown(chief.get("/journal"))
    text = shown(follow(chief, chief.post("/permanentes/1/revoquer", {"motif": "fini"})))
    assert "révoquée" in text
    assert "déjà révoquée" in shown(follow(chief, chief.post("/permanentes/1/revoquer", {"motif": "fini"})))
    for changed, words in (
        ({"lu": "123"}, "bien formé"),
        ({"du": ""}, "le premier jour manque"),
        ({"genre": "NOM"}, "porte sur"),
        ({"emetteur": "PERSONNE"}, "aucun compte"),
        ({"recu": "\0"}, "bien formé"),
    ):
        answer = chief.post("/permanentes", told | changed)
        assert words in shown(answer, 400).lower(), changed
        assert 'value="repris par la clinique"' in answer.text


def test_search_by_number_and_by_person(at: Analyst) -> None:
    entries = at.send(dose("M1", NOM="DUPONT"), dose("M2", NIR=NIR2))
    depot = at.bench.submission("LABO1", "mars.csv")
    caller = at.by()
    assert follow(caller, caller.post("/recherche", {"q": f" {depot} "})).text.count("<tr data-href") == 2
    assert follow(caller, caller.post("/recherche", {"q": SIRET})).text.count("<tr data-href") == 2
    answer = follow(caller, caller.post("/recherche", {"q": str(entries[0])}))
    assert f'href="/siseri/lignes/{entries[0]}"' in answer.text
    for asked, found in ((NIR, 1), (NIR + "20", 1), (NIR2.lower(), 1), (NIR3, 0)):
        answer = caller.post("/recherche", {"q": asked})
        assert answer.status_code == 200
        assert answer.text.count("<tr data-href") == found
        assert "location" not in answer.headers
    assert at.looks()[-1][:3] == ("analyste", "BUREAU", "recherche")
    assert "Donnez un numéro" in shown(follow(caller, caller.post("/recherche", {"q": MARKUP})))
    assert caller.get("/recherche", q=NIR).status_code == 422
    assert caller.get("/recherche", q="9999999999").status_code == 200


def test_selections_are_downloaded(at: Analyst) -> None:
    at.send(dose("M1", NIR=NIR2), dose("M2", NOM="=1+1"), dose("M3", SIRET=UNKNOWN))
    caller = at.by(READER)
    answer = caller.get("/export.csv", code="IDT-06")
    assert answer.headers["content-disposition"] == 'attachment; filename="rejets-2026-04-10.csv"'
    (line,) = cells(answer.content, "utf-8-sig")
    assert line["codes"] == "IDT-06"
    number = at.cause(code="IDT-08")
    answer = caller.get(f"/causes/{number}/export.csv")
    (line,) = cells(answer.content, "utf-8-sig")
    assert line["numero"] == NIR
    assert line["nom"] == "'=1+1"
    assert at.looks()[-1][:3] == ("lecteur", "BUREAU", "export")
    for path in ("/export.xlsx", f"/causes/{number}/export.xlsx"):
        answer = caller.get(path)
        assert "attachment" in answer.headers["content-disposition"]
        book = zipfile.ZipFile(io.BytesIO(answer.content))
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
    assert caller.get("/export.csv", jours="x").status_code == 400
    assert caller.get("/causes/9999/export.csv").status_code == 404


HOSTILE = (MARKUP, "=1+1", "'\"><img src=x onerror=alert(1)>", "X" * 100, "\u202egnol\u202c", "{{ 7 * 7 }}", "ÉÈ&amp;")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_shown_as_text(at: Analyst, name: str) -> None:
    entries = at.send(dose("M1", NOM='"' + name.replace('"', '""') + '"'), dose("M2", NIR=NIR2, PRENOM="X" * 40))
    caller = at.by()
    number = at.cause(code="IDT-08") if entries else 0
    pages = [
        caller.get(f"/causes/{number}"),
        caller.get(f"/lignes/{entries[0]}"),
        caller.post("/recherche", {"q": NIR}),
    ]
    told = {"ligne": f"{entries[0]}:0", "entree": str(entries[0]), "format": "PASSIVE", "action": "corriger"}
    told |= {"champ": "NOM", "valeur": name, "motif": name, "de": f"emetteur={name}"}
    pages.append(caller.post("/apercu", told))
    pages.append(caller.post("/apercu", told | {"champ": name, "vers": name, "numero": name, "cause_rejet": name}))
    pages.append(caller.get("/", emetteur=name, code="IDT-08"))
    pages.append(caller.get("/journal", par=name))
    pages.append(caller.post("/permanentes", {"genre": "SIRET", "recu": name, "lu": name, "motif": name, "du": name}))
    for page in pages:
        assert page.status_code in (200, 400)
        assert "<script>" not in page.text
        assert "<img" not in page.text
        assert "49" not in re.sub(r"\d{3,}|<[^>]*>", "", page.text) or "{{" not in name
    assert any(html.unescape(name)[:20] in html.unescape(page.text) for page in pages)


def test_no_number_and_no_name_leaves_by_address_log_or_cookie(at: Analyst, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    entries = at.send(dose("M1", NOM="SECRETISSIME"), dose("M2", NIR=NIR2))
    caller = at.by()
    seen: list[str] = []

    def keep(request: httpx.Request) -> None:
        seen.append(str(request.url))

    def told(answer: httpx.Response) -> None:
        seen.append(str(answer.headers))

    caller.client.event_hooks = {"request": [keep], "response": [told]}
    caller.post("/recherche", {"q": NIR})
    page = caller.get(f"/lignes/{entries[0]}")
    links = [html.unescape(one) for one in re.findall(r'(?:href|action)="([^"]*)"', page.text)]
    for link in {one for one in links if one.startswith("/siseri/") and "approuver" not in one}:
        caller.client.get(link)
    preview = caller.post(
        "/apercu",
        form(page, "/apercu") | {"action": "rattacher", "vers": "NIR", "numero": NIR, "motif": "vu"},
    )
    answer = decided(caller, preview)
    seen.append(str(answer.headers))
    follow(caller, answer)
    caller.post("/lignes/1/question", {"texte": f"{NIR} SECRETISSIME"})
    at.settle()
    everything = "\n".join(seen) + caplog.text
    for secret in (NIR, NIR2, "SECRETISSIME", "MARTIN"):
        assert secret not in everything


def test_a_failed_aftermath_is_logged_and_nothing_is_lost(
    at: Analyst, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (entry,) = at.send(dose("M1", NOM="DUPONT"))

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(NIR)

    monkeypatch.setattr("desk.after.follow_through", broken)
    caller = at.by()
    assert caller.post("/decider", {"ligne": f"{entry}:0", "action": "rattacher", "motif": "vu"}).status_code == 303
    at.settle()
    assert "ValueError" in caplog.text
    assert NIR not in caplog.text
    assert at.bench.follow_ups("LABO1", "mars.csv") == []
    at.bench.answer()
    assert len(at.bench.follow_ups("LABO1", "mars.csv")) == 1


def test_selections_travel_whole() -> None:
    wanted = {number: number % 3 for number in (1, 2, 5, 70_000, (1 << 31) - 1)}
    assert unpack(pack(wanted)) == wanted
    many = dict.fromkeys(range(1, 200_000, 4), 1)
    assert len(pack(many)) < 1000
    assert unpack(pack(many)) == many
    for wrong in ("", "x", pack({}), pack(dict.fromkeys(range(1, 60_000), 0)), pack({1: 0})[:-6], "é"):
        with pytest.raises(UsageError):
            unpack(wrong)
