"""Exceedances of the limits: the list, and one of them with its curve, as the registry stands or stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, HTTPException, Query, Response

from desk import words
from desk.causes import Back, Number
from desk.filters import LONGEST, Address
from desk.needs import Key, Reader, Signed, ThePage, TheSettings
from loaders.errors import UsageError
from loaders.warehouse import Connection
from pipelines import audit, exceedance_file, exceedance_search
from pipelines.exceedance_search import NEAR_DAYS, NOW, ORDERS, PAGE, Filters, Moment
from pipelines.states import STATES
from reports import curve
from schemas.limits import QUANTITIES

router = APIRouter()

#: Filters' names in an address. Nothing that names a person is among them.
NAMES = ("etat", "limite", "siret", "sans_mdt", "sous", "au", "ordre")


@dataclass(frozen=True)
class Chosen:
    """What was asked for: the values as given, the same understood, what is wrong with them."""

    told: dict[str, str]
    when: Moment
    filters: Filters = field(default_factory=Filters)
    order: str = ORDERS[0]
    problem: str = ""


def choose(told: Mapping[str, str], connection: Connection, today: date) -> Chosen:
    """Understand the filters of an address; what is wrong with them is told, not raised."""
    kept = {name: told[name].strip()[: LONGEST + 1] for name in NAMES if told.get(name, "").strip()}
    try:
        return _understood(kept, connection, today)
    except UsageError as error:
        return Chosen(kept, Moment(NOW, today), problem=str(error))


def _understood(kept: dict[str, str], connection: Connection, today: date) -> Chosen:
    if any(len(value) > LONGEST or not value.isprintable() for value in kept.values()):
        raise UsageError("un des filtres est trop long ou illisible")
    days, order = kept.get("sous"), kept.get("ordre", ORDERS[0])
    if days is not None and not (days.isascii() and days.isdigit()):
        raise UsageError("l'échéance se compte en jours")
    if order not in ORDERS:
        raise UsageError(f"on trie par {', '.join(ORDERS)}")
    when = exceedance_search.moment(connection, kept.get("au"), today)
    filters = Filters(
        kept.get("etat"),
        kept.get("limite"),
        kept.get("siret"),
        kept.get("sans_mdt") == "1",
        int(days) if days else None,
    )
    filters.parameters(when, 0)
    return Chosen(kept, when, filters, order)


@router.get("/depassements", name="exceedances")
def listed(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    address: Address,
    apres: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
) -> Response:
    """The exceedances, one page of them, under the filters of the address; nominative, so the look is noted."""
    chosen = choose(address, reader, settings.registry_date())
    rows: list[dict[str, Any]] = []
    counts = None
    delay = settings.conclusion_days
    if not chosen.problem:
        counts = exceedance_search.counts(reader, chosen.when, delay, chosen.filters)
        wanted = (chosen.when, delay, chosen.filters)
        rows = exceedance_search.page(reader, key, *wanted, order=chosen.order, skipped=apres, size=PAGE + 1)
        if rows:
            audit.looked(reader, person.name, audit.DESK, "depassements", records=len(rows[:PAGE]))
    return page.show(
        "depassements.html",
        400 if chosen.problem else 200,
        failed=chosen.problem,
        told=chosen.told,
        carried="" if chosen.problem else urlencode(chosen.told),
        counts=counts,
        rows=rows[:PAGE],
        following=apres + PAGE if len(rows) > PAGE else None,
        first_page=apres == 0,
        states=STATES,
        limits=QUANTITIES,
        orders=words.EXCEEDANCE_ORDERS,
        near=NEAR_DAYS,
        when=chosen.when,
        left=lambda end: (end - chosen.when.day).days,
    )


@router.get("/depassements/{number}", name="exceedance")
def shown(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    number: Number,
    au: Annotated[str, Query(max_length=LONGEST)] = "",
    carriere: Annotated[bool, Query()] = False,
    de: Back = "",
) -> Response:
    """One exceedance, as it stands or stood at an hour; the look is noted first."""
    today = settings.registry_date()
    problem, when = "", Moment(NOW, today)
    try:
        when = exceedance_search.moment(reader, au.strip(), today)
    except UsageError as error:
        problem, au = str(error), ""
    audit.looked(reader, person.name, audit.DESK, "depassement")
    facts = exceedance_file.exceedance(reader, key, number, when, settings.conclusion_days, career=carriere)
    back = page.url("exceedances", {name: value for name, value in parse_qsl(de[:400]) if name in NAMES})
    if facts is None:
        if when.hour is None:
            raise HTTPException(404)
        return page.show("depassement_absent.html", 404, number=number, when=when, au=au, de=de, back=back)
    return page.show(
        "depassement.html",
        400 if problem else 200,
        failed=problem,
        one=facts,
        picture=curve.drawn(facts["courbe"], words.curve_told(facts)),
        legend=curve.LEGEND,
        when=when,
        au=au,
        career=carriere,
        de=de,
        back=back,
        left=(facts["echeance"] - when.day).days if facts["echeance"] else None,
        delay=settings.conclusion_days,
    )
