"""Once a month: each sender's scorecard of the month that ended, and the ministry's of all senders.

A sender sees itself and the aggregate of its role. What was delivered stands in the ledger, as with the
monthly lists: any pass may be repeated, and the figures are counted only where a card is owed.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import sql
from loaders import crash
from loaders.registry import depots, opened
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone
from pipelines import doors
from pipelines.isolate import Troubles
from pipelines.tallies import Month, count, month_before, span
from reports.indicators import INDICATORS, Figures, Key, Peers, peers
from reports.overview import Line, Overview, overview_csv, overview_page
from reports.scorecard import Card, card_csv, card_page

log = logging.getLogger("siseri.scorecards")

_COMPARED = {indicator.name for indicator in INDICATORS if indicator.compared}


def renew() -> dict[str, int]:
    """Deliver the scorecards that are owed: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        doors.turn(registry.connection, client, settings)
        cards = deliver(client, registry.connection, settings, troubles)
    return {"cards": cards, "troubles": len(troubles)}


def deliver(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Put the scorecard of the month that ended into the ``retour/`` of every account that is owed it.

    Args:
        troubles: gathers the accounts whose card could not be delivered now; it stays owed.

    Returns:
        How many accounts got theirs.
    """
    with alone(connection, DELIVERY, Delivery.CARDS) as held:
        return _deliver(client, connection, settings, troubles) if held else 0


def _deliver(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    today = settings.registry_date()
    month = month_before(today)
    asked = {**span(month), "month": today.replace(day=1)}
    owed = connection.execute(sql.query("scorecards", "owed"), asked).fetchall()
    if not owed:
        return 0
    cards = Cards(count(connection, month), today)
    done = 0
    for partner_id, code, role in owed:
        with troubles.keep("partner", partner_id):
            files = cards.of_all() if role == "DGT" else cards.of(partner_id)
            for name, body in files.items():
                client.put(code, "retour", name, body)
            crash.reach("scorecards.delivered")
            # Recorded last and together, as the lists are.
            with connection.transaction():
                for name in files:
                    connection.execute(sql.query("monthly", "delivered"), (partner_id, name, asked["month"]))
            done += 1
    log.info("scorecards delivered: %s", done)
    return done


class Cards:
    """The scorecards of one month, made from what was counted once."""

    def __init__(self, month: Month, as_of: date) -> None:
        self._month, self._as_of = month, as_of
        self._figures = {number: tally.figures() for number, tally in month.tallies.items()}
        self._sender = {one.partner_id: one for one in month.senders}
        self._values: dict[str, dict[Key, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._with_rows: dict[str, int] = defaultdict(int)
        self._aggregates: dict[tuple[str, Key], Peers] = {}
        for one in month.senders:
            figures = self._figures[one.partner_id]
            self._with_rows[one.role] += bool(figures["lignes_recues", ""])
            for key, value in figures.items():
                if key[0] in _COMPARED and value is not None:
                    self._values[one.role][key].append(value)

    def of(self, partner_id: int) -> dict[str, bytes]:
        """A sender's own files, by name."""
        one = self._sender[partner_id]
        figures = self._figures[partner_id]
        card = Card(
            *(one.code, one.role, self._month.month, self._as_of, one.last_file),
            figures=figures,
            peers=self._peers(one.role, figures),
            senders=self._with_rows[one.role],
        )
        stem = f"bilan-{self._month.month:%Y-%m}"
        return {f"{stem}.html": card_page(card), f"{stem}.csv": card_csv(card)}

    def _peers(self, role: str, figures: Figures) -> Mapping[Key, Peers]:
        """The role's aggregates of a sender's figures; where it has none itself, it learns nothing of the others'."""
        return {
            key: self._aggregate(role, key)
            for key, value in figures.items()
            if key[0] in _COMPARED and value is not None
        }

    def _aggregate(self, role: str, key: Key) -> Peers:
        """One figure over all senders of a role, worked out once."""
        if (role, key) not in self._aggregates:
            values = self._values[role][key]
            # Whoever sent rows and has none with a code has a share of 0 of it.
            rest = self._with_rows[role] - len(values) if key[0] == "part_code" else 0
            self._aggregates[role, key] = peers([*values, *[0.0] * rest])
        return self._aggregates[role, key]

    def of_all(self) -> dict[str, bytes]:
        """The ministry's files, by name: every sender and the totals of each role."""
        lines: dict[str, list[Line]] = defaultdict(list)
        for one in self._month.senders:
            lines[one.role].append(Line(one.code, self._figures[one.partner_id]))
        totals = {role: Line("", tally.figures()) for role, tally in self._month.roles.items()}
        overview = Overview(self._month.month, self._as_of, dict(lines), totals)
        stem = f"bilan-emetteurs-{self._month.month:%Y-%m}"
        return {f"{stem}.html": overview_page(overview), f"{stem}.csv": overview_csv(overview)}
