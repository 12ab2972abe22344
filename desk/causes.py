"""The first page: what waits, by cause."""

from __future__ import annotations

from fastapi import APIRouter, Response

from desk.needs import Reader, ThePage
from pipelines import listings

router = APIRouter()


@router.get("/", name="causes")
def causes(page: ThePage, reader: Reader) -> Response:
    """How many rows wait."""
    return page.show("causes.html", waiting=sum(one["lignes"] for one in listings.causes(reader)))
