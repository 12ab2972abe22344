"""Stories with analysts in them, on the real warehouse against the naive twin: after every step, all is the same.

`HYPOTHESIS_EXPLORE=1` looks for new stories, `HYPOTHESIS_EXAMPLES=n` tells how many.
"""

import contextlib
import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, target
from property import told_desk
from property.comparing import REFUSED, changes_of, compare_results, summary
from property.desk_steps import Decide, Revoke, Stand, Step, Undo, desk_stories
from property.sequences import Pass, World
from twin import layouts
from twin.desk import CONFIRMABLE, RefusedError, Standing, TwinDesk
from twin.ledger import Line

import sql
from loaders.errors import UsageError
from pipelines import standing, verify
from pipelines.answer import report_facts
from pipelines.decide import Decision, decide
from pipelines.standing import Proposal
from pipelines.undo import undo
from schemas import codebook

SALTS = count(5000)


class Play:
    """One story on both sides."""

    def __init__(self, registry: Any) -> None:
        self.registry, self.connection, self.key = registry, registry.connection, registry.registry.key
        self.world = World(next(SALTS))
        self.twin = TwinDesk(list(self.world.partners.values()))
        for partner in self.world.partners.values():
            registry.partner(partner.code, partner.role, partner.sirens, partner.identifiant)
        self.files: list[tuple[str, str]] = []
        self.numbers: list[int] = []  # of the twin's decisions, in the registry
        self.rules: list[tuple[Standing, int]] = []
        self.refused = 0

    def __call__(self, story: list[Step]) -> "Play":
        for step in story:
            match step:
                case Pass():
                    self.integrate(step)
                case Decide():
                    self.decide(step)
                case Undo():
                    self.undo(step)
                case Stand():
                    self.stand(step)
                case Revoke():
                    self.revoke(step)
            self.compare(step)
        self.registry.answer()
        self.registry.verify()
        return self

    # --- steps -------------------------------------------------------------------------------------------------------

    def integrate(self, step: Pass) -> None:
        for deposit in step.deposits:
            sender = self.world.partners[deposit.sender].code
            self.files.append((sender, f"f{len(self.files):03d}.csv"))
            data = self.world.bytes_of(deposit)
            self.twin.deposit(sender, self.files[-1][1], data)
            self.registry.drop(sender, self.files[-1][1], data)
        self.twin.run(step.day)
        done = self.registry.run(today=step.day)
        assert not done.troubles
        self.told(step.day)

    def decide(self, step: Decide) -> None:
        lines, chosen = self.chosen(step)
        values = tuple((column, self.world.fill(column, cell)) for column, cell in chosen)
        if not lines:
            return
        cause = "DOUBLE" if step.action == "rejeter" else None
        decision = Decision(step.action, "vu", "anna", cause, values)
        wanted = dict.fromkeys(self.entry_of(line) for line in lines)
        before = self.everything()
        try:
            shown = decide(self.connection, self.key, decision, wanted, preview=True)
        except UsageError:
            shown = None
        assert self.everything() == before, "a preview leaves nothing"
        made = self.both(
            lambda: self.twin.decide(step.action, lines, values),
            lambda: decide(self.connection, self.key, decision, wanted),
            step,
        )
        if made is None:
            assert self.everything() == before, "a refused decision changes nothing"
        else:
            assert shown is not None
            assert shown.fates == made.fates, "the effect is as it was shown"
            self.numbers.append(made.number)

    def chosen(self, step: Decide) -> tuple[list[Line], tuple[tuple[str, str], ...]]:
        """The rows to decide on, and of the values those that the first of them has a place for."""
        waiting, values = sorted(self.twin.waiting, key=place), step.values
        if waiting and not step.loose:
            first = layouts.COLUMNS[waiting[step.picks[0] % len(waiting)].format or ""]
            values = tuple((column, cell) for column, cell in values if column in first)
            columns = {column for column, _ in values}
            waiting = [one for one in waiting if columns <= set(layouts.COLUMNS[one.format or ""])]
            if not values and step.action == "corriger":
                return [], ()
        if step.action == "confirmer" and not step.loose:
            waiting = [one for one in waiting if one.codes & CONFIRMABLE]
        ever = sorted((line for line in self.settled_lines() if line.submission.code is None), key=place)
        lines = [waiting[pick % len(waiting)] for pick in step.picks if waiting]
        past = [ever[pick % len(ever)] for pick in step.stale if ever]
        lines += [line for line in past if self.entry_of(line) is not None]
        return list(dict.fromkeys(lines)), values

    def undo(self, step: Undo) -> None:
        if not self.numbers:
            return
        at = -1 - step.place % len(self.numbers)
        decided, number = self.twin.decisions[at], self.numbers[at]
        before = self.everything()
        with contextlib.suppress(UsageError):
            undo(self.connection, number, "anna", "erreur", preview=True)
        assert self.everything() == before, "a preview leaves nothing"
        self.both(
            lambda: self.twin.undo(decided), lambda: undo(self.connection, number, "anna", "erreur"), (step, decided)
        )

    def stand(self, step: Stand) -> None:
        column = step.kind
        sent, meant = self.world.fill(column, step.sent), self.world.fill(column, step.meant)
        sender = self.world.partners[step.sender].code if step.sender else None
        first, last = date.fromisoformat(step.first), date.fromisoformat(step.last) if step.last else None
        rule = Standing(step.kind, sent, meant, first, last, sender)
        number = self.both(
            lambda: self.twin.propose(rule),
            lambda: standing.propose(
                self.connection, self.key, Proposal(column, sent, meant, first, "vu", "anna", last, sender)
            ),
            step,
        )
        if number is not None:
            self.rules.append((rule, number))
            self.standing_step(
                lambda: self.twin.approve(rule), lambda: standing.approve(self.connection, self.key, number, "chef")
            )

    def revoke(self, step: Revoke) -> None:
        if not self.rules:
            return
        rule, number = self.rules[step.place % len(self.rules)]
        self.standing_step(
            lambda: self.twin.revoke(rule), lambda: standing.revoke(self.connection, self.key, number, "chef", "fin")
        )

    def standing_step(self, twin: Callable[[], Any], registry: Callable[[], Any]) -> None:
        newest = "select coalesce(max(decision_id), 0) from queue.decision"
        before = self.connection.execute(newest).fetchone()[0]
        self.both(twin, registry, "standing")
        after = self.connection.execute(newest).fetchone()[0]
        assert (after > before) == (len(self.twin.decisions) > len(self.numbers)), "judged again on both sides or none"
        if after > before:
            self.numbers.append(after)

    def both(self, twin: Callable[[], Any], registry: Callable[[], Any], step: Any) -> Any:
        """Do it on both sides; ``None`` where both refuse."""
        made, refused, expected = None, "", ""
        try:
            twin()
        except RefusedError as error:
            expected = str(error)
        try:
            made = registry()
        except UsageError as error:
            refused = str(error)
        assert bool(refused) == bool(expected), f"registry: {refused or 'done'}; twin: {expected or 'done'}: {step}"
        self.refused += bool(refused)
        return made

    # --- comparison --------------------------------------------------------------------------------------------------

    def compare(self, step: Step) -> None:
        where = f"after {step}"
        for sender, name in self.files:
            expected = self.twin.submission(sender, name)
            if expected.code is not None:
                continue
            rows = [(outcome, sorted(found)) for outcome, found in self.registry.rows(sender, name)]
            told = [(outcome, sorted(found)) for outcome, found in self.twin.rows(sender, name)]
            assert rows == told, f"{sender}/{name} ({expected.format}) {where}"
            last = self.connection.execute("select max(load_id) from ledger.load").fetchone()[0]
            facts = report_facts(self.connection, self.registry.submission(sender, name), last)
            assert summary(facts) == summary(expected.figures()), f"{sender}/{name} {where}"
        queue = Counter((*self.name_of(depot), line, codes) for depot, line, codes in self.queue())
        assert queue == Counter((*place(line), frozenset(line.codes)) for line in self.twin.waiting), where
        compare_results(self.registry, self.twin, self.files)
        assert self.connection.execute(CAUSES).fetchall() == [], where
        broken = [one for one in VERIFIED if self.connection.execute(one).fetchone()[0]]
        assert not broken, where

    def told(self, day: date) -> None:
        """What senders were told, after a pass."""
        for sender, name in self.files:
            expected = self.twin.submission(sender, name)
            report = self.registry.report(sender, name)
            assert summary(report) == summary(expected.first), (sender, name, day)
            if report["statut"] in REFUSED:
                continue
            # A decision taken back before anybody was told leaves a number out.
            told = (self.registry.home(sender) / "retour").glob(f"{name}.suivi-*.json")
            changes = Counter(one for path in told for one in changes_of(json.loads(path.read_text())))
            assert changes == Counter((line, before, after) for line, before, after, _ in expected.changes), (name, day)
        for slot in ("E1", "E2"):
            employer = self.world.partners[slot].code
            path = self.registry.home(employer) / "retour" / "a-declarer.csv"
            listed = list(csv.DictReader(path.open(encoding="utf-8-sig"), delimiter=";")) if path.exists() else []
            assert {(one["NIR"], one["SIRET"]) for one in listed} == self.twin.a_declarer(employer), (slot, day)

    def settled_lines(self) -> list[Line]:
        return [line for one in self.twin.submissions for line in one.lines]

    def name_of(self, depot: int) -> tuple[str, str]:
        found = self.connection.execute(
            "select p.code, s.file_name from ledger.submission s join ledger.partner p using (partner_id)"
            " where submission_id = %s",
            (depot,),
        ).fetchone()
        return (found[0], found[1])

    def entry_of(self, line: Line) -> int | None:
        """The newest entry of a row."""
        number = self.registry.submission(line.sender.code, line.submission.name)
        found = self.connection.execute(
            "select max(entry_id) from queue.entry where submission_id = %s and line = %s", (number, line.line)
        ).fetchone()
        return found[0] if found else None

    def queue(self) -> list[tuple[int, int, frozenset[str]]]:
        codes = [partner.code for partner in self.world.partners.values()]
        found = self.connection.execute(
            "select submission_id, line, codes from queue.entry join ledger.partner using (partner_id)"
            " where until_load is null and code = any(%s)",
            (codes,),
        ).fetchall()
        return [(depot, line, frozenset(codebook.names(mask))) for depot, line, mask in found]

    def everything(self) -> list[str]:
        """A digest of every table that a decision may touch."""
        return [
            self.connection.execute(
                f"select md5(coalesce(string_agg(t::text, e'\\n' order by t::text), '')) from {table} as t"
            ).fetchone()[0]
            for table in TABLES
        ]


VERIFIED = [sql.query("verify", name) for name in verify._COUNTED if name != "unanswered"]


def place(line: Line) -> tuple[str, str, int]:
    return (line.sender.code, line.submission.name, line.line)


TABLES = (
    "ledger.load", "ledger.row_entry", "ledger.book", "ledger.follow_up", "queue.entry", "queue.cause", "queue.arrival",
    "queue.decision", "queue.decision_entry", "queue.standing", "dose.every_version", "identity.civil",
    "identity.worker", "reference.attachment_period", "reference.attachment_status", "reference.designation",
)  # fmt: skip

CAUSES = """
    select * from (
        select partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, rows, usv, oldest
        from queue.cause where rows > 0
    ) as c
    full join (
        select partner_id, format, hold_codes, cause_siret, cause_person, cause_motive,
            count(*) as rows, sum(book_usv) as usv, min(received_on) as oldest
        from queue.entry where until_load is null group by 1, 2, 3, 4, 5, 6
    ) as e on (c.partner_id, c.format, c.hold_codes, c.cause_siret, c.cause_person, c.cause_motive, c.rows, c.usv,
        c.oldest) = (e.partner_id, e.format, e.hold_codes, e.cause_siret, e.cause_person, e.cause_motive, e.rows, e.usv,
        e.oldest)
    where c.rows is null or e.rows is null
"""


@pytest.mark.parametrize("name", [name for name, told in vars(told_desk).items() if isinstance(told, list)])
def test_told_desk_stories(registry: Any, name: str) -> None:
    Play(registry)(getattr(told_desk, name))


def test_desk_stories_end_as_the_twin_tells(registry: Any) -> None:
    @settings(
        max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "12")),
        deadline=None,
        derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(desk_stories())
    def law(story: list[Step]) -> None:
        play = Play(registry)(story)
        target(float(len(play.numbers) + play.refused))

    law()
