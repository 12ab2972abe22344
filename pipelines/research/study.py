"""The connection that a study reads by: the years of its agreement, under numbers, for one hour (0027_profiles.sql)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import sql
from loaders.warehouse import Connection, Warehouse
from pipelines.research.agreement import Agreement
from schemas.access import GATE


@contextmanager
def studying(warehouse: Warehouse, agreement: Agreement, day: date) -> Iterator[Connection]:
    """Open what an agreement grants; everything outside its years is closed to this connection, whatever it asks.

    Args:
        day: the registry's date; an agreement that expired before is refused by the database
            (psycopg.errors.InsufficientPrivilege), for whoever forgot to ask.
    """
    token = secrets.token_urlsafe(32)
    asked = {
        "digest": hashlib.sha256(token.encode()).digest(),
        "number": agreement.number,
        "sha256": agreement.sha256,
        "first": agreement.first,
        "last": agreement.last,
        "expires": agreement.expires,
        "day": day,
    }
    with warehouse.login(GATE.name) as gate:
        gate.execute(sql.query("access", "agree"), asked)
    with warehouse.login("research") as reader:
        reader.execute(sql.query("access", "show_ticket"), (token,))
        yield reader
