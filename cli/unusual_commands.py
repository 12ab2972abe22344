"""``siseri unusual``: doses far from what is usual, and what is answered of them."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Json, account, settings_now, show_json, show_table

unusual_app = typer.Typer(help="Doses inhabituelles : signalements du modèle, réponses.", no_args_is_help=True)


@unusual_app.command("list")
def unusual_list(
    emetteur: Annotated[str | None, typer.Option(help="Code de l'émetteur")] = None,
    siret: Annotated[str | None, typer.Option(help="Établissement")] = None,
    genre: Annotated[str | None, typer.Option(help="UNITE, FAISCEAU, FACTEUR_10, CUMUL, TEMOIN…")] = None,
    etat: Annotated[str | None, typer.Option(help="OUVERTE, CONFIRMEE, DEMANDEE, ECARTEE, CLOSE")] = None,
    json_: Json = False,
) -> None:
    """Les signalements, les derniers d'abord. La consultation est consignée."""
    from loaders.registry import opened
    from pipelines import audit, unusual_answers

    filters = unusual_answers.Filters(emetteur, siret, genre, etat)
    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = unusual_answers.flags(registry.connection, filters)
        if listed:
            audit.looked(registry.connection, account(), audit.COMMAND, "unusual list", records=len(listed))
    if json_:
        show_json(listed)
        return
    columns = ("id", "genre", "etat", "dose_msv", "jour", "emetteur", "siret", "depot", "ligne", "lignes", "motif")
    show_table("Doses inhabituelles", columns, ([one[name] for name in columns] for one in listed))


@unusual_app.command("evaluate")
def unusual_evaluate(json_: Json = False) -> None:
    """Évalue ce que les chargements ont apporté depuis la dernière fois."""
    from loaders.registry import opened
    from pipelines.unusual import evaluate

    with opened(settings_now(), sftp=False) as registry:
        done = evaluate(registry.connection)
    if json_:
        show_json({"resultats": done.results, "signalements": done.flags, "clos": done.closed})
    else:
        print(f"{done.results} résultat(s) évalué(s), {done.flags} signalement(s), {done.closed} clos.")


@unusual_app.command("decide")
def unusual_decide(
    identifier: Annotated[int, typer.Argument(metavar="ID", help="Numéro du signalement")],
    reponse: Annotated[str, typer.Argument(metavar="REPONSE", help="confirm, ask ou dismiss")],
    motif: Annotated[str, typer.Option("--motif", help="Pourquoi ; avec ask, la question que l'émetteur lira")],
    par: Annotated[str, typer.Option("--par", help="Qui répond")],
    json_: Json = False,
) -> None:
    """Confirme un signalement, interroge l'émetteur ou l'écarte ; la dernière réponse compte."""
    from loaders.registry import depots, opened
    from pipelines import questions, unusual_answers
    from pipelines.isolate import Troubles

    troubles = Troubles()
    asked = reponse == "ask"
    with opened(settings_now(), sftp=asked) as registry:
        unusual_answers.decide(registry.connection, registry.key, identifier, reponse, motif, par)
        if asked:
            with depots(registry) as client:
                questions.deliver(client, registry.connection, registry.key, troubles)
    state = unusual_answers.ANSWERS[reponse]
    show_json({"id": identifier, "etat": state}) if json_ else print(f"Signalement {identifier} : {state}.")
    if troubles:
        raise typer.Exit(1)
