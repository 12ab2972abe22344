"""Encrypted files for tests: a partner's own keys, files to the registry, answers from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyrage
from pyrage import x25519

from loaders.registry import depots
from pipelines import age_keys

#: The registry's keys begin on a day of the registry; those before end with this one.
LAST = "2026-05-10"


class Correspondent:
    """Somebody with a key of his own."""

    def __init__(self) -> None:
        self.identity = x25519.Identity.generate()
        self.key = str(self.identity.to_public())

    def read(self, path: Path) -> bytes:
        return pyrage.decrypt(path.read_bytes(), [self.identity])


def encrypt(clear: bytes, *keys: str, armored: bool = False) -> bytes:
    return pyrage.encrypt(clear, [x25519.Recipient.from_str(key) for key in keys], armored=armored)


def open_channel(registry: Any, until: Any = None) -> str:
    """Draw a key for the registry; gives its public part."""
    with registry.registry.warehouse.login("administrator") as admin:
        return age_keys.renew(admin, registry.settings, until or registry.today)


def give(registry: Any, code: str, key: str, until: Any = None, *, demanded: bool | None = None) -> None:
    """Register a partner's key as the command does."""
    with registry.registry.warehouse.login("administrator") as admin, depots(registry.registry) as client:
        age_keys.give(admin, code, key, until or registry.today)
        if demanded is not None:
            age_keys.demand(admin, code, demanded=demanded)
        age_keys.tell(client, admin, registry.settings, code)


def spoiled(body: bytes, at: int) -> bytes:
    """One bit of it changed."""
    data = bytearray(body)
    data[at] ^= 1
    return bytes(data)
