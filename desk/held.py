"""Files held, whole, for a person's yes; who approves may give it, or set a file aside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from desk.access import APPROVE
from desk.causes import Number
from desk.needs import After, Reader, Signed, ThePage, Writer
from loaders.errors import UsageError
from pipelines import held

router = APIRouter()


@router.get("/retenus", name="held")
def listed(page: ThePage, reader: Reader) -> Response:
    """The files that wait for a yes, the longest held first; no identity."""
    return page.show("retenus.html", files=held.held(reader))


@router.post("/retenus/{number}/integrer", name="accept", dependencies=[APPROVE])
def accept(page: ThePage, writer: Writer, person: Signed, number: Number) -> Response:
    """Say yes: the next pass integrates the file."""
    try:
        held.accept(writer, number, person.name)
    except UsageError as error:
        return page.go("held", failed=str(error))
    return page.go("held", done=f"Dépôt {number} accepté : le prochain passage l’intègre.")


@router.post("/retenus/{number}/ecarter", name="decline", dependencies=[APPROVE])
def decline(
    page: ThePage, writer: Writer, person: Signed, after: After, number: Number, motif: Annotated[str, Form()] = ""
) -> Response:
    """Set a file aside: it is refused as a whole, and its sender is told why."""
    try:
        held.decline(writer, number, person.name, " ".join(motif.split()))
    except UsageError as error:
        return page.go("held", failed=str(error))
    after.owe()
    return page.go("held", done=f"Dépôt {number} écarté : son émetteur le lira sous peu.")
