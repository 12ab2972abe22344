"""``siseri export``: extracts for research, and what was handed over."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, account, settings_now, show_facts, show_json, show_table

export_app = typer.Typer(help="Extractions pour la recherche.", no_args_is_help=True)
_DAY = ["%Y-%m-%d"]


@export_app.command("research")
def export_research(
    agreement: Annotated[Path, typer.Option(help="Fichier de la convention (TOML ou JSON)")],
    out: Annotated[Path, typer.Option(help="Dossier à remplir, lisible par vous seul")],
    variable: Annotated[list[str] | None, typer.Option(help="Variable voulue (répétable) ; sinon toutes")] = None,
    debut: Annotated[datetime | None, typer.Option(formats=_DAY, help="Premier jour voulu")] = None,
    fin: Annotated[datetime | None, typer.Option(formats=_DAY, help="Dernier jour voulu")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Registre tel qu'à cet instant (AAAA-MM-JJ, ou avec l'heure)")
    ] = None,
    json_: Json = False,
) -> None:
    """Extraction pseudonymisée sous convention : Parquet, livre des variables, manifeste. Elle est consignée."""
    from loaders.registry import readable
    from pipelines.research import agreement as agreements
    from pipelines.research.export import export
    from pipelines.research.study import studying

    settings = settings_now()
    known = agreements.read(agreement)
    days = [one.date() if one else None for one in (debut, fin)]
    request = agreements.ask(known, settings.registry_date(), variable or [], *days)
    hour = agreements.instant(as_of) if as_of else None
    with readable(settings) as warehouse, studying(warehouse, known, settings.registry_date()) as reader:
        facts = export(reader, warehouse.key(), known, request, hour, out, account())
    if json_:
        show_json(facts)
        return
    show_facts(
        {name: facts[name] for name in ("au", "travailleurs", "resultats", "k_anonymat")} | {"dossier": str(out)}
    )


@export_app.command("list")
def export_list(json_: Json = False) -> None:
    """Les extractions faites : qui, quand, sous quelle convention."""
    from loaders.registry import opened
    from pipelines.research.export import journal

    with opened(settings_now(), sftp=False, profile="administrator") as registry:
        listed = journal(registry.connection)
    if json_:
        show_json(listed)
        return
    columns = ("id", "fait_le", "par", "convention", "titulaire", "debut", "fin", "travailleurs", "resultats")
    show_table("Extractions", columns, ([one[name] for name in columns] for one in listed))
