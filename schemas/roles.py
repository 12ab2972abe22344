"""Who may send what: the formats that each role of sender may drop."""

from __future__ import annotations

MEASURE_FORMATS = ("PASSIVE", "OPERATIONNELLE", "INTERNE", "ENGAGEE", "NAVIGANT")

#: Formats by role. The registry's own staff may send every format.
FORMATS_OF_ROLE: dict[str, frozenset[str]] = {
    "OA": frozenset({"PASSIVE", "INTERNE"}),
    "EXPLOITANT": frozenset({"OPERATIONNELLE"}),
    "EMPLOYEUR": frozenset({"TRAVAILLEURS", "SORTIES", "OPERATIONNELLE", "DESIGNATIONS"}),
    "CRP": frozenset({"OPERATIONNELLE"}),
    "MDT": frozenset({"ENGAGEE", "CONCLUSION", "DESIGNATIONS", "PASSIVE"}),
    "CALCUL": frozenset({"NAVIGANT"}),
    "GESTIONNAIRE": frozenset(
        {"ETABLISSEMENTS", "DESIGNATIONS", "IDENTITES", "TRAVAILLEURS", "SORTIES", "CONCLUSION", *MEASURE_FORMATS}
    ),
    "DGT": frozenset(),
    "DSND": frozenset(),
}

#: Roles that only receive: no ``depot/``.
RECEIVERS = frozenset({"DGT", "DSND"})

#: Roles whose files are taken first in a pass: what they declare is what the others' rows wait for.
DECLARERS = frozenset({"GESTIONNAIRE", "EMPLOYEUR"})


def may_send(role: str, format_name: str) -> bool:
    """Whether a sender of this role may drop this format (else ``FIC-05``)."""
    return format_name in FORMATS_OF_ROLE[role]
