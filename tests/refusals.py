"""What the database refuses: errors name no row (``loaders/discreet.py``), but what it said stays in their ``diag``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest


@contextmanager
def refused(kind: type[psycopg.Error], words: str) -> Iterator[None]:
    """The block is refused with this error, in words that match (a regular expression)."""
    with pytest.raises(kind) as told:
        yield
    assert re.search(words, told.value.diag.message_primary or ""), told.value.diag.message_primary
