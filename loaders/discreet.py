"""Connections whose errors name no row: PostgreSQL quotes the row it refuses, and an error's text ends in a log."""

from __future__ import annotations

from typing import Any

import psycopg


class DiscreetConnection(psycopg.Connection[Any]):
    """A connection whose errors say their SQLSTATE and place, never what the server said of the values.

    What it said stays in the error's ``diag``, for code that must decide on it.
    """

    def wait(self, *told: Any, **more: Any) -> Any:
        """Every statement, COPY and commit comes by here."""
        try:
            return super().wait(*told, **more)
        except psycopg.Error as error:
            blur(error)
            raise


def blur(error: psycopg.Error) -> None:
    """Take the server's text out of an error, in place; what the client itself says holds no values."""
    if error.sqlstate is not None:
        place = ".".join(filter(None, (error.diag.schema_name, error.diag.table_name, error.diag.constraint_name)))
        error.args = (f"{error.sqlstate} {place}".strip(),)
