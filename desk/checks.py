"""Standing checks: one tab each, what they find now, and what an analyst explains of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Query, Response

from desk.filters import LONGEST, Address
from desk.needs import Key, Reader, Signed, ThePage, TheSettings, Writer
from loaders.errors import UsageError
from pipelines import audit, watch

router = APIRouter()

#: Filters' names in an address. Nothing that names a person is among them.
NAMES = ("siret", "emetteur", "du", "au", "vus")
Control = Annotated[str, Path(max_length=LONGEST)]
Text = Annotated[str, Form(max_length=1000)]


@router.get("/controles", name="checks")
def first(page: ThePage) -> Response:
    """The first tab."""
    return page.go("check", control=next(iter(watch.CONTROLS)))


@router.get("/controles/{control}", name="check")
def listed(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    address: Address,
    control: Control,
    apres: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
) -> Response:
    """One page of a control's findings, under the filters of the address; nominative, so the look is noted."""
    if control not in watch.CONTROLS:
        raise HTTPException(404)
    told = _told(address)
    found, wanted, problem = None, None, ""
    try:
        wanted = _asked(control, told, settings)
        found = watch.findings(reader, key, wanted, skipped=apres)
    except UsageError as error:
        problem = str(error)
    rows = found.rows if found else []
    if rows:
        audit.looked(reader, person.name, audit.DESK, "controles", records=len(rows))
    shown = 0 if found is None else found.total if "vus" in told else found.total - found.explained
    return page.show(
        "controles.html",
        400 if problem else 200,
        failed=problem,
        control=control,
        controls=watch.CONTROLS,
        told=told,
        wanted=wanted,
        found=found,
        rows=rows,
        following=apres + watch.PAGE if apres + watch.PAGE < shown else None,
        first_page=apres == 0,
    )


@router.post("/controles/{control}/expliquer", name="explain")
def explain(
    page: ThePage,
    writer: Writer,
    settings: TheSettings,
    person: Signed,
    address: Address,
    control: Control,
    constat: Text = "",
    motif: Text = "",
) -> Response:
    """Note what explains a finding; it comes back if its facts change."""
    if control not in watch.CONTROLS:
        raise HTTPException(404)
    told = _told(address)
    try:
        watch.explain(writer, _asked(control, told, settings), constat, " ".join(motif.split()), person.name)
    except UsageError as error:
        return page.go("check", told, failed=str(error), control=control)
    return page.go("check", told, done="Constat expliqué : il reviendra si ses faits changent.", control=control)


@router.post("/controles/{control}/reprendre", name="reopen_finding")
def reopen(
    page: ThePage, writer: Writer, person: Signed, address: Address, control: Control, constat: Text = ""
) -> Response:
    """Show an explained finding again."""
    if control not in watch.CONTROLS:
        raise HTTPException(404)
    told = _told(address)
    try:
        watch.reopen(writer, control, constat, person.name)
    except UsageError as error:
        return page.go("check", told, failed=str(error), control=control)
    return page.go("check", told, done="Constat repris : il est de nouveau montré.", control=control)


def _told(address: Address) -> dict[str, str]:
    kept = {name: address[name].strip() for name in NAMES if address.get(name, "").strip()}
    return {name: value[:LONGEST] for name, value in kept.items() if value.isprintable()}


def _asked(control: str, told: dict[str, str], settings: Any) -> watch.Asked:
    return watch.asked(
        control,
        settings.registry_date(),
        *(told.get(name) for name in ("du", "au", "siret", "emetteur")),
        seen="vus" in told,
    )
