"""``siseri statement``: a worker's dose statement, as whoever asks may see it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, account, settings_now, show_json

_WHO = (
    "Qui demande, ROLE:IDENTIFIANT. TRAVAILLEUR:<son NIR> (ou TRAVAILLEUR:- : le NIR demandé est le sien), "
    "EMPLOYEUR:<SIRET>, CES:<identifiant>, CRP:<identifiant>, MDT:<RPPS>, PST:<RPPS>, "
    "AGENT:<numéro d'agent de contrôle> (ou INSPECTEUR:)."
)


def statement(
    nir: Annotated[str, typer.Option(help="NIR ou NIA du travailleur ; « - » le lit sur l'entrée standard")],
    as_: Annotated[str, typer.Option("--as", help=_WHO)],
    out: Annotated[Path, typer.Option(help="Fichier à écrire, lisible par vous seul : .pdf, .json ou .csv")],
    months: Annotated[
        int | None, typer.Option(min=1, max=1200, help="Résultats de tant de derniers mois ; sans cela, tous")
    ] = None,
    lang: Annotated[str, typer.Option(help="Langue du PDF : fr ou en")] = "fr",
    json_: Json = False,
) -> None:
    """Écrit le relevé d'un travailleur, tel que ce demandeur peut le voir. La consultation est consignée.

    Statut 2 si rien ne peut être remis, que le travailleur soit inconnu ou hors de ce que le demandeur peut voir.
    """
    from loaders.errors import UsageError
    from loaders.registry import readable
    from pipelines import audit, principals
    from pipelines.private_file import write_private
    from pipelines.statement import statement as read
    from reports.statement import LANGUAGES, render

    form = out.suffix.lower()
    if form not in (".pdf", ".json", ".csv"):
        raise UsageError("--out attend un fichier .pdf, .json ou .csv")
    if lang not in LANGUAGES:
        raise UsageError(f"--lang attend {' ou '.join(LANGUAGES)}")
    subject = principals.number(sys.stdin.readline() if nir == "-" else nir)
    asking = principals.principal(as_, subject)
    settings = settings_now()
    with readable(settings) as warehouse:
        facts = read(
            warehouse,
            warehouse.key(),
            asking,
            subject,
            today=settings.registry_date(),
            months=months,
            who=account(),
            door=audit.COMMAND,
        )
    write_private(out, render(facts, form, lang))
    counts = {"resultats": len(facts["resultats"]), "depassements": len(facts["depassements"])}
    if json_:
        show_json({"fichier": str(out), **counts})
    else:
        print(f"Relevé écrit : {counts['resultats']} résultat(s), {counts['depassements']} dépassement(s).")
