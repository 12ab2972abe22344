"""``siseri quality`` and ``siseri senders``: the promises held against what came in, and who is late."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import Json, settings_now, show_json, show_table

quality_app = typer.Typer(help="Qualité de ce qui est reçu : promesses tenues ou rompues.", no_args_is_help=True)
senders_app = typer.Typer(help="Calendrier des fichiers attendus, émetteurs en retard.", no_args_is_help=True)

Month = Annotated[str | None, typer.Option(metavar="AAAA-MM", help="Ce mois ; sinon le mois fini et le mois en cours")]


@quality_app.command("check")
def quality_check(month: Month = None, json_: Json = False) -> None:
    """Mesure les mois, juge les promesses, écrit la page ; statut 1 si l'une est rompue."""
    from loaders.registry import opened
    from pipelines.quality import check, standing

    settings = settings_now()
    with opened(settings, sftp=False, profile="publisher") as registry:
        check.check(registry.warehouse, registry.connection, settings, month)
        with registry.warehouse.login("analyst") as reader:
            page = standing.write(reader, settings, month)
            judged = standing.listing(reader, check.months_of(settings, month))
    _show(judged, json_)
    if not json_:
        print(f"Page : {page}")
    _end(judged)


@quality_app.command("list")
def quality_list(month: Month = None, json_: Json = False) -> None:
    """Ce qu'a dit le dernier contrôle de chaque promesse ; statut 1 si l'une est rompue."""
    from loaders.registry import opened
    from pipelines.quality import check, standing

    settings = settings_now()
    months = check.months_of(settings, month)
    with opened(settings, sftp=False, profile="analyst") as registry:
        judged = standing.listing(registry.connection, months)
    _show(judged, json_)
    _end(judged)


@senders_app.command("late")
def senders_late(json_: Json = False) -> None:
    """Les fichiers attendus qui ne sont pas venus ; statut 1 s'il y en a."""
    if _calendar("En retard", json_, late=True):
        raise typer.Exit(1)


@senders_app.command("expected")
def senders_expected(json_: Json = False) -> None:
    """Le prochain fichier attendu de chaque émetteur et format, le plus proche d'abord."""
    _calendar("Attendus", json_, late=False)


def _calendar(title: str, json_: bool, *, late: bool) -> list[dict[str, Any]]:
    from loaders.registry import opened
    from pipelines import expected

    settings = settings_now()
    with opened(settings, sftp=False, profile="analyst") as registry:
        listed = expected.listing(registry.connection, settings.registry_date(), late=late)
    if json_:
        show_json(listed)
    else:
        columns = ("emetteur", "format", "attendu_le", "jours_de_retard", "dernier_recu", "silence_jours", "raison")
        show_table(title, columns, ([one[name] for name in columns] for one in listed))
    return listed


def _show(judged: list[dict[str, Any]], json_: bool) -> None:
    if json_:
        show_json(judged)
        return
    rows = ([one["mois"], one["promesse"], _state(one), one["juges"], _subjects(one), one["phrase"]] for one in judged)
    show_table("Promesses", ("mois", "promesse", "tenue", "jugés", "rompue pour", "ce qui est promis"), rows)


def _state(one: dict[str, Any]) -> str:
    return ("oui" if one["juges"] else "sans objet") if one["tenue"] else "NON"


def _subjects(one: dict[str, Any]) -> str:
    return ", ".join(subject["sujet"] for subject in one["rompue_pour"])


def _end(judged: list[dict[str, Any]]) -> None:
    if not all(one["tenue"] for one in judged):
        raise typer.Exit(1)
