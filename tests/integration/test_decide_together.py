"""Two at work on one registry: what they leave is what one after the other would have left."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from senders import CLOSED, NIR2, PASSIVE, SIRET, TRAVAILLEURS, country, dose, file, row

from loaders.errors import UsageError
from loaders.registry import depots
from pipelines import standing
from pipelines.collect import collect
from pipelines.decide import Decision, decide
from pipelines.integrate import integrate as one_file
from pipelines.isolate import Troubles
from pipelines.release import release
from pipelines.standing import Proposal
from pipelines.sweep import sweep
from pipelines.undo import undo
from schemas.identifiers import key_of

Act = Callable[[Any], Any]


def decision(action: str, *lines: int) -> Act:
    """Decide on these lines of ``a.csv``; gives how many rows took which outcome."""

    def act(one: Hand) -> Any:
        return decide(
            one.connection, one.key, Decision(action, "vu", "anna"), dict.fromkeys(one.entries(lines))
        ).counts()

    return act


class Hand:
    """One of those at work: a registry, by a connection of its own."""

    def __init__(self, bench: Any, connection: Any) -> None:
        self.bench, self.connection, self.key = bench, connection, bench.registry.key
        self.numbers: dict[int, int] = {}
        self.standing = 0

    def entries(self, lines: tuple[int, ...]) -> list[int]:
        return [self.numbers[line] for line in lines]


def integrate(one: Hand) -> None:
    """A whole pass, by connections of its own."""
    registry = dataclasses.replace(one.bench.registry, connection=one.connection)
    with depots(registry) as client:
        assert not sweep(client, registry, one.bench.settings).troubles


def let_go(one: Hand) -> None:
    troubles = Troubles()
    release(one.connection, one.bench.settings, one.key, troubles)
    assert not troubles


def approve(one: Hand) -> None:
    standing.approve(one.connection, one.key, one.standing, "chef")


def take_back(one: Hand) -> None:
    undo(one.connection, 1, "anna", "erreur")


def told(act: Act, hand: Hand) -> Any:
    """What came of it: the refusals are part of what two may be told."""
    try:
        return act(hand)
    except UsageError as error:
        return str(error)


def prepared(bench: Any) -> Hand:
    """``a.csv`` waits: an implausible value, a name, an unknown worker, a closed establishment."""
    country(bench)
    rows = dose("M1", "812"), dose("M2", NOM="DUPONT"), dose("M3", NIR=NIR2), dose("M4", SIRET=CLOSED)
    bench.drop("LABO1", "a.csv", file(PASSIVE, *rows))
    bench.run()
    hand = Hand(bench, bench.connection)
    hand.numbers = {one["ligne"]: one["id"] for one in bench.queue()}
    proposal = Proposal("SIRET", CLOSED, SIRET, date(2026, 1, 1), "vu", "anna")
    hand.standing = standing.propose(bench.connection, hand.key, proposal)
    return hand


def state(bench: Any) -> Any:
    """All that users see, and the invariants."""
    bench.answer()
    bench.verify()
    names = bench.connection.execute(
        "select file_name from ledger.submission join ledger.partner using (partner_id) where code = 'LABO1' order by 1"
    ).fetchall()
    rows = [bench.rows("LABO1", name) for (name,) in names]
    return rows, sorted(one[:7] for one in bench.doses()), sorted((one["ligne"], one["codes"]) for one in bench.queue())


def together(hand: Hand, acts: list[Act]) -> list[Any]:
    """Both begin while a load is under way: what they read before their own turn is of before it."""
    other = Hand(hand.bench, hand.bench.registry.warehouse.loader())
    other.numbers, other.standing = hand.numbers, hand.standing
    results: dict[int, Any] = {}

    def work(at: int, one: Hand) -> None:
        results[at] = told(acts[at], one)

    threads = [threading.Thread(target=work, args=(at, one)) for at, one in enumerate((hand, other))]
    with hand.bench.registry.warehouse.loader() as holder:
        with holder.transaction(force_rollback=True):
            holder.execute("select ledger.open_load('decide', null)")
            for at, thread in enumerate(threads):
                thread.start()
                waiting_for(holder, at + 1)
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    other.connection.close()
    return [results[0], results[1]]


def waiting_for(holder: Any, count: int) -> None:
    for _ in range(500):
        row = holder.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchone()
        if row[0] >= count:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits for the load under way")


def correction(bench: Any) -> None:
    """A file that corrects the first waiting row and annuls the second."""
    rows = dose("M1", "0.9", CODE_METROLOGIE="C"), dose("M2", CODE_METROLOGIE="A")
    bench.drop("LABO1", "b.csv", file(PASSIVE, *rows))


def declaration(bench: Any) -> None:
    """A file that declares the unknown worker."""
    born = {"SEXE": "F", "DATENAISSANCE": "10/05/1984", "PRENOM": "JEAN"}
    bench.drop("EMPL", "l.csv", file(TRAVAILLEURS, row(TRAVAILLEURS, NIR=NIR2, CLE=key_of(NIR2), **born)))


def declared(bench: Any) -> None:
    """The unknown worker is known, and nothing is released yet."""
    declaration(bench)
    for submission in collect(bench.client, bench.connection, bench.settings, Troubles()):
        one_file(bench.connection, bench.settings, bench.registry.key, submission)


def confirmed_then_correction(bench: Any) -> None:
    number = bench.connection.execute(
        "select entry_id from queue.entry where line = 1 and until_load is null"
    ).fetchone()
    decide(bench.connection, bench.registry.key, Decision("confirmer", "vu", "anna"), {number[0]: None})
    correction(bench)


CASES: dict[str, tuple[Act, Act, Callable[[Any], None] | None]] = {
    "two decisions on one row": (decision("confirmer", 1), decision("rejeter", 1), None),
    "two decisions that overlap": (decision("confirmer", 1, 2), decision("rejeter", 2, 3), None),
    "a decision and a correction": (decision("confirmer", 1, 2), integrate, correction),
    "a decision and the reference that was missing": (decision("rejeter", 3), integrate, declaration),
    "a decision and the release": (decision("rejeter", 3, 4), let_go, declared),
    "a decision and a standing one": (decision("rejeter", 4), approve, None),
    "a standing one approved twice": (approve, approve, None),
    "a decision taken back and a correction": (take_back, integrate, confirmed_then_correction),
}


@pytest.mark.parametrize("case", CASES)
def test_together_is_as_one_after_the_other(registries: Any, case: str) -> None:
    *acts, before = CASES[case]

    def ended(play: Callable[[Hand, list[int]], list[Any]], order: list[int]) -> Any:
        with registries() as bench:
            hand = prepared(bench)
            if before is not None:
                before(bench)
            said = play(hand, order)
            return [said[order.index(at)] for at in (0, 1)], state(bench)

    def in_turn(hand: Hand, order: list[int]) -> list[Any]:
        return [told(acts[at], hand) for at in order]

    def at_once(hand: Hand, order: list[int]) -> list[Any]:
        return together(hand, [acts[at] for at in order])

    allowed = [ended(in_turn, [0, 1]), ended(in_turn, [1, 0])]
    assert ended(at_once, [0, 1]) in allowed
    assert ended(at_once, [1, 0]) in allowed


def test_of_two_decisions_on_one_row_one_acts(registry: Any) -> None:
    hand = prepared(registry)
    said = together(hand, [decision("confirmer", 1, 2), decision("rejeter", 1, 2)])
    assert len([one for one in said if str(one).startswith("ces lignes n'attendent plus")]) == 1
    assert registry.connection.execute("select count(*) from queue.decision").fetchone() == (1,)
    assert registry.connection.execute("select count(*) from queue.decision_entry").fetchone() == (2,)
