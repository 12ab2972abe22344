"""``siseri retention``: what is kept how long, what has had its time, what was removed."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Json, plain, settings_now, show_json, show_table

retention_app = typer.Typer(help="Durées de conservation et suppressions.", no_args_is_help=True)


@retention_app.command("list")
def retention_list(json_: Json = False) -> None:
    """Les règles : quelles données, combien de jours, depuis quand, ce qui reste et pourquoi."""
    from pipelines import expiry

    listed = expiry.listing(settings_now())
    if json_:
        show_json(listed)
        return
    columns = ("regle", "jours", "depuis", "donnees", "reste")
    show_table("Règles de conservation", columns, ([plain(one[name]) for name in columns] for one in listed))


@retention_app.command("run")
def retention_run(
    apercu: Annotated[bool, typer.Option("--apercu", help="Compter ce qui partirait, ne rien supprimer")] = False,
    regle: Annotated[list[str] | None, typer.Option("--regle", help="Cette règle seulement ; répétable")] = None,
    json_: Json = False,
) -> None:
    """Supprime ce qui est à son terme, règle par règle ; statut 1 si quelque chose n'a pu être regardé."""
    from pipelines import expiry

    done = expiry.run(settings_now(), regle or (), preview=apercu)
    if json_:
        show_json({"apercu": apercu, **done})
    else:
        title = "Ce qui partirait" if apercu else "Supprimé"
        show_table(title, ("regle", "nombre"), list(done["regles"].items()))
    if done["difficultes"]:
        raise typer.Exit(1)


@retention_app.command("log")
def retention_log(
    taille: Annotated[int, typer.Option("--taille", min=1, max=100_000, help="Lignes au plus")] = 100,
    json_: Json = False,
) -> None:
    """Ce qui a été supprimé, le dernier d'abord : règle, compte, jour, nombre."""
    from loaders.registry import readable
    from pipelines import expiry

    with readable(settings_now()) as warehouse, warehouse.analyst() as reader:
        listed = expiry.removals(reader, taille)
    if json_:
        show_json(listed)
        return
    columns = ("regle", "compte", "jour", "nombre", "fait_le")
    show_table("Suppressions", columns, ([one[name] for name in columns] for one in listed))
