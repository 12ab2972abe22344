"""Unusual doses: the flags, each with its reason and its context drawn, and what is answered of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Response

from desk import words
from desk.causes import Number
from desk.filters import LONGEST, Address
from desk.needs import After, Key, Reader, Signed, ThePage, Writer
from loaders.errors import UsageError
from pipelines import audit, unusual_answers
from pipelines.decide import MOTIVE
from pipelines.unusual_answers import PAGE, Filters
from reports import histogram

router = APIRouter()

#: Filters' names in an address. Nothing that names a person is among them.
NAMES = ("emetteur", "siret", "genre", "etat")
DONE = {
    "confirm": "confirmé : rien ne sera appris de ce résultat",
    "ask": "question posée, l’émetteur la reçoit sous peu",
    "dismiss": "écarté : le seuil de ce contexte est relevé",
}


def _chosen(address: Mapping[str, str]) -> tuple[dict[str, str], Filters]:
    """The filters as given, and understood; all open flags where none is given. Raises UsageError."""
    told = {name: address[name].strip() for name in NAMES if address.get(name, "").strip()}
    if any(len(value) > LONGEST or not value.isprintable() for value in told.values()):
        raise UsageError("un des filtres est trop long ou illisible")
    return told, Filters(*(told.get(name) for name in NAMES))


@router.get("/inhabituelles", name="unusual")
def listed(
    page: ThePage,
    reader: Reader,
    person: Signed,
    address: Address,
    apres: Annotated[int | None, Query(ge=0, lt=1 << 31)] = None,
) -> Response:
    """The flags, one page of them, the latest first; each is a person's dose, so the look is noted."""
    problem = ""
    told: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    try:
        told, filters = _chosen(address)
        rows = unusual_answers.flags(reader, filters, before=apres, size=PAGE + 1)
    except UsageError as error:
        problem = str(error)
    following = rows[PAGE - 1]["id"] if len(rows) > PAGE else None
    if rows:
        audit.looked(reader, person.name, audit.DESK, "inhabituelles", records=len(rows[:PAGE]))
    return page.show(
        "inhabituelles.html",
        400 if problem else 200,
        failed=problem,
        told=told,
        rows=rows[:PAGE],
        following=following,
        first_page=apres is None,
        senders=unusual_answers.senders(reader),
        kinds=words.SUSPECTED,
        states=words.FLAG_STATES,
        drawn=histogram.drawn,
        longest=MOTIVE,
    )


@router.get("/inhabituelles/{number}", name="flag")
def one(page: ThePage, reader: Reader, person: Signed, number: Number) -> Response:
    """One flag; the look is noted first."""
    audit.looked(reader, person.name, audit.DESK, "inhabituelle")
    rows = unusual_answers.flags(reader, one=number)
    if not rows:
        raise HTTPException(404)
    return page.show("inhabituelle.html", one=rows[0], drawn=histogram.drawn, longest=MOTIVE)


@router.post("/inhabituelles/{number}/repondre", name="answer_flag")
def answer(
    page: ThePage,
    reader: Reader,
    writer: Writer,
    key: Key,
    person: Signed,
    after: After,
    number: Number,
    reponse: Annotated[str, Form(max_length=20)] = "",
    motif: Annotated[str, Form()] = "",
) -> Response:
    """Confirm, ask the sender, or dismiss."""
    if not unusual_answers.flags(reader, one=number):
        raise HTTPException(404)
    try:
        unusual_answers.decide(writer, key, number, reponse, " ".join(motif.split()), person.name)
    except UsageError as error:
        return page.go("flag", failed=str(error), number=number)
    if reponse == "ask":
        after.owe()
    return page.go("unusual", done=f"Signalement n° {number} {DONE[reponse]}.")
