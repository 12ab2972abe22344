"""What a column takes, in French and as plain facts: one source for the templates, the table schemas and the pages.

Everything follows from the declarations of ``schemas``; nothing here judges a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from schemas import nomenclature
from schemas.identifiers import WAITING_FIRST_DIGITS
from schemas.roles import FORMATS_OF_ROLE
from schemas.spec import Column, Context, Format, Kind

#: The form of each kind of value, as a sender writes it.
SHAPES = {
    Kind.CLE: "2 chiffres, 97 − (NIR mod 97)",
    Kind.SIREN: "9 chiffres",
    Kind.SIRET: "14 chiffres",
    Kind.NAME: "texte, gardé en capitales sans accents",
    Kind.PLACE: "texte, gardé en capitales sans accents",
    Kind.TEXT: "texte",
    Kind.CODE: "code d'une liste",
    Kind.DATE: "date jj/mm/aaaa",
    Kind.ISO_DATE: "date aaaa-mm-jj",
    Kind.TIME: "date et heure jj/mm/aaaa hh:mm",
    Kind.DOSE: "nombre en mSv, trois décimales",
    Kind.SHARE: "nombre de 0.1 à 1, une décimale",
    Kind.MONTH: "mois mm/aaaa",
    Kind.ACTIVITY: "nombre, neuf décimales au plus",
    Kind.COUNT: "nombre entier, sept chiffres au plus",
    Kind.RPPS: "11 chiffres, clé comprise",
    Kind.NUCLIDE: "symbole, tiret, nombre de masse, « m » pour un isomère (Cs-137, Tc-99m)",
}

#: Lists of ``schemas/data`` that give codes a meaning.
_LISTS = (
    "autre_exposition",
    "domaine_activite",
    "metier",
    "nuisance_radiologique",
    "secteur_activite",
    "type_contrat",
    "type_mesure_operationnelle",
)
_NIR_TAIL = "[0-9]{2}(?:0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])(?:0[1-9]|[1-9][0-9]|2[AB])[0-9]{3}(?!000)[0-9]{3}"
_PATTERNS = {
    Kind.CLE: "0[1-9]|[1-8][0-9]|9[0-7]",
    Kind.SIREN: "[0-9]{9}",
    Kind.SIRET: "[0-9]{14}",
    Kind.RPPS: "[0-9]{11}",
    Kind.NUCLIDE: "[A-Z][a-z]?-[1-9][0-9]{0,2}(?:m[1-9]?)?",
    Kind.MONTH: "(?:0[1-9]|1[0-2])/[0-9]{4}",
}


def origin(layout: Format) -> str:
    """Whose layout it is, in one word: ``INSEE``, ``officiel`` (SISERI 2) or ``projet``."""
    if layout.open_columns:
        return "INSEE"
    return "officiel" if layout.official else "projet"


def origin_in_words(layout: Format) -> str:
    """The same in a sentence, for whoever opens one file alone."""
    return {
        "INSEE": "Disposition officielle de l'INSEE (fichier stock des établissements du répertoire Sirene).",
        "officiel": "Disposition officielle de SISERI 2.",
        "projet": "Disposition propre à ce projet : ce n'est pas une disposition officielle de SISERI.",
    }[origin(layout)]


def senders(layout: Format) -> tuple[str, ...]:
    """The roles that may send a format."""
    return tuple(role for role, sent in FORMATS_OF_ROLE.items() if layout.name in sent)


def shape(layout: Format, column: Column) -> str:
    """The form of a column's values, longest length included."""
    if column.kind is Kind.NIR:
        names = ("NIA" if waiting else "NIR" for waiting in waiting_allowed(layout, column))
        return f"13 caractères, {' ou '.join(names)}"
    text = SHAPES[column.kind]
    if column.longest is not None:
        text += f", {column.longest} caractères au plus"
        text += "".join(f" ({role} : {longest})" for role, longest in column.longest_of_role.items())
    return text


def longest(column: Column) -> int | None:
    """Most characters that any sender may write, ``None`` where no limit is declared."""
    return None if column.longest is None else max(column.longest, *column.longest_of_role.values(), 0)


@cache
def legal_codes(layout: Format, column: Column, context: Context) -> tuple[str, ...]:
    """The codes of a column that its own rules accept on a day: a list may hold codes that are no longer taken.

    Args:
        context: the day, and the sender's role where it is known.
    """
    numbers = np.arange(len(column.codes))
    good = np.ones(len(numbers), bool)
    for rule in layout.rules:
        if column.codes and rule.needs == (column.name,) and not rule.bears:
            good &= rule.holds({column.name: numbers}, context)
    return tuple(code for code, held in zip(column.codes, good, strict=True) if held)


def partners(layout: Format, context: Context) -> Iterator[tuple[Column, Column, dict[str, tuple[str, ...]]]]:
    """Pairs of lists that go together: both columns and, for each code of the first, the legal ones of the second."""
    for rule in layout.rules:
        if len(rule.needs) != 2 or rule.bears:
            continue
        first, second = (layout.column(name) for name in rule.needs)
        if first.codes and second.codes:
            one, other = (grid.ravel() for grid in np.indices((len(first.codes), len(second.codes))))
            held = rule.holds({first.name: one, second.name: other}, context).reshape(len(first.codes), -1)
            legal = (tuple(code for code, good in zip(second.codes, row, strict=True) if good) for row in held)
            yield first, second, dict(zip(first.codes, legal, strict=True))


def never_negative(layout: Format, column: Column) -> bool:
    """Whether a rule of the format refuses what is below zero."""
    return any(rule.code == "MET-04" and rule.needs == (column.name,) for rule in layout.rules)


def waiting_allowed(layout: Format, column: Column) -> tuple[bool, ...]:
    """Whether a NIR column takes NIR (false), NIA (true) or both, as the format's rules have it."""
    judged = [rule for rule in layout.rules if rule.code == "IDT-01" and rule.needs == (column.name,)]
    rows = {waiting: {f"{column.name}.waiting": np.array([int(waiting)])} for waiting in (False, True)}
    return tuple(one for one, row in rows.items() if all(rule.holds(row, Context(0)).all() for rule in judged))


@cache
def pattern(layout: Format, column: Column) -> str | None:
    """The whole text a value must have once repaired, as a regular expression without anchors.

    Check digits and Luhn sums are beyond it. ``None`` for kinds that have none.
    """
    if column.kind is not Kind.NIR:
        return _PATTERNS.get(column.kind)
    firsts = ("".join(map(str, WAITING_FIRST_DIGITS)) if one else "12" for one in waiting_allowed(layout, column))
    first = "".join(firsts)
    return f"[{first}]{_NIR_TAIL}"


@cache
def labels(column: Column) -> dict[str, str]:
    """The meaning of each code of a list, by code; empty where the list has none of its own."""
    for name in _LISTS:
        if column.codes and nomenclature.codes(name) == column.codes:
            return {next(iter(row.values())): row["libelle"] for row in nomenclature.rows(name)}
    return {}


def list_name(column: Column) -> str | None:
    """The file of ``schemas/data`` that holds exactly a column's codes, without its ending."""
    for name in (*_LISTS, "type_dosimetre_operationnel"):
        if column.codes and nomenclature.codes(name) == column.codes:
            return name
    return None


def guidance(layout: Format, column: Column, context: Context) -> tuple[str, ...]:
    """What to write in a column, shortest useful parts first: meaning, form, need, default, example."""
    parts = [column.label, shape(layout, column)]
    codes = legal_codes(layout, column, context)
    if codes and len(codes) <= 7:
        parts[-1] = "au choix : " + ", ".join(codes)
    if column.required:
        parts.append("obligatoire")
    else:
        parts.append(f"facultatif, vide : « {column.default} »" if column.default else "peut rester vide")
    parts += [f"exemple : {column.example}"] if column.example else []
    parts += [f"{old} devient {new}" for old, new in column.aliases.items()]
    return tuple(parts)
