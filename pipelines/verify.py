"""Verify: the registry's invariants, each a question with a count of what contradicts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sql
from loaders import archive, envelope
from loaders.settings import Settings
from loaders.warehouse import Connection
from pipelines import exceedances, rights
from pipelines.statistics import marts

#: Invariants answered by one query each: name of the query, in words.
_COUNTED = {
    "books_and_entries": "Les comptes de chaque dépôt concordent avec ses lignes en attente, rejetées et en double",
    "books_and_doses": "Les comptes de chaque dépôt concordent avec les doses au registre, en lignes et en mSv",
    "one_current_per_key": "Une mesure n'a qu'une version en vigueur, d'une année à l'autre aussi",
    "queue_and_entries": "La file d'attente et le grand livre nomment les mêmes lignes",
    "loads_in_order": "Chaque chargement porte une heure, dans l'ordre des validations",
    "version_chains": "Chaque version remplacée dit quand, par quelle ligne et pourquoi",
    "known_workers": "Chaque dose appartient à un travailleur et à un établissement connus",
    "persons": "Une fusion d'identités mène à une personne, et à une seule",
    "exceedance_states": "Chaque dépassement a un état, et un calcul en vigueur s'il n'est pas caduc",
    "unanswered": "Chaque dépôt traité a reçu sa réponse",
    "removed_only_what_may_be": "Rien n'a été supprimé à son terme de ce qui attend ou de ce qui fonde une dose",
}


@dataclass(frozen=True)
class Finding:
    """An invariant, whether it holds, and what was seen."""

    invariant: str
    held: bool
    seen: str

    def as_json(self) -> dict[str, object]:
        return {"invariant": self.invariant, "tenu": self.held, "constat": self.seen}


def verify(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Judge every invariant over the whole registry."""
    for name, words in _COUNTED.items():
        row = connection.execute(sql.query("verify", name)).fetchone()
        count = int(row[0]) if row else 0
        yield Finding(words, count == 0, "aucun écart" if count == 0 else f"{count} écart(s)")
    yield _exceedances(connection)
    yield _statistics(connection)
    yield _audit(connection)
    yield _rights(connection)
    yield _archive(connection, settings)
    yield _envelopes(connection, settings)


def _exceedances(connection: Connection) -> Finding:
    words = "Les dépassements en vigueur sont ceux que donne un recalcul complet"
    persons, _, _, count = exceedances.differences(connection)
    return Finding(words, count == 0, f"{persons} personnes recalculées" if not count else f"{count} écart(s)")


def _statistics(connection: Connection) -> Finding:
    words = "Les sommes annuelles tenues pour les statistiques sont celles que redonnent les doses"
    years, count = marts.differences(connection)
    return Finding(words, count == 0, f"{years} année(s) recalculée(s)" if not count else f"{count} écart(s)")


def _audit(connection: Connection) -> Finding:
    words = "Le journal des consultations est entier : rien n'y a été changé, ôté ni glissé"
    row = connection.execute(sql.query("verify", "audit_chain")).fetchone()
    assert row is not None
    count, place, digest = row
    if count:
        return Finding(words, False, f"{count} écart(s)")
    return Finding(words, True, f"rang {place}, empreinte {bytes(digest).hex()}")


def _rights(connection: Connection) -> Finding:
    words = "Les droits de chaque profil dans la base sont ceux de la matrice d'accès (docs/acces.md)"
    found = rights.differences(connection)
    return Finding(words, not found, " ; ".join(found[:5]) if found else "aucun écart")


def _archive(connection: Connection, settings: Settings) -> Finding:
    words = "Les octets de chaque dépôt sont à l'archive, sous leur empreinte, ou supprimés à leur terme"
    judged: dict[str, bool] = {}
    wrong = gone = 0
    for _, sha256, size, removed in connection.execute(sql.query("verify", "archived")).fetchall():
        if removed:
            gone += 1
            continue
        if sha256 not in judged:
            judged[sha256] = archive.sound(settings, sha256, size)
        wrong += not judged[sha256]
    if wrong:
        return Finding(words, False, f"{wrong} dépôt(s) sans octets")
    at_term = f", {gone} supprimé(s) à leur terme" if gone else ""
    return Finding(words, True, f"{len(judged)} fichiers relus{at_term}")


def _envelopes(connection: Connection, settings: Settings) -> Finding:
    words = "Chaque clé age dont un fichier de l'archive a besoin est sur cette machine"
    wanted = {key for (key,) in connection.execute(sql.query("age", "wanted")).fetchall()}
    missing = sorted(wanted - set(envelope.identities(settings))) if wanted else []
    return Finding(words, not missing, f"absente : {', '.join(missing)}" if missing else f"{len(wanted)} clé(s)")
