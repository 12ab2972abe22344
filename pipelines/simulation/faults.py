"""Faults on purpose: which codes of the code book can be planted in a row that was right.

Each leaves exactly one fault; :func:`carried` says which codes the row then bears.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from pipelines.simulation.flaws import FLAWS, OF, Context, Row

_SURVEILLED_ONLY_SINCE = date(2024, 2, 1)

_COMMON = (
    *("FMT-01", "FMT-02", "FMT-03", "FMT-04", "FMT-05", "FMT-06", "FMT-07", "IDT-01", "IDT-04", "IDT-05", "IDT-06"),
    *("IDT-07", "IDT-09", "IDT-11"),
)
_MEASURES = ("MET-02", "MET-04", "MET-10", "MET-11", "MET-12")
_WARNINGS = ("AVT-01", "AVT-02", "AVT-03", "AVT-07")
_LISTS = ("IDT-02", "IDT-03", "IDT-04", "IDT-05", "IDT-08", "IDT-10", "MET-06", "MET-07", "MET-08", "MET-09")

#: Codes that can be planted in a row of each format.
PLANTABLE: dict[str, tuple[str, ...]] = {
    "PASSIVE": (
        *(*_COMMON, "IDT-08", *_MEASURES, "MET-01", "MET-03", "MET-05", "MET-13", "MET-14", *_WARNINGS),
        *("AVT-04", "AVT-10"),
    ),
    "OPERATIONNELLE": (*_COMMON, *_MEASURES, "MET-01", "MET-05", *_WARNINGS, "AVT-04", "AVT-08", "AVT-10"),
    "TRAVAILLEURS": (
        *("FMT-01", "FMT-02", "FMT-03", "FMT-04", "FMT-05", "FMT-06", "FMT-07", "IDT-01", *_LISTS),
        *("AVT-02", "AVT-03", "AVT-06", "AVT-07", "AVT-09"),
    ),
    "INTERNE": (*_COMMON, "IDT-08", *_MEASURES, "MET-13", "MET-15", *_WARNINGS, "AVT-10"),
    "ENGAGEE": (*_COMMON, "IDT-10", *_MEASURES, "MET-05", *_WARNINGS),
    "NAVIGANT": (*_COMMON, *_MEASURES, "MET-05", *_WARNINGS),
    "SORTIES": (
        *("FMT-01", "FMT-02", "FMT-03", "FMT-07", "IDT-01", "IDT-02", "IDT-04", "IDT-05", "IDT-06", "IDT-07", "IDT-10"),
        *("MET-01", "AVT-02", "AVT-07"),
    ),
    "IDENTITES": (
        *("FMT-01", "FMT-02", "FMT-03", "FMT-05", "FMT-06", "FMT-07", "IDT-01", "IDT-02", "IDT-03", "IDT-06"),
        *("IDT-08", "AVT-02", "AVT-07", "AVT-09"),
    ),
    "DESIGNATIONS": (
        *("FMT-01", "FMT-02", "FMT-03", "FMT-05", "FMT-06", "FMT-07", "IDT-04", "IDT-05", "IDT-11", "MET-01"),
        *("AVT-02", "AVT-07"),
    ),
    "ETABLISSEMENTS": ("FMT-01", "FMT-02", "FMT-03", "FMT-05", "FMT-07", "IDT-04", "AVT-02", "AVT-07"),
    "CONCLUSION": (
        *("FMT-01", "FMT-02", "FMT-03", "FMT-04", "FMT-05", "FMT-06", "FMT-07", "IDT-01", "MET-02", "MET-04"),
        *("MET-13", "AVT-01", "AVT-02", "AVT-03"),
    ),
}
#: Codes planted in a further row, after the right one, which stays.
BESIDE = frozenset({"MET-11", "MET-12"})
#: Codes that no fixed-width record can bear: its doses are whole micro-sieverts, its fields end where they end.
NOT_IN_FIXED_WIDTH = frozenset({"FMT-06", "AVT-01", "AVT-03", "AVT-08"})
#: Codes that need a value above zero in the row.
_NEED_VALUE = frozenset({"AVT-01", "AVT-03", "MET-04", "FMT-04"})


def carried(code: str, format_name: str) -> frozenset[str]:
    """The codes of a row in which ``code`` was planted."""
    more: tuple[str, ...] = ()
    if code == "AVT-08":
        more = ("AVT-01",)
    elif code == "IDT-09" and format_name in ("PASSIVE", "OPERATIONNELLE"):
        more = ("AVT-04",)
    elif code == "IDT-10" and format_name == "SORTIES":
        more = ("IDT-07",)
    return frozenset({code, *more})


def fits(code: str, format_name: str, row: Row, registry_date: date) -> bool:
    """Whether ``code`` can be planted in this row."""
    of = OF[format_name]
    if code in _NEED_VALUE and format_name in ("INTERNE", "CONCLUSION"):
        return "." in row[of.value] and row[of.value].strip("0.") != ""
    if code in ("AVT-01", "AVT-03") and format_name != "TRAVAILLEURS":
        measured = format_name != "PASSIVE" or row["ETAT_RESULTAT"] == "MES"
        return measured and "." in row[of.value] and row[of.value].strip("0.") != ""
    if code == "AVT-03":
        return "." in row["QUOTITE"]
    if code == "AVT-07":
        return row.get(of.place, "").startswith("0") or row.get("CLE", "").startswith("0")
    if code == "AVT-06":
        return row["CodeMetier"] == "IDE"
    if code in ("AVT-09", "IDT-02", "IDT-03") and format_name == "IDENTITES" and not row["NIR"]:
        return False
    if code == "AVT-09":
        return int(row["NIR"][3:5]) <= 12
    if code == "AVT-04" and format_name == "PASSIVE":
        return row["ETAT_RESULTAT"] == "INF"
    if code == "MET-05" and format_name == "PASSIVE":
        return row["TYPE_MESURE"] == "PAS-HP10-PHO"
    if code in ("MET-11", "MET-12", "MET-13", "MET-14") and format_name == "PASSIVE":
        return row["ETAT_RESULTAT"] in ("MES", "INF") and row["TYPE_MESURE"] == "PAS-HP10-PHO"
    if code in ("MET-11", "MET-13") and format_name == "INTERNE":
        return row["ETAT_RESULTAT"] == "MES"
    if code == "MET-13" and format_name == "CONCLUSION":
        return row["CONCLUSION"] != "MODIFIEE"
    if code == "MET-06":
        return registry_date >= _SURVEILLED_ONLY_SINCE
    return True


def plant(code: str, format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    """A copy of a right row that bears one fault; under ``flaws.TAIL`` what stands behind its last cell.

    Args:
        code: one of :data:`PLANTABLE` for the format.
        row: column to text, decimal point, no fault; :func:`fits` must hold.
        rng: chooses between the forms of a fault.
        context: see :class:`~pipelines.simulation.flaws.Context`.

    Raises:
        KeyError: the code cannot be planted in this format.
    """
    if code not in PLANTABLE[format_name] or (context.fixed and code in NOT_IN_FIXED_WIDTH):
        raise KeyError(f"{code} in {format_name}")
    changed = dict(row)
    changed.update(FLAWS[code](format_name, row, rng, context))
    return changed
