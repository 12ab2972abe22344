"""IDENTITES: the answer on identities that were to be verified. The layout is this project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from schemas.formats.common import CIVIL_RULES, CLE, DATENAISSANCE, KEY_AGREES, NIR, NOM, PRENOM, SEXE
from schemas.spec import BoolArray, Column, Context, Format, Kind, Rule

STATES = ("CERTIFIE", "REFUSE")
CERTIFIE, REFUSE = range(2)


def _wanted(column: str) -> Rule:
    """A certified identity has its NIR and key."""

    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        return np.asarray((rows["STATUT"] == REFUSE) | rows[column + "?"])

    return Rule("FMT-02", ("STATUT",), holds, bears=(column,))


def _waiting_number(column: str, waiting: bool) -> Rule:
    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        return np.asarray(rows[f"{column}.waiting"] == waiting)

    return Rule("IDT-01", (column,), holds)


def _of_true_numbers(rule: Rule) -> Rule:
    """The rule, for rows whose NIR is one: a NIA in its place is ``IDT-01`` and is compared with nothing."""

    def holds(rows: Mapping[str, Any], context: Context) -> BoolArray:
        return np.asarray(rule.holds(rows, context) | (rows["NIR.waiting"] == 1))

    return replace(rule, holds=holds) if "NIR" in rule.needs else rule


FORMAT = Format(
    name="IDENTITES",
    title="Réponses sur les identités à vérifier",
    official=False,
    columns=(
        Column("NIA", "Numéro d'attente", Kind.NIR, example="3850675110042"),
        NIR.optional(),
        CLE.optional(),
        NOM,
        PRENOM,
        DATENAISSANCE,
        SEXE,
        Column("STATUT", "CERTIFIE : le NIA devient ce NIR ; REFUSE", Kind.CODE, codes=STATES, example="CERTIFIE"),
    ),
    rules=(
        _wanted("NIR"),
        _wanted("CLE"),
        _waiting_number("NIA", True),
        _waiting_number("NIR", False),
        *(_of_true_numbers(rule) for rule in (KEY_AGREES, *CIVIL_RULES)),
    ),
)
