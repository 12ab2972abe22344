"""``siseri editions``: the yearly statistics as the ministry receives them, each published by a person's yes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, progress, settings_now, show_json, show_table

editions_app = typer.Typer(help="Éditions des statistiques : proposées, publiées, remises.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="ID", help="Numéro de l'édition")]
Par = Annotated[str, typer.Option("--par", help="Qui décide")]


@editions_app.command("list")
def editions_list(json_: Json = False) -> None:
    """Toutes les éditions : de quand, de quoi, qui a dit oui."""
    from loaders.registry import opened
    from pipelines.editions import listing

    with opened(settings_now(), sftp=False, profile="publisher") as registry:
        listed = listing(registry.connection)
    if json_:
        show_json(listed)
        return
    columns = ("id", "genre", "annee", "mois", "perimetre", "edition", "as_of", "publiee", "decidee_par", "remises")
    show_table("Éditions", columns, ([one[name] for name in columns] for one in listed))


@editions_app.command("propose")
def editions_propose(
    year: Annotated[int, typer.Argument(metavar="ANNÉE")],
    par: Annotated[str, typer.Option("--par", help="Qui propose")],
    scope: Annotated[str, typer.Option(help="tous, artificiel, naturel, civil ou militaire")] = "tous",
    as_of: Annotated[str | None, typer.Option("--as-of", help="Le registre tel qu'il était à cet instant")] = None,
    json_: Json = False,
) -> None:
    """Prépare l'édition d'une année ; elle attend une décision."""
    from loaders.registry import opened
    from pipelines.editions import propose

    settings = settings_now()
    with opened(settings, sftp=False, profile="publisher") as registry:
        number = propose(
            registry.connection, settings.registry_date(), year, scope, par, as_of=as_of, say=progress(json_)
        )
    show_json({"edition": number}) if json_ else print(f"Édition {number} proposée : siseri editions approve {number}")


@editions_app.command("show")
def editions_show(
    identifier: Number,
    out: Annotated[Path, typer.Option(help="Dossier à remplir des fichiers de l'édition")],
    json_: Json = False,
) -> None:
    """Écrit les fichiers d'une édition, refaits et comparés à leurs empreintes."""
    from loaders.registry import opened
    from pipelines import editions
    from pipelines.statistics.publish import write_folder

    with opened(settings_now(), sftp=False, profile="publisher") as registry:
        kept = editions.one(registry.connection, identifier)
        files = editions.files(registry.connection, kept, progress(json_))
    write_folder(out, files)
    show_json({"edition": identifier, "fichiers": sorted(files)}) if json_ else print(f"{len(files)} fichiers : {out}")


@editions_app.command("approve")
def editions_approve(identifier: Number, par: Par, json_: Json = False) -> None:
    """Publie une édition : le prochain passage la remet au ministère, et elle ne change plus."""
    _decide(identifier, True, par, None, json_)


@editions_app.command("decline")
def editions_decline(
    identifier: Number,
    par: Par,
    motif: Annotated[str, typer.Option("--motif", help="Pourquoi")],
    json_: Json = False,
) -> None:
    """Écarte une édition proposée."""
    _decide(identifier, False, par, motif, json_)


def _decide(number: int, yes: bool, who: str, motive: str | None, json_: bool) -> None:
    from loaders.registry import opened
    from pipelines.editions import decide

    with opened(settings_now(), sftp=False, profile="publisher") as registry:
        decide(registry.connection, number, yes, who, motive)
    if json_:
        show_json({"edition": number, "publiee": yes})
    else:
        print(f"Édition {number} {'publiée' if yes else 'écartée'}.")
