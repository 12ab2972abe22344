"""Selections as files: what a page lists, for a spreadsheet."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response

from desk.causes import Number
from desk.filters import Address, choose
from desk.needs import Key, Reader, Signed, TheSettings
from loaders.errors import UsageError
from pipelines import audit, causes
from pipelines.export_selection import selection

router = APIRouter()

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _causes(reader: Reader, key: Key, settings: TheSettings, person: Signed, address: Address, form: str) -> Response:
    today = settings.registry_date()
    chosen = choose(address, today)
    if chosen.problem:
        raise UsageError(chosen.problem)
    body, _ = selection(
        *(reader, key, today, chosen.filters, chosen.order, None, person.name, audit.DESK), workbook=form == "xlsx"
    )
    return _file(body, f"rejets-{today.isoformat()}.{form}", form)


def _rows(reader: Reader, key: Key, settings: TheSettings, person: Signed, number: Number, form: str) -> Response:
    today = settings.registry_date()
    try:
        causes.cause(reader, number)
    except UsageError:
        raise HTTPException(404) from None
    body, _ = selection(
        *(reader, key, today, causes.Filters(), causes.ORDERS[0], number, person.name, audit.DESK),
        workbook=form == "xlsx",
    )
    return _file(body, f"rejets-cause-{number}-{today.isoformat()}.{form}", form)


def _file(body: bytes, name: str, form: str) -> Response:
    return Response(body, media_type=TYPES[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/export.csv", name="export_csv")
def causes_csv(reader: Reader, key: Key, settings: TheSettings, person: Signed, address: Address) -> Response:
    """The causes that the filters leave, as CSV."""
    return _causes(reader, key, settings, person, address, "csv")


@router.get("/export.xlsx", name="export_xlsx")
def causes_xlsx(reader: Reader, key: Key, settings: TheSettings, person: Signed, address: Address) -> Response:
    """The same as a workbook."""
    return _causes(reader, key, settings, person, address, "xlsx")


@router.get("/causes/{number}/export.csv", name="rows_csv")
def rows_csv(reader: Reader, key: Key, settings: TheSettings, person: Signed, number: Number) -> Response:
    """The rows of a cause, nominative, as CSV; the look is noted."""
    return _rows(reader, key, settings, person, number, "csv")


@router.get("/causes/{number}/export.xlsx", name="rows_xlsx")
def rows_xlsx(reader: Reader, key: Key, settings: TheSettings, person: Signed, number: Number) -> Response:
    """The same as a workbook."""
    return _rows(reader, key, settings, person, number, "xlsx")
