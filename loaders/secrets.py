"""The registry's secret key: keyed fingerprints for matching, sealing of what names a person.

The key lies in a file outside the database. A fingerprint (BLAKE2b-128, keyed) finds an identifier
without showing it; the clear value is sealed with AES-256-GCM. Losing the file loses every clear
identifier and all matching: it belongs in the site's backup, apart from the database's.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from loaders.errors import UsageError


class RegistryKey:
    """Fingerprints and seals with one secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._finger = hashlib.blake2b(secret, digest_size=32, person=b"fingerprint").digest()
        self._aead = AESGCM(hashlib.blake2b(secret, digest_size=32, person=b"seal").digest())
        self._veil = hashlib.blake2b(secret, digest_size=32, person=b"pseudonym").digest()

    @classmethod
    def load(cls, path: Path) -> RegistryKey:
        """Read the key. Raises UsageError where the file is missing or is no key."""
        try:
            secret = path.read_bytes()
        except FileNotFoundError as error:
            raise UsageError("the registry's secret key is missing: restore it, or run 'siseri init' first") from error
        if len(secret) != 32:
            raise UsageError("the registry's secret key must hold 32 bytes")
        return cls(secret)

    @classmethod
    def create(cls, path: Path) -> RegistryKey:
        """Make the key where there is none yet (mode 0600), and read it."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, path)  # fails where another process was first
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return cls.load(path)

    def fingerprint(self, identifier: str) -> UUID:
        """Keyed fingerprint of a NIR or NIA (13 characters)."""
        return UUID(bytes=hashlib.blake2b(identifier.encode(), digest_size=16, key=self._finger).digest())

    def fingerprints(self, identifiers: Iterable[str]) -> list[str]:
        """Keyed fingerprints as hexadecimal text, in order."""
        key, hasher = self._finger, hashlib.blake2b
        return [hasher(one.encode(), digest_size=16, key=key).hexdigest() for one in identifiers]

    def pseudonyms(self, agreement: str) -> Pseudonyms:
        """The pseudonyms of one agreement, by its number; those of two agreements have nothing in common."""
        return Pseudonyms(hashlib.blake2b(agreement.encode(), digest_size=32, key=self._veil).digest())

    def check_value(self) -> str:
        """A public value that tells whether a database was filled under this key."""
        return hashlib.blake2b(b"siseri", digest_size=16, key=self._finger).hexdigest()

    def seal(self, clear: bytes) -> bytes:
        """Encrypt and authenticate; 12 bytes of nonce come first."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, clear, None)

    def open(self, sealed: bytes) -> bytes:
        """The clear bytes. Raises cryptography's InvalidTag where the seal was not made with this key."""
        return self._aead.decrypt(sealed[:12], sealed[12:], None)

    def seal_row(self, row: dict[str, str]) -> bytes:
        """Seal a row as sent (column name to text)."""
        return self.seal(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())

    def open_row(self, sealed: bytes) -> dict[str, str]:
        """The row that :meth:`seal_row` sealed."""
        row: Any = json.loads(self.open(sealed))
        return dict(row)


class Pseudonyms:
    """Pseudonyms under one agreement: keyed BLAKE2b-128 of a number that means nothing outside the registry."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, kind: str, numbers: Iterable[int]) -> list[str]:
        """Pseudonyms as hexadecimal text, in order.

        Args:
            kind: what the numbers are of (at most 16 bytes), so that a person's tells nothing of an establishment's.
        """
        key, meant, hasher = self._secret, kind.encode(), hashlib.blake2b
        return [
            hasher(number.to_bytes(8, "big"), digest_size=16, key=key, person=meant).hexdigest() for number in numbers
        ]
