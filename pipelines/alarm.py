"""Alarm: looks at everything, tells by mail what is wrong, once, and again a day later while it lasts.

What was told is kept in the database, which several machines share; while it does not answer, in a file of this home.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sql
from loaders import metrics
from loaders.errors import SiseriError
from loaders.mail import MailServer, send
from loaders.postgres_server import write_private
from loaders.registry import opened
from loaders.settings import PARIS, Settings
from loaders.warehouse import ALARM, Connection, alone
from pipelines import health
from pipelines.alerts import CODES, Alert, News, State, news, wrong
from pipelines.health import Health

log = logging.getLogger("siseri.alarm")


def renew(server: MailServer | None) -> dict[str, int]:
    """Look, measure and tell: a task's whole work. Counts only.

    Args:
        server: ``None``: nobody is written to, and the alerts stay untold.
    """
    return tell(Settings.load(), server, standing=True)


def tell(
    settings: Settings, server: MailServer | None, *, standing: bool | None = None, here: bool = False
) -> dict[str, int]:
    """Look at everything and write what there is to say.

    Args:
        standing: whether the standing service is meant to run (``None``: where it does).
        here: whether it is meant to run under this home's supervisor.

    Returns:
        ``held``: alerts that hold; ``new``, ``again``, ``over``: what the mail tells; ``mailed``: 1 where one left.

    Raises:
        MailRefused: there was something to say, and the mail did not leave: the next look says it.
    """
    seen = health.look(settings)
    held = wrong(seen, settings, standing=seen.supervised if standing is None else standing, here=here)
    with metrics.destination(settings.statsd):
        measure(seen, held)
        with _kept(settings, seen) as (known, keep):
            said = news(datetime.now(UTC), held, known)
            if said and server is not None:
                refused = send(server, subject(said), body(said))
                if refused:
                    log.warning("the mail server refused %s addresses", refused)
                metrics.count("alerts.mailed")
            if server is not None:
                keep(said.states)
    counts = {"held": len(held), "new": len(said.new), "again": len(said.again), "over": len(said.over)}
    log.info("alerts: %s", counts)
    return counts | {"mailed": int(bool(said) and server is not None)}


def measure(seen: Health, held: Sequence[Alert]) -> None:
    """Send what a look saw to where metrics go (``schemas/metrics.py``); nothing where they go nowhere."""
    metrics.gauge("watch.time_s", int(time.time()))
    for code in CODES:
        metrics.gauge("alerts.held", int(any(one.code == code for one in held)), code=code)
    for disk in seen.disks:
        metrics.gauge("disk.free_bytes", disk["libre_octets"], place=disk["place"])
    registry = seen.registry
    if registry is None or "file" not in registry:
        return
    metrics.gauge("queue.rows", registry["file"]["lignes"])
    metrics.gauge("queue.age_days", registry["file"]["age_jours"] or 0)
    metrics.gauge("answers.owed", registry["reponses_dues"]["depots"] + registry["reponses_dues"]["suivis"])
    metrics.gauge("answers.age_s", registry["reponses_dues"]["age_s"] or 0)
    for state, count in _standing(registry).items():
        metrics.gauge("files.standing", count, state=state)
    metrics.gauge("dose.today_msv", registry["integre_ce_jour"]["dose_msv"] or 0)
    for work, sign in registry["travaux"].items():
        if sign is not None:
            metrics.gauge("work.age_s", sign["age_s"], work=work)
    if registry["verification"] is not None:
        metrics.gauge("verify.age_s", registry["verification"]["age_s"])
        metrics.gauge("verify.broken", registry["verification"]["non_tenus"])


def _standing(registry: dict[str, Any]) -> dict[str, int]:
    waiting = registry["a_traiter"]
    return {
        "received": waiting["depots"],
        "incident": waiting["incidents"],
        "held": registry["retenus"]["depots"],
    }


def subject(said: News) -> str:
    """A mail's subject: the codes, the new ones first."""
    holding = [one.code for one in (*said.new, *said.again)]
    if not holding:
        return f"[SISERI] fin : {', '.join(said.over)}"
    return f"[SISERI] {len(holding)} alerte(s) : {', '.join(holding)}"


def body(said: News) -> str:
    """A mail's text."""
    since = {one.code: one.since for one in said.states}
    lines: list[str] = []
    for title, alerts in (("Nouveau", said.new), ("Toujours vrai", said.again)):
        for one in alerts:
            lines += [
                f"{title} - {one.sentence}",
                f"  depuis : {_hour(since[one.code])}",
                f"  conduite : {one.page}",
                "",
            ]
    lines += [f"Fini - {code}" for code in said.over]
    return "\n".join([*lines, "", "L'état complet : siseri status", ""])


def _hour(moment: datetime) -> str:
    return moment.astimezone(PARIS).strftime("%d/%m/%Y %H:%M")


@contextmanager
def _kept(settings: Settings, seen: Health) -> Iterator[tuple[list[State], Any]]:
    """The alerts under way, and how to keep what becomes of them; one look at a time where the database answers."""
    file = settings.home / "run" / "alertes.json"
    beside = _read(file)
    if seen.registry is None or "file" not in seen.registry:
        yield beside, lambda states: _write(file, states)
        return
    with opened(settings, sftp=False, profile="analyst") as registry, alone(registry.connection, ALARM, 0) as mine:
        if not mine:
            raise SiseriError("another look at the alerts is under way")
        rows = registry.connection.execute(sql.query("operation", "alerts")).fetchall()
        known = {one.code: one for one in (*beside, *(State(*row) for row in rows))}

        def keep(states: Sequence[State]) -> None:
            _keep(registry.connection, states)
            file.unlink(missing_ok=True)

        yield list(known.values()), keep


def _keep(connection: Connection, states: Sequence[State]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(sql.query("operation", "forget_alerts"), ([one.code for one in states],))
        cursor.executemany(
            sql.query("operation", "keep_alert"), [(one.code, one.since, one.seen, one.told) for one in states]
        )


def _read(file: Path) -> list[State]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    moments = [[None if one is None else datetime.fromisoformat(one) for one in times] for _, *times in told]
    return [State(code, *times) for (code, *_), times in zip(told, moments, strict=True)]  # type: ignore[arg-type]


def _write(file: Path, states: Sequence[State]) -> None:
    told = [
        (one.code, one.since.isoformat(), one.seen.isoformat(), one.told.isoformat() if one.told else None)
        for one in states
    ]
    write_private(file, json.dumps(told))
