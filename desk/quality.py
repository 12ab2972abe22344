"""Quality of what came in: the promises as the last check judged them, and the calendar; nothing of a person."""

from __future__ import annotations

from fastapi import APIRouter, Response

from desk.needs import Reader, ThePage, TheSettings
from pipelines.quality import standing
from reports.quality import in_french

router = APIRouter()


@router.get("/qualite", name="quality")
def shown(page: ThePage, reader: Reader, settings: TheSettings) -> Response:
    """The page; it judges nothing anew."""
    return page.show("qualite.html", **in_french(*standing.told(reader, settings)))
