"""The exchange formats, and how a header is recognised."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from schemas.spec import Format

#: Columns that a report adds and that a sender may leave in place: accepted beside any format's own.
REPORT_COLUMNS = ("CODE_ERREUR", "LIBELLE_ERREUR")


@cache
def formats() -> dict[str, Format]:
    """Every format, by name."""
    from schemas.formats import (
        conclusion,
        designations,
        engagee,
        etablissements,
        identites,
        interne,
        navigant,
        operationnelle,
        passive,
        sorties,
        travailleurs,
    )

    modules = (
        *(travailleurs, sorties, operationnelle, passive, interne, engagee, conclusion, navigant),
        *(etablissements, designations, identites),
    )
    return {module.FORMAT.name: module.FORMAT for module in modules}


def recognise(header: Sequence[str], delimiter: str) -> Format | None:
    """The format of a header: the one that shares most columns with it, where these are half of its own.

    Args:
        header: column names as sent.
        delimiter: the separator that gave them; only formats with that separator are considered.
    """
    sent = set(header)
    shared = {
        candidate.name: len(sent & set(candidate.names))
        for candidate in formats().values()
        if candidate.delimiter == delimiter
    }
    most = max(shared.values())
    for name, count in shared.items():
        if count == most and 2 * count >= len(formats()[name].columns):
            return formats()[name]
    return None


def of_record(layout: str) -> Format | None:
    """The format whose fixed-width form bears this name (``SISPAS01``)."""
    for candidate in formats().values():
        if candidate.record is not None and candidate.record.layout == layout:
            return candidate
    return None


def header_fits(header: Sequence[str], layout: Format) -> bool:
    """Whether no column is missing, repeated or unknown (else ``FIC-04``)."""
    if len(set(header)) != len(header) or set(layout.names) - set(header):
        return False
    return layout.open_columns or not set(header) - set(layout.names) - set(REPORT_COLUMNS)
