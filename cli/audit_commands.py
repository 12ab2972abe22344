"""``siseri audit``: who saw which nominative record, when and under what right; for the administrator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, account, settings_now, show_json, show_table

audit_app = typer.Typer(help="Journal des consultations nominatives.", no_args_is_help=True)

Du = Annotated[str | None, typer.Option("--du", metavar="AAAA-MM-JJ", help="Premier jour")]
Au = Annotated[str | None, typer.Option("--au", metavar="AAAA-MM-JJ", help="Dernier jour")]
Par = Annotated[str | None, typer.Option("--par", help="Un seul compte : qui a consulté")]
Nir = Annotated[
    str | None, typer.Option("--nir", help="Qui a été consulté, NIR ou NIA ; « - » : lu sur l'entrée standard")
]


@audit_app.command("list")
def audit_list(
    du: Du = None,
    au: Au = None,
    par: Par = None,
    nir: Nir = None,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    taille: Annotated[int, typer.Option("--taille", min=1, max=100_000, help="Consultations par page")] = 50,
    json_: Json = False,
) -> None:
    """Les consultations, les dernières d'abord. Cette lecture est consignée elle aussi."""
    from loaders.registry import readable
    from pipelines import audit

    asked = _asked(du, au, par, nir)
    with readable(settings_now(), "administrator") as warehouse, warehouse.login("administrator") as reader:
        listed = audit.looks(reader, warehouse.key(), asked, skipped=(page - 1) * taille, most=taille)
        audit.looked(reader, account(), audit.COMMAND, "audit list", records=len(listed))
    if json_:
        show_json(listed)
        return
    columns = ("id", "quand", "qui", "porte", "objet", "droit", "depot", "ligne", "travailleur", "enregistrements")
    show_table("Consultations", columns, ([one[name] for name in columns] for one in listed))


@audit_app.command("export")
def audit_export(
    out: Annotated[Path, typer.Option(help="Fichier CSV à écrire, lisible par vous seul")],
    du: Du = None,
    au: Au = None,
    par: Par = None,
    nir: Nir = None,
    json_: Json = False,
) -> None:
    """Écrit les consultations pour une inspection, dans l'ordre de la chaîne, avec leurs empreintes."""
    from loaders.registry import readable
    from pipelines import audit
    from pipelines.private_file import write_private

    asked = _asked(du, au, par, nir)
    with readable(settings_now(), "administrator") as warehouse, warehouse.login("administrator") as reader:
        listed = audit.looks(reader, warehouse.key(), asked, chained=True)
        audit.looked(reader, account(), audit.COMMAND, "audit export", records=len(listed))
        place, digest = audit.head(reader)
    write_private(out, audit.as_csv(listed))
    facts = {"fichier": str(out), "consultations": len(listed), "rang": place, "empreinte": digest}
    if json_:
        show_json(facts)
    else:
        print(f"{len(listed)} consultation(s) écrites. À conserver : rang {place}, empreinte {digest}.")


@audit_app.command("check")
def audit_check(
    rang: Annotated[int, typer.Option("--rang", min=0, help="Rang donné par « audit export » ou « verify »")],
    empreinte: Annotated[str, typer.Option("--empreinte", help="Empreinte donnée avec lui")],
    json_: Json = False,
) -> None:
    """Compare la chaîne à une empreinte conservée ailleurs ; statut 1 si elle a été refaite depuis."""
    from loaders.registry import readable
    from pipelines import audit

    with readable(settings_now(), "administrator") as warehouse, warehouse.login("administrator") as reader:
        held = audit.holds(reader, rang, empreinte)
    if json_:
        show_json({"rang": rang, "tenu": held})
    else:
        print("La chaîne tient." if held else "La chaîne n'a plus cette empreinte à ce rang.")
    if not held:
        raise typer.Exit(1)


def _asked(du: str | None, au: str | None, par: str | None, nir: str | None) -> Any:
    from pipelines import audit, principals

    person = None if nir is None else principals.number(sys.stdin.readline() if nir == "-" else nir)
    return audit.wanted(du, au, par, person)
