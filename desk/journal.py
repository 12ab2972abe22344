"""The decisions taken, and how one is taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Response

from desk import words
from desk.causes import Number
from desk.needs import After, Reader, Signed, ThePage, Writer
from loaders.errors import UsageError
from pipelines import dossier
from pipelines.decide import CAUSES
from pipelines.undo import undo

router = APIRouter()

SIZE = 50


@router.get("/journal", name="journal")
def journal(
    page: ThePage,
    reader: Reader,
    par: Annotated[str, Query(max_length=100)] = "",
    apres: Annotated[int | None, Query(ge=0, lt=1 << 31)] = None,
) -> Response:
    """Decisions, the latest first."""
    who = par if par.isprintable() else ""
    listed = dossier.journal(reader, who=who or None, after=apres, size=SIZE + 1)
    return page.show(
        "journal.html",
        decisions=listed[:SIZE],
        following=listed[SIZE - 1]["id"] if len(listed) > SIZE else None,
        first_page=apres is None,
        who=who,
        deciders=dossier.deciders(reader),
        reject_causes=CAUSES,
    )


@router.get("/decisions/{number}", name="decision")
def decision(page: ThePage, reader: Reader, number: Number) -> Response:
    """One decision: what it did, and the form that takes it back."""
    found = dossier.journal(reader, one=number)
    if not found:
        raise HTTPException(404)
    return page.show(
        "decision.html", decision=found[0], rows=dossier.decided_rows(reader, number), reject_causes=CAUSES
    )


@router.post("/decisions/{number}/annuler", name="undo")
def take_back(
    page: ThePage,
    reader: Reader,
    writer: Writer,
    person: Signed,
    after: After,
    number: Number,
    motif: Annotated[str, Form()] = "",
) -> Response:
    """Take a decision back; its rows wait again."""
    if not dossier.journal(reader, one=number):
        raise HTTPException(404)
    try:
        effect = undo(writer, number, person.name, " ".join(motif.split()))
    except UsageError as error:
        return page.go("decision", failed=str(error), number=number)
    after.owe()
    rows = words.plural(len(effect.fates), "ligne attend", "lignes attendent")
    return page.go("decision", done=f"Décision n° {number} annulée : {rows} de nouveau.", number=number)
