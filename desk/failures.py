"""Pages for what did not work: in French, with what to do, and never a value."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from desk.access import Refusal
from desk.armour import log
from desk.pages import render
from desk.rate import TooMany
from loaders.errors import DatabaseLost, ServiceMissing, UsageError
from pipelines.isolate import told

WORDS = {
    404: ("Page introuvable", "Cette page n’existe pas, ou ce qu’elle montrait n’est plus dans la file d’attente."),
    405: ("Demande impossible", "Cette adresse ne répond pas à ce genre de demande."),
    413: ("Demande trop grande", "Ce qui a été envoyé dépasse la taille permise (1 Mo)."),
}
OPERATOR = (
    "« siseri status » dit ce qui tourne ; « siseri up » démarre ce qui manque.",
    "« siseri init » crée l’entrepôt ou le met à niveau ; à lancer une fois après chaque mise à jour.",
    "Les journaux sont sous « log/ » du dossier SISERI_HOME.",
)


def page(request: Request, status: int, title: str, text: str, **more: Any) -> Response:
    """The page of a failure.

    Args:
        more: ``sign_in`` (address of the login page), ``remedies`` (sentences for the operator), ``detail`` (the
            operator's message), ``incident`` (its number).
    """
    shown = {"sign_in": "", "remedies": (), "detail": "", "incident": "", **more}
    return HTMLResponse(render(request, "erreur.html", title=title, text=text, **shown), status)


def incident(request: Request, number: str) -> Response:
    """What nobody foresaw (status 500)."""
    text = "Quelque chose n’a pas fonctionné de notre côté. Rien n’a été enregistré à moitié : vous pouvez réessayer."
    return page(request, 500, "Incident", text, incident=number)


def install(app: FastAPI, sign_in: str) -> None:
    """Give the application its handlers. ``sign_in``: address of the login page, empty where there is none."""

    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Refusal):
            return page(request, 403, "Accès refusé", str(error.detail))
        if error.status_code in (401, 403):  # what `authorise` raises: no token, or one that is no longer good
            back = f"{sign_in}?next={quote(request.url.path)}" if sign_in else ""
            text = "Cette page demande d’être connecté à Airflow. Connectez-vous, puis rouvrez-la."
            return page(request, 401, "Connectez-vous", text, sign_in=back)
        fallback = ("Demande impossible", "Cette demande n’a pas pu être traitée.")
        return page(request, error.status_code, *WORDS.get(error.status_code, fallback))

    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        names = sorted({str(one["loc"][-1]) for one in error.errors()})  # names of our own fields, never a value
        return page(request, 422, "Demande mal formée", f"À revoir : {', '.join(names)}.")

    async def hurried(request: Request, error: TooMany) -> Response:
        text = (
            f"Votre compte envoie trop de demandes en peu de temps. Attendez {error.wait_s} s, puis rechargez la page. "
            "Rien n’a été enregistré. Un export donne toute une sélection en une seule demande."
        )
        answer = page(request, 429, "Trop de demandes", text)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer

    async def missing(request: Request, error: ServiceMissing) -> Response:
        text = "La base du registre ne répond pas, ou n’est pas prête. Prévenez l’exploitant, puis rechargez la page."
        return page(request, 503, "Entrepôt indisponible", text, remedies=OPERATOR, detail=str(error))

    async def lost(request: Request, error: psycopg.OperationalError) -> Response:
        log.warning("database: %s", told(error))
        if isinstance(error, psycopg.errors.QueryCanceled):
            text = "La recherche a dépassé dix secondes et a été arrêtée. Resserrez les filtres."
            return page(request, 503, "Recherche trop longue", text)
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return await busy(request, DatabaseLost("the warehouse is held by a load that takes long"))
        return await missing(request, ServiceMissing("the connection to the warehouse was lost"))

    async def busy(request: Request, error: DatabaseLost) -> Response:
        text = "L’entrepôt est occupé ou a été coupé. Rien n’a été enregistré : réessayez dans une minute."
        return page(request, 503, "Entrepôt occupé", text, remedies=OPERATOR, detail=str(error))

    async def refused(request: Request, error: UsageError) -> Response:
        return page(request, 400, "Demande refusée", str(error))

    for kind, handler in (
        (HTTPException, http),
        (RequestValidationError, unreadable),
        (TooMany, hurried),
        (ServiceMissing, missing),
        (DatabaseLost, busy),
        (psycopg.OperationalError, lost),
        (UsageError, refused),
    ):
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]
