"""Standing decisions: proposed, approved by another person, applied before judgement, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from senders import (
    CLOSED,
    NIR,
    NIR2,
    NIR3,
    OPERATIONNELLE,
    PASSIVE,
    SIRET,
    SIRET2,
    TRAVAILLEURS,
    cells,
    country,
    dose,
    file,
    row,
)

from loaders.errors import UsageError
from pipelines import standing
from pipelines.standing import Proposal
from schemas.identifiers import key_of


class Desk:
    def __init__(self, registry: Any) -> None:
        self.bench = registry
        self.connection, self.key = registry.connection, registry.registry.key

    def send(self, *rows: str, name: str, header: str = PASSIVE, partner: str = "LABO1") -> list[tuple[str, set[str]]]:
        self.bench.drop(partner, name, file(header, *rows))
        self.bench.run()
        return self.bench.rows(partner, name)

    def propose(self, sent: str, meant: str, kind: str = "SIRET", **more: Any) -> int:
        told = {"valid_from": date(2026, 2, 1), "motive": "repris par la clinique", "who": "anna"} | more
        return standing.propose(self.connection, self.key, Proposal(kind, sent, meant, **told))

    def approve(self, number: int, who: str = "chef") -> Any:
        return standing.approve(self.connection, self.key, number, who)


@pytest.fixture
def desk(registry: Any) -> Iterator[Desk]:
    made = Desk(country(registry))
    yield made
    made.bench.answer()
    made.bench.verify()


def test_a_closed_establishment_is_read_as_its_successor(desk: Desk) -> None:
    waiting = [("EN_ATTENTE", {"IDT-07", "IDT-11", "AVT-10"})]
    assert desk.send(dose("M1", SIRET=CLOSED), name="mars.csv") == waiting
    number = desk.propose(CLOSED, SIRET)
    assert desk.send(dose("M2", SIRET=CLOSED), name="avril.csv") == waiting  # a proposal does nothing
    effect = desk.approve(number)
    assert effect.counts() == {"INTEGRE": 2}
    assert desk.bench.rows("LABO1", "mars.csv") == [("INTEGRE", set())]
    assert desk.send(dose("M3", SIRET=CLOSED), name="mai.csv") == [("INTEGRE", set())]
    assert {one[2] for one in desk.bench.doses()} == {SIRET}
    assert desk.send(dose("M3", SIRET=SIRET), name="juin.csv") == [("DOUBLON", {"MET-12"})]  # it is the same measure


def test_it_holds_for_its_days_only(desk: Desk) -> None:
    desk.approve(desk.propose(CLOSED, SIRET, valid_from=date(2026, 3, 1), valid_to=date(2026, 3, 31)))
    held = {"DATE_DEBUT_PORT": "01/02/2026", "DATE_FIN_PORT": "28/02/2026"}
    rows = [dose("M1", SIRET=CLOSED), dose("M2", SIRET=CLOSED, **held)]
    assert [outcome for outcome, _ in desk.send(*rows, name="mars.csv")] == ["INTEGRE", "EN_ATTENTE"]


def test_it_holds_for_its_sender_only(desk: Desk) -> None:
    desk.approve(desk.propose(CLOSED, SIRET, partner="LABO2"))
    assert desk.send(dose("M1", SIRET=CLOSED), name="a.csv")[0][0] == "EN_ATTENTE"
    assert desk.send(dose("M1", SIRET=CLOSED), name="a.csv", partner="LABO2")[0][0] == "INTEGRE"


def test_a_number_is_read_as_another_one(desk: Desk) -> None:
    assert desk.send(dose("M1", NIR=NIR2), name="mars.csv") == [("EN_ATTENTE", {"IDT-06"})]
    effect = desk.approve(desk.propose(NIR2, NIR, kind="NIR"))
    assert effect.counts() == {"INTEGRE": 1}
    passage = row(OPERATIONNELLE, NIR=NIR2)
    assert desk.send(passage, name="o.csv", header=OPERATIONNELLE, partner="SITE") == [("INTEGRE", set())]
    assert {one[1] for one in desk.bench.doses()} == {NIR}
    again = row(OPERATIONNELLE)
    assert desk.send(again, name="o2.csv", header=OPERATIONNELLE, partner="SITE") == [("DOUBLON", {"MET-12"})]


def test_worker_lists_are_read_by_it_too(desk: Desk) -> None:
    desk.approve(desk.propose(CLOSED, SIRET2))
    listed = row(TRAVAILLEURS, SIRET=CLOSED, DATEDEBUT="01/03/2026")
    assert desk.send(listed, name="l.csv", header=TRAVAILLEURS, partner="EMPL") == [("INTEGRE", set())]
    found = desk.connection.execute(
        "select e.siret from reference.attachment a join reference.establishment e using (establishment_id) order by 1"
    ).fetchall()
    assert found == [(SIRET,), (SIRET2,)]


def test_revoked_it_acts_no_more_and_what_it_did_stays(desk: Desk) -> None:
    number = desk.propose(CLOSED, SIRET)
    desk.approve(number)
    assert desk.send(dose("M1", SIRET=CLOSED), name="mars.csv")[0][0] == "INTEGRE"
    standing.revoke(desk.connection, desk.key, number, "chef", "erreur")
    assert desk.send(dose("M2", SIRET=CLOSED), name="avril.csv")[0][0] == "EN_ATTENTE"
    assert {one[2] for one in desk.bench.doses()} == {SIRET}
    (shown,) = standing.listing(desk.connection, desk.key)
    assert (shown["etat"], shown["recu"], shown["lu"]) == ("REVOQUEE", CLOSED, SIRET)


def test_what_waits_on_waits_under_what_it_is_read_as(desk: Desk) -> None:
    assert desk.send(dose("M1", SIRET=CLOSED), name="mars.csv")[0][0] == "EN_ATTENTE"
    number = desk.propose(CLOSED, SIRET2)
    effect = desk.approve(number)
    assert effect.counts() == {"EN_ATTENTE": 1}
    (shown,) = desk.bench.queue()
    assert (shown["siret"], shown["codes"]) == (SIRET2, ["AVT-10", "IDT-07"])
    standing.revoke(desk.connection, desk.key, number, "chef", "erreur")
    assert desk.bench.queue()[0]["siret"] == CLOSED
    desk.approve(desk.propose(CLOSED, SIRET2))
    listed = row(TRAVAILLEURS, SIRET=SIRET2, DATEDEBUT="01/03/2026")
    assert desk.send(listed, name="l.csv", header=TRAVAILLEURS, partner="EMPL") == [("INTEGRE", set())]
    assert desk.bench.rows("LABO1", "mars.csv") == [("INTEGRE", {"AVT-10"})]


def test_what_holds_under_an_identifier_is_met_again_or_it_is_not_read_otherwise(desk: Desk) -> None:
    assert desk.send(dose("M1"), name="mars.csv")[0][0] == "INTEGRE"
    number = desk.propose(SIRET, SIRET2, valid_from=date(2026, 3, 1))
    with pytest.raises(UsageError, match=r"1 mesure\(s\) sont en vigueur"):
        desk.approve(number)
    (shown,) = standing.listing(desk.connection, desk.key)
    assert shown["etat"] == "PROPOSEE"
    standing.revoke(desk.connection, desk.key, number, "chef", "mesures en vigueur")
    desk.approve(desk.propose(SIRET, SIRET2, valid_from=date(2026, 4, 1)))  # none from then on


def test_a_revocation_judges_again_only_what_was_read_by_it(desk: Desk) -> None:
    desk.send(dose("M1", SIRET=CLOSED), name="mars.csv")
    number = desk.propose(CLOSED, SIRET)
    desk.approve(number)
    assert desk.send(dose("M2", "812"), dose("M3", "812", SIRET=CLOSED), name="avril.csv")[0][0] == "EN_ATTENTE"
    standing.revoke(desk.connection, desk.key, number, "chef", "erreur")
    judged = "select e.line from queue.decision_entry d join queue.entry e using (entry_id) where d.decision_id = 2"
    assert desk.connection.execute(judged).fetchall() == [(2,)]
    assert desk.bench.rows("LABO1", "avril.csv")[1][1] >= {"IDT-11", "MET-05"}


def test_rules_on_persons_do_not_follow_each_other(desk: Desk) -> None:
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "CLE": key_of(NIR2)}
    listed = row(TRAVAILLEURS, NIR=NIR2, NOM="ROSSI", PRENOM="ANNA", **born)
    assert desk.send(listed, name="l.csv", header=TRAVAILLEURS, partner="EMPL") == [("INTEGRE", set())]
    desk.propose(NIR3, NIR2, kind="NIR")
    with pytest.raises(UsageError, match="croise"):
        desk.propose(NIR2, NIR, kind="NIR")
    with pytest.raises(UsageError, match="croise"):
        desk.propose(NIR3, NIR, kind="NIR")


def test_an_employer_is_asked_to_declare_whom_the_number_is_read_as(desk: Desk) -> None:
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "CLE": key_of(NIR2)}
    listed = row(TRAVAILLEURS, NIR=NIR2, NOM="ROSSI", PRENOM="ANNA", **born)
    desk.send(listed, name="l.csv", header=TRAVAILLEURS, partner="EMPL")
    desk.approve(desk.propose(NIR3, NIR2, kind="NIR"))
    sent = dose("M1", NIR=NIR3, NOM="ROSSI", PRENOM="ANNA", SIRET=SIRET2)
    assert desk.send(sent, name="mars.csv")[0][1] == {"IDT-07", "AVT-10"}
    assert [one["NIR"] for one in cells(desk.bench.read("EMPL", "a-declarer.csv"))] == [NIR2]


def test_who_proposes_does_not_approve(desk: Desk) -> None:
    number = desk.propose(CLOSED, SIRET)
    with pytest.raises(UsageError, match="une autre personne"):
        desk.approve(number, "anna")
    assert desk.send(dose("M1", SIRET=CLOSED), name="mars.csv")[0][0] == "EN_ATTENTE"
    desk.approve(number)
    with pytest.raises(UsageError, match="déjà en vigueur"):
        desk.approve(number)


@pytest.mark.parametrize(
    ("sent", "meant", "more", "message"),
    [
        (CLOSED, CLOSED, {}, "le même"),
        (CLOSED, "44306184100047", {}, "pas connu"),
        (CLOSED, "73282932000075", {}, "bien formé"),
        (CLOSED, SIRET, {"kind": "NOM"}, "porte sur"),
        (CLOSED, SIRET, {"valid_to": date(2026, 1, 1)}, "avant de commencer"),
        (CLOSED, SIRET, {"partner": "PERSONNE"}, "aucun compte"),
        (CLOSED, SIRET, {"motive": ""}, "motif"),
        (NIR2, NIR2, {"kind": "NIR"}, "le même"),
        ("9999999999999", NIR, {"kind": "NIR"}, "bien formé"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, sent: str, meant: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        desk.propose(sent, meant, **more)


def test_two_that_cross_or_follow_each_other_are_refused(desk: Desk) -> None:
    desk.propose(CLOSED, SIRET)
    with pytest.raises(UsageError, match="croise"):
        desk.propose(CLOSED, SIRET2)
    with pytest.raises(UsageError, match="croise"):
        desk.propose(SIRET, SIRET2)
    with pytest.raises(UsageError, match="croise"):
        desk.propose(SIRET2, CLOSED)
