"""``siseri stats``: the yearly tables, as of any instant of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, progress, settings_now, show_json


def stats(
    year: Annotated[int, typer.Argument(metavar="ANNÉE")],
    out: Annotated[Path, typer.Option(help="Dossier à remplir")],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Le registre tel qu'il était à cet instant (AAAA-MM-JJ[THH:MM:SS]) ; maintenant"),
    ] = None,
    scope: Annotated[str, typer.Option(help="tous, artificiel, naturel, civil ou militaire")] = "tous",
    audience: Annotated[str, typer.Option(help="dgt ou public")] = "dgt",
    json_: Json = False,
) -> None:
    """Écrit les tables statistiques d'une année et leur manifeste."""
    from loaders.registry import opened
    from pipelines.statistics.publish import publish

    settings = settings_now()
    with opened(settings, sftp=False, profile="publisher") as registry:
        manifest = publish(
            registry.connection,
            out,
            settings.registry_date(),
            year=year,
            as_of=as_of,
            scope=scope,
            audience=audience,
            say=progress(json_),
        )
    if json_:
        show_json(manifest)
        return
    print(f"Année {manifest['annee']}, périmètre « {scope} », registre au {manifest['as_of']} : {out}")
    workers = manifest["travailleurs_suivis"]
    if workers is not None:
        print(f"{workers} travailleur(s) suivi(s)." if workers else "Aucun travailleur suivi cette année-là.")


def establishment(
    siret: Annotated[str, typer.Argument(metavar="SIRET")],
    year: Annotated[int, typer.Option(help="Année civile")],
    out: Annotated[Path, typer.Option(help="Dossier à remplir")],
    json_: Json = False,
) -> None:
    """Compare un établissement à ses métiers, à ses secteurs et à la nation, sans dose individuelle."""
    from loaders.registry import readable
    from pipelines.statistics.establishment import report

    settings = settings_now()
    with readable(settings, "reporter") as warehouse:
        manifest = report(warehouse, siret, year, settings.registry_date(), out, progress(json_))
    show_json(manifest) if json_ else print(
        f"Établissement {siret}, année {year}, registre au {manifest['as_of']} : {out}"
    )
