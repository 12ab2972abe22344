"""``siseri queue``: all that the analysts' page does, from a terminal."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, account, plain, settings_now, show_facts, show_json, show_table

queue_app = typer.Typer(help="File d'attente des analystes.", no_args_is_help=True)
standing_app = typer.Typer(help="Décisions permanentes : un identifiant lu comme un autre.", no_args_is_help=True)
queue_app.add_typer(standing_app, name="standing")

Par = Annotated[str, typer.Option("--par", help="Qui décide")]
Motif = Annotated[str, typer.Option("--motif", help="Pourquoi ; l'émetteur le lira")]
Apercu = Annotated[bool, typer.Option("--apercu", help="Montre l'effet, ne change rien")]
Emetteur = Annotated[str | None, typer.Option("--emetteur", help="Code de l'émetteur")]
Code = Annotated[str | None, typer.Option("--code", help="Code qui retient les lignes (IDT-06…)")]
Format = Annotated[str | None, typer.Option("--format")]
Siret = Annotated[str | None, typer.Option("--siret", help="SIRET, ou son début")]
Motive = Annotated[str | None, typer.Option("--sans-ligne", help="CORRECTION_DU_MEDECIN ou FUSION")]
Jours = Annotated[int | None, typer.Option("--jours", help="Attend depuis au moins tant de jours", min=0)]
Ordre = Annotated[str, typer.Option("--ordre", help="lignes, dose ou anciennete")]


def _filters(
    emetteur: str | None, code: str | None, layout: str | None, siret: str | None, jours: int | None, motif: str | None
) -> Any:
    from pipelines.causes import Filters

    return Filters(emetteur=emetteur, code=code, format=layout, siret=siret, jours=jours, motif=motif)


def _value(text: str) -> str:
    """A value as given, or the first line of standard input for ``-``: it then stands in no history of commands."""
    return sys.stdin.readline().rstrip("\r\n") if text == "-" else text


@queue_app.command("list")
def queue_list(json_: Json = False) -> None:
    """Ce qui attend (en table : par cause)."""
    from loaders.registry import opened
    from pipelines import audit, listings

    if not json_:
        queue_causes()
        return
    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = listings.queue(registry.connection, registry.key)
        audit.looked(registry.connection, account(), audit.COMMAND, "queue list", records=len(listed))
    show_json(listed)


@queue_app.command("causes")
def queue_causes(
    emetteur: Emetteur = None,
    code: Code = None,
    format_: Format = None,
    siret: Siret = None,
    jours: Jours = None,
    sans_ligne: Motive = None,
    ordre: Ordre = "lignes",
    json_: Json = False,
) -> None:
    """La file par cause : ce qu'une seule décision peut régler."""
    from loaders.registry import opened
    from pipelines import causes

    settings = settings_now()
    filters = _filters(emetteur, code, format_, siret, jours, sans_ligne)
    with opened(settings, sftp=False, profile="analyst") as registry:
        listed = list(causes.every_cause(registry.connection, settings.registry_date(), filters, ordre))
    if json_:
        show_json(listed)
        return
    for one in listed:
        one["codes"] = one["codes"] or [one["motif"]]
    columns = ("id", "codes", "emetteur", "format", "siret", "lignes", "dose_msv", "depuis", "semaine", "semaine_avant")
    show_table("File d'attente par cause", columns, ([plain(one[name]) for name in columns] for one in listed))


@queue_app.command("rows")
def queue_rows(cause: Annotated[int, typer.Argument(metavar="CAUSE")], json_: Json = False) -> None:
    """Les lignes d'une cause (identités en clair)."""
    from loaders.registry import opened
    from pipelines import audit, causes

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = list(causes.every_entry(registry.connection, registry.key, cause))
        shown = [one["id"] for one in listed]
        audit.looked(registry.connection, account(), audit.COMMAND, "queue rows", shown, records=0)
    if json_:
        show_json(listed)
    else:
        _show_rows(f"Cause {cause}", listed)


def _show_rows(title: str, listed: list[dict[str, Any]]) -> None:
    columns = ("id", "depot", "ligne", "numero", "nom", "prenom", "siret", "dates", "grandeur", "dose_msv", "codes")
    show_table(title, columns, ([plain(one[name]) for name in columns] for one in listed))


@queue_app.command("show")
def queue_show(identifier: Annotated[int, typer.Argument(metavar="ID")], json_: Json = False) -> None:
    """Une ligne telle qu'envoyée, pourquoi elle attend, ce que le registre sait, ce qui en fut décidé."""
    from loaders.registry import opened
    from pipelines import audit
    from pipelines.dossier import dossier
    from pipelines.listings import queue

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        shown = dossier(registry.connection, registry.key, identifier)
        shown["valeurs"] = {one["champ"]: one["valeur"] for one in shown["valeurs"]}
        listed = queue(registry.connection, registry.key, identifier) if shown["attend"] else []
        shown["propositions"] = listed[0]["propositions"] if listed else []
        audit.looked(registry.connection, account(), audit.COMMAND, "queue show", [identifier])
    show_json(shown) if json_ else show_facts(shown)


@queue_app.command("find")
def queue_find(
    siret: Annotated[str | None, typer.Option(help="Ce qui attend pour cet établissement")] = None,
    nir: Annotated[str | None, typer.Option(help="Pour ce NIR ou NIA ; « - » : lu sur l'entrée standard")] = None,
    depot: Annotated[int | None, typer.Option(help="Les lignes de ce dépôt")] = None,
    json_: Json = False,
) -> None:
    """Cherche ce qui attend pour un établissement, une personne ou un dépôt (identités en clair)."""
    from loaders.errors import UsageError
    from loaders.registry import opened
    from pipelines import audit, search

    if sum(one is not None for one in (siret, nir, depot)) != 1:
        raise UsageError("donnez un SIRET, un NIR ou un dépôt")
    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        if siret is not None:
            found = search.of_siret(registry.connection, siret)
        elif depot is not None:
            found = search.of_submission(registry.connection, depot)
        else:
            number = "".join(_value(nir or "").split()).upper()
            found = search.of_person(registry.connection, registry.key, number)
        listed = search.some_entries(registry.connection, registry.key, found)
        audit.looked(registry.connection, account(), audit.COMMAND, "queue find", found, records=0)
    if json_:
        show_json(listed)
    else:
        _show_rows("Recherche", listed)


@queue_app.command("decide")
def queue_decide(
    motif: Motif,
    par: Par,
    action: Annotated[str, typer.Option(help="corriger, rattacher, confirmer, rejeter, rejouer")],
    identifiers: Annotated[list[int] | None, typer.Argument(metavar="ID…")] = None,
    groupe: Annotated[int | None, typer.Option(help="Toutes les lignes de cette cause")] = None,
    cause: Annotated[str | None, typer.Option(help="Avec rejeter : HORS_CHAMP, NON_SDI, DOUBLE, AUTRE")] = None,
    champ: Annotated[list[str] | None, typer.Option(help="Champ (répétable, avec --valeur)")] = None,
    valeur: Annotated[list[str] | None, typer.Option(help="Sa valeur ; « - » : lue sur l'entrée standard")] = None,
    apercu: Apercu = False,
    json_: Json = False,
) -> None:
    """Décide de lignes en attente ; statut 1 si certaines n'attendaient plus."""
    from loaders.errors import UsageError
    from loaders.registry import depots, opened
    from pipelines import causes
    from pipelines.aftermath import follow_through
    from pipelines.decide import Decision, decide

    names, values = champ or [], [_value(one) for one in valeur or []]
    if len(names) != len(values):
        raise UsageError("chaque --champ demande une --valeur")
    if bool(identifiers) == (groupe is not None):
        raise UsageError("nommez des lignes, ou une cause avec --groupe")
    decision = Decision(action, motif, par, cause, tuple(zip(names, values, strict=True)))
    settings = settings_now()
    with opened(settings, sftp=not apercu) as registry:
        wanted: dict[int, int | None] = dict.fromkeys(identifiers or [])
        if groupe is not None:
            wanted = dict(causes.numbers(registry.connection, groupe))
        effect = decide(registry.connection, registry.key, decision, wanted, preview=apercu)
        facts = effect.as_json()
        troubles = 0
        if not apercu:
            with depots(registry) as client:
                told = follow_through(client, registry.connection, settings, registry.key, references=effect.references)
            troubles = len(told.troubles)
            facts |= told.as_json()
    _show_effect(facts, json_)
    if effect.gone or effect.changed or troubles:
        raise typer.Exit(1)


@queue_app.command("undo")
def queue_undo(
    decision: Annotated[int, typer.Argument(metavar="DECISION")],
    motif: Motif,
    par: Par,
    apercu: Apercu = False,
    json_: Json = False,
) -> None:
    """Annule une décision, tant que rien d'autre ne s'appuie dessus : ses lignes attendent de nouveau."""
    from loaders.registry import depots, opened
    from pipelines.aftermath import follow_through
    from pipelines.undo import undo

    settings = settings_now()
    with opened(settings, sftp=not apercu) as registry:
        facts = undo(registry.connection, decision, par, motif, preview=apercu).as_json()
        if not apercu:
            with depots(registry) as client:
                told = follow_through(client, registry.connection, settings, registry.key, references=False)
            facts |= told.as_json()
    _show_effect(facts, json_)


def _show_effect(facts: dict[str, Any], json_: bool) -> None:
    if json_:
        show_json(facts)
        return
    show_facts({name: value for name, value in facts.items() if name != "lignes"})
    rows = (
        [
            one["id"],
            one["depot"],
            one["ligne"],
            *(plain(part) for part in (one["avant"]["codes"], *one["apres"].values())),
        ]
        for one in facts["lignes"]
    )
    show_table("Lignes", ("id", "depot", "ligne", "avant", "issue", "codes"), rows)


@queue_app.command("journal")
def queue_journal(
    par: Annotated[str | None, typer.Option(help="Décisions de cette personne seulement")] = None,
    avant: Annotated[int | None, typer.Option(help="Celles d'avant ce numéro", min=1)] = None,
    json_: Json = False,
) -> None:
    """Les décisions, la dernière d'abord, 500 à la fois."""
    from loaders.registry import opened
    from pipelines.dossier import journal

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = journal(registry.connection, who=par, after=avant, size=500)
    if json_:
        show_json(listed)
        return
    columns = ("id", "le", "par", "action", "cause", "champs", "motif", "annulee_par")
    rows = ([plain(one[name]) for name in columns] + [one["lignes"]["recues"]] for one in listed)
    show_table("Décisions", (*columns, "lignes"), rows)


@queue_app.command("ask")
def queue_ask(
    identifier: Annotated[int, typer.Argument(metavar="ID")],
    texte: Annotated[str, typer.Option(help="La question, que l'émetteur lira")],
    par: Par,
    json_: Json = False,
) -> None:
    """Pose une question à l'émetteur d'une ligne : elle va dans son « retour/ »."""
    from loaders.registry import depots, opened
    from pipelines import questions
    from pipelines.isolate import Troubles

    with opened(settings_now()) as registry, depots(registry) as client:
        number = questions.ask(registry.connection, registry.key, identifier, texte, par)
        troubles = Troubles()
        questions.deliver(client, registry.connection, registry.key, troubles)
    show_json({"message": number}) if json_ else print("Question posée.")
    if troubles:
        raise typer.Exit(1)


@queue_app.command("answer")
def queue_answer(
    identifier: Annotated[int, typer.Argument(metavar="ID")],
    texte: Annotated[str, typer.Option(help="Ce que l'émetteur a répondu")],
    par: Par,
    json_: Json = False,
) -> None:
    """Note la réponse de l'émetteur, arrivée par téléphone ou par courrier."""
    from loaders.registry import opened
    from pipelines import questions

    with opened(settings_now(), sftp=False) as registry:
        number = questions.note_answer(registry.connection, registry.key, identifier, texte, par)
    show_json({"message": number}) if json_ else print("Réponse notée.")


@queue_app.command("export")
def queue_export(
    out: Annotated[Path, typer.Option(help="Fichier .csv ou .xlsx à écrire, lisible par vous seul")],
    cause: Annotated[int | None, typer.Option(help="Les lignes de cette cause, identités en clair")] = None,
    emetteur: Emetteur = None,
    code: Code = None,
    format_: Format = None,
    siret: Siret = None,
    jours: Jours = None,
    sans_ligne: Motive = None,
    ordre: Ordre = "lignes",
    json_: Json = False,
) -> None:
    """Écrit une sélection : les causes, ou les lignes d'une cause."""
    from loaders.errors import UsageError
    from loaders.registry import opened
    from pipelines.export_selection import write

    if out.suffix.lower() not in (".csv", ".xlsx"):
        raise UsageError("le fichier doit finir par .csv ou .xlsx")
    settings = settings_now()
    filters = _filters(emetteur, code, format_, siret, jours, sans_ligne)
    with opened(settings, sftp=False, profile="analyst") as registry:
        count = write(
            registry.connection, registry.key, settings.registry_date(), out, filters, ordre, cause, account()
        )
    show_json({"fichier": str(out), "lignes": count}) if json_ else print(f"{count} ligne(s) dans {out}.")


@queue_app.command("release")
def queue_release(json_: Json = False) -> None:
    """Laisse partir ce dont la référence est arrivée, rejette ce qui a trop attendu."""
    from loaders.registry import depots, opened
    from pipelines.aftermath import follow_through

    settings = settings_now()
    with opened(settings) as registry, depots(registry) as client:
        done = follow_through(client, registry.connection, settings, registry.key)
    facts = {name: value for name, value in done.as_json().items() if name in ("leves", "difficultes")}
    show_json(facts) if json_ else show_facts(facts)
    if done.troubles:
        raise typer.Exit(1)


@standing_app.command("list")
def standing_list(json_: Json = False) -> None:
    """Les décisions permanentes, en vigueur ou non."""
    from loaders.registry import opened
    from pipelines import audit, standing

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = standing.listing(registry.connection, registry.key)
        persons = sum(one["genre"] == "NIR" for one in listed)
        if persons:
            audit.looked(registry.connection, account(), audit.COMMAND, "queue standing list", records=persons)
    if json_:
        show_json(listed)
        return
    columns = ("id", "etat", "genre", "recu", "lu", "emetteur", "du", "au", "motif", "proposee_par", "approuvee_par")
    show_table("Décisions permanentes", columns, ([plain(one[name]) for name in columns] for one in listed))


@standing_app.command("propose")
def standing_propose(
    genre: Annotated[str, typer.Option(help="SIRET ou NIR")],
    recu: Annotated[str, typer.Option(help="L'identifiant reçu ; « - » : lu sur l'entrée standard")],
    lu: Annotated[str, typer.Option(help="L'identifiant à lire ; « - » : lu sur l'entrée standard")],
    du: Annotated[str, typer.Option(help="Premier jour, AAAA-MM-JJ")],
    motif: Motif,
    par: Par,
    au: Annotated[str | None, typer.Option(help="Dernier jour, AAAA-MM-JJ")] = None,
    emetteur: Annotated[str | None, typer.Option(help="Pour les lignes de cet émetteur seulement")] = None,
    json_: Json = False,
) -> None:
    """Propose une décision permanente ; une autre personne doit l'approuver."""
    from loaders.registry import opened
    from pipelines import standing

    with opened(settings_now(), sftp=False) as registry:
        number = standing.propose(
            registry.connection,
            registry.key,
            standing.Proposal(
                *(genre, _value(recu), _value(lu), _day(du), motif, par),
                valid_to=_day(au) if au else None,
                partner=emetteur,
            ),
        )
    show_json({"decision_permanente": number}) if json_ else print(f"Décision permanente {number} proposée.")


@standing_app.command("approve")
def standing_approve(number: Annotated[int, typer.Argument(metavar="ID")], par: Par, json_: Json = False) -> None:
    """Met une décision permanente en vigueur et relit ce qui attendait sous son identifiant."""
    from loaders.registry import depots, opened
    from pipelines import standing
    from pipelines.aftermath import follow_through

    settings = settings_now()
    with opened(settings) as registry, depots(registry) as client:
        effect = standing.approve(registry.connection, registry.key, number, par)
        follow_through(client, registry.connection, settings, registry.key)
    facts = {"decision_permanente": number, "issues": effect.counts() if effect else {}}
    show_json(facts) if json_ else show_facts(facts)


@standing_app.command("revoke")
def standing_revoke(
    number: Annotated[int, typer.Argument(metavar="ID")], motif: Motif, par: Par, json_: Json = False
) -> None:
    """Révoque une décision permanente, ou écarte une proposition."""
    from loaders.registry import depots, opened
    from pipelines import standing
    from pipelines.aftermath import follow_through

    settings = settings_now()
    with opened(settings) as registry, depots(registry) as client:
        standing.revoke(registry.connection, registry.key, number, par, motif)
        follow_through(client, registry.connection, settings, registry.key)
    show_json({"decision_permanente": number}) if json_ else print(f"Décision permanente {number} révoquée.")


def _day(text: str) -> date:
    from loaders.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("un jour s'écrit AAAA-MM-JJ") from None
