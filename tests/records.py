"""Fixed-width files as senders write them, made from the lines of the CSV of the same name."""

from __future__ import annotations

import csv
from decimal import Decimal

from senders import PASSIVE

#: Layout, type of the details, and per column of the CSV: first and last character, t(ext), d(ate) or v(alue).
_PASSIVE = (
    "NIR 3 15 t;NOM 16 45 t;PRENOM 46 75 t;SIRET 76 89 t;TYPE_MESURE 90 104 t;LOCALISATION 105 114 t;"
    "TYPE_DOSIMETRE 115 129 t;DATE_DEBUT_PORT 130 137 d;DATE_FIN_PORT 138 145 d;ETAT_RESULTAT 146 148 t;"
    "VALEUR 149 157 v;SEUIL 158 163 v;ID_MESURE 164 183 t;CODE_METROLOGIE 184 184 t"
)
_OPERATIONNELLE = (
    "NIR 3 15 t;SIRET 16 29 t;LIEU 30 59 t;ZONE 60 79 t;TYPE_MESURE 80 94 t;TYPE_DOSIMETRE 95 114 t;"
    "DATE_DEBUT_PORT 115 126 d;DATE_FIN_PORT 127 138 d;VALEUR 139 147 v;ACTIVITE 148 187 t;CODE_METROLOGIE 188 188 t"
)


def _of(header: str) -> tuple[str, str, list[list[str]]]:
    layout, kind, columns = ("SISPAS01", "10", _PASSIVE) if header == PASSIVE else ("SISOPE01", "20", _OPERATIONNELLE)
    return layout, kind, [column.split(" ") for column in columns.split(";")]


def usv(text: str) -> Decimal:
    """Micro-sieverts of a VALEUR in mSv, nothing where there is none or where it is no number."""
    return Decimal(text) * 1000 if text.replace(".", "").removeprefix("-").isdigit() else Decimal(0)


def detail(header: str, line: str) -> str:
    """One detail from one line of the CSV (doses of at most three decimals)."""
    cells = dict(zip(header.split(";"), next(csv.reader([line], delimiter=";")), strict=True))
    _, kind, columns = _of(header)
    record = kind
    for name, first, last, how in columns:
        text, width = cells[name], int(last) - int(first) + 1
        if how == "d" and text:
            day, _, time = text.partition(" ")
            text = "".join(reversed(day.split("/"))) + time.replace(":", "")
        if how == "v" and text.replace(".", "").removeprefix("-").isdigit():
            amount = int(usv(text))
            text = f"{amount:0{width}d}"
        assert len(text) <= width, (name, text)
        record += text.ljust(width)
    return record


def head(header: str, partner: str = "LABO1") -> str:
    return f"00{_of(header)[0]:10}{partner:10}20260405000001"


def trailer(details: int, total_usv: int) -> str:
    return f"99{details:09d}{total_usv:015d}"


def records(header: str, *lines: str, partner: str = "LABO1") -> list[str]:
    """Header, details and true trailer for these lines of the CSV."""
    at = header.split(";").index("VALEUR")
    total = sum(usv(next(csv.reader([line], delimiter=";"))[at]) for line in lines)
    details = [detail(header, line) for line in lines]
    return [head(header, partner), *details, trailer(len(details), int(total))]


def written(header: str, *lines: str, partner: str = "LABO1", end: str = "\n", encoding: str = "utf-8") -> bytes:
    """A whole fixed-width file."""
    return "".join(one + end for one in records(header, *lines, partner=partner)).encode(encoding)
