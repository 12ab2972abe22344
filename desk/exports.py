"""Selections as files: what a page lists, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from desk import exceedances
from desk.causes import Number
from desk.filters import Address, choose
from desk.needs import Key, Reader, Signed, TheSettings
from loaders.errors import UsageError
from pipelines import audit, causes, dossier, exceedance_search, standing
from pipelines.export_selection import selection
from reports import selections

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


#: Most decisions of one file, the latest.
DECISIONS = 10_000
Form = Literal["csv", "xlsx"]


@router.get("/journal/export.{form}", name="journal_export")
def decisions(
    reader: Reader, settings: TheSettings, form: Form, par: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """The journal as a file, the latest first; no identity stands in it."""
    listed = dossier.journal(reader, who=par if par and par.isprintable() else None, size=DECISIONS)
    rows = [one | one["lignes"] for one in listed]
    return _file(_written(selections.JOURNAL, rows, form), f"journal-{settings.registry_date()}.{form}", form)


@router.get("/permanentes/export.{form}", name="standing_export")
def standing_decisions(reader: Reader, key: Key, settings: TheSettings, person: Signed, form: Form) -> Response:
    """The standing decisions as a file; those on persons are looked at."""
    rows = standing.listing(reader, key)
    persons = sum(one["genre"] == "NIR" for one in rows)
    if persons:
        audit.looked(reader, person.name, audit.DESK, "export", records=persons)
    return _file(_written(selections.STANDING, rows, form), f"permanentes-{settings.registry_date()}.{form}", form)


@router.get("/depassements/export.{form}", name="exceedances_export")
def exceedances_file(
    reader: Reader, key: Key, settings: TheSettings, person: Signed, address: Address, form: Form
) -> Response:
    """The exceedances that the filters leave, nominative; the look is noted."""
    today = settings.registry_date()
    chosen = exceedances.choose(address, reader, today)
    if chosen.problem:
        raise UsageError(chosen.problem)
    asked = (chosen.when, settings.conclusion_days, chosen.filters, chosen.order)
    rows = list(exceedance_search.every(reader, key, *asked))
    if rows:
        audit.looked(reader, person.name, audit.DESK, "export", records=len(rows))
    return _file(_written(selections.EXCEEDANCES, rows, form), f"depassements-{today}.{form}", form)


def _written(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], form: str) -> bytes:
    return (selections.as_workbook if form == "xlsx" else selections.as_csv)(columns, rows)


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
