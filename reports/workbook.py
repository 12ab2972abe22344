"""The XLSX template of a format: lists, input help and text cells, made to be saved as CSV.

Every cell is text, so that a spreadsheet keeps zeros, dates and decimals as they were typed, and the CSV that a
French desktop writes (``;``, Windows-1252, CRLF) is a file to drop. Needs xlsxwriter (extra ``modeles``).
"""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from reports import columns
from schemas import nomenclature
from schemas.codebook import book
from schemas.spec import Column, Context, Format, Kind

#: Rows that lists and input help reach.
ROWS = 20_000
#: Longer lists have a sheet of their own.
LONGEST_TOLD = 20
#: Excel's own limits.
_TITLE, _MESSAGE = 32, 255
_SHARES = ("1", *(f"0.{tenths}" for tenths in range(9, 0, -1)))
_WIDE = {Kind.NIR: 16, Kind.SIRET: 17, Kind.NAME: 22, Kind.PLACE: 22, Kind.TEXT: 22, Kind.TIME: 17}
_SAVING = (
    "Enregistrer : Fichier > Enregistrer sous > « CSV (séparateur : point-virgule) », l'onglet de saisie étant"
    " affiché. Avec LibreOffice : « Texte CSV », jeu de caractères Windows-1252 ou UTF-8, séparateur ;."
)
_REPAIRED = "Le registre accepte aussi la virgule décimale ; les espaces autour d'une valeur sont retirés."


def workbook(layout: Format, day: date) -> bytes:
    """The template of one format.

    The first sheet bears the columns' exact names in row 1 and nothing else; help and lists stand on other sheets.

    Args:
        layout: a format whose CSV separator is ``;``.
        day: the day whose lists it offers; also the only date inside the file.

    Raises:
        ValueError: the format's CSV is not what a French desktop writes.
    """
    if layout.delimiter != ";":
        raise ValueError(f"{layout.name} is not separated by semicolons")
    context = Context.on(day)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book_:
        book_.set_properties(
            {
                "title": f"Modèle {layout.name} : {layout.title}",
                "comments": columns.origin_in_words(layout),
                "created": datetime(day.year, day.month, day.day),
            }
        )
        sheet = book_.add_worksheet(layout.name)
        _help(book_, layout, context)
        _meanings(book_, layout, context)
        lists = _lists(book_, layout, context)
        _entry(book_, sheet, layout, context, lists)
    return out.getvalue()


def _entry(book_: Any, sheet: Any, layout: Format, context: Context, lists: dict[str, str]) -> None:
    text = book_.add_format({"num_format": "@"})
    head = {"bold": True, "num_format": "@", "border": 1, "align": "left"}
    needed = book_.add_format(head | {"bg_color": "#1F4E79", "font_color": "#FFFFFF"})
    free = book_.add_format(head | {"bg_color": "#D9E2EC", "font_color": "#1B1B2B"})
    for at, column in enumerate(layout.columns):
        sheet.set_column(at, at, max(_WIDE.get(column.kind, 11), len(column.name) + 2), text)
        sheet.write_string(0, at, column.name, needed if column.required else free)
        cell = f"{xl_col_to_name(at)}2"
        rule = _validation(layout, column, cell, lists.get(column.name))
        rule |= {"ignore_blank": True, "input_title": column.name[:_TITLE]}
        rule["input_message"] = message(layout, column, context)
        if rule["validate"] != "any":
            rule |= {
                "error_title": column.name[:_TITLE],
                "error_message": f"Attendu : {columns.shape(layout, column)}.",
            }
        sheet.data_validation(1, at, ROWS, at, rule)
    sheet.freeze_panes(1, 0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(layout.columns) - 1)}{ROWS + 1}"})
    sheet.activate()


def message(layout: Format, column: Column, context: Context) -> str:
    """The help shown while a cell is filled: as many parts of the guidance as a spreadsheet shows."""
    kept = ""
    for part in columns.guidance(layout, column, context):
        sentence = part[:1].upper() + part[1:] + "."
        if len(kept) + len(sentence) < _MESSAGE:
            kept += ("\n" if kept else "") + sentence
    return kept


def _validation(layout: Format, column: Column, cell: str, source: str | None) -> dict[str, Any]:
    """What the spreadsheet checks at typing; ``warning`` where the registry would repair what it complains of."""
    plain = f'SUBSTITUTE({cell}," ","")'
    if source is not None:
        return {"validate": "list", "source": source, "error_type": "warning" if column.kind is Kind.SHARE else "stop"}
    if column.kind in (Kind.NIR, Kind.SIRET, Kind.RPPS, Kind.CLE):
        width = {Kind.NIR: 13, Kind.SIRET: 14, Kind.RPPS: 11, Kind.CLE: 2}[column.kind]
        return {"validate": "custom", "value": f"=LEN({plain})={width}", "error_type": "warning"}
    if column.kind in (Kind.DATE, Kind.TIME, Kind.MONTH):
        return {"validate": "custom", "value": _moment(column.kind, cell)}
    if column.kind in (Kind.DOSE, Kind.ACTIVITY):
        number = f'VALUE(SUBSTITUTE(SUBSTITUTE({cell},",",""),".",""))'
        bound = f"{number}>=0" if columns.never_negative(layout, column) else f"ISNUMBER({number})"
        return {"validate": "custom", "value": f"={bound}"}
    if column.kind is Kind.COUNT:
        return {"validate": "custom", "value": f"=AND(LEN({cell})<8,VALUE({cell})>=0,INT(VALUE({cell}))=VALUE({cell}))"}
    most = columns.longest(column)
    if most is not None:
        return {"validate": "length", "criteria": "<=", "value": most}
    return {"validate": "any"}


def _moment(kind: Kind, cell: str) -> str:
    """A formula that holds for a date, time or month typed as text, whatever the desktop's language."""
    if kind is Kind.MONTH:
        month = f"VALUE(LEFT({cell},2))<13,VALUE(LEFT({cell},2))>0,VALUE(RIGHT({cell},4))>0"
        return f'=AND(LEN({cell})=7,MID({cell},3,1)="/",{month})'
    day = f"DAY(DATE(VALUE(MID({cell},7,4)),VALUE(MID({cell},4,2)),VALUE(LEFT({cell},2))))=VALUE(LEFT({cell},2))"
    signs = f'MID({cell},3,1)&MID({cell},6,1)="//",VALUE(MID({cell},4,2))<13,{day}'
    if kind is Kind.DATE:
        return f"=AND(LEN({cell})=10,{signs})"
    return f'=AND(LEN({cell})=16,{signs},MID({cell},14,1)=":",VALUE(MID({cell},12,2))<24,VALUE(RIGHT({cell},2))<60)'


def _lists(book_: Any, layout: Format, context: Context) -> dict[str, str]:
    """The hidden sheet of lists; gives where each column's list stands."""
    offered = {
        column.name: _SHARES if column.kind is Kind.SHARE else columns.legal_codes(layout, column, context)
        for column in layout.columns
        if column.kind in (Kind.CODE, Kind.SHARE)
    }
    if not offered:
        return {}
    sheet = book_.add_worksheet("listes")
    sheet.hide()
    places = {}
    for at, (name, codes) in enumerate(offered.items()):
        sheet.write_string(0, at, name)
        sheet.write_column(1, at, codes)
        letter = xl_col_to_name(at)
        places[name] = f"=listes!${letter}$2:${letter}${len(codes) + 1}"
    return places


def _help(book_: Any, layout: Format, context: Context) -> None:
    sheet = book_.add_worksheet("Aide")
    title = book_.add_format({"bold": True, "font_size": 14})
    head = book_.add_format({"bold": True, "bottom": 1})
    fold = book_.add_format({"text_wrap": True, "valign": "top"})
    for at, width in enumerate((26, 60, 60, 22, 60)):
        sheet.set_column(at, at, width, fold)
    sheet.write_string(0, 0, f"{layout.name} : {layout.title}", title)
    plain = book_.add_format({"text_wrap": False})
    lines = (
        columns.origin_in_words(layout),
        "Une ligne vide au milieu de la saisie est à retirer.",
        _SAVING,
        _REPAIRED,
    )
    for at, line in enumerate(lines, start=1):
        sheet.write_string(at, 0, line, plain)
    row = len(lines) + 2
    for at, name in enumerate(("colonne", "contenu", "forme", "obligatoire", "exemple")):
        sheet.write_string(row, at, name, head)
    for column in layout.columns:
        row += 1
        need = "oui" if column.required else "non"
        cells = (column.name, column.label, columns.shape(layout, column), need, column.example)
        for at, cell in enumerate(cells):
            sheet.write_string(row, at, cell, fold)
    row += 2
    for first, second, legal in columns.partners(layout, context):
        if max(len(first.codes), len(second.codes)) > LONGEST_TOLD:
            continue
        for at, name in enumerate((first.name, f"{second.name} possibles")):
            sheet.write_string(row, at, name, head)
        for code, others in legal.items():
            row += 1
            sheet.write_string(row, 0, code, fold)
            sheet.write_string(row, 1, ", ".join(others), fold)
        row += 2
    rules = dict.fromkeys((rule.code, ", ".join((*rule.needs, *rule.bears))) for rule in layout.rules)
    for at, name in enumerate(("contrôle", "colonnes", "sens", "que faire")):
        sheet.write_string(row, at, name, head)
    for code, names in rules:
        row += 1
        for at, cell in enumerate((code, names, book()[code].label, book()[code].remedy)):
            sheet.write_string(row, at, cell, fold)


def _meanings(book_: Any, layout: Format, context: Context) -> None:
    """The visible sheet of codes and their meanings; for sectors and trades, the pairs that go together."""
    explained = [column for column in layout.columns if columns.labels(column)]
    if not explained:
        return
    sheet = book_.add_worksheet("Nomenclatures")
    head = book_.add_format({"bold": True, "bottom": 1})
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 18)
    sheet.set_column(2, 2, 70)
    sheet.write_row(0, 0, ("colonne", "code", "libellé"), head)
    row = 0
    for column in explained:
        for code in columns.legal_codes(layout, column, context):
            row += 1
            sheet.write_row(row, 0, (column.name, code, columns.labels(column)[code]))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, row, 2)
    if {columns.list_name(column) for column in explained} >= {"secteur_activite", "metier"}:
        _trades(book_, head)


def _trades(book_: Any, head: Any) -> None:
    """Domain, sector and trade that go together: what ``MET-07`` and ``MET-08`` judge, to be filtered."""
    sheet = book_.add_worksheet("Métiers par secteur")
    names = ("domaine_activite", "secteur_activite", "metier")
    words = [{row["code"]: row["libelle"] for row in nomenclature.rows(name)} for name in names]
    sheet.write_row(0, 0, ("domaine", "libellé", "secteur", "libellé", "métier", "libellé"), head)
    sheet.set_column(0, 5, 12)
    for at in (1, 3, 5):
        sheet.set_column(at, at, 45)
    triples = nomenclature.rows("secteur_metier")
    for row, triple in enumerate(triples, start=1):
        for at, (code, meaning) in enumerate(zip(triple.values(), words, strict=True)):
            sheet.write_string(row, 2 * at, code)
            sheet.write_string(row, 2 * at + 1, meaning.get(code, ""))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(triples), 5)
