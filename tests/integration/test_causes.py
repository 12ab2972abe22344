"""The queue as causes: counted as entries come and go, filtered, paged; dossiers, questions, exports, looks."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import openpyxl
import psycopg
import pytest
from refusals import refused
from senders import CLOSED, NIR, NIR2, NIR3, PASSIVE, TRAVAILLEURS, UNKNOWN, cells, country, dose, file, row

from loaders.errors import UsageError
from pipelines import audit, causes, export_selection, questions
from pipelines.causes import Filters
from pipelines.decide import Decision, decide
from pipelines.dossier import dossier, journal
from pipelines.isolate import Troubles
from schemas import codebook
from schemas.codebook import Severity
from schemas.identifiers import key_of

TODAY = date(2026, 4, 10)


class Desk:
    def __init__(self, registry: Any) -> None:
        self.bench = registry
        self.connection, self.key = registry.connection, registry.registry.key

    def send(self, *rows: str, name: str = "mars.csv", today: date | None = None, partner: str = "LABO1") -> None:
        self.bench.drop(partner, name, file(PASSIVE, *rows))
        self.bench.run(today)

    def causes(self, **filters: Any) -> list[dict[str, Any]]:
        return causes.causes(self.connection, TODAY, Filters(**filters)).rows

    def counted(self) -> None:
        """The counts are those of the entries that are open."""
        holds = codebook.severity_mask(Severity.HOLD)
        told = Counter()
        for one in self.bench.queue():
            codes = codebook.names(codebook.mask(one["codes"]) & holds)
            told[one["emetteur"], one["format"], codes] += 1
        seen: Counter[Any] = Counter()
        for one in causes.every_cause(self.connection, TODAY, Filters()):
            seen[one["emetteur"], one["format"], tuple(one["codes"])] += one["lignes"]
        assert seen == told


@pytest.fixture
def desk(registry: Any) -> Iterator[Desk]:
    made = Desk(country(registry))
    yield made
    made.counted()
    made.bench.answer()
    made.bench.verify()


def test_the_bits_of_the_grouping_are_those_of_the_code_book(registry: Any) -> None:
    text = registry.connection.execute(
        "select string_agg(pg_get_expr(d.adbin, d.adrelid), ' ') from pg_attrdef d"
        " where d.adrelid = 'queue.entry'::regclass"
    ).fetchone()[0]
    assert str(codebook.severity_mask(Severity.HOLD)) in text
    assert str(codebook.mask(("IDT-05", "IDT-07", "IDT-11"))) in text
    assert str(codebook.mask(("IDT-06", "IDT-07"))) in text
    assert str(codebook.mask(("IDT-05", "IDT-11"))) in text


def test_every_code_that_holds_a_row_has_its_rule_in_words() -> None:
    holds = {code for code, one in codebook.book().items() if one.severity is Severity.HOLD}
    assert set(codebook.rules()) == holds


def test_rows_are_grouped_by_code_sender_and_missing_reference(desk: Desk) -> None:
    desk.send(
        dose("M1", SIRET=UNKNOWN),
        dose("M2", SIRET=UNKNOWN, NIR=NIR2),  # the establishment first: one cause with other workers of it
        dose("M3", SIRET=UNKNOWN, NIR=NIR3),
        dose("M4", NIR=NIR2),
        dose("M5", "0.25", NIR=NIR2, CODE_METROLOGIE=""),
        dose("M6", NIR=NIR3),
        dose("M7", NOM="DUPONT"),
        dose("M8", SIRET=CLOSED),
    )
    found = [(one["codes"], one["siret"], one["un_travailleur"], one["lignes"]) for one in desk.causes()]
    assert sorted(found, key=str) == sorted(
        [
            (["IDT-05"], UNKNOWN, False, 1),
            (["IDT-05", "IDT-06"], UNKNOWN, False, 2),
            (["IDT-06"], None, True, 2),
            (["IDT-06"], None, True, 1),
            (["IDT-08"], None, False, 1),
            (["IDT-07", "IDT-11"], CLOSED, False, 1),
        ],
        key=str,
    )


def test_counts_follow_releases_decisions_and_time(desk: Desk) -> None:
    desk.send(dose("M1", NIR=NIR2), dose("M2", NIR=NIR2), dose("M3", NOM="DUPONT"))
    first = desk.causes()[0]
    assert (first["lignes"], first["dose_msv"], first["depuis"]) == (2, "0.300", "2026-04-10")
    desk.counted()
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984"}
    desk.bench.drop(
        "EMPL", "l.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), PRENOM="JEAN", **born))
    )
    desk.bench.run()
    assert [one["codes"] for one in desk.causes()] == [["IDT-08"]]
    desk.bench.run(date(2026, 9, 1))  # what waits too long goes
    assert desk.causes() == []


def test_trend_and_age(desk: Desk) -> None:
    desk.send(dose("M1", NIR=NIR2), dose("M2", NIR=NIR2), name="a.csv", today=date(2026, 4, 1))
    desk.send(dose("M3", NIR=NIR2), name="b.csv", today=TODAY)
    (one,) = desk.causes()
    assert (one["semaine"], one["semaine_avant"], one["depuis"]) == (1, 2, "2026-04-01")
    assert desk.causes(jours=9) == [one]
    assert desk.causes(jours=10) == []


def test_filters(desk: Desk) -> None:
    desk.send(dose("M1", NIR=NIR2), dose("M2", SIRET=CLOSED))
    desk.send(dose("M1", NOM="DUPONT"), partner="LABO2")
    assert [one["emetteur"] for one in desk.causes(emetteur="LABO2")] == ["LABO2"]
    assert [one["codes"] for one in desk.causes(code="IDT-06")] == [["IDT-06"]]
    assert [one["siret"] for one in desk.causes(siret=CLOSED[:9])] == [CLOSED]
    assert desk.causes(format="INTERNE") == []
    assert causes.totals(desk.connection, TODAY, Filters(code="IDT-11"))["lignes"] == 1
    for wrong in ({"code": "IDT-99"}, {"code": "AVT-01"}, {"siret": "73%"}, {"jours": -1}):
        with pytest.raises(UsageError):
            desk.causes(**wrong)


@pytest.mark.parametrize("order", causes.ORDERS)
def test_pages_hold_every_cause_once(desk: Desk, order: str) -> None:
    rows = [dose(f"M{at}", f"0.{at % 4 + 1}", NIR=f"18506751100{at:02d}", NOM="X") for at in range(10, 40)]
    desk.send(*rows)
    seen, after = [], None
    while True:
        page = causes.causes(desk.connection, TODAY, Filters(), order=order, after=after, size=7)
        seen += [one["id"] for one in page.rows]
        after = page.following
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 30
    with pytest.raises(UsageError, match="page"):
        causes.causes(desk.connection, TODAY, Filters(), after="1;drop table")


def test_rows_of_a_cause_in_pages(desk: Desk) -> None:
    desk.send(*(dose(f"M{at}", NOM="DUPONT") for at in range(12)))
    (one,) = desk.causes()
    first = causes.entries(desk.connection, desk.key, one["id"], size=5)
    second = causes.entries(desk.connection, desk.key, one["id"], after=first.following, size=20)
    assert [row["ligne"] for row in first.rows + second.rows] == list(range(1, 13))
    assert second.following is None
    assert (first.rows[0]["numero"], first.rows[0]["nom"]) == (NIR, "DUPONT")


def test_the_dossier_of_a_row(desk: Desk) -> None:
    desk.send(dose("M1", "0.2"), dose("M2", NOM="DUPONT"), dose("M3", NOM="DURAND"))
    first, second = (one["id"] for one in desk.bench.queue())
    decide(desk.connection, desk.key, Decision("rattacher", "nom d'usage", "anna"), {first: None})
    shown = dossier(desk.bench.as_("analyst"), desk.key, second)
    assert shown["travailleur"]["nom"] == "MARTIN"
    assert shown["travailleur"]["numeros"] == [NIR]
    assert shown["travailleur"]["rattachements"][0]["debut"] == "2019-09-01"
    assert shown["etablissement"]["nom"] == "CLINIQUE"
    assert {one["dose_msv"] for one in shown["histoire"]} == {"0.200", "0.150"}
    assert [(one["action"], one["decisions"]) for one in shown["meme_faute"]] == [("rattacher", 1)]
    assert shown["motifs"][0]["regle"].startswith("Le numéro est celui d'un travailleur connu")
    assert {one["champ"]: one["valeur"] for one in shown["valeurs"]}["NOM"] == "DURAND"
    settled = dossier(desk.bench.as_("analyst"), desk.key, first)
    assert not settled["attend"]
    assert settled["decisions"][0]["valeurs_avant"]["NOM"] == "DUPONT"
    (told,) = journal(desk.connection)
    assert (told["action"], told["lignes"]["integrees"]) == ("rattacher", 1)
    with pytest.raises(UsageError, match="aucune entrée"):
        dossier(desk.bench.as_("analyst"), desk.key, 10_000)


def test_a_question_goes_to_the_sender_and_its_answer_is_kept(desk: Desk) -> None:
    desk.send(dose("M1", NOM="DUPONT"), dose("M2", NOM="<b>DUPONT</b>"))
    first, second = (one["id"] for one in desk.bench.queue())
    text = "Est-ce un nom d'usage ?\n<script>alert(1)</script>"
    questions.ask(desk.connection, desk.key, first, text, "anna")
    questions.ask(desk.connection, desk.key, second, "Et ici ?", "anna")
    assert questions.deliver(desk.bench.client, desk.connection, desk.key, Troubles()) == 2
    assert questions.deliver(desk.bench.client, desk.connection, desk.key, Troubles()) == 0
    told = json.loads(desk.bench.read("LABO1", "mars.csv.question-1.json"))
    assert (told["ligne"], told["codes"], told["question"]) == (1, ["IDT-08"], text)
    assert b"<script>alert" not in desk.bench.read("LABO1", "mars.csv.question-1.html")
    assert json.loads(desk.bench.read("LABO1", "mars.csv.question-2.json"))["ligne"] == 2
    questions.note_answer(desk.connection, desk.key, first, "Oui, par téléphone", "anna")
    kinds = [one["genre"] for one in dossier(desk.bench.as_("analyst"), desk.key, first)["messages"]]
    assert kinds == ["QUESTION", "REPONSE"]
    kept = desk.connection.execute("select sealed from queue.message").fetchall()
    assert not any(b"usage" in bytes(one) for (one,) in kept)
    for wrong in ("", "x" * 2001, "a\x00b"):
        with pytest.raises(UsageError):
            questions.ask(desk.connection, desk.key, first, wrong, "anna")
    with pytest.raises(UsageError, match="aucune ligne"):
        questions.ask(desk.connection, desk.key, 10_000, "où ?", "anna")


def test_selections_as_files_hold_no_formula(desk: Desk) -> None:
    desk.send(dose("M1", NOM="=1+1"), dose("M2", NOM="@SUM(A1)"), dose("M3", NIR=NIR2, NOM="-2"))
    one = next(one for one in desk.causes() if one["codes"] == ["IDT-08"])
    asked = (desk.connection, desk.key, TODAY, Filters(), "lignes", one["id"], "anna", audit.DESK)
    body, count = export_selection.selection(*asked, workbook=False)
    assert count == 2
    assert [line["nom"] for line in cells(body, "utf-8-sig")] == ["'=1+1", "'@SUM(A1)"]
    book, _ = export_selection.selection(*asked, workbook=True)
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    assert [cell.data_type for cell in next(sheet.iter_rows(min_row=2))][:2] == ["n", "n"]
    column = [cell.value for cell in next(sheet.iter_rows(max_row=1))].index("nom")
    assert [(line[column].value, line[column].data_type) for line in sheet.iter_rows(min_row=2)] == [
        ("=1+1", "s"),
        ("@SUM(A1)", "s"),
    ]
    body, count = export_selection.selection(*asked[:5], None, "anna", audit.DESK, workbook=False)
    assert count == 2
    assert NIR.encode() not in body
    counted = "select who, door, what, count(entry_id) from audit.look group by 1, 2, 3"
    assert desk.bench.as_("administrator").execute(counted).fetchall() == [("anna", "BUREAU", "export", 4)]


def test_nobody_edits_what_was_looked_at(desk: Desk) -> None:
    audit.looked(desk.connection, "anna", audit.DESK, "dossier", [1])
    for text in ("update audit.look set who = 'x'", "delete from audit.look"):
        with refused(psycopg.errors.InsufficientPrivilege, "permission denied"):
            desk.connection.execute(text)
