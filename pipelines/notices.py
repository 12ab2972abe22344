"""Notices of exceedances: decided, recorded, delivered into the ``retour/`` of everybody whom they concern.

What is decided is recorded with the state that it tells of, in one load, and delivered as recorded; a pass that dies in
between leaves it owed. An account is told again only of what it sees: another state, window, value or establishment.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import sql
from loaders import crash
from loaders.bulk import Cursor
from loaders.registry import depots, opened
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.sftp import SftpClient
from loaders.warehouse import DELIVERY, Connection, Delivery, alone, load
from pipelines import doors, notice_cases
from pipelines.answer import as_document
from pipelines.isolate import Troubles
from pipelines.notice_cases import Case
from pipelines.notice_facts import Facts, Setting, facts, seen, withdrawal
from pipelines.recipients import Mandates, Told, accounts, designated, told
from pipelines.states import NOTIFIED, RETAINED, enter_states
from reports.execution import VERSION
from reports.notice import notice_page

log = logging.getLogger("siseri.notices")

#: States in which a physician's answer is missing.
_UNANSWERED = frozenset({NOTIFIED, RETAINED})


@dataclass(frozen=True)
class Notice:
    """One notice to be recorded."""

    exceedance: int
    state: str
    partner: int
    audience: str
    revision: int
    establishments: tuple[int, ...]
    digest: str
    facts: Facts

    @property
    def file_name(self) -> str:
        return f"depassement-{self.exceedance}-{self.state}"


@dataclass
class Plan:
    """What a look at all exceedances finds to be written."""

    notified: list[int] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    unassigned: list[tuple[int, str]] = field(default_factory=list)
    assigned: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.notified) + len(self.notices) + len(self.unassigned) + len(self.assigned)


def renew() -> dict[str, int]:
    """Tell everybody whom an exceedance concerns what is new: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings) as registry, depots(registry) as client:
        troubles = Troubles()
        doors.turn(registry.connection, client, settings)
        done = tell(client, registry.connection, settings, registry.key, troubles)
    return {"notices": done, "troubles": len(troubles)}


def tell(client: SftpClient, connection: Connection, settings: Settings, key: RegistryKey, troubles: Troubles) -> int:
    """Decide and record what is to be told, then deliver all that is owed.

    Args:
        troubles: gathers the accounts whose notice could not be delivered now; it stays owed.

    Returns:
        How many notices were delivered.
    """
    with troubles.keep("notices", 0):
        record(connection, settings, key)
    withdraw(client, connection, settings, troubles)
    return deliver(client, connection, key, troubles)


def record(connection: Connection, settings: Settings, key: RegistryKey) -> int:
    """Record what is to be told and is not yet; an exceedance that was detected is notified thereby.

    Nothing is looked at while no load, no account and no day has come since the last look.

    Returns:
        How many notices were recorded.
    """
    with connection.transaction():
        cursor = connection.cursor()
        cursor.execute("set transaction isolation level repeatable read")
        mark = _mark(cursor, settings, key)
        if mark == cursor.execute(sql.query("notices", "mark")).fetchone():
            return 0
        plan = planned(cursor, settings, key)
    if not plan:
        with connection.transaction():
            connection.execute(sql.query("notices", "set_mark"), mark)
        return 0
    with load(connection, "notices") as number:
        cursor = connection.cursor()
        # Decided anew: what was loaded before this load got its turn is seen now, and nothing can come between.
        plan = planned(cursor, settings, key)
        _write(cursor, key, plan, number, settings)
        cursor.execute(sql.query("notices", "set_mark"), _mark(cursor, settings, key))
    log.info("notices: %s recorded, %s exceedances notified", len(plan.notices), len(plan.notified))
    return len(plan.notices)


def _mark(cursor: Cursor, settings: Settings, key: RegistryKey) -> tuple[Any, ...]:
    """What a look depends on: the last load, the day, the accounts."""
    row = cursor.execute(sql.query("notices", "last_load")).fetchone()
    assert row is not None
    listed = repr([(one.number, one.role, one.identifiant, sorted(one.sirens)) for one in accounts(cursor)])
    return int(row[0]), settings.registry_date(), key.fingerprint(listed)


def planned(cursor: Cursor, settings: Settings, key: RegistryKey) -> Plan:
    """Hold what everybody should have been told against what was; nothing is written."""
    today = settings.registry_date()
    cases = list(notice_cases.read(cursor, key, today))
    before = told(cursor, [one.number for one in cases])
    found = cursor.execute(sql.query("notices", "revisions"), ([one.number for one in cases],)).fetchall()
    revisions = {(exceedance, partner, state): revision for exceedance, partner, state, revision in found}
    named = {one for case in cases for one in case.concerned} | {
        outcome.establishment for case in cases for outcome in case.outcomes
    }
    named |= {one for by_partner in before.values() for last in by_partner.values() for one in last.establishments}
    mandates = Mandates(accounts(cursor), notice_cases.places(cursor, named), designated(cursor, named, today), today)
    setting = Setting(mandates.places, today, settings.conclusion_days)
    plan = Plan()
    for case in cases:
        if case.detected:
            plan.notified.append(case.number)
        for one, by, content in _contents(case, before.get(case.number, {}), mandates, setting, key):
            last = before.get(case.number, {}).get(one)
            digest = str(key.fingerprint(seen(content)))
            known = last is not None and (last.state, last.digest) == (case.state, digest)
            if known and last is not None and (not last.removed or "retire" in content):
                continue
            revision = revisions.get((case.number, one, case.state), 0) + 1
            whole = _whole(content, revision, last, settings)
            audience = mandates.accounts[one].role
            plan.notices.append(Notice(case.number, case.state, one, audience, revision, by, digest, whole))
    _physicians(cursor, cases, mandates, plan)
    return plan


def _contents(
    case: Case, before: dict[int, Told], mandates: Mandates, setting: Setting, key: RegistryKey
) -> list[tuple[int, tuple[int, ...], Facts]]:
    """What each account should have been told last of a case: account, establishments, facts."""
    without = mandates.no_physician(case)
    reading = mandates.recipients(case, before)
    told = [
        (number, by, facts(case, mandates.accounts[number], by, without, setting)) for number, by in reading.items()
    ]
    for number in mandates.former(case, before, reading):
        last = before[number]
        known = json.loads(key.open(last.sealed))
        told.append((number, last.establishments, withdrawal(case, mandates.accounts[number], known)))
    return told


def _whole(content: Facts, revision: int, last: Told | None, settings: Settings) -> Facts:
    """A notice as its file holds it: what is told, and which notice it stands in for."""
    return {
        "version": VERSION,
        **content,
        "revision": revision,
        "remplace": None if last is None else {"fichier": f"{last.file_name}.json", "revision": last.revision},
        "etabli_le": settings.registry_date().isoformat(),
    }


def _physicians(cursor: Cursor, cases: list[Case], mandates: Mandates, plan: Plan) -> None:
    """Which unanswered exceedances no physician can be told of, where that has changed."""
    standing = dict(cursor.execute(sql.query("notices", "without_physician")).fetchall())
    wanted = {case.number: mandates.without_physician(case) for case in cases if case.state in _UNANSWERED}
    plan.unassigned = [(one, why) for one, why in wanted.items() if why is not None and standing.get(one) != why]
    plan.assigned = [one for one in standing if wanted.get(one) is None]


def _write(cursor: Cursor, key: RegistryKey, plan: Plan, number: int, settings: Settings) -> None:
    enter_states(cursor, number, [(one, NOTIFIED) for one in plan.notified], settings.registry_date())
    changed = [one for one, _ in plan.unassigned] + plan.assigned
    cursor.execute(sql.query("notices", "close_without_physician"), (number, changed))
    unassigned = [(one, why, number) for one, why in plan.unassigned]
    cursor.executemany(sql.query("notices", "enter_without_physician"), unassigned)
    rows = [
        (
            *(one.exceedance, one.state, one.partner, one.audience, one.revision, one.file_name),
            *("retire" in one.facts, list(one.establishments), one.digest),
            *(key.seal(json.dumps(one.facts, ensure_ascii=False).encode()), number),
        )
        for one in plan.notices
    ]
    cursor.executemany(sql.query("notices", "record"), rows)


def withdraw(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Take notices out of ``retour/`` the day nothing ties the account to their establishments any more.

    Returns:
        How many were taken out.
    """
    done = 0
    asked = {"today": settings.registry_date()}
    for notice, partner, code, name in connection.execute(sql.query("notices", "outlived"), asked).fetchall():
        with troubles.keep("partner", partner):
            for kind in ("json", "html"):
                client.take_back(code, "retour", f"{name}.{kind}")
            with connection.transaction():
                connection.execute(sql.query("notices", "removed"), (notice,))
            done += 1
    return done


def deliver(client: SftpClient, connection: Connection, key: RegistryKey, troubles: Troubles) -> int:
    """Put the notices that are owed into ``retour/``, each as it was decided; doing it again delivers the same.

    One pass delivers at a time: of two notices under one name the later must stay.

    Returns:
        How many were delivered.
    """
    with alone(connection, DELIVERY, Delivery.NOTICES) as held:
        owed = connection.execute(sql.query("notices", "owed")).fetchall() if held else []
        done = 0
        behind: set[int] = set()
        for notice, partner, code, name, sealed in owed:
            if partner in behind:  # what could not be put now goes first next time
                continue
            failed = len(troubles)
            with troubles.keep("partner", partner):
                content = json.loads(key.open(sealed))
                client.put(code, "retour", f"{name}.html", notice_page(content))
                crash.reach("notices.page")
                client.put(code, "retour", f"{name}.json", as_document(content))
                crash.reach("notices.delivered")
                with connection.transaction():
                    connection.execute(sql.query("notices", "delivered"), (notice,))
                done += 1
            if len(troubles) > failed:
                behind.add(partner)
    if done:
        log.info("notices delivered: %s", done)
    return done
