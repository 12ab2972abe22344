"""Who may see and do what (contract, outcomes.md "Who sees what"): declared once, for the database, the documents and
the tests.

``data/droits.csv`` holds the rights of every login on every object of the warehouse: ``init`` sets them, a test walks
the catalogue for others, ``docs/acces.md`` prints them. The rules of what is seen of a person stand in :data:`SIGHT`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Profile:
    """A login role of the warehouse, named ``<database>_<name>``. ``title`` and ``purpose`` in French, for people."""

    name: str
    title: str
    purpose: str
    login: bool = True


#: Profiles of daily work, which read and write tables.
WORKING = (
    Profile("loader", "chargement", "le couloir des fichiers et des décisions : écrit, ne possède rien, n'efface rien"),
    Profile(
        "analyst",
        "analyste",
        "lit la file, les références et les doses ; n'écrit que consultations, vérifications, alertes",
    ),
    Profile("publisher", "statistiques", "lit les doses sous des numéros, sans identité ; tient sommes et éditions"),
    Profile("janitor", "conservation", "ôte ce que les règles de conservation nomment ; ni dose, ni identité"),
    Profile("administrator", "administration", "comptes des émetteurs, journal des consultations ; aucune dose"),
)
#: Profiles that read what somebody else prepared, and the ticket where one is needed.
SERVED = (
    Profile("research", "recherche", "lit les doses des années d'une convention, sous des numéros"),
    Profile("reporter", "bilan d'établissement", "lit les chiffres acceptés par la base : rien sur moins de 11"),
    Profile("dgt", "DGT", "dépassements dont elle a été avisée, sans identité"),
    Profile("dsnd", "DSND", "dépassements militaires dont il a été avisé, sans identité"),
)
#: Profiles that see what a ticket opens of one person or one establishment.
READERS = (
    Profile("worker", "travailleur", "ce qu'un billet ouvre : lui-même"),
    Profile("employer", "employeur, CES", "ce qu'un billet ouvre : son établissement, aucune dose"),
    Profile("crp", "CRP", "ce qu'un billet ouvre : doses externes de l'établissement"),
    Profile("physician", "MDT, PST", "ce qu'un billet ouvre : la carrière entière"),
    Profile("agent", "agent de contrôle", "ce qu'un billet ouvre : doses externes de tous"),
)
GATE = Profile("gate", "guichet", "fait établir les billets, ne lit rien")
#: Owns what the readers read through.
KEEPER = Profile("keeper", "gardien", "possède les vues et fonctions d'accès ; sans connexion", False)
PROFILES = (*WORKING, *SERVED, *READERS, GATE, KEEPER)
NAMES = tuple(one.name for one in PROFILES)
LOGINS = tuple(one.name for one in PROFILES if one.login)
#: Everybody, in PostgreSQL's sense.
PUBLIC = "public"


class Scope(Enum):
    """How much of a kind of data a capacity sees."""

    NOTHING = "rien"
    OWN = "le sien"
    PLACE = "son établissement"
    CHARGE = "établissements qui le désignent"
    ALL = "tout"
    AGGREGATES = "agrégats"
    PSEUDONYMS = "sous pseudonyme, par convention"


@dataclass(frozen=True)
class Sight:
    """A row of the access matrix.

    Attributes:
        role: as in ``siseri statement --as``; the authorities and research have no statements.
        charge: whether it is a charge with dates, in force on the day of asking, shared for a day with the contract.
        years: single results of so many years only; ``None``: all.
        within: single results within the contract only.
        window: the last column, in words.
    """

    role: str
    title: str
    profile: str
    administrative: Scope
    external: Scope
    internal: Scope
    window: str
    charge: bool = False
    years: int | None = None
    within: bool = False


SIGHT = (
    Sight("TRAVAILLEUR", "travailleur", "worker", Scope.OWN, Scope.OWN, Scope.OWN, "toujours"),
    Sight("EMPLOYEUR", "employeur", "employer", Scope.PLACE, Scope.NOTHING, Scope.NOTHING, ""),
    Sight("CES", "CES", "employer", Scope.CHARGE, Scope.NOTHING, Scope.NOTHING, "désignation en vigueur", charge=True),
    Sight(
        *("CRP", "CRP", "crp", Scope.CHARGE, Scope.PLACE, Scope.NOTHING),
        "désignation en vigueur ; résultats : cinq ans, dans le contrat ; sommes : le contrat entier",
        charge=True,
        years=5,
        within=True,
    ),
    Sight(
        *("MDT", "MDT", "physician", Scope.CHARGE, Scope.ALL, Scope.ALL),
        "désignation en vigueur ; la carrière entière",
        charge=True,
    ),
    Sight(
        *("PST", "PST, par délégation", "physician", Scope.CHARGE, Scope.ALL, Scope.ALL),
        "désignation en vigueur, celle du médecin qui délègue aussi ; la carrière entière",
        charge=True,
    ),
    Sight("AGENT", "agent de contrôle", "agent", Scope.ALL, Scope.ALL, Scope.NOTHING, "toujours"),
    Sight(
        *("DGT", "DGT", "dgt", Scope.NOTHING, Scope.AGGREGATES, Scope.AGGREGATES),
        "éditions publiées ; dépassements dont elle est avisée, sans identité",
    ),
    Sight(
        *("DSND", "DSND", "dsnd", Scope.NOTHING, Scope.AGGREGATES, Scope.AGGREGATES),
        "dépassements militaires dont il est avisé, sans identité",
    ),
    Sight(
        *("RECHERCHE", "recherche", "research", Scope.NOTHING, Scope.PSEUDONYMS, Scope.PSEUDONYMS),
        "années de la convention",
    ),
)

#: Letters of the rights in ``droits.csv``: PostgreSQL's word, and in French.
LETTERS = {
    "L": ("select", "lire"),
    "I": ("insert", "inscrire"),
    "M": ("update", "modifier"),
    "S": ("delete", "effacer"),
    "U": ("usage", "entrer"),
    "E": ("execute", "appeler"),
    "C": ("connect", "se connecter"),
    "T": ("temporary", "tables temporaires"),
}
#: Kinds of objects: PostgreSQL's word in GRANT, and in French.
KINDS = {
    "base": "database",
    "schéma": "schema",
    "table": "table",
    "vue": "table",
    "séquence": "sequence",
    "fonction": "function",
}
_RIGHT = re.compile(r"([A-Z])(?:\(([^)]*)\))?")


@dataclass(frozen=True)
class Right:
    """One right: a letter of :data:`LETTERS`, and the columns that it is limited to (none: the whole object)."""

    letter: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """An object of the warehouse, and who has which rights on it; its owner's are not told.

    ``rows``: profiles that pass its row security; ``None`` where it has none.
    """

    name: str
    kind: str
    rights: dict[str, tuple[Right, ...]]
    rows: tuple[str, ...] | None


@cache
def lines() -> tuple[Line, ...]:
    """Every object of the warehouse, in the order of the file. Raises ValueError where a cell cannot be read."""
    text = (files("schemas") / "data" / "droits.csv").read_text(encoding="utf-8")
    found = []
    for row in csv.DictReader(text.splitlines(), delimiter=";"):
        rows = row["lignes"]
        found.append(
            Line(
                row["objet"],
                row["genre"],
                {name: _rights(row[name]) for name in (PUBLIC, *NAMES) if row[name]},
                None if rows == "" else tuple(rows.split()) if rows != "aucun" else (),
            )
        )
    return tuple(found)


def _rights(cell: str) -> tuple[Right, ...]:
    if _RIGHT.sub("", cell).strip():
        raise ValueError(f"no rights: {cell!r}")
    return tuple(Right(letter, tuple(columns.split())) for letter, columns in _RIGHT.findall(cell))
