"""``siseri status``, ``alerts`` and ``clean``: what stands, what is wrong, who is told, what is thrown away."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import Json, settings_now, show_facts, show_json, show_table

alerts_app = typer.Typer(help="Ce qui ne va pas, et qui en est averti.", no_args_is_help=True)
#: Airflow's own name, in its environment, for the connection ``smtp``.
_CONNECTION = "AIRFLOW_CONN_SMTP"


def status(json_: Json = False) -> None:
    """Ce qui tourne, et où ; l'état du registre et les alertes. Statut 1 s'il y en a, 3 si un service manque."""
    from pipelines import alerts
    from pipelines.health import look

    settings = settings_now()
    seen = look(settings)
    held = alerts.wrong(seen, settings, standing=seen.supervised)
    facts: dict[str, Any] = dict(seen.services)
    facts |= {"registre": seen.registry, "sauvegarde": seen.backup, "disque": seen.disks}
    facts |= {"alertes": [one.as_json() for one in held]}
    show_json(facts) if json_ else show_facts(facts)
    if seen.missing():
        raise typer.Exit(3)
    if held:
        raise typer.Exit(1)


@alerts_app.command("list")
def alerts_list(json_: Json = False) -> None:
    """Les alertes en cours ; statut 1 s'il y en a."""
    from pipelines import alerts
    from pipelines.health import look

    settings = settings_now()
    seen = look(settings)
    held = alerts.wrong(seen, settings, standing=seen.supervised)
    if json_:
        show_json([one.as_json() for one in held])
    else:
        show_table("Alertes", ("code", "constat", "conduite"), ([one.code, one.sentence, one.page] for one in held))
    if held:
        raise typer.Exit(1)


@alerts_app.command("tell")
def alerts_tell(
    service: Annotated[
        bool, typer.Option("--service", help="Le service devrait tourner ici : arrêté, c'en est une")
    ] = False,
    json_: Json = False,
) -> None:
    """Envoie par courriel ce qui est nouveau, par la connexion AIRFLOW_CONN_SMTP : pour qui veille hors d'Airflow."""
    import os

    from loaders.errors import UsageError
    from loaders.mail import of_environment
    from pipelines.alarm import tell

    told = os.environ.get(_CONNECTION)
    if not told:
        raise UsageError(f"{_CONNECTION} is not set: there is nobody to write to")
    counts = tell(settings_now(), of_environment(told), standing=service or None, here=service)
    show_json(counts) if json_ else show_facts(counts)


def clean(json_: Json = False) -> None:
    """Réduit les journaux trop longs, supprime ceux des tâches passées et les vieilles lignes d'Airflow."""
    from pipelines import cleaning

    counts = cleaning.clean(settings_now())
    show_json(counts) if json_ else show_facts(counts)
