"""``siseri key``: the registry's secret key, and its exchange."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.age_commands import age_app
from cli.output import Json, account, plain, settings_now, show_facts, show_json, show_table

key_app = typer.Typer(help="Clé secrète du registre.", no_args_is_help=True)
key_app.add_typer(age_app, name="age")


@key_app.command("rotate")
def key_rotate(
    preparer: Annotated[
        bool, typer.Option("--preparer", help="S'arrête avant l'échange : tire la clé, calcule les empreintes")
    ] = False,
    patience: Annotated[
        float, typer.Option("--patience", min=0.1, help="Secondes d'attente des travaux en cours, au moment d'échanger")
    ] = 60.0,
    json_: Json = False,
) -> None:
    """Change la clé du registre, ou reprend un changement interrompu ; l'ancienne part quand rien n'en dépend plus."""
    from loaders.services import running
    from loaders.warehouse import Warehouse
    from pipelines.keyring.rotate import rotate

    settings = settings_now()
    with running(settings, sftp=False) as services:
        warehouse = Warehouse(settings, services.database_url)
        warehouse.ready("gate")
        with warehouse.admin() as admin:
            admin.autocommit = True
            told = rotate(
                *(admin, settings, account(), lambda line: print(line, file=sys.stderr)),
                patience_s=patience,
                prepare_only=preparer,
            )
    if json_:
        show_json(told)
    else:
        print("Prête à être échangée." if preparer else "La clé du registre est changée.")


@key_app.command("status")
def key_status(json_: Json = False) -> None:
    """Où en est le changement de clé."""
    from loaders.registry import readable
    from pipelines.keyring.rotate import status

    settings = settings_now()
    with readable(settings) as warehouse, warehouse.login("administrator") as admin:
        facts = status(admin, settings)
    show_json(facts) if json_ else show_facts({name: "" if one is None else one for name, one in facts.items()})


@key_app.command("list")
def key_list(json_: Json = False) -> None:
    """Les clés du registre, par leur valeur de contrôle, qui ne dit rien d'elles."""
    from loaders.registry import readable
    from pipelines.keyring.rotate import keys

    settings = settings_now()
    with readable(settings) as warehouse, warehouse.login("administrator") as admin:
        listed = keys(admin, settings)
    if json_:
        show_json(listed)
        return
    columns = ("cle", "etat", "en_service_depuis", "presente")
    show_table("Clés du registre", columns, ([plain(one[name]) for name in columns] for one in listed))
