"""``siseri key age``: the registry's keys for files encrypted with age."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.output import Json, plain, settings_now, show_json, show_table

age_app = typer.Typer(help="Clés du registre pour les fichiers chiffrés avec age.", no_args_is_help=True)


@age_app.command("show")
def age_show(json_: Json = False) -> None:
    """Les clés publiques du registre, celle en vigueur d'abord ; « presente » : le secret est sur cette machine."""
    from loaders.registry import readable
    from pipelines import age_keys

    settings = settings_now()
    with readable(settings) as warehouse, warehouse.login("administrator") as admin:
        listed = age_keys.own(admin, settings)
    if json_:
        show_json(listed)
        return
    columns = ("cle", "faite_le", "au", "presente")
    show_table("Clés age du registre", columns, ([plain(one[name]) for name in columns] for one in listed))


@age_app.command("new")
def age_new(
    until: Annotated[
        datetime | None,
        typer.Option("--au", formats=["%Y-%m-%d"], help="Dernier jour de la clé d'avant (sans : dans 30 jours)"),
    ] = None,
    json_: Json = False,
) -> None:
    """Tire la clé age du registre, ou une nouvelle : celle d'avant ouvre jusqu'au jour dit, et l'archive toujours."""
    from loaders.registry import depots, opened
    from pipelines import age_keys, doors
    from pipelines.isolate import Troubles

    settings = settings_now()
    last = until.date() if until else settings.registry_date() + timedelta(doors.OVERLAP_DAYS)
    troubles = Troubles()
    with opened(settings, profile="administrator") as registry, depots(registry) as client:
        key = age_keys.renew(registry.connection, settings, last)
        told = age_keys.tell_all(client, registry.connection, settings, troubles)
    if json_:
        show_json({"cle": key, "avertis": told})
    else:
        print(f"{key}\n{told} compte(s) avertis dans retour/chiffrement.txt. Sauvegardez le fichier des secrets.")
    if troubles:
        raise typer.Exit(1)
