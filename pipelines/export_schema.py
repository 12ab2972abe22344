"""``siseri schema export``: the formats and the code book as files for those who write the senders' software.

Table Schemas, CSV and XLSX templates and the code book, all from the declarations.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from loaders.errors import UsageError
from reports import columns
from reports.code_book import code_list, code_page
from reports.table_schema import data_package, table_schema
from schemas.formats import formats
from schemas.spec import Context, Format


def export(out: Path, day: date) -> list[str]:
    """Write everything into a folder, which is made where it lacks; files of the same names are replaced.

    Args:
        day: the day whose lists and rules are told.

    Returns:
        What was written, relative to ``out``, ascending.

    Raises:
        UsageError: the folder cannot be made or written.
        ModuleNotFoundError: xlsxwriter is not installed; nothing is written then.
    """
    files = _files(day)
    try:
        for name, body in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    except OSError as error:
        raise UsageError(f"écriture impossible dans le dossier donné : {error.strerror}") from error
    return sorted(files)


def _files(day: date) -> dict[str, bytes]:
    from reports.workbook import workbook

    layouts, context = tuple(formats().values()), Context.on(day)
    files = {"codes.csv": code_list(), "codes.html": code_page(), "LISEZMOI.txt": _readme(layouts, day).encode()}
    files["datapackage.json"] = _json(data_package(layouts, context))
    for layout in layouts:
        files[f"schemas/{layout.name}.json"] = _json(table_schema(layout, context))
        files[f"modeles/{layout.name}.csv"] = (layout.delimiter.join(layout.names) + "\r\n").encode("cp1252")
        if layout.delimiter == ";":
            files[f"modeles/{layout.name}.xlsx"] = workbook(layout, day)
    return files


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _readme(layouts: tuple[Format, ...], day: date) -> str:
    lines = [
        f"Formats d'échange et livre des codes, tels qu'au {day:%d/%m/%Y}.",
        "",
        "schemas/   un Table Schema (Frictionless) par format",
        "modeles/   modèles à remplir : CSV (l'en-tête seul) et XLSX (listes, aide à la saisie)",
        "codes.html, codes.csv   les codes des réponses, leur sens et que faire",
        "datapackage.json   relie chaque modèle CSV à son schéma",
        "",
        "Un modèle XLSX n'est pas à déposer : enregistrez-le au format CSV (séparateur : point-virgule).",
        "ETABLISSEMENTS n'a pas de modèle XLSX : le fichier de l'INSEE se dépose tel quel.",
        "",
    ]
    for layout in layouts:
        lines += [f"{layout.name} : {layout.title}", f"    {columns.origin_in_words(layout)}"]
    return "\n".join(lines) + "\n"
