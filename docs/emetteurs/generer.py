"""Writes ``formats.md`` and ``codes.md`` beside itself, from the declarations of ``schemas``.

Run by hand after a format or the code book changed: ``.venv/bin/python docs/emetteurs/generer.py``.
The same declarations give the same bytes; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from schemas import nomenclature
from schemas.codebook import Code, Severity, book
from schemas.formats import formats
from schemas.roles import FORMATS_OF_ROLE
from schemas.spec import Column, Format, Kind, Rule

#: Codes of the book that nothing raises yet although they concern formats already taken.
NOT_YET = frozenset({"AVT-05", "AVT-11", "AVT-12"})
#: Longer lists are not written out in a cell.
LONGEST_LIST = 20
#: Lists too long for a cell, by column: name of the file in ``schemas/data``.
LIST_FILES = {"codeSecteurActivite": "secteur_activite", "CodeMetier": "metier"}

KINDS = {
    Kind.NIR: "13 caractères, NIR ou NIA",
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
}
SEVERITIES = {
    Severity.FILE: ("Codes d'un fichier", "Le fichier entier est refusé ; aucune ligne n'a d'effet."),
    Severity.REJECT: ("Codes de rejet", "La ligne n'entre pas au registre : corrigez-la et renvoyez-la."),
    Severity.HOLD: (
        "Codes d'attente",
        "La ligne est gardée. `IDT-05`, `IDT-06` et `IDT-07` se lèvent seuls quand la référence manquante arrive.",
    ),
    Severity.DUPLICATE: ("Code de doublon", "La mesure est déjà là, à l'identique ; la ligne n'a pas d'effet."),
    Severity.WARNING: (
        "Avertissements",
        "Ils n'empêchent rien et ne figurent que dans `LIBELLE_ERREUR`, derrière « Avertissement : ».",
    ),
}
HEAD = "<!-- Page produite par docs/emetteurs/generer.py : ne pas la modifier à la main. -->\n"


def formats_page() -> str:
    """The page of the formats, in French."""
    parts = [
        HEAD,
        "# Les formats acceptés",
        "Cinq formats CSV sont pris en charge aujourd'hui. « Officiel » : la disposition est celle de SISERI 2"
        " (ou de l'INSEE pour les établissements). « Projet » : la disposition est propre à ce projet, faute"
        " de disposition officielle publique.",
        "Règles communes et réponses : [deposer-un-fichier.md](deposer-un-fichier.md). Sens des codes :"
        " [codes.md](codes.md).",
        _table(
            ("format", "contenu", "disposition", "colonnes", "émetteurs"),
            [
                (
                    f"[{one.name}](#{one.name.lower()})",
                    one.title,
                    _origin(one),
                    str(len(one.columns)),
                    ", ".join(role for role, sent in FORMATS_OF_ROLE.items() if one.name in sent),
                )
                for one in formats().values()
            ],
        ),
    ]
    for one in formats().values():
        parts += _format(one)
    return "\n\n".join(parts) + "\n"


def codes_page() -> str:
    """The page of the code book, in French."""
    parts = [
        HEAD,
        "# Les codes",
        "Chaque faute d'une ligne est signalée, pas seulement la première. L'issue suit le code le plus grave :"
        " rejet, puis attente, puis doublon. `*` : tous les formats.",
    ]
    for severity, (title, meaning) in SEVERITIES.items():
        rows = [_code(one) for one in book().values() if one.severity is severity]
        parts += [f"## {title}", meaning, _table(("code", "sens", "que faire", "formats"), rows)]
    later = [one.code for one in book().values() if not _raised(one)]
    parts.append(f"Pas encore émis : {', '.join(f'`{code}`' for code in later)}.")
    return "\n\n".join(parts) + "\n"


def _raised(code: Code) -> bool:
    return code.code not in NOT_YET and (not code.formats or bool(code.formats & set(formats())))


def _code(one: Code) -> tuple[str, ...]:
    taken = ", ".join(sorted(one.formats)) or "*"
    return f"`{one.code}`", one.label, one.remedy.strip(), taken


def _origin(one: Format) -> str:
    if one.open_columns:
        return "INSEE"
    return "officiel" if one.official else "projet"


def _format(one: Format) -> list[str]:
    sent = one.delimiter.join(one.names)
    example = one.delimiter.join(column.example for column in one.columns)
    parts = [
        f"## {one.name}",
        f"{one.title}. Disposition : {_origin(one)}. Séparateur : `{one.delimiter}`."
        + (" Les autres colonnes de cette disposition sont acceptées et ignorées." if one.open_columns else ""),
        f"```\n{sent}\n{example}\n```",
        _table(("colonne", "contenu", "forme", "obligatoire", "valeurs"), [_column(column) for column in one.columns]),
    ]
    if one.measure is not None:
        key = ", ".join(f"`{name}`" for name in one.measure.key)
        whose = "pour un même émetteur" if one.measure.sender_key else "quel que soit l'émetteur"
        parts.append(
            f"Une mesure est reconnue par {key}, {whose}. Transmise plus de {one.measure.late_after_days} jours"
            " après la fin du port, elle est intégrée avec l'avertissement `AVT-04`."
        )
    rules = dict.fromkeys(_rule(rule) for rule in one.rules)
    if rules:
        parts += ["Contrôles entre colonnes :", _table(("code", "colonnes", "sens"), list(rules))]
    return parts


def _column(column: Column) -> tuple[str, ...]:
    shape = KINDS[column.kind]
    if column.longest is not None:
        shape += f", {column.longest} caractères au plus"
        shape += "".join(f" ({role} : {longest})" for role, longest in column.longest_of_role.items())
    if column.kind is not Kind.CODE:
        values = f"vide : « {column.default} »" if column.default else ""
    elif len(column.codes) <= LONGEST_LIST:
        values = ", ".join(f"`{code}`" for code in column.codes)
    else:
        name = LIST_FILES[column.name]
        if nomenclature.codes(name) != column.codes:
            raise ValueError(f"{column.name} does not hold the list {name}")
        values = f"[{len(column.codes)} codes](../../schemas/data/{name}.csv)"
    if column.aliases:
        values += "".join(f" ; `{old}` devient `{new}`" for old, new in column.aliases.items())
    return f"`{column.name}`", column.label, shape, "oui" if column.required else "non", values


def _rule(rule: Rule) -> tuple[str, str, str]:
    concerned = ", ".join(f"`{name}`" for name in (*rule.needs, *rule.bears))
    return f"`{rule.code}`", concerned, book()[rule.code].label


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    """Write both pages."""
    here = Path(__file__).parent
    (here / "formats.md").write_text(formats_page(), encoding="utf-8")
    (here / "codes.md").write_text(codes_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
