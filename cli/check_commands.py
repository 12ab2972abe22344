"""``siseri checks``: what the whole registry shows that no single file does, and what an analyst explained of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.output import Json, account, settings_now, show_json, show_table

checks_app = typer.Typer(help="Contrôles permanents du registre.", no_args_is_help=True)

Controle = Annotated[str, typer.Argument(metavar="CONTROLE")]
Constat = Annotated[str, typer.Argument(metavar="CONSTAT", help="Ce que « checks list » donne sous « constat »")]
Par = Annotated[str, typer.Option("--par", help="Qui")]
Du = Annotated[str | None, typer.Option("--du", metavar="AAAA-MM-JJ", help="Premier jour ; 24 mois par défaut")]
Au = Annotated[str | None, typer.Option("--au", metavar="AAAA-MM-JJ", help="Dernier jour ; celui du registre sinon")]


@checks_app.command("list")
def checks_list(
    controle: Annotated[str | None, typer.Option("--controle", help="Un seul contrôle")] = None,
    du: Du = None,
    au: Au = None,
    siret: Annotated[str | None, typer.Option("--siret", help="Un établissement")] = None,
    emetteur: Annotated[str | None, typer.Option("--emetteur", help="Code d'un émetteur de résultats")] = None,
    vus: Annotated[bool, typer.Option("--vus", help="Les constats expliqués aussi")] = False,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    taille: Annotated[int, typer.Option("--taille", min=1, max=100_000, help="Constats par page")] = 50,
    json_: Json = False,
) -> None:
    """Les constats de chaque contrôle, les plus récents d'abord. La consultation est consignée."""
    from loaders.registry import opened
    from pipelines import audit, watch

    settings = settings_now()
    listed: list[dict[str, Any]] = []
    with opened(settings, sftp=False, profile="analyst") as registry:
        for name in [controle] if controle else watch.CONTROLS:
            wanted = watch.asked(name, settings.registry_date(), du, au, siret, emetteur, seen=vus)
            found = watch.findings(registry.connection, registry.key, wanted, skipped=(page - 1) * taille, most=taille)
            listed.append(
                {
                    "controle": name,
                    "libelle": watch.CONTROLS[name],
                    "du": wanted.first.isoformat(),
                    "au": wanted.last.isoformat(),
                    "total": found.total,
                    "expliques": found.explained,
                    "constats": found.rows,
                }
            )
        shown = sum(len(one["constats"]) for one in listed)
        if shown:
            audit.looked(registry.connection, account(), audit.COMMAND, "checks list", records=shown)
    if json_:
        show_json(listed)
        return
    columns = (
        *("constat", "nir", "siret", "autre_siret", "emetteur", "grandeur", "debut", "fin"),
        *("valeur_msv", "operationnelle_msv", "attendu_le"),
    )
    for one in listed:
        filled = [name for name in columns if any(row[name] is not None for row in one["constats"])]
        title = f"{one['libelle']} ({one['controle']}) : {one['total']}, dont {one['expliques']} expliqué(s)"
        show_table(title, filled, ([row[name] for name in filled] for row in one["constats"]))


@checks_app.command("explain")
def checks_explain(
    controle: Controle,
    constat: Constat,
    motif: Annotated[str, typer.Option("--motif", help="Ce qui l'explique")],
    par: Par,
    du: Du = None,
    au: Au = None,
    json_: Json = False,
) -> None:
    """Note qu'un constat a été vu, et ce qui l'explique ; il revient si ses faits changent."""
    from loaders.registry import opened
    from pipelines import watch

    settings = settings_now()
    wanted = watch.asked(controle, settings.registry_date(), du, au)
    with opened(settings, sftp=False) as registry:
        watch.explain(registry.connection, wanted, constat, motif, par)
    show_json({"controle": controle, "constat": constat, "explique": True}) if json_ else print("Constat expliqué.")


@checks_app.command("reopen")
def checks_reopen(controle: Controle, constat: Constat, par: Par, json_: Json = False) -> None:
    """Reprend un constat expliqué : il est de nouveau montré."""
    from loaders.registry import opened
    from pipelines import watch

    with opened(settings_now(), sftp=False) as registry:
        watch.reopen(registry.connection, controle, constat, par)
    show_json({"controle": controle, "constat": constat, "explique": False}) if json_ else print("Constat repris.")
