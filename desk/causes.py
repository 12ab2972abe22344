"""The first page: what waits, by cause."""

from __future__ import annotations

from fastapi import APIRouter, Response

from desk.needs import Reader, ThePage, TheSettings
from pipelines.causes import Filters, totals

router = APIRouter()


@router.get("/", name="causes")
def causes(page: ThePage, reader: Reader, settings: TheSettings) -> Response:
    """How many rows wait."""
    return page.show("causes.html", totals=totals(reader, settings.registry_date(), Filters()))
