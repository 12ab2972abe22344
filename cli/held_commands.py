"""``siseri held``: files that wait, whole, for a person's yes."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Json, settings_now, show_json, show_table

held_app = typer.Typer(help="Fichiers retenus jusqu'à la décision d'une personne.", no_args_is_help=True)

Depot = Annotated[int, typer.Argument(metavar="ID", help="Numéro du dépôt")]
Par = Annotated[str, typer.Option("--par", help="Qui décide")]


@held_app.command("list")
def held_list(json_: Json = False) -> None:
    """Les fichiers retenus : trop de lignes fautives ou en attente."""
    from loaders.registry import opened
    from pipelines.held import held

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = held(registry.connection)
    if json_:
        show_json(listed)
        return
    rows = (
        [one["id"], one["emetteur"], one["fichier"], one["format"], f"{one['part']:.0%}", one["retenu_le"]]
        + [one["lignes"][name] for name in ("recues", "en_attente", "rejetees")]
        + [", ".join(f"{code} ({count})" for code, count in one["codes"].items())]
        for one in listed
    )
    columns = ("id", "émetteur", "fichier", "format", "part", "retenu_le", "recues", "en_attente", "rejetees", "codes")
    show_table("Fichiers retenus", columns, rows)


@held_app.command("accept")
def held_accept(identifier: Depot, par: Par, json_: Json = False) -> None:
    """Laisse un fichier retenu suivre son cours : le prochain passage l'intègre."""
    from loaders.registry import opened
    from pipelines.held import accept

    with opened(settings_now(), sftp=False) as registry:
        accept(registry.connection, identifier, par)
    message = f"Dépôt {identifier} accepté : le prochain passage l'intègre."
    show_json({"depot": identifier, "decision": "integrer"}) if json_ else print(message)


@held_app.command("decline")
def held_decline(
    identifier: Depot,
    par: Par,
    motif: Annotated[str, typer.Option("--motif", help="Pourquoi ; l'émetteur le lira")],
    json_: Json = False,
) -> None:
    """Écarte un fichier retenu : il est refusé (FIC-09), et son émetteur reçoit le motif."""
    from loaders.registry import depots, opened
    from pipelines.answer import answer_all
    from pipelines.held import decline
    from pipelines.isolate import Troubles

    settings = settings_now()
    troubles = Troubles()
    with opened(settings) as registry, depots(registry) as client:
        decline(registry.connection, identifier, par, motif)
        answer_all(client, registry.connection, settings, troubles)
    show_json({"depot": identifier, "decision": "ecarter"}) if json_ else print(f"Dépôt {identifier} écarté.")
    if troubles:
        raise typer.Exit(1)
