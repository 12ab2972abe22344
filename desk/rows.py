"""One waiting row, with all that a decision on it needs; its questions and answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Response

from desk import words
from desk.causes import Back, Number, choices
from desk.compare import compared
from desk.filters import unpacked
from desk.needs import After, Key, Reader, Signed, ThePage, TheSettings, Writer
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.warehouse import Connection
from pipelines import audit, causes, questions
from pipelines.dossier import dossier
from pipelines.proposals import Waiting, proposals
from pipelines.search import known
from schemas import codebook

router = APIRouter()


@router.get("/lignes/{number}", name="row")
def row(
    page: ThePage,
    reader: Reader,
    key: Key,
    settings: TheSettings,
    person: Signed,
    number: Number,
    de: Back = "",
) -> Response:
    """The row's file: why it waits, what the registry knows, what may cure it. The look is noted first."""
    if not known(reader, number):
        raise HTTPException(404)
    audit.looked(reader, person.name, audit.DESK, "ligne", [number])
    facts = dossier(reader, key, number)
    cause = causes.cause(reader, facts["cause"]) if facts["cause"] is not None else None
    return page.show(
        "ligne.html",
        row=facts,
        values=compared(facts),
        rules=words.rules(facts["codes"], facts["motif"]),
        proposals=proposed(reader, key, facts),
        cause=cause,
        back=page.url("cause", {"de": de}, number=cause["id"]) if cause else page.url("causes", unpacked(de)),
        de=de,
        kinds=words.KINDS,
        longest=questions.TEXT,
        today=settings.registry_date(),
        age=words.age_days,
        **choices(facts["format"], facts["codes"], facts["motif"]),
    )


def proposed(reader: Connection, key: RegistryKey, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """What may cure a row of the queue, best first."""
    if not facts["attend"] or facts["motif"]:
        return []
    sent = {one["champ"]: one["valeur"] for one in facts["valeurs"]}
    waiting = Waiting(codebook.mask(facts["codes"]), facts["format"], sent, date.fromisoformat(facts["jour"]))
    return proposals(reader, key, [waiting])[0]


@router.post("/lignes/{number}/question", name="ask")
def ask(
    page: ThePage,
    writer: Writer,
    key: Key,
    person: Signed,
    after: After,
    number: Number,
    texte: Annotated[str, Form()] = "",
    de: Annotated[str, Form()] = "",
) -> Response:
    """Ask the sender; the question goes into its ``retour/``."""
    try:
        questions.ask(writer, key, number, texte, person.name)
    except UsageError as error:
        return page.go("row", {"de": de[:400]}, failed=str(error), number=number)
    after.owe()
    return page.go("row", {"de": de[:400]}, done="Question posée : l’émetteur la reçoit sous peu.", number=number)


@router.post("/lignes/{number}/reponse", name="answer")
def answer(
    page: ThePage,
    writer: Writer,
    key: Key,
    person: Signed,
    number: Number,
    texte: Annotated[str, Form()] = "",
    de: Annotated[str, Form()] = "",
) -> Response:
    """Note what the sender answered by telephone or mail."""
    try:
        questions.note_answer(writer, key, number, texte, person.name)
    except UsageError as error:
        return page.go("row", {"de": de[:400]}, failed=str(error), number=number)
    return page.go("row", {"de": de[:400]}, done="Réponse notée.", number=number)
