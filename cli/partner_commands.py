"""``siseri partner``: the senders' accounts, their days and their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, plain, settings_now, show_facts, show_json, show_table

if TYPE_CHECKING:
    from loaders.registry import Registry
    from loaders.settings import Settings
    from loaders.sftp import SftpClient
    from loaders.warehouse import Connection

partner_app = typer.Typer(help="Comptes des émetteurs.", no_args_is_help=True)
key_app = typer.Typer(help="Clés SSH d'un compte.", no_args_is_help=True)
partner_app.add_typer(key_app, name="key")

_DAY = ["%Y-%m-%d"]
Since = Annotated[datetime | None, typer.Option("--du", formats=_DAY, help="Premier jour de validité (sans : aucun)")]
Until = Annotated[
    datetime | None, typer.Option("--au", formats=_DAY, help="Dernier jour de validité, compris (sans : aucun)")
]


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@contextmanager
def _opened(settings: Any) -> Iterator[tuple[Registry, SftpClient | None]]:
    """The registry, and the SFTP server where it is the site's own: it is told of keys, the embedded one looks."""
    from loaders.registry import depots, opened

    if not settings.sftp_url:
        with opened(settings, sftp=False, profile="administrator") as registry:
            yield registry, None
        return
    with opened(settings, profile="administrator") as registry, depots(registry) as client:
        yield registry, client


def _change(
    code: str, json_: bool, done: str, change: Callable[[Connection, Settings, str, SftpClient | None], None]
) -> None:
    """Change an account, bring the servers in line with it, and show it as it is now."""
    from pipelines import partners

    settings = settings_now()
    with _opened(settings) as (registry, client):
        change(registry.connection, settings, code, client)
        shown = partners.show(registry.connection, settings, code)
    show_json(shown) if json_ else print(done)


@partner_app.command("add")
def partner_add(
    code: str,
    role: Annotated[str, typer.Option(help="OA, EXPLOITANT, EMPLOYEUR, CRP, MDT, CALCUL, GESTIONNAIRE, DGT, DSND")],
    siren: Annotated[list[str] | None, typer.Option(help="SIREN d'un employeur (répétable)")] = None,
    key: Annotated[Path | None, typer.Option(help="Clé publique OpenSSH")] = None,
    identifiant: Annotated[str | None, typer.Option(help="Identifiant dans les désignations (RPPS…)")] = None,
    since: Since = None,
    until: Until = None,
    json_: Json = False,
) -> None:
    """Ouvre un compte et son dossier SFTP."""
    from loaders.registry import depots, opened
    from pipelines import partners

    settings = settings_now()
    span = partners.Span(_day(since), _day(until))
    with opened(settings, profile="administrator") as registry, depots(registry) as client:
        partners.add(registry.connection, client, settings, code, role, siren or [], identifiant, key, span)
        shown = partners.show(registry.connection, settings, code)
    show_json(shown) if json_ else print(f"Compte {code} ouvert.")


@partner_app.command("list")
def partner_list(json_: Json = False) -> None:
    """Liste les comptes."""
    from loaders.registry import opened
    from pipelines import partners

    with opened(settings_now(), sftp=False, profile="administrator") as registry:
        listed = partners.listing(registry.connection)
    if json_:
        show_json(listed)
    else:
        columns = ("code", "role", "sirens", "identifiant", "actif")
        show_table("Comptes", columns, ([plain(one[name]) for name in columns] for one in listed))


@partner_app.command("show")
def partner_show(code: str, json_: Json = False) -> None:
    """Montre un compte : SIREN, jours de validité, dernière utilisation, clés, dépôts."""
    from loaders.registry import opened
    from pipelines import partners

    settings = settings_now()
    with opened(settings, sftp=False, profile="administrator") as registry:
        shown = partners.show(registry.connection, settings, code)
    show_json(shown) if json_ else show_facts(shown)


@partner_app.command("dates")
def partner_dates(code: str, since: Since = None, until: Until = None, json_: Json = False) -> None:
    """Fixe les jours de validité d'un compte ; sans option, il vaut toujours."""
    from pipelines import partners

    span = partners.Span(_day(since), _day(until))
    done = f"Compte {code} : du {plain(span.start)} au {plain(span.end)}."
    _change(
        code, json_, done, lambda admin, settings, code, client: partners.set_days(admin, settings, code, span, client)
    )


@partner_app.command("transfer")
def partner_transfer(
    siren: Annotated[str, typer.Option()],
    to: Annotated[str, typer.Option(help="Compte qui reçoit le SIREN")],
    motif: Annotated[str, typer.Option()],
    json_: Json = False,
) -> None:
    """Donne un SIREN à un autre compte d'employeur."""
    from loaders.registry import opened
    from pipelines import partners

    settings = settings_now()
    with opened(settings, sftp=False, profile="administrator") as registry:
        partners.transfer(registry.connection, siren, to, motif)
        shown = partners.show(registry.connection, settings, to)
    show_json(shown) if json_ else print(f"SIREN {siren} confié à {to}.")


@partner_app.command("disable")
def partner_disable(code: str, json_: Json = False) -> None:
    """Ferme un compte."""
    from pipelines import partners

    _change(code, json_, f"Compte {code} fermé.", partners.disable)


@partner_app.command("reopen")
def partner_reopen(code: str, json_: Json = False) -> None:
    """Rouvre un compte fermé, à la main ou faute d'avoir servi."""
    from pipelines import partners

    _change(code, json_, f"Compte {code} rouvert.", partners.reopen)


@partner_app.command("age")
def partner_age(
    code: str,
    key: Annotated[str | None, typer.Argument(help="Clé publique age (age1…), ou fichier qui la contient")] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--au", formats=_DAY, help="Dernier jour des clés d'avant (sans : dans 30 jours)"),
    ] = None,
    retirer: Annotated[bool, typer.Option("--retirer", help="Livrer de nouveau les réponses en clair")] = False,
    exige: Annotated[
        bool | None, typer.Option("--exige/--sans-exige", help="Refuser (ou accepter) les fichiers en clair")
    ] = None,
    json_: Json = False,
) -> None:
    """Chiffrement avec age : la clé d'un compte, pour qui ses réponses sont chiffrées ; sans option, le montre."""
    from loaders.errors import UsageError
    from loaders.registry import depots, opened
    from pipelines import age_keys, doors

    if key is not None and retirer:
        raise UsageError("a key is given or withdrawn, not both")
    if key is None and until:
        raise UsageError("a last day of the keys before goes with a new key")
    settings = settings_now()
    today = settings.registry_date()
    changes = key is not None or retirer or exige is not None
    with opened(settings, sftp=changes, profile="administrator") as registry:
        admin = registry.connection
        if exige is not None:
            age_keys.demand(admin, code, demanded=exige)
        if key is not None:
            age_keys.give(admin, code, key, _day(until) or today + timedelta(doors.OVERLAP_DAYS))
        if retirer:
            age_keys.withdraw(admin, code, today - timedelta(1))
        shown = age_keys.of_partner(admin, code)
        if changes:
            with depots(registry) as client:
                age_keys.tell(client, admin, settings, code)
    if json_:
        show_json(shown)
        return
    show_table(f"Clés age de {code}", ("cle", "donnee_le", "au"), ([*one.values()] for one in shown["cles"]))
    print("Ses fichiers doivent arriver chiffrés." if shown["exige"] else "Ses fichiers peuvent arriver en clair.")


@partner_app.command("publish")
def partner_publish(json_: Json = False) -> None:
    """Réécrit les fichiers de clés du serveur SFTP du site, d'après les comptes."""
    from loaders.errors import UsageError
    from loaders.registry import depots, opened
    from pipelines import doors

    settings = settings_now()
    with opened(settings, profile="administrator") as registry, depots(registry) as client:
        if not client.takes_accounts():
            raise UsageError("this SFTP server takes no accounts from the registry: see deploy/sshd")
        doors.adopt(registry.connection, settings)
        doors.turn(registry.connection, client, settings)
        written = doors.publish_all(registry.connection, client)
    show_json({"comptes": written}) if json_ else print(f"{written} compte(s) publiés.")


@key_app.command("add")
def key_add(code: str, key: Path, until: Until = None, json_: Json = False) -> None:
    """Ajoute une clé publique."""
    from pipelines import doors, partners

    settings = settings_now()
    with _opened(settings) as (registry, client):
        partners.one(registry.connection, code)
        name = doors.add_key(registry.connection, settings, code, key, _day(until))
        doors.settle(registry.connection, client, settings, code)
    show_json({"cle": name}) if json_ else print(f"Clé {name} ajoutée.")


@key_app.command("rotate")
def key_rotate(
    code: str,
    key: Path,
    until: Annotated[
        datetime | None,
        typer.Option("--au", formats=_DAY, help="Dernier jour des anciennes clés (sans : dans 30 jours)"),
    ] = None,
    json_: Json = False,
) -> None:
    """Ajoute une clé qui remplace les autres : toutes valent jusqu'au jour dit, puis elle seule."""
    from pipelines import doors, partners

    settings = settings_now()
    last = _day(until) or date.today() + timedelta(doors.OVERLAP_DAYS)
    with _opened(settings) as (registry, client):
        partners.one(registry.connection, code)
        name = doors.rotate(registry.connection, settings, code, key, last)
        doors.settle(registry.connection, client, settings, code)
        shown = doors.keys_of(registry.connection, settings, code)
    if json_:
        show_json({"cle": name, "cles_dates": shown})
    else:
        print(f"Clé {name} ajoutée ; les autres valent jusqu'au {last.isoformat()} compris.")


@key_app.command("revoke")
def key_revoke(code: str, name: str, json_: Json = False) -> None:
    """Retire une clé publique, tout de suite."""
    from pipelines import doors, partners

    settings = settings_now()
    with _opened(settings) as (registry, client):
        partners.one(registry.connection, code)
        doors.revoke(registry.connection, settings, code, name)
        doors.settle(registry.connection, client, settings, code)
    show_json({"cle": name}) if json_ else print(f"Clé {name} retirée.")
