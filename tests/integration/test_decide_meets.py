"""Decisions and what they meet: rows of one decision, other waiting rows, decisions before and after, standing ones.

Each was found by the stories of ``tests/property/test_desk.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from senders import (
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
from pipelines.decide import Decision, Effect, decide
from pipelines.standing import Proposal
from pipelines.undo import undo
from schemas.identifiers import key_of

LATER = date(2026, 4, 11)


class Desk:
    def __init__(self, registry: Any) -> None:
        self.bench = registry
        self.connection, self.key = registry.connection, registry.registry.key

    def send(
        self, name: str, *rows: str, header: str = PASSIVE, partner: str = "LABO1", on: date | None = None
    ) -> list[int]:
        """Integrate a file; the entries of its rows that wait, in file order."""
        self.bench.drop(partner, name, file(header, *rows))
        self.bench.run(on)
        found = self.connection.execute(
            "select entry_id from queue.entry where submission_id = %s and until_load is null order by line",
            (self.bench.submission(partner, name),),
        ).fetchall()
        return [number for (number,) in found]

    def decide(self, action: str, *entries: int, **values: str) -> Effect:
        return decide(
            self.connection,
            self.key,
            Decision(action, "vu", "anna", None, tuple(values.items())),
            dict.fromkeys(entries),
        )

    def undo(self, effect: Effect) -> None:
        assert effect.number is not None
        undo(self.connection, effect.number, "anna", "erreur")

    def declare(self, nir: str) -> None:
        """The employer declares a woman born in May 1984."""
        born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "PRENOM": "JEAN"}
        self.send("ajout.csv", row(TRAVAILLEURS, NIR=nir, CLE=key_of(nir), **born), header=TRAVAILLEURS, partner="EMPL")

    def stand(
        self,
        sent: str,
        meant: str,
        kind: str = "NIR",
        since: date = date(2026, 1, 1),
        partner: str | None = None,
    ) -> int:
        proposal = Proposal(kind, sent, meant, since, "vu", "anna", partner=partner)
        number = standing.propose(self.connection, self.key, proposal)
        standing.approve(self.connection, self.key, number, "chef")
        return number

    def rows(self, name: str, partner: str = "LABO1") -> list[tuple[str, set[str]]]:
        return self.bench.rows(partner, name)


@pytest.fixture
def desk(registry: Any) -> Iterator[Desk]:
    made = Desk(country(registry))
    yield made
    made.bench.answer()
    made.bench.verify()


def test_a_correction_whose_origin_leaves_the_queue_waits_as_a_new_measure(desk: Desk) -> None:
    _, second = desk.send("mars.csv", dose("M1", NIR=NIR2), dose("M2", "0.4", NIR=NIR2))
    desk.decide("corriger", second, ID_MESURE="M1", CODE_METROLOGIE="C")
    assert desk.rows("mars.csv") == [("REJETE", {"IDT-06", "MET-11"}), ("EN_ATTENTE", {"IDT-06"})]
    desk.declare(NIR2)
    assert desk.rows("mars.csv")[1] == ("INTEGRE", set())  # nothing is left to correct, and nothing is lost


def test_of_rows_under_one_key_the_first_received_counts_whoever_sent_it(desk: Desk) -> None:
    passage = {"header": OPERATIONNELLE}
    first = desk.send("a.csv", row(OPERATIONNELLE, NIR=NIR2), partner="SITE", **passage)
    second = desk.send("b.csv", row(OPERATIONNELLE, NIR=NIR3, VALEUR="0.5"), partner="EMPL", on=LATER, **passage)
    desk.decide("corriger", *first, *second, NIR=NIR)
    assert desk.rows("a.csv", "SITE")[0][0] == "INTEGRE"
    assert desk.rows("b.csv", "EMPL")[0] == ("REJETE", {"AVT-10", "MET-11"})


def test_a_row_yet_to_be_judged_stands_in_nobodys_way(desk: Desk) -> None:
    """Rows of two days are judged one day after the other; all of them have left their places by then."""
    first = desk.send("a.csv", dose("M1", NOM="DUPONT"))
    second = desk.send("b.csv", dose("M2", "0.3", NOM="DUPONT"), on=LATER)
    desk.decide("corriger", *first, *second, NOM="MARTIN", ID_MESURE="M2")
    assert desk.rows("a.csv") == [("INTEGRE", set())]
    assert desk.rows("b.csv") == [("REJETE", {"MET-11"})]


def test_not_taken_back_where_another_row_waits_under_the_key_by_now(desk: Desk) -> None:
    rejected = desk.decide("rejeter", *desk.send("a.csv", dose("M1", NOM="DUPONT")))
    desk.send("b.csv", dose("M1", "0.3", NOM="DUPONT"))
    with pytest.raises(UsageError, match="attendent depuis sous la même clé"):
        desk.undo(rejected)
    # An annulment would have ended one of the two only.
    desk.send("c.csv", dose("M1", CODE_METROLOGIE="A"))
    desk.undo(rejected)
    assert desk.rows("a.csv") == [("EN_ATTENTE", {"IDT-08"})]


def test_not_taken_back_where_what_it_replaced_would_stand_beside_another_measure(desk: Desk) -> None:
    """A key holds in the years beside a result's: a correction that moves it makes room for another one."""
    old = {"DATE_DEBUT_PORT": "01/12/2024", "DATE_FIN_PORT": "31/12/2024"}
    desk.send("a.csv", dose("M1", **old))
    moved = {"DATE_DEBUT_PORT": "01/12/2025", "DATE_FIN_PORT": "31/12/2025", "CODE_METROLOGIE": "C"}
    confirmed = desk.decide("confirmer", *desk.send("b.csv", dose("M1", NOM="DUPONT", **moved)))
    desk.send("c.csv", dose("M1", DATE_DEBUT_PORT="01/12/2023", DATE_FIN_PORT="31/12/2023"))
    assert desk.rows("c.csv")[0][0] == "INTEGRE"
    before = desk.bench.state()
    with pytest.raises(UsageError, match="portent depuis la même clé"):
        desk.undo(confirmed)
    assert desk.bench.state() == before


def test_each_decision_is_taken_back_once_those_after_it_are(desk: Desk) -> None:
    (entry,) = desk.send("a.csv", dose("M1", NIR=NIR2, NOM="DUPONT"))
    first = desk.decide("corriger", entry, NIR=NIR)  # waits on: the names
    second = desk.decide("confirmer", entry)
    corrected = desk.decide("confirmer", *desk.send("b.csv", dose("M1", "812", CODE_METROLOGIE="C")))
    with pytest.raises(UsageError, match="ne sont plus en vigueur"):
        desk.undo(second)
    desk.undo(corrected)
    assert [one[5] for one in desk.bench.doses()] == [150]
    with pytest.raises(UsageError, match="attendent depuis sous la même clé"):
        desk.undo(second)  # the correction, which waits, was judged with the measure in force
    again = [one["id"] for one in desk.bench.queue()]
    desk.decide("rejeter", *again)
    desk.undo(second)  # though the measure holds as a later version by now
    assert not desk.bench.doses()
    with pytest.raises(UsageError, match="déjà annulée"):
        desk.undo(second)
    desk.undo(first)  # though the row waits under another entry by now
    assert desk.rows("a.csv") == [("EN_ATTENTE", {"IDT-06"})]


def test_standing_decisions_about_persons_do_not_follow_each_other(desk: Desk) -> None:
    desk.declare(NIR2)
    desk.stand(NIR3, NIR)
    with pytest.raises(UsageError, match="croise"):
        desk.stand(NIR, NIR2)


def test_a_row_is_attached_to_the_worker_as_whom_it_is_read(desk: Desk) -> None:
    (entry,) = desk.send("a.csv", dose("M1", NIR=NIR3, NOM="DUPONT"))
    desk.stand(NIR3, NIR)
    assert desk.rows("a.csv") == [("EN_ATTENTE", {"IDT-08"})]
    assert desk.decide("rattacher", entry).counts() == {"INTEGRE": 1}
    assert {one[1] for one in desk.bench.doses()} == {NIR}


def test_a_standing_decision_for_one_sender_reads_no_waiting_row_of_another(desk: Desk) -> None:
    """Passages are one measure whoever sends them, and the rows that wait are met by those of every sender."""
    passage = {"header": OPERATIONNELLE}
    desk.send("a.csv", row(OPERATIONNELLE, NIR=NIR3), partner="EMPL", **passage)
    desk.stand(NIR3, NIR, partner="SITE")
    desk.send("b.csv", row(OPERATIONNELLE), partner="SITE", **passage)
    assert desk.rows("b.csv", "SITE") == [("INTEGRE", set())]  # and no duplicate of somebody else's passage


def test_a_standing_decision_for_other_days_lets_nothing_go(desk: Desk) -> None:
    """What waits for an analyst does so whatever standing decisions name its establishment."""
    desk.send("a.csv", dose("M1", NOM="DUPONT"))
    renamed = row(TRAVAILLEURS, NOM="DUPONT")
    desk.stand(SIRET, SIRET2, "SIRET", date(2026, 5, 1))
    desk.decide("confirmer", *desk.send("liste2.csv", renamed, header=TRAVAILLEURS, partner="EMPL"))
    desk.bench.run()
    assert desk.rows("a.csv") == [("EN_ATTENTE", {"IDT-08"})]


def test_whom_to_declare_follows_decisions(desk: Desk) -> None:
    """The list is renewed where what waits is amended under the same number, and names whom rows are read as."""
    (entry,) = desk.send("a.csv", dose("M1", NIR=NIR3))
    assert to_declare(desk) == [(NIR3, SIRET)]
    desk.decide("corriger", entry, SIRET=SIRET2)
    desk.bench.run()
    assert to_declare(desk) == [(NIR3, SIRET2)]
    desk.stand(NIR3, NIR)
    desk.bench.run()
    assert to_declare(desk) == [(NIR, SIRET2)]


def to_declare(desk: Desk) -> list[tuple[str, str]]:
    return [(one["NIR"], one["SIRET"]) for one in cells(desk.bench.read("EMPL", "a-declarer.csv"), "utf-8-sig")]
