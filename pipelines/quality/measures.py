"""What a month gave: the measure of every promise, by subject, counted by the database in one query a table.

A file belongs to the month of the registry's date of its reception, as in the scorecards; rows count as the integration
of their file left them, so that a month that is counted again years later gives the same. The old registry's files are
left out. Measures about fewer than a promise's ``base``, or about fewer than eleven workers, are not given at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import sql
from loaders.settings import Settings
from loaders.warehouse import Connection
from pipelines.tallies import month_before
from pipelines.windows import AIRCREW_FLOOR_USV
from schemas import codebook
from schemas.formats import passive
from schemas.promises import FEWEST, Against, Promise, promises
from schemas.roles import MEASURE_FORMATS

#: The subject of what is measured over everything.
REGISTRY = "registre"
_MEASURED = [passive.MES, passive.INF, passive.EST]
_LATE, _UNKNOWN = codebook.bit("AVT-04"), codebook.bit("FMT-05")
_DOSIMETERS = passive.FORMAT.column("TYPE_DOSIMETRE").codes
_CENT = Decimal("0.0001")


@dataclass(frozen=True)
class Measure:
    """One figure. ``base``: how many rows, files, results or workers it is about; ``value`` in the promise's unit."""

    promise: str
    subject: str
    base: int
    value: Decimal


@dataclass(frozen=True)
class Judged:
    """A measure with what was usual of its subject and what is held against the bounds; ``None``: not judged."""

    measure: Measure
    usual: Decimal | None
    gap: Decimal | None


def measures(connection: Connection, month: date, settings: Settings, *, ended: bool) -> list[Measure]:
    """Every measure of a month that its promise judges (``ended``: whether the month is over). In a transaction."""
    asked: dict[str, Any] = {
        "since": month,
        "until": month_before(month, -1),
        "wear": month_before(month, 3),
        "late": _LATE,
        "unknown": _UNKNOWN,
        "either": _LATE | _UNKNOWN,
        "measured": _MEASURED,
        "photons": passive.TYPES.index("PAS-HP10-PHO"),
        "formats": list(MEASURE_FORMATS),
        "aircrew_zero": AIRCREW_FLOOR_USV,
    }
    found = list(_present(connection, settings)) if not ended else []
    bounds = connection.execute(sql.query("scorecards", "bounds"), asked).fetchone()
    if bounds is not None and bounds[0] is not None:
        asked |= {"first": bounds[0], "last": bounds[1]}
        for count in (_rows, _files, _passive, _other_doses, _means, _coverage, _births):
            found += count(connection, asked)
    book = promises()
    return [one for one in found if one.base >= book[one.promise].base and book[one.promise].judges(ended)]


def _rows(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for sender, received, results, waiting, rejected, late, unknown in _answers(connection, "rows", asked):
        # Lists of workers come when something changed: only results have a usual volume.
        yield Measure("VOLUME", sender, int(results), Decimal(results))
        for name, part in (("ATTENTE", waiting), ("REJETS", rejected), ("TARDIFS", late), ("INCONNUS", unknown)):
            yield _share(name, sender, part, received)


def _files(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for role, files, refused in _answers(connection, "files", asked):
        yield _share("REFUSES", role, refused, files)


def _passive(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    of_sender: dict[str, int] = {}
    types: dict[str, dict[str, int]] = {}
    for quantity, sender, dosimeter, results, measured, zeros, workers in _answers(connection, "passive", asked):
        if dosimeter is not None:
            types.setdefault(sender, {})[dosimeter] = results
        elif workers < FEWEST:
            continue
        elif quantity is not None:
            yield _share("ZEROS", quantity, zeros, measured)
        else:
            of_sender[sender] = results
            yield _share("SANS_RESULTAT", sender, results - measured, results)
    for sender, results in of_sender.items():
        # A type that comes or goes is a change too: those that a sender does not use count 0.
        for dosimeter in _DOSIMETERS:
            yield _share("DOSIMETRES", f"{sender} {dosimeter}", types.get(sender, {}).get(dosimeter, 0), results)


def _other_doses(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for quantity, results, zeros, workers in _answers(connection, "other_doses", asked):
        if workers >= FEWEST:
            yield _share("ZEROS", quantity, zeros, results)


def _means(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for domain, results, workers, usv in _answers(connection, "means", asked):
        if workers >= FEWEST:
            yield Measure("MOYENNES", domain, results, (usv / 1000).quantize(_CENT))


def _coverage(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for domain, workers, seen in _answers(connection, "coverage", asked):
        yield _share("COUVERTURE", domain, seen, workers)


def _births(connection: Connection, asked: dict[str, Any]) -> Iterator[Measure]:
    for identities, first_days in _answers(connection, "births", asked):
        yield _share("NAISSANCES", REGISTRY, first_days, identities)


def _present(connection: Connection, settings: Settings) -> Iterator[Measure]:
    """The queue as it stands: how much of it there is, and how near its oldest row is to being rejected."""
    today, allowed = settings.registry_date(), settings.queue_days
    oldest = today - timedelta(days=allowed)
    for waiting, since, received in _answers(connection, "waiting", {"oldest": oldest}):
        yield _share("FILE", REGISTRY, waiting, int(received))
        age = (today - since).days if since else 0
        yield Measure("ANCIENNETE", REGISTRY, int(received), (Decimal(100 * age) / max(allowed, 1)).quantize(_CENT))


def _answers(connection: Connection, name: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    return connection.execute(sql.query("quality", name), asked).fetchall()


def _share(promise: str, subject: str, part: int, whole: int) -> Measure:
    """In percent, to four decimals; nothing of nothing is 0 and is about nothing."""
    return Measure(promise, subject, int(whole), (Decimal(100 * part) / max(whole, 1)).quantize(_CENT))


def judge(found: list[Measure], past: dict[tuple[str, str], list[Decimal]]) -> list[Judged]:
    """Each measure with the median of what its subject gave before, and its gap.

    The median, so that one month that broke a promise does not make the next ones seem usual or unusual.

    Args:
        past: values of the months before, by promise and subject.
    """
    return [_judge(promises()[one.promise], one, past.get((one.promise, one.subject), [])) for one in found]


def _judge(promise: Promise, one: Measure, before: list[Decimal]) -> Judged:
    if promise.against is Against.ALONE:
        return Judged(one, None, one.value)
    if len(before) < promise.past:
        return Judged(one, None, None)
    usual = median(before)
    if promise.against is Against.DIFFERENCE:
        return Judged(one, usual, one.value - usual)
    return Judged(one, usual, (one.value / usual).quantize(_CENT) if usual else None)
