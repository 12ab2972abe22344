"""What the last check said: the listing, the broken promises for who is alerted, the page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sql
from loaders.registry import opened
from loaders.settings import PARIS, Settings
from loaders.warehouse import Connection
from pipelines import expected
from pipelines.private_file import write_private
from pipelines.quality.check import months_of, past_of
from reports.quality import quality_page
from schemas.promises import promises

log = logging.getLogger("siseri.quality")

#: Under ``home``: where the page lies.
FOLDER = "qualite"


def listing(connection: Connection, months: Sequence[date]) -> list[dict[str, Any]]:
    """Every promise that was judged of these months, as the last check of each said; nothing where there was none.

    Keys: ``promesse``, ``mois``, ``tenue``, ``juges``, ``rompue_pour`` (subjects, each with ``sujet``, ``nombre``,
    ``valeur``, ``habituel``, ``ecart``, ``nouveau``: not so at the check before), ``phrase``, ``mesure``, ``sujet``,
    ``unite``, ``comparaison``, ``minimum``, ``maximum``, ``mois_fini``, ``controle_le``.
    """
    found: list[dict[str, Any]] = []
    for month in sorted(set(months)):
        runs: dict[int, dict[str, tuple[Any, ...]]] = {1: {}, 2: {}}
        for whole, _, made, back, promise, *verdict in connection.execute(
            sql.query("quality", "standing"), {"month": month}
        ).fetchall():
            runs[back][promise] = (whole, made, *verdict)
        figures = {
            (promise, subject): (base, value, usual, gap)
            for promise, subject, base, value, usual, gap in connection.execute(
                sql.query("quality", "measures"), (month,)
            ).fetchall()
        }
        for name, one in promises().items():
            if name not in runs[1]:
                continue
            whole, made, judged, held, broken = runs[1][name]
            before = set(runs[2][name][-1]) if name in runs[2] else set()
            found.append(
                {
                    "promesse": name,
                    "mois": f"{month:%Y-%m}",
                    "tenue": held,
                    "juges": judged,
                    "rompue_pour": [
                        _subject(subject, figures.get((name, subject)), subject not in before) for subject in broken
                    ],
                    "phrase": one.sentence,
                    "mesure": one.measured,
                    "sujet": one.of,
                    "unite": one.unit,
                    "comparaison": one.against.value,
                    "minimum": _number(one.low),
                    "maximum": _number(one.high),
                    "mois_fini": whole,
                    "controle_le": made.astimezone(PARIS).isoformat(timespec="seconds"),
                }
            )
    return found


def _subject(subject: str, figures: tuple[Any, ...] | None, new: bool) -> dict[str, Any]:
    base, *rest = figures or (None,) * 4  # counted anew since, by a check that did not end
    values = dict(zip(("valeur", "habituel", "ecart"), map(_number, rest), strict=True))
    return {"sujet": subject, "nombre": base, **values, "nouveau": new}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def broken(connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    """The promises that the last check found broken, of the month that ended and the one under way: for an alert.

    As :func:`listing`; ``connection`` is the analyst's or the publisher's. Codes of senders, roles, quantities and
    domains stand in it, and nothing of a person.
    """
    return [one for one in listing(connection, months_of(settings, None)) if not one["tenue"]]


def render() -> dict[str, int]:
    """Write the page: a task's whole work. Counts only."""
    settings = Settings.load()
    with opened(settings, sftp=False, profile="analyst") as registry:
        write(registry.connection, settings, None)
        late = expected.listing(registry.connection, settings.registry_date(), late=True)
    for one in late:
        log.warning("late: %s %s, expected by %s", one["emetteur"], one["format"], one["attendu_le"])
    return {"late": len(late)}


def write(connection: Connection, settings: Settings, month: str | None) -> Path:
    """Write the page of a month, or of the last check, under ``home``; the file. ``connection`` is the analyst's."""
    body = quality_page(*told(connection, settings, month), settings.registry_date())
    file = settings.folder(FOLDER) / (f"qualite-{month}.html" if month else "qualite.html")
    write_private(file, body)
    return file


def told(
    connection: Connection, settings: Settings, month: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a page shows: the promises, subjects with the values of the months before, and the calendar."""
    months = months_of(settings, month)
    judged = listing(connection, months)
    past = {f"{one:%Y-%m}": past_of(connection, one) for one in months}
    for one in judged:
        for subject in one["rompue_pour"]:
            before = past[one["mois"]].get((one["promesse"], subject["sujet"]), [])
            subject["mois_passes"] = [float(value) for value in before]
    return judged, expected.listing(connection, settings.registry_date(), late=False)
