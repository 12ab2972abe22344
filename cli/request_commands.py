"""``siseri workers request``: persons who ask for their data, or that they be put right."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import typer

from cli.output import Json, account, plain, settings_now, show_facts, show_json, show_table

request_app = typer.Typer(help="Demandes d'accès et de rectification des travailleurs.", no_args_is_help=True)

Par = Annotated[str, typer.Option("--par", help="Qui traite la demande")]
Motif = Annotated[str, typer.Option("--motif", help="Pourquoi, sans nommer personne")]
Number = Annotated[int, typer.Argument(metavar="ID")]


@request_app.command("add")
def request_add(
    nir: Annotated[str, typer.Option("--nir", help="NIR ou NIA ; « - » : première ligne de l'entrée standard")],
    genre: Annotated[str, typer.Option("--genre", help="ACCES ou RECTIFICATION")],
    texte: Annotated[str, typer.Option("--texte", help="Ce que demande la personne ; « - » : entrée standard")],
    par: Par,
    depot: Annotated[int | None, typer.Option("--depot", min=1, help="Dépôt de la ligne contestée")] = None,
    ligne: Annotated[int | None, typer.Option("--ligne", min=1, help="Numéro de cette ligne")] = None,
    recue: Annotated[str | None, typer.Option("--recue", metavar="AAAA-MM-JJ", help="Reçue ce jour-là")] = None,
    json_: Json = False,
) -> None:
    """Enregistre une demande ; si elle conteste une ligne, son émetteur reçoit une question dans « retour/ »."""
    from loaders.errors import UsageError
    from loaders.registry import depots, opened
    from pipelines import principals, questions, requests
    from pipelines.isolate import Troubles
    from schemas.formats.common import months_later

    if (depot is None) != (ligne is None):
        raise UsageError("--depot et --ligne vont ensemble")
    settings = settings_now()
    person = principals.number(sys.stdin.readline() if nir == "-" else nir)
    text = sys.stdin.read() if texte == "-" else texte
    row = (depot, ligne) if depot is not None and ligne is not None else None
    received = _day(recue) if recue else settings.registry_date()
    troubles = Troubles()
    with opened(settings, sftp=row is not None) as registry:
        asked = requests.Request(genre.strip().upper(), person, text, received, par, row)
        number = requests.record(registry.connection, registry.key, asked, settings.registry_date())
        if row:
            with depots(registry) as client:
                questions.deliver(client, registry.connection, registry.key, troubles)
    facts = {"id": number, "echeance": months_later(received, requests.MONTHS).isoformat()}
    show_json(facts) if json_ else show_facts(facts)
    if troubles:
        raise typer.Exit(1)


@request_app.command("list")
def request_list(
    ouvertes: Annotated[bool, typer.Option("--ouvertes", help="Sans les demandes closes")] = False,
    json_: Json = False,
) -> None:
    """Les demandes, l'échéance la plus proche d'abord, sans identité ; statut 1 si l'une est en retard."""
    from loaders.registry import readable
    from pipelines import requests

    settings = settings_now()
    with readable(settings) as warehouse, warehouse.analyst() as reader:
        listed = requests.listing(reader, settings.registry_date(), still_open=ouvertes)
    if json_:
        show_json(listed)
    else:
        columns = (
            *("id", "genre", "travailleur", "recue_le", "echeance", "en_retard", "issue", "depot", "ligne"),
            *("ligne_remplacee", "a_corriger_par"),
        )
        show_table("Demandes", columns, ([plain(one[name]) for name in columns] for one in listed))
    if any(one["en_retard"] for one in listed):
        raise typer.Exit(1)


@request_app.command("show")
def request_show(identifier: Number, json_: Json = False) -> None:
    """Une demande, avec le numéro et les mots de la personne. La consultation est consignée."""
    from loaders.registry import opened
    from pipelines import audit, requests

    settings = settings_now()
    with opened(settings, sftp=False, profile="analyst") as registry:
        shown = requests.show(registry.connection, registry.key, identifier, settings.registry_date())
        audit.looked(registry.connection, account(), audit.COMMAND, "workers request show")
    show_json(shown) if json_ else show_facts(shown)


@request_app.command("extend")
def request_extend(identifier: Number, motif: Motif, par: Par, json_: Json = False) -> None:
    """Reporte l'échéance de deux mois, une fois ; la personne doit en être informée dans le premier mois."""
    from loaders.registry import opened
    from pipelines import requests

    settings = settings_now()
    with opened(settings, sftp=False) as registry:
        later = requests.extend(registry.connection, identifier, motif, par, settings.registry_date())
    show_json({"id": identifier, "echeance": later.isoformat()}) if json_ else print(f"Nouvelle échéance : {later}.")


@request_app.command("close")
def request_close(
    identifier: Number,
    issue: Annotated[str, typer.Option("--issue", help="COMMUNIQUEE, RECTIFIEE, REFUSEE ou SANS_OBJET")],
    motif: Motif,
    par: Par,
    json_: Json = False,
) -> None:
    """Clôt une demande à laquelle il a été répondu."""
    from loaders.registry import opened
    from pipelines import requests

    settings = settings_now()
    with opened(settings, sftp=False) as registry:
        outcome = issue.strip().upper()
        requests.close(registry.connection, identifier, outcome, motif, par, settings.registry_date())
    show_json({"id": identifier, "issue": outcome}) if json_ else print("Demande close.")


def _day(text: str) -> date:
    from loaders.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("un jour s'écrit AAAA-MM-JJ") from error
