"""Writes ``formats.md`` and ``codes.md`` beside itself, from the declarations of ``schemas``.

Run by hand after a format or the code book changed: ``.venv/bin/python docs/emetteurs/generer.py``.
The same declarations give the same bytes; a test compares.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from reports.code_book import SEVERITIES
from reports.columns import legal_codes, list_name, origin, partners, senders, shape
from schemas import nomenclature
from schemas.codebook import Code, book
from schemas.formats import formats
from schemas.spec import Column, Context, Format, Kind, Rule

#: Codes of the book that nothing raises yet although they concern formats already taken.
NOT_YET = frozenset({"AVT-12"})
#: Longer lists are not written out in a cell.
LONGEST_LIST = 20
#: What a sender must know of a format besides its columns and rules.
NOTES = {
    "TRAVAILLEURS": "Les métiers possibles d'un secteur : [secteur_metier.csv](../../schemas/data/secteur_metier.csv)."
    " Une ligne crée ou met à jour le travailleur et son rattachement ; elle n'en retire jamais : un"
    " départ s'envoie en SORTIES. Une ligne renvoyée avec une autre valeur corrige ; identique, elle ne change rien."
    " Un nouveau contrat après un départ commence une nouvelle période.",
    "SORTIES": "La ligne clôt le rattachement en cours de ce travailleur à cet établissement. Pour corriger la date,"
    " renvoyez la ligne avec la bonne.",
    "PASSIVE": "`ABS` (pas de résultat), `INF` (sous le seuil d'enregistrement) et 0 sont trois choses différentes :"
    " `VALEUR` est vide pour `ABS`, `PER` et `DET`, vide ou 0 pour `INF`, remplie pour `MES` et `EST`. La période de"
    " port, deux jours compris, dure trois mois au plus. Un médecin du travail (`MDT`) n'envoie que des `EST` ; pour"
    " corriger le résultat d'un organisme, il met `C` et, dans `ID_MESURE`, le code de l'organisme, `/`, puis"
    " l'`ID_MESURE` de celui-ci : la version de l'organisme est gardée à côté"
    " ([exemple](exemples/passive-medecin.csv)).",
    "INTERNE": "Une analyse qui porte sur plusieurs radionucléides a une ligne par radionucléide, sous le même"
    " `ID_ANALYSE`. `MES` demande une `ACTIVITE` ; `INF` demande une `LIMITE_DETECTION`, `ACTIVITE` étant vide ou 0 ;"
    " `ABS` n'a pas d'`ACTIVITE`.",
    "ENGAGEE": "Le `RPPS` est celui du médecin désigné par l'établissement au jour de l'incorporation (`IDT-10`) et"
    " celui de votre compte (`FMT-05`).",
    "CONCLUSION": "`VALEUR_RETENUE` seulement avec `MODIFIEE`. Le `RPPS` est celui d'un médecin que l'établissement du"
    " dépassement désigne au jour de la conclusion (`IDT-10`) et celui de votre compte (`FMT-05`). `MAINTENUE` : les"
    " doses restent. `MODIFIEE` : un résultat du jour du dépassement est ajusté pour que la somme sur douze mois soit"
    " la valeur retenue. `ANNULEE` : les résultats de ce jour comptent 0. Une conclusion clôt le dépassement : la même"
    " envoyée de nouveau est `MET-16`. Ce qui fut retenu par défaut, faute de réponse, peut encore être conclu ; si un"
    " résultat postérieur fait de nouveau dépasser la limite, le dépassement se rouvre sous le même numéro.",
    "NAVIGANT": "La dose compte au dernier jour du mois. En dessous de 0.10 mSv elle est gardée telle quelle et compte"
    " 0 dans les sommes.",
    "ETABLISSEMENTS": "C'est le fichier de l'INSEE tel quel : virgules, dates `aaaa-mm-jj`, et une ligne identique ne"
    " change rien.",
    "DESIGNATIONS": "`IDENTIFIANT` : le code d'émetteur pour `OA` et `EXPLOITANT`, le RPPS pour `MDT` et `PST`, libre"
    " sinon. L'employeur désigne tous les rôles sauf `PST`, que le médecin désigne"
    " ([exemple](exemples/designations-medecin.csv)). Renvoyée avec les mêmes `SIRET`, `ROLE`, `IDENTIFIANT` et"
    " `DATEDEBUT`, une désignation remplace la précédente : on y met fin en renseignant `DATEFIN`.",
    "IDENTITES": "`CERTIFIE` : le NIA devient ce NIR, et le NIA reste reconnu pour toujours ; si le NIR était déjà"
    " connu, les deux histoires se rejoignent. `NIR` et `CLE` sont alors obligatoires. `REFUSE` marque le travailleur ;"
    " ses lignes continuent d'entrer.",
}
#: The records around the details of a fixed-width file.
HEADER_RECORD = (
    ("1-2", "`00`"),
    ("3-12", "disposition : `SISPAS01` ou `SISOPE01`"),
    ("13-22", "votre code d'émetteur (un autre : `FIC-05`)"),
    ("23-30", "jour de production, `AAAAMMJJ`"),
    ("31-36", "numéro d'ordre chez vous"),
)
TRAILER_RECORD = (
    ("1-2", "`99`"),
    ("3-11", "nombre de détails"),
    ("12-26", "somme de `VALEUR`, en µSv"),
)
#: Form of a column's value in fixed width, where it differs from the CSV's.
FIXED_SHAPES = {
    Kind.DOSE: "µSv entiers, à droite, complétés par des zéros ; blancs : pas de valeur",
    Kind.DATE: "`AAAAMMJJ`",
    Kind.TIME: "`AAAAMMJJHHMM`",
}
#: Codes and columns named in a sentence.
NAMED = re.compile("([A-Z]{3}-[0-9]{2}|LIBELLE_ERREUR)")
#: The pages tell lists as they stand since the last change of them, whatever the day they are made.
TODAY = date(2026, 1, 1)
HEAD = "<!-- Page produite par docs/emetteurs/generer.py : ne pas la modifier à la main. -->\n"


def formats_page() -> str:
    """The page of the formats, in French."""
    parts = [
        HEAD,
        "# Les formats acceptés",
        "« Officiel » : la disposition est celle de SISERI 2. « INSEE » : celle du fichier public des établissements."
        " « Projet » : la disposition est propre à ce projet, faute de disposition officielle publique.",
        "Règles communes et réponses : [deposer-un-fichier.md](deposer-un-fichier.md). Sens des codes :"
        " [codes.md](codes.md). Modèles CSV et XLSX à remplir, et les mêmes règles pour un logiciel (Table Schema) :"
        " `siseri schema export --out modeles` (paquet `siseri-exchange[modeles]`)."
        " [Contrôler un fichier avant l'envoi](autocontrole.md).",
        _table(
            ("format", "contenu", "disposition", "colonnes", "émetteurs"),
            [
                (
                    f"[{one.name}](#{one.name.lower()})",
                    one.title,
                    origin(one),
                    str(len(one.columns)),
                    ", ".join(senders(one)),
                )
                for one in formats().values()
            ],
        ),
    ]
    for one in formats().values():
        parts += _format(one)
    parts += _fixed_width()
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
        parts += [f"## {title}", NAMED.sub(r"`\1`", meaning), _table(("code", "sens", "que faire", "formats"), rows)]
    later = [one.code for one in book().values() if not _raised(one)]
    if later:
        parts.append(f"Pas encore émis : {', '.join(f'`{code}`' for code in later)}.")
    return "\n\n".join(parts) + "\n"


def _raised(code: Code) -> bool:
    return code.code not in NOT_YET and (not code.formats or bool(code.formats & set(formats())))


def _code(one: Code) -> tuple[str, ...]:
    taken = ", ".join(sorted(one.formats)) or "*"
    return f"`{one.code}`", one.label, one.remedy.strip(), taken


def _format(one: Format) -> list[str]:
    sent = one.delimiter.join(one.names)
    example = one.delimiter.join(column.example for column in one.columns)
    parts = [
        f"## {one.name}",
        f"{one.title}. Disposition : {origin(one)}. Séparateur : `{one.delimiter}`. Envoyé par : "
        + ", ".join(f"`{role}`" for role in senders(one))
        + "."
        + (" Les autres colonnes de cette disposition sont acceptées et ignorées." if one.open_columns else ""),
        f"```\n{sent}\n{example}\n```",
        f"Fichier d'exemple : [{one.name.lower()}.csv](exemples/{one.name.lower()}.csv).",
        _table(
            ("colonne", "contenu", "forme", "obligatoire", "valeurs"), [_column(one, column) for column in one.columns]
        ),
        NOTES.get(one.name, ""),
        _measure(one),
    ]
    for first, second, legal in partners(one, Context.on(TODAY)):
        if max(len(first.codes), len(second.codes)) <= LONGEST_LIST:
            rows = [(f"`{code}`", ", ".join(f"`{other}`" for other in others)) for code, others in legal.items()]
            parts.append(_table((f"`{first.name}`", f"`{second.name}` possibles"), rows))
    if one.record is not None:
        parts.append(f"Existe aussi en [positions fixes](#positions-fixes), sous le nom `{one.record.layout}`.")
    rules = dict.fromkeys(_rule(rule) for rule in one.rules)
    if rules:
        parts += ["Contrôles entre colonnes :", _table(("code", "colonnes", "sens"), list(rules))]
    return [part for part in parts if part]


def _measure(one: Format) -> str:
    """How a measure is recognised, corrected and annulled, and when it comes late."""
    if one.measure is None:
        return ""
    key = ", ".join(f"`{name}`" for name in one.measure.key)
    text = f"Une mesure est reconnue par {key}, "
    if one.measure.sender_key:
        text += "pour un même émetteur, dans l'année civile du résultat, celle d'avant et celle d'après."
    else:
        text += "quel que soit l'émetteur."
    text += (
        " Renvoyée à l'identique, c'est un doublon (`MET-12`) ; avec un autre contenu, elle est rejetée (`MET-11`) sauf"
        " avec `C` dans `CODE_METROLOGIE`, qui la remplace. `A` l'annule : seuls cette clé, `NIR` et `SIRET` sont alors"
        " lus, le reste peut être vide. `C` et `A` demandent une mesure d'origine (`MET-10`). Voir"
        " [Corriger, annuler](deposer-un-fichier.md#corriger-annuler)."
    )
    if one.name == "PASSIVE":
        text += " Exemple : [passive-corrections.csv](exemples/passive-corrections.csv)."
    if one.measure.late_after_days is not None:
        text += (
            f" Transmise plus de {one.measure.late_after_days} jours après la fin du port, elle est intégrée avec"
            " l'avertissement `AVT-04`."
        )
    return text


def _fixed_width() -> list[str]:
    """The section of the fixed-width layouts."""
    parts = [
        "## Positions fixes",
        "Même contenu que le CSV du même nom, une ligne par enregistrement : un `00`, les détails, un `99`. Les deux"
        " dispositions sont propres à ce projet, même celle d'OPERATIONNELLE, dont le CSV est officiel. Windows-1252 ou"
        " UTF-8, fins de ligne LF ou CRLF. Les positions comptent des caractères, à partir de 1, bornes comprises. Les"
        " textes sont à gauche et complétés par des espaces.",
        "Une ligne plus courte est complétée par des espaces ; plus longue, ou d'un autre type que le détail attendu,"
        " elle est rejetée (`FMT-01`). Un `99` absent, ou qui ne s'accorde pas avec les détails, fait refuser le"
        " fichier (`FIC-08`) ; quoi que ce soit après lui aussi (`FIC-09`). Un nom qui remplit ses 30 places est"
        " reconnu par son début. Les réponses sont celles du CSV : mSv, dates `jj/mm/aaaa`.",
        "Enregistrement `00` :",
        _table(("positions", "contenu"), list(HEADER_RECORD)),
        "Enregistrement `99` :",
        _table(("positions", "contenu"), list(TRAILER_RECORD)),
    ]
    for one in formats().values():
        if one.record is None:
            continue
        name = one.record.layout
        parts += [
            f"### {name} ({one.name})",
            f"Détail `{one.record.detail}`, {one.width} caractères. Fichier d'exemple :"
            f" [{name.lower()}.txt](exemples/{name.lower()}.txt).",
            _table(
                ("positions", "colonne", "forme"),
                [
                    ("1-2", f"`{one.record.detail}`", "type d'enregistrement"),
                    *(_place(column) for column in one.columns),
                ],
            ),
        ]
    return parts


def _place(column: Column) -> tuple[str, ...]:
    if column.position is None:
        raise ValueError(f"{column.name} has no place in the fixed-width form")
    first, last = column.position
    place = str(first) if first == last else f"{first}-{last}"
    return place, f"`{column.name}`", FIXED_SHAPES.get(column.kind, f"texte, {last - first + 1} places")


def _column(one: Format, column: Column) -> tuple[str, ...]:
    if column.kind is not Kind.CODE:
        values = f"vide : « {column.default} »" if column.default else ""
    elif len(column.codes) <= LONGEST_LIST:
        values = ", ".join(f"`{code}`" for code in column.codes)
        refused = set(column.codes) - set(legal_codes(one, column, Context.on(TODAY)))
        if refused:
            values += (
                f" ; plus acceptés aujourd'hui : {', '.join(f'`{code}`' for code in column.codes if code in refused)}"
            )
    else:
        name = list_name(column)
        if name is None:
            raise ValueError(f"no file of schemas/data holds the list of {column.name}")
        values = f"[{len(nomenclature.codes(name))} codes](../../schemas/data/{name}.csv)"
    if column.aliases:
        values += "".join(f" ; `{old}` devient `{new}`" for old, new in column.aliases.items())
    return f"`{column.name}`", column.label, shape(one, column), "oui" if column.required else "non", values


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
