"""``siseri backup``: the registry's backups, taken, listed, restored, tried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Json, plain, progress, settings_now, show_facts, show_json, show_table

backup_app = typer.Typer(help="Sauvegarde et restauration du registre.", no_args_is_help=True)
Instant = Annotated[str, typer.Option("--to", help="Un instant (heure de Paris sans fuseau), ou « last » : le dernier")]


@backup_app.command("take")
def backup_take(json_: Json = False) -> None:
    """Prend une sauvegarde de base, la vérifie, et retire les plus anciennes (backup_keep)."""
    from pipelines.backup.take import take

    facts = take(settings_now(), progress(json_))
    show_json(facts) if json_ else show_facts(facts)


@backup_app.command("list")
def backup_list(json_: Json = False) -> None:
    """Les sauvegardes entières, et jusqu'à quel instant chacune mène."""
    from pipelines.backup.take import listing

    listed = listing(settings_now())
    if json_:
        show_json(listed)
        return
    columns = ("nom", "fin", "jusqu_a", "octets", "depot", "postgresql", "ligne")
    show_table("Sauvegardes", columns, ([plain(one[name]) for name in columns] for one in listed))


@backup_app.command("status")
def backup_status(json_: Json = False) -> None:
    """L'archivage du journal de la base : dernier morceau, échecs ; statut 1 si le dernier essai a échoué."""
    from pipelines.backup.take import state

    facts = state(settings_now())
    show_json(facts) if json_ else show_facts({name: "" if one is None else one for name, one in facts.items()})
    if facts["dernier_echec"] and (not facts["dernier_le"] or facts["dernier_echec"] > facts["dernier_le"]):
        raise typer.Exit(1)


@backup_app.command("restore")
def backup_restore(
    folder: Annotated[Path, typer.Argument(metavar="DOSSIER", help="Le SISERI_HOME à faire ; vide, ou absent")],
    to: Instant,
    base: Annotated[str | None, typer.Option("--base", help="Partir de cette sauvegarde (siseri backup list)")] = None,
    cle: Annotated[Path | None, typer.Option("--cle", help="La clé du registre, apportée d'où elle est gardée")] = None,
    wal: Annotated[
        list[Path] | None, typer.Option("--wal", help="Dossier de journal resté du registre perdu ; répétable")
    ] = None,
    json_: Json = False,
) -> None:
    """Refait le registre à part, à un instant ; statut 1 si la clé manque ou si un fichier de l'archive est abîmé."""
    from pipelines.backup.restore import instant_of, restore

    facts = restore(
        settings_now(), folder.absolute(), instant_of(to), base=base, key=cle, wal=wal or (), say=progress(json_)
    )
    show_json(facts) if json_ else show_facts({name: plain(one) for name, one in facts.items()})
    if not facts["cle"] or facts["octets_abimes"]:
        raise typer.Exit(1)


@backup_app.command("replay")
def backup_replay(json_: Json = False) -> None:
    """Rejoue depuis l'archive les fichiers venus après l'instant restauré, et redonne les réponses perdues."""
    from pipelines.backup.replay import replay

    facts = replay(settings_now(), progress(json_))
    show_json(facts) if json_ else show_facts(facts)
    if facts["sans_octets"] or facts["incidents"] or facts["difficultes"]:
        raise typer.Exit(1)


@backup_app.command("drill")
def backup_drill(
    to: Instant = "last",
    dans: Annotated[Path | None, typer.Option("--dans", help="Où refaire le registre, le temps de l'exercice")] = None,
    json_: Json = False,
) -> None:
    """Exercice : restaure à part, vérifie, compare au registre vivant, efface ; statut 1 si quelque chose diffère."""
    from pipelines.backup.drill import drill
    from pipelines.backup.restore import instant_of

    facts = drill(settings_now(), instant_of(to), dans.absolute() if dans else None, progress(json_))
    show_json(facts) if json_ else show_facts({name: plain(one) for name, one in facts.items()})
    if not facts["reussi"]:
        raise typer.Exit(1)
