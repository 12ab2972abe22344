"""Standing decisions: proposed by one person, approved by another, revocable."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from desk import words
from desk.access import APPROVE
from desk.causes import Number
from desk.needs import After, Key, Reader, Signed, ThePage, TheSettings, Writer
from loaders.errors import UsageError
from pipelines import audit, causes, standing

router = APIRouter()

#: How many waiting rows of a proposal are counted.
COUNTED = 10_000
Text = Annotated[str, Form(max_length=1000)]


@router.get("/permanentes", name="standing")
def listed(
    page: ThePage,
    reader: Reader,
    key: Key,
    person: Signed,
    settings: TheSettings,
    recu: Annotated[str, Query(pattern="^([0-9]{14})?$")] = "",
) -> Response:
    """All of them, the latest first, and the form that proposes one. ``recu``: the SIRET it would start from."""
    return _page(page, reader, key, person, {"genre": "SIRET", "recu": recu, "du": ""}, "")


def _page(page: ThePage, reader: Reader, key: Key, person: Signed, draft: dict[str, str], problem: str) -> Response:
    rows = standing.listing(reader, key)[::-1]
    persons = sum(one["genre"] == "NIR" for one in rows)
    if persons:
        audit.looked(reader, person.name, audit.DESK, "permanentes", records=persons)
    for one in rows:
        waits = one["etat"] == "PROPOSEE"
        one["concernees"] = standing.concerned(reader, one["id"], COUNTED) if waits else None
    blank = dict.fromkeys(("genre", "recu", "lu", "du", "au", "emetteur", "motif"), "")
    return page.show(
        "permanentes.html",
        400 if problem else 200,
        failed=problem,
        rows=rows,
        draft=blank | draft,
        states=words.STATES,
        senders=sorted({one["emetteur"] for one in causes.senders(reader)}),
        counted=COUNTED,
    )


@router.post("/permanentes", name="propose")
def propose(
    page: ThePage,
    reader: Reader,
    writer: Writer,
    key: Key,
    person: Signed,
    genre: Text = "",
    recu: Text = "",
    lu: Text = "",
    du: Text = "",
    au: Text = "",
    emetteur: Text = "",
    motif: Text = "",
) -> Response:
    """Keep a proposal. What is wrong with it is told on the page, with what was typed."""
    told = {"genre": genre, "recu": recu, "lu": lu, "du": du, "au": au, "emetteur": emetteur, "motif": motif}
    told = {name: " ".join(value.replace("\0", "").split()) for name, value in told.items()}
    try:
        number = standing.propose(writer, key, _proposal(told, person.name))
    except UsageError as error:
        return _page(page, reader, key, person, told, str(error))
    done = f"Décision permanente n° {number} proposée : une autre personne doit l’approuver."
    return page.go("standing", done=done)


def _proposal(told: dict[str, str], who: str) -> standing.Proposal:
    sent, meant = ("".join(told[name].split()).upper() for name in ("recu", "lu"))
    return standing.Proposal(
        kind=told["genre"],
        sent=sent,
        meant=meant,
        valid_from=_day(told["du"]),
        motive=told["motif"],
        who=who,
        valid_to=_day(told["au"]) if told["au"] else None,
        partner=told["emetteur"] or None,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("le premier jour manque, ou un jour est illisible") from None


@router.post("/permanentes/{number}/approuver", name="approve", dependencies=[APPROVE])
def approve(page: ThePage, writer: Writer, key: Key, person: Signed, after: After, number: Number) -> Response:
    """Put a proposal in force; what waits under its identifier is judged again at once."""
    try:
        effect = standing.approve(writer, key, number, person.name)
    except UsageError as error:
        return page.go("standing", failed=str(error))
    after.owe(references=True)
    told = "aucune ligne n’attendait sous cet identifiant"
    if effect is not None:
        integrated = effect.counts().get("INTEGRE", 0)
        told = f"{words.plural(len(effect.fates), 'ligne relue', 'lignes relues')}, dont {integrated} intégrées"
    return page.go("standing", done=f"Décision permanente n° {number} en vigueur : {told}.")


@router.post("/permanentes/{number}/revoquer", name="revoke", dependencies=[APPROVE])
def revoke(
    page: ThePage, writer: Writer, key: Key, person: Signed, after: After, number: Number, motif: Text = ""
) -> Response:
    """End one, or turn a proposal down; what it did stays, what still waits as read by it is judged again."""
    try:
        standing.revoke(writer, key, number, person.name, " ".join(motif.split()))
    except UsageError as error:
        return page.go("standing", failed=str(error))
    after.owe()
    return page.go("standing", done=f"Décision permanente n° {number} révoquée.")
