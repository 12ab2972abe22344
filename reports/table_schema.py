"""The formats as Frictionless Table Schemas, and the data package that binds them to the CSV templates.

What the standard has no word for (fixed-width places, key of a measure, obsolete codes) stands under ``siseri``.
Sources: Table Schema and Data Package specifications, version 1, of the Frictionless project.
"""

from __future__ import annotations

from typing import Any

from reports import columns
from schemas.codebook import book
from schemas.spec import Column, Context, Format, Kind

_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.DATE: {"type": "date", "format": "%d/%m/%Y"},
    Kind.ISO_DATE: {"type": "date", "format": "default"},
    Kind.TIME: {"type": "datetime", "format": "%d/%m/%Y %H:%M"},
    Kind.DOSE: {"type": "number", "decimalChar": "."},
    Kind.SHARE: {"type": "number", "decimalChar": "."},
    Kind.ACTIVITY: {"type": "number", "decimalChar": "."},
    Kind.COUNT: {"type": "integer"},
}
_BOUNDS: dict[Kind, dict[str, Any]] = {Kind.SHARE: {"minimum": 0.1, "maximum": 1}, Kind.COUNT: {"minimum": 0}}
_PROFILE = "https://specs.frictionlessdata.io/schemas/table-schema.json"


def table_schema(layout: Format, context: Context) -> dict[str, Any]:
    """The Table Schema of one format, ready for JSON.

    Args:
        context: the day whose lists and rules it tells.
    """
    own: dict[str, Any] = {"format": layout.name, "official": layout.official, "openColumns": layout.open_columns}
    own |= {"dialect": dialect(layout), "senders": list(columns.senders(layout))}
    if layout.record is not None:
        own["fixedWidth"] = {
            "layout": layout.record.layout,
            "record": layout.record.detail,
            "width": layout.width,
            "official": False,
        }
    if layout.measure is not None:
        own["measure"] = {
            "key": list(layout.measure.key),
            "keyIsOfSender": layout.measure.sender_key,
            "note": "Une ligne A (annulation) n'est lue que sur la clé, NIR et SIRET : le reste peut y être vide.",
        }
    pairs = columns.partners(layout, context)
    own["pairs"] = [{"of": one.name, "allows": other.name, "codes": legal} for one, other, legal in pairs]
    own["rules"] = [
        {"code": code, "columns": list(names), "label": book()[code].label}
        for code, names in dict.fromkeys((rule.code, (*rule.needs, *rule.bears)) for rule in layout.rules)
    ]
    return {
        "$schema": _PROFILE,
        "name": layout.name.lower(),
        "title": layout.title,
        "description": f"{layout.title}. {columns.origin_in_words(layout)}",
        "fields": [_field(layout, column, context) for column in layout.columns],
        "missingValues": [""],
        "siseri": own,
    }


def data_package(layouts: tuple[Format, ...], context: Context) -> dict[str, Any]:
    """The descriptor of the exported folder: each CSV template with its dialect and its schema.

    Its paths are those that :mod:`pipelines.export_schema` writes.
    """
    return {
        "name": "siseri-formats",
        "title": "Formats d'échange du registre des doses (SISERI)",
        "description": "Les formats marqués « projet » ne sont pas officiels.",
        "profile": "tabular-data-package",
        "resources": [
            {
                "name": layout.name.lower(),
                "title": f"{layout.title} ({columns.origin(layout)})",
                "profile": "tabular-data-resource",
                "path": f"modeles/{layout.name}.csv",
                "encoding": "utf-8" if layout.open_columns else "windows-1252",
                "dialect": dialect(layout),
                "schema": f"schemas/{layout.name}.json",
            }
            for layout in layouts
        ],
    }


def dialect(layout: Format) -> dict[str, Any]:
    """How its CSV is written."""
    return {
        "delimiter": layout.delimiter,
        "quoteChar": '"',
        "doubleQuote": True,
        "lineTerminator": "\r\n",
        "header": True,
    }


def _field(layout: Format, column: Column, context: Context) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    constraints |= _BOUNDS.get(column.kind, {})
    if columns.never_negative(layout, column):
        constraints["minimum"] = 0
    if column.kind is Kind.CODE:
        constraints["enum"] = list(columns.legal_codes(layout, column, context))
    if (expression := columns.pattern(layout, column)) is not None:
        constraints["pattern"] = f"^(?:{expression})$"
    if (most := columns.longest(column)) is not None:
        constraints["maxLength"] = most
    field: dict[str, Any] = {"name": column.name, "title": column.label}
    field |= _TYPES.get(column.kind, {"type": "string"})
    meaning = columns.guidance(layout, column, context)
    field["description"] = " ; ".join(meaning)
    if column.example:
        field["example"] = column.example
    own: dict[str, Any] = {"kind": column.kind.value}
    if column.position is not None:
        own["position"] = list(column.position)
    if column.aliases:
        own["obsolete"] = dict(column.aliases)
    if column.longest_of_role:
        own["maxLength"] = {"*": column.longest} | dict(column.longest_of_role)
    if column.default:
        own["default"] = column.default
    return field | ({"constraints": constraints} if constraints else {}) | {"siseri": own}
