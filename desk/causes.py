"""What waits, by cause; the rows of one cause."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response

from desk import words
from desk.filters import NAMES, Address, choose, unpacked
from desk.needs import Key, Reader, Signed, ThePage, TheSettings
from loaders.errors import UsageError
from pipelines import audit, causes, exceedance_search, held
from pipelines.decide import CAUSES, CONFIRMABLE
from pipelines.match import person_column
from schemas import codebook
from schemas.formats import formats

router = APIRouter()

#: A number of ours in an address.
Number = Annotated[int, Path(ge=0, lt=1 << 31)]
After = Annotated[str | None, Query(max_length=40)]
Back = Annotated[str, Query(max_length=400)]


@router.get("/", name="causes")
def first(page: ThePage, reader: Reader, settings: TheSettings, address: Address, apres: After = None) -> Response:
    """The causes, one page of them, under the filters of the address."""
    today = settings.registry_date()
    chosen = choose(address, today)
    shown: dict[str, Any] = {"totals": None, "rows": [], "following": None}
    problem = chosen.problem
    try:
        found = causes.causes(reader, today, chosen.filters, order=chosen.order, after=apres)
    except UsageError as error:
        problem = str(error)
    else:
        if not problem:
            totals = causes.totals(reader, today, chosen.filters)
            shown = {"totals": totals, "rows": found.rows, "following": found.following}
    known = causes.senders(reader)
    when = exceedance_search.moment(reader, None, today)
    return page.show(
        "causes.html",
        400 if problem else 200,
        failed=problem,
        told=chosen.told,
        carried=chosen.carried,
        filtered=any(name != "ordre" for name in chosen.told),
        first_page=apres is None,
        senders=sorted({one["emetteur"] for one in known}),
        layouts=sorted({one["format"] for one in known}),
        codes={one: codebook.book()[one].label for one in sorted(codebook.rules())},
        motives=words.MOTIVES,
        orders=words.ORDERS,
        today=today,
        age=words.age_days,
        exceedances=exceedance_search.counts(reader, when, settings.conclusion_days),
        near=exceedance_search.NEAR_DAYS,
        held=len(held.held(reader)),
        **shown,
    )


@router.get("/causes/{number}", name="cause")
def rows(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    number: Number,
    apres: After = None,
    de: Back = "",
) -> Response:
    """The rows of a cause, one page of them; each is nominative, so the look is noted."""
    try:
        facts = causes.cause(reader, number)
    except UsageError:
        raise HTTPException(404) from None
    found = causes.entries(reader, key, number, after=apres)
    audit.looked(reader, person.name, audit.DESK, "cause", [one["id"] for one in found.rows], records=0)
    return page.show(
        "cause.html",
        cause=facts,
        rules=words.rules(facts["codes"], facts["motif"]),
        rows=found.rows,
        following=found.following,
        first_page=apres is None,
        back=page.url("causes", unpacked(de)),
        de=de,
        today=settings.registry_date(),
        age=words.age_days,
        **choices(facts["format"], facts["codes"], facts["motif"]),
    )


def choices(layout: str, codes: list[str], motive: str | None) -> dict[str, Any]:
    """What a decision's form offers for rows of a format that wait for these codes."""
    known = formats().get(layout)
    person = person_column(known) if known else None
    actions = ["corriger", "rattacher", "confirmer", "rejeter", "rejouer"]
    if motive:
        actions = ["confirmer"]
    elif codes and not codebook.mask(codes) & CONFIRMABLE:
        actions.remove("confirmer")
    return {
        "actions": actions,
        "columns": [(one.name, one.label) for one in known.columns] if known else [],
        "targets": [one for one in (person, "SIRET") if one and known and known.has(one)],
        "identified_by": person,
        "reject_causes": CAUSES,
    }


assert "apres" not in NAMES  # a filter's form begins at the first page again
