"""Decisions of analysts: each action through the corridor, previewed, taken back, fought over."""

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
from pipelines.decide import Decision, Effect, decide
from pipelines.undo import undo
from schemas.codebook import Outcome
from schemas.identifiers import key_of


class Desk:
    """A small country, its queue, and an analyst."""

    def __init__(self, registry: Any) -> None:
        self.bench = registry
        self.connection, self.key = registry.connection, registry.registry.key

    def send(self, *rows: str, name: str = "mars.csv", header: str = PASSIVE, partner: str = "LABO1") -> list[int]:
        """Drop a file of LABO1, integrate it; the entries that wait, in file order."""
        self.bench.drop(partner, name, file(header, *rows))
        self.bench.run()
        return [one["id"] for one in self.bench.queue()]

    def decide(self, action: str, *entries: int, preview: bool = False, **more: Any) -> Effect:
        decision = Decision(action, "vu avec le laboratoire", "anna", **more)
        return decide(self.connection, self.key, decision, dict.fromkeys(entries), preview=preview)

    def rows(self, name: str = "mars.csv") -> list[tuple[str, set[str]]]:
        return self.bench.rows("LABO1", name)


@pytest.fixture
def desk(registry: Any) -> Iterator[Desk]:
    made = Desk(country(registry))
    yield made
    made.bench.answer()
    made.bench.verify()


def test_a_value_is_corrected_and_the_row_integrates(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2))
    effect = desk.decide("corriger", entry, values=(("NIR", NIR),))
    assert effect.counts() == {"INTEGRE": 1}
    assert desk.rows() == [("INTEGRE", set())]
    assert {one[1] for one in desk.bench.doses()} == {NIR}
    desk.bench.answer()
    (told,) = desk.bench.follow_ups("LABO1", "mars.csv")
    assert told["changements"] == [
        {
            "ligne": 1,
            "avant": "EN_ATTENTE",
            "apres": "INTEGRE",
            "codes": [],
            "decision": {"action": "corriger", "cause": None, "motif": "vu avec le laboratoire", "champs": "NIR"},
        }
    ]
    line = cells(desk.bench.read("LABO1", "mars.csv.suivi-1.csv"))[0]
    assert line["NIR"] == NIR2  # the sender's row comes back as sent
    assert line["LIBELLE_ERREUR"] == "Décision d'un analyste : valeur corrigée (NIR) ; vu avec le laboratoire"


def test_an_implausible_value_is_confirmed(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", "812"))
    assert desk.decide("confirmer", entry).counts() == {"INTEGRE": 1}
    assert [one[5] for one in desk.bench.doses()] == [812_000]


def test_a_corrected_dose_leaves_the_books_as_sent(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", "812"))
    desk.decide("corriger", entry, values=(("VALEUR", "0.812"),))
    desk.bench.answer()
    assert [one[5] for one in desk.bench.doses()] == [812]
    (told,) = desk.bench.follow_ups("LABO1", "mars.csv")
    assert told["doses_msv"]["PAS-HP10-PHO"]["integrees"] == "812.000"


def test_a_name_is_another_name_of_the_known_worker(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    assert desk.decide("rattacher", entry).counts() == {"INTEGRE": 1}


def test_a_row_is_attached_to_another_worker(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2, NOM="DUPONT", PRENOM="ANNE"))
    assert desk.decide("rattacher", entry, values=(("NIR", NIR),)).counts() == {"INTEGRE": 1}
    assert {one[1] for one in desk.bench.doses()} == {NIR}


def test_a_row_of_a_closed_establishment_goes_to_its_successor(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", SIRET=CLOSED))
    assert desk.decide("rattacher", entry, values=(("SIRET", SIRET),)).counts() == {"INTEGRE": 1}
    assert {one[2] for one in desk.bench.doses()} == {SIRET}


def test_a_worker_list_under_a_new_name_is_confirmed(desk: Desk) -> None:
    (entry,) = desk.send(row(TRAVAILLEURS, NOM="DURAND"), name="l.csv", header=TRAVAILLEURS, partner="EMPL")
    effect = desk.decide("confirmer", entry)
    assert effect.references
    names = desk.connection.execute("select last_name from identity.civil where until_load is null").fetchall()
    assert names == [("DURAND",)]


def test_a_worker_list_is_attached_and_the_known_name_stays(desk: Desk) -> None:
    (entry,) = desk.send(row(TRAVAILLEURS, NOM="DURAND"), name="l.csv", header=TRAVAILLEURS, partner="EMPL")
    desk.decide("rattacher", entry)
    names = desk.connection.execute("select last_name from identity.civil where until_load is null").fetchall()
    assert names == [("MARTIN",)]


def test_a_rejection_tells_its_cause_and_reason(desk: Desk) -> None:
    entries = desk.send(dose("M1", NIR=NIR2), dose("M2", NOM="DUPONT"))
    assert desk.decide("rejeter", *entries, cause="DOUBLE").counts() == {"REJETE": 2}
    assert [outcome for outcome, _ in desk.rows()] == ["REJETE", "REJETE"]
    desk.bench.answer()
    lines = cells(desk.bench.read("LABO1", "mars.csv.suivi-1.csv"))
    assert [line["CODE_ERREUR"] for line in lines] == ["IDT-06", "IDT-08"]
    assert all(
        "rejetée (déjà transmise par ailleurs) ; vu avec le laboratoire" in one["LIBELLE_ERREUR"] for one in lines
    )


def test_run_again(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    assert desk.decide("rejouer", entry).counts() == {"EN_ATTENTE": 1}
    assert desk.rows() == [("EN_ATTENTE", {"IDT-08"})]


def test_a_partial_correction_waits_on_under_what_it_lacks_now(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2, SIRET="44306184100047"))
    effect = desk.decide("corriger", entry, values=(("SIRET", SIRET2),))
    assert effect.fates[0].after == ("AVT-10", "IDT-06")
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984"}
    listed = row(TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), PRENOM="JEAN", SIRET=SIRET2, **born)
    desk.bench.drop("EMPL", "ajout.csv", file(TRAVAILLEURS, listed))
    desk.bench.run()
    assert desk.rows() == [("INTEGRE", {"AVT-10"})]  # released by itself, under the corrected establishment


def test_rows_that_a_decision_brings_under_one_key_meet(desk: Desk) -> None:
    """Also where they came on different days, and are judged one group after the other."""
    passage = {"header": OPERATIONNELLE, "partner": "SITE"}
    desk.send(row(OPERATIONNELLE, NIR=NIR2), name="a.csv", **passage)
    desk.bench.run(date(2026, 4, 11))
    desk.send(
        row(OPERATIONNELLE, NIR=NIR3), row(OPERATIONNELLE, NIR=NIR3, VALEUR="0.5", ZONE="X"), name="b.csv", **passage
    )
    first, second, third = (one["id"] for one in desk.bench.queue())
    effect = desk.decide("corriger", first, second, third, values=(("NIR", NIR), ("ZONE", "BR2")))
    assert [fate.outcome.name for fate in effect.fates] == ["INTEGRE", "DOUBLON", "REJETE"]
    assert desk.bench.rows("SITE", "b.csv") == [("DOUBLON", {"MET-12"}), ("REJETE", {"MET-11"})]


def test_a_preview_leaves_nothing(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2))
    before = desk.bench.state()
    loads = desk.connection.execute("select count(*) from ledger.load").fetchone()
    effect = desk.decide("corriger", entry, values=(("NIR", NIR),), preview=True)
    assert effect.number is None
    assert effect.counts() == {"INTEGRE": 1}
    assert desk.bench.state() == before
    assert desk.connection.execute("select count(*) from ledger.load").fetchone() == loads
    assert desk.connection.execute("select count(*) from queue.decision").fetchone() == (0,)


def test_a_preview_shows_a_correction_that_makes_things_worse(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2))
    wrong = (("DATE_FIN_PORT", "30/02/2026"),)
    assert desk.decide("corriger", entry, values=wrong, preview=True).fates[0].after == ("FMT-03", "IDT-06")
    with pytest.raises(UsageError, match="FMT-03"):
        desk.decide("corriger", entry, values=wrong)
    assert desk.rows() == [("EN_ATTENTE", {"IDT-06"})]


def test_what_a_correction_meets_in_the_registry_decides(desk: Desk) -> None:
    desk.send(dose("M1", "0.15"))
    entry = desk.send(dose("M1", "0.30", NOM="DUPONT", CODE_METROLOGIE="C"), name="avril.csv")[0]
    desk.decide("corriger", entry, values=(("CODE_METROLOGIE", ""), ("NOM", "MARTIN")))
    assert desk.rows("avril.csv") == [("REJETE", {"MET-11"})]


@pytest.mark.parametrize(
    ("action", "more", "message"),
    [
        ("corriger", {}, "un champ et une valeur"),
        ("corriger", {"values": (("SEXE", "M"),)}, "n'a pas de champ SEXE"),
        ("confirmer", {}, "rien à confirmer"),
        ("confirmer", {"cause": "AUTRE"}, "qu'avec un rejet"),
        ("rattacher", {}, "aucun travailleur"),
        ("rattacher", {"values": (("SIRET", "44306184100047"),)}, "établissement n'est pas connu"),
        ("rattacher", {"values": (("NOM", "MARTIN"),)}, "par NIR ou par SIRET"),
        ("rejeter", {"cause": "PARCE QUE"}, "cause inconnue"),
        ("oublier", {}, "action inconnue"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    desk: Desk, action: str, more: dict[str, Any], message: str
) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2))
    before = desk.bench.state()
    with pytest.raises(UsageError, match=message):
        desk.decide(action, entry, **more)
    assert desk.bench.state() == before


@pytest.mark.parametrize("motive", ["", "  ", "a\nb", "x" * 501, "\x00"])
def test_a_reason_is_a_line_of_text(motive: str) -> None:
    with pytest.raises(UsageError, match="motif"):
        Decision("rejouer", motive, "anna")


def test_of_two_analysts_one_wins_and_the_other_is_told(desk: Desk) -> None:
    first, second = desk.send(dose("M1", NOM="DUPONT"), dose("M2", NOM="DUPONT"))
    desk.decide("rejeter", first)
    with pytest.raises(UsageError, match="n'attendent plus"):
        desk.decide("confirmer", first)
    effect = desk.decide("confirmer", first, second)
    assert (effect.gone, effect.counts()) == ([first], {"INTEGRE": 1})


def test_who_looked_at_an_older_state_is_told(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT", NIR=NIR2))
    desk.decide("corriger", entry, values=(("NOM", "DURAND"),))
    stale = Decision("rejeter", "motif", "bruno")
    with pytest.raises(UsageError, match="une autre décision"):
        decide(desk.connection, desk.key, stale, {entry: 0})
    assert decide(desk.connection, desk.key, stale, {entry: 1}).counts() == {"REJETE": 1}


@pytest.mark.parametrize("action", ["corriger", "confirmer", "rejeter", "rattacher"])
def test_a_decision_is_taken_back(desk: Desk, action: str) -> None:
    more = {"corriger": {"values": (("NOM", "MARTIN"),)}}.get(action, {})
    (entry,) = desk.send(dose("M1", "0.4", NOM="DUPONT"))
    before = desk.bench.state()
    effect = desk.decide(action, entry, **more)
    assert effect.number is not None
    assert undo(desk.connection, effect.number, "anna", "erreur de ma part", preview=True).counts() == {"EN_ATTENTE": 1}
    undo(desk.connection, effect.number, "anna", "erreur de ma part")
    after = desk.bench.state()
    for name in ("entries", "queue", "civil", "status"):
        assert after[name] == before[name], name
    assert not desk.bench.doses()
    with pytest.raises(UsageError, match="déjà annulée"):
        undo(desk.connection, effect.number, "anna", "encore")
    # The row waits again and can be decided again.
    again = [one["id"] for one in desk.bench.queue()]
    assert desk.decide("confirmer", *again).counts() == {"INTEGRE": 1}


def test_a_correction_taken_back_gives_what_it_replaced_its_force_again(desk: Desk) -> None:
    desk.send(dose("M1", "0.15"))
    (entry,) = desk.send(dose("M1", "0.40", NOM="DUPONT", CODE_METROLOGIE="C"), name="avril.csv")
    held = desk.bench.doses()
    effect = desk.decide("rattacher", entry)
    assert [one[5] for one in desk.bench.doses()] == [400]
    assert effect.number is not None
    between = desk.connection.execute("select clock_timestamp()").fetchone()
    undo(desk.connection, effect.number, "anna", "erreur")
    assert desk.bench.doses() == held
    number = desk.connection.execute("select ledger.as_of(%s)", between).fetchone()
    past = desk.connection.execute(
        "select value_usv from dose.passive where since_load <= %(n)s and (until_load is null or until_load > %(n)s)",
        {"n": number[0]},
    ).fetchall()
    assert past == [(400,)]  # the registry of that instant can still be shown


def test_a_decision_that_stays_in_the_queue_is_taken_back(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2, NOM="DUPONT", SIRET="44306184100047"))
    effect = desk.decide("corriger", entry, values=(("SIRET", SIRET2),))
    assert effect.number is not None
    undo(desk.connection, effect.number, "anna", "erreur")
    (shown,) = desk.bench.queue()
    assert (shown["siret"], shown["codes"]) == ("44306184100047", ["IDT-05", "IDT-06"])


def test_a_decision_on_which_something_built_stays(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    effect = desk.decide("rattacher", entry)
    desk.send(dose("M1", "0.7", CODE_METROLOGIE="C"), name="avril.csv")
    assert effect.number is not None
    with pytest.raises(UsageError, match="ne sont plus en vigueur"):
        undo(desk.connection, effect.number, "anna", "erreur")


def test_a_decided_worker_list_is_not_taken_back(desk: Desk) -> None:
    (entry,) = desk.send(row(TRAVAILLEURS, NOM="DURAND"), name="l.csv", header=TRAVAILLEURS, partner="EMPL")
    effect = desk.decide("confirmer", entry)
    assert effect.number is not None
    with pytest.raises(UsageError, match="modifié une référence"):
        undo(desk.connection, effect.number, "anna", "erreur")


def test_a_later_decision_keeps_an_earlier_one(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2, NOM="DUPONT"))
    first = desk.decide("corriger", entry, values=(("NOM", "DURAND"),))
    second = desk.decide("corriger", entry, values=(("NOM", "DUBOIS"),))
    assert first.number is not None
    assert second.number is not None
    with pytest.raises(UsageError, match="autre décision"):
        undo(desk.connection, first.number, "anna", "erreur")
    undo(desk.connection, second.number, "anna", "erreur")
    undo(desk.connection, first.number, "anna", "erreur")
    assert desk.rows() == [("EN_ATTENTE", {"IDT-06"})]


def test_a_decision_whose_row_was_sent_again_and_waits_stays(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2))
    effect = desk.decide("rejeter", entry)
    desk.send(dose("M1", NIR=NIR2), name="encore.csv")
    assert effect.number is not None
    with pytest.raises(UsageError, match="attendent depuis sous la même clé"):
        undo(desk.connection, effect.number, "anna", "erreur")


def test_a_confirmation_ends_where_the_row_changes(desk: Desk) -> None:
    """A name that was confirmed of one person is not confirmed of another."""
    (entry,) = desk.send(dose("M1", NOM="DUPONT", SIRET=SIRET2))
    assert desk.decide("confirmer", entry).fates[0].after == ("AVT-10", "IDT-07")
    after = desk.decide("corriger", entry, values=(("SIRET", SIRET),)).fates[0].after
    assert after == ("IDT-08",)


def test_what_was_mended_and_left_by_itself_is_told(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NIR=NIR2, NOM="ROSSI", PRENOM="ANNA"))
    desk.decide("corriger", entry, values=(("VALEUR", "0.99"),))
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "CLE": key_of(NIR2)}
    desk.bench.drop(
        "EMPL", "l.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, NOM="ROSSI", PRENOM="ANNA", **born))
    )
    desk.bench.run()
    (told,) = desk.bench.follow_ups("LABO1", "mars.csv")
    assert told["changements"][0]["apres"] == "INTEGRE"
    assert told["changements"][0]["decision"]["champs"] == "VALEUR"


def test_what_was_taken_back_before_anybody_heard_of_it_is_not_told(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    effect = desk.decide("rattacher", entry)
    assert effect.number is not None
    undo(desk.connection, effect.number, "anna", "erreur")
    desk.bench.answer()
    assert desk.bench.follow_ups("LABO1", "mars.csv") == []


def test_a_fusion_is_settled_once_seen(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    with desk.bench.registry.warehouse.admin() as admin:
        admin.execute(
            "insert into queue.entry (submission_id, line, partner_id, format, codes, quantity, book_usv, sealed,"
            " received_on, since_load, motive) select submission_id, line, partner_id, format, 0, quantity, book_usv,"
            " sealed, received_on, since_load, 'FUSION' from queue.entry where entry_id = %s",
            (entry,),
        )
    case = next(one["id"] for one in desk.bench.queue() if one["motif"] == "FUSION")
    with pytest.raises(UsageError, match="se confirme"):
        desk.decide("rejeter", case)
    assert desk.decide("confirmer", case).fates[0].outcome is Outcome.INTEGRE
    assert [one["id"] for one in desk.bench.queue()] == [entry]


def test_decided_today_judged_as_of_reception(desk: Desk) -> None:
    (entry,) = desk.send(dose("M1", NOM="DUPONT"))
    desk.bench.run(date(2026, 6, 1))  # a delay counts from reception, not from the decision
    effect = desk.decide("rattacher", entry)
    assert effect.fates[0].after == ()
