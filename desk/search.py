"""The search box: an entry, a file, an establishment by the address; a person never by it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response

from desk import words
from desk.needs import Key, Reader, Signed, ThePage, TheSettings
from pipelines import audit, search

router = APIRouter()


@router.get("/recherche", name="search")
def by_number(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    q: Annotated[str, Query(pattern=r"^\s*([0-9]{1,10}|[0-9]{14})?\s*$")] = "",
) -> Response:
    """An entry or a file by its number, or what waits for a SIRET."""
    asked = q.strip()
    number = int(asked) if asked and len(asked) < 14 else None
    if number is not None and number >= 1 << 31:
        number = None
    entries: list[int] = []
    if len(asked) == 14:
        entries, heading = search.of_siret(reader, asked), f"Établissement {asked}"
    elif number is not None:
        entries, heading = search.of_submission(reader, number), f"Dépôt {number}"
    else:
        heading = "Recherche"
    entry = number if number is not None and search.known(reader, number) else None
    return _found(page, reader, key, settings, person, entries, heading=heading, entry=entry, asked=asked)


@router.post("/recherche", name="find")
def by_any(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    q: Annotated[str, Form()] = "",
) -> Response:
    """What waits for a person; anything else goes to the page that an address may name."""
    asked = "".join(q.split()).upper()
    digits = asked.isascii() and asked.isdigit()
    if digits and (len(asked) <= 10 or len(asked) == 14):
        return page.go("search", {"q": asked})
    if not (asked.isascii() and asked.isalnum() and len(asked) in (13, 15)):
        return page.go("search", failed="Donnez un numéro d’entrée ou de dépôt, un SIRET, un NIR ou un NIA.")
    entries = search.of_person(reader, key, asked[:13])
    return _found(page, reader, key, settings, person, entries, heading="Une personne", entry=None, asked="")


def _found(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    entries: list[int],
    **shown: Any,
) -> Response:
    audit.looked(reader, person.name, audit.DESK, "recherche", entries, records=0 if entries else 1)
    return page.show(
        "recherche.html",
        rows=search.some_entries(reader, key, entries) if entries else [],
        most=search.MOST,
        today=settings.registry_date(),
        age=words.age_days,
        **shown,
    )
