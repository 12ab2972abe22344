"""``siseri exceedances``: what exceeds a limit, what makes it, and the recomputation of everything."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Json, account, settings_now, show_facts, show_json, show_table

exceedances_app = typer.Typer(help="Dépassements des limites d'exposition.", no_args_is_help=True)


AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Tel que le registre le tenait : jour ou instant ISO.")
]


@exceedances_app.command("list")
def exceedances_list(
    as_of: AsOf = None,
    states: Annotated[list[str] | None, typer.Option("--etat", metavar="ÉTAT", help="Répétable.")] = None,
    without_physician: Annotated[
        bool, typer.Option("--sans-medecin", help="Sans réponse, et dont aucun médecin ne peut être averti.")
    ] = False,
    unanswered: Annotated[
        int | None,
        typer.Option("--sans-reponse", metavar="JOURS", min=0, help="Notifiés, échéance dans ce délai au plus."),
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="DGT|DSND", help="Ce dont cette autorité a été avisée, sans identité.")
    ] = None,
    json_: Json = False,
) -> None:
    """Les dépassements, caducs compris. La consultation est consignée, sauf sans identité (--as)."""
    from loaders.registry import opened
    from pipelines import audit, exceedance_listings

    settings = settings_now()
    if as_ is not None:
        alone = as_of is None and not states and not without_physician and unanswered is None
        _of_authority(as_.upper(), alone, json_)
        return
    wanted = exceedance_listings.Wanted.now(
        settings,
        as_of=as_of,
        states=tuple(states) if states else None,
        without_physician=without_physician,
        unanswered_days=unanswered,
    )
    with opened(settings, sftp=False, profile="analyst") as registry:
        listed = exceedance_listings.exceedances(registry.connection, registry.key, wanted)
        audit.looked(registry.connection, account(), audit.COMMAND, "exceedances list", records=len(listed))
    if json_:
        show_json(listed)
        return
    columns = (
        *("id", "limite", "localisation", "periode_debut", "periode_fin", "valeur_msv", "etat", "echeance"),
        *("nir", "siret"),
    )
    show_table("Dépassements", columns, ([one[name] for name in columns] for one in listed))


def _of_authority(authority: str, alone: bool, json_: bool) -> None:
    from loaders.errors import UsageError
    from loaders.registry import opened
    from pipelines.exceedance_listings import of_authority

    if authority not in ("DGT", "DSND"):
        raise UsageError("--as attend DGT ou DSND")
    if not alone:
        raise UsageError("--as va seul : l'autorité voit ce dont elle a été avisée, tel que c'est maintenant")
    profile = "dgt" if authority == "DGT" else "dsnd"
    with opened(settings_now(), sftp=False, profile=profile) as registry:
        listed = of_authority(registry.connection)
    if json_:
        show_json(listed)
        return
    columns = (
        *("id", "limite", "localisation", "periode_debut", "periode_fin", "valeur_msv", "etat"),
        *("siret", "commune", "domaine", "secteur", "metier"),
    )
    show_table(f"Dépassements dont {authority} est avisé", columns, ([one[name] for name in columns] for one in listed))


@exceedances_app.command("show")
def exceedances_show(
    identifier: Annotated[int, typer.Argument(metavar="ID")], as_of: AsOf = None, json_: Json = False
) -> None:
    """Un dépassement : ses états, ses calculs, les résultats qui le font. La consultation est consignée."""
    from loaders.registry import opened
    from pipelines import audit, exceedance_listings

    settings = settings_now()
    wanted = exceedance_listings.Wanted.now(settings, as_of=as_of)
    with opened(settings, sftp=False, profile="analyst") as registry:
        shown = exceedance_listings.exceedance(registry.connection, registry.key, wanted, identifier)
        audit.looked(registry.connection, account(), audit.COMMAND, "exceedances show")
    show_json(shown) if json_ else show_facts(shown)


@exceedances_app.command("detect")
def exceedances_detect(json_: Json = False) -> None:
    """Recalcule tout le registre et le compare à ce qui y tient ; statut 1 si un écart a dû être réparé."""
    from loaders.registry import opened
    from pipelines.exceedances import recompute

    settings = settings_now()
    with opened(settings, sftp=False) as registry:
        found = recompute(registry.connection, settings.registry_date())
    facts = {"personnes": found.persons, "depassements": found.standing, "ecarts": found.differences}
    if json_:
        show_json(facts)
    else:
        verdict = f"{found.differences} écart(s), réparés" if found.differences else "identiques à ceux du registre"
        print(f"{found.persons} personne(s) recalculée(s), {found.standing} dépassement(s) en vigueur : {verdict}.")
    if found.differences:
        raise typer.Exit(1)
