"""Filters of the first page: read from the address, kept in the addresses of the pages that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request

from loaders.errors import UsageError
from pipelines.causes import ORDERS, Filters

#: Their names in an address. Nothing that names a person is among them.
NAMES = ("emetteur", "format", "code", "siret", "motif", "jours", "ordre")
#: Longest value.
LONGEST = 40


@dataclass(frozen=True)
class Chosen:
    """What was asked for.

    Attributes:
        told: the values as given, by name, to be shown again.
        filters, order: the same, understood.
        problem: what is wrong with them, in French; then the filters are empty.
    """

    told: dict[str, str] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    order: str = ORDERS[0]
    problem: str = ""

    @property
    def carried(self) -> str:
        """The same in one word, for the addresses of other pages (``de``); empty where they are at fault."""
        return "" if self.problem else urlencode(self.told)


def choose(told: Mapping[str, str], today: date) -> Chosen:
    """Understand filters; what is wrong with them is told, not raised."""
    kept = {name: told[name].strip()[: LONGEST + 1] for name in NAMES if told.get(name, "").strip()}
    try:
        return _understood(kept, today)
    except UsageError as error:
        return Chosen(kept, problem=str(error))


def _understood(kept: dict[str, str], today: date) -> Chosen:
    if any(len(value) > LONGEST or not value.isprintable() for value in kept.values()):
        raise UsageError("un des filtres est trop long ou illisible")
    days = kept.get("jours")
    if days is not None and not (days.isascii() and days.isdigit()):
        raise UsageError("l'ancienneté se compte en jours")
    order = kept.get("ordre", ORDERS[0])
    if order not in ORDERS:
        raise UsageError(f"on trie par {', '.join(ORDERS)}")
    filters = Filters(
        emetteur=kept.get("emetteur"),
        code=kept.get("code"),
        format=kept.get("format"),
        siret=kept.get("siret"),
        motif=kept.get("motif"),
        jours=int(days) if days else None,
    )
    filters.parameters(today)
    return Chosen(kept, filters, order)


def unpacked(carried: str) -> dict[str, str]:
    """The filters that an address carried (``de``), unknown names left out."""
    return {name: value for name, value in parse_qsl(carried[:400]) if name in NAMES}


def _address(request: Request) -> Mapping[str, str]:
    return request.query_params


#: The parameters of the address.
Address = Annotated[Mapping[str, str], Depends(_address)]
