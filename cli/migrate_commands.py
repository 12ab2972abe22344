"""``siseri migrate`` and ``siseri simulate-legacy``: the old registry taken over, and an invented one to try it on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, settings_now, show_facts, show_json, show_table


def migrate(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Dossier de l'ancien registre (docs/reprise.md)")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="La reprise fait foi, pour de bon")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Défait la reprise tant qu'elle n'est pas acceptée")] = False,
    rapport: Annotated[Path | None, typer.Option(help="Dossier où écrire le rapprochement (CSV, JSON, HTML)")] = None,
    groupes: Annotated[bool, typer.Option("--groupes", help="Ce qui attend, par groupe")] = False,
    groupe: Annotated[str | None, typer.Option(help="Le groupe, ou la cause, dont on décide")] = None,
    action: Annotated[str | None, typer.Option(help="rejouer, confirmer, rattacher, metier ou rejeter")] = None,
    valeur: Annotated[str | None, typer.Option(help="NIR (rattacher) ou métier (metier)")] = None,
    motif: Annotated[str, typer.Option(help="Pourquoi")] = "",
    par: Annotated[str, typer.Option(help="Qui décide")] = "",
    json_: Json = False,
) -> None:
    """Reprend l'ancien registre, fichier par fichier ; interrompue, la reprise continue où elle en était."""
    from loaders.errors import UsageError
    from loaders.registry import opened
    from pipelines.legacy import decide, reconcile, run

    asked = sum((accept, undo, groupes, groupe is not None))
    if asked > 1 or (folder is None and not asked and rapport is None) or (folder and (accept or undo or groupes)):
        raise UsageError("one thing at a time: a folder, --accept, --undo, --groupes or --groupe")
    if (action is None) != (groupe is None):
        raise UsageError("--groupe and --action go together")
    with opened(settings_now(), sftp=False) as registry:
        if groupes:
            listed = decide.groups(registry.connection)
            if json_:
                show_json([one.as_json() for one in listed])
            else:
                columns = ("groupe", "libellé", "lignes", "mSv", "métiers possibles")
                rows = ([one.code, one.what, one.rows, one.usv / 1000, " ".join(one.candidates)] for one in listed)
                show_table("Ce qui attend", columns, rows)
            return
        closes = True
        if accept:
            facts: dict[str, object] = dict(decide.accept(registry, par))
        elif undo:
            facts = dict(decide.undo(registry, par))
        elif groupe is not None and action is not None:
            rows_ = decide.settle(registry, groupe, action, motive=motif, who=par, value=valeur, folder=folder)
            facts = {"groupe": groupe, "lignes": rows_}
        elif folder is not None:
            done = run.migrate(registry, folder, say=lambda line: print(line, file=sys.stderr))
            facts = {
                "migration": done.migration,
                "etat": done.state,
                "fichiers": done.parts,
                "deja_repris": done.taken_before,
                "lignes": done.rows,
            }
            closes = reconcile.reconcile(registry.connection).closes
            facts["concorde"] = closes
        else:
            facts = {}
        if rapport is not None and not undo:
            result = reconcile.reconcile(registry.connection)
            closes = result.closes
            facts |= {"rapport": [str(rapport / name) for name in reconcile.write(result, rapport)]}
    show_json(facts) if json_ else show_facts(facts)
    if not closes:
        raise typer.Exit(1)


def simulate_legacy(
    out: Annotated[Path, typer.Option(help="Dossier à remplir")],
    workers: Annotated[int, typer.Option(min=1)],
    doses: Annotated[int, typer.Option(min=1, help="Mesures, toutes tables ensemble")],
    seed: Annotated[int, typer.Option()],
    today: Annotated[str, typer.Option(help="Jour de la reprise (AAAA-MM-JJ)")],
    csv: Annotated[bool, typer.Option("--csv", help="CSV plutôt que Parquet")] = False,
    json_: Json = False,
) -> None:
    """Écrit un ancien registre inventé, sale comme les vrais, et ce qu'il doit advenir de chaque ligne."""
    from datetime import date

    from loaders.errors import UsageError
    from pipelines.simulation.legacy import simulate

    try:
        day = date.fromisoformat(today)
    except ValueError as error:
        raise UsageError("--today must be AAAA-MM-JJ") from error
    facts = simulate(out, workers=workers, doses=doses, seed=seed, day=day, text=csv)
    show_json(facts) if json_ else show_facts(facts)
