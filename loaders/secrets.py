"""The registry's secret key: keyed fingerprints for matching, sealing of what names a person.

The key lies in a file outside the database. A fingerprint (BLAKE2b-128, keyed) finds an identifier
without showing it; the clear value is sealed with AES-256-GCM. Losing the file loses every clear
identifier and all matching: it belongs in the site's backup, apart from the database's.

While the key is exchanged (``pipelines/keyring``) two secrets lie beside each other; which of them the
registry is under, the database says by a check value. What either sealed can be opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from loaders.errors import UsageError
from loaders.memory import no_dumps
from loaders.whole_files import settle_folder


class RegistryKey:
    """Fingerprints and seals with one secret of 32 bytes."""

    def __init__(self, secret: bytes, others: Sequence[bytes] = (), veil: bytes | None = None) -> None:
        """Args:
        secret: 32 bytes; what is sealed and fingerprinted now.
        others: secrets that may have sealed what is still to be opened.
        veil: what the pseudonyms hang on, where they began under a secret before this one.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._finger = _derived(secret, b"fingerprint")
        self._aead = AESGCM(_derived(secret, b"seal"))
        self._others = [AESGCM(_derived(one, b"seal")) for one in others]
        self._veil = veil or _derived(secret, b"pseudonym")

    @classmethod
    def load(cls, path: Path, check: str | None = None) -> RegistryKey:
        """Read the key.

        Args:
            check: the check value of the key that the database is under; ``None``: whatever the file holds.

        Raises:
            UsageError: the file is missing or is no key, or no key that is there has this check value.
        """
        no_dumps()
        files = KeyFiles(path)
        held = files.secrets()
        if path not in held:
            raise UsageError("the registry's secret key is missing: restore it, or run 'siseri init' first")
        wanted = path if check is None else _under(check, held)
        if wanted is None:  # the files may have been renamed while they were read
            held = files.secrets()
            wanted = _under(check or "", held)
        if wanted is None:
            raise UsageError("this database was filled under another secret key: restore that key file")
        return cls(held[wanted], [one for place, one in held.items() if place != wanted], files.veil())

    @classmethod
    def create(cls, path: Path, check: str | None = None) -> RegistryKey:
        """Make the key where the database is under none yet (mode 0600), and read it."""
        if check is None and not path.exists():
            _write_new(path, secrets.token_bytes(32))
        return cls.load(path, check)

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
        """The clear bytes. Raises cryptography's InvalidTag where no key that is at hand made the seal."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag:
            for other in self._others[:-1]:
                with contextlib.suppress(InvalidTag):
                    return other.decrypt(sealed[:12], sealed[12:], None)
            if not self._others:
                raise
            return self._others[-1].decrypt(sealed[:12], sealed[12:], None)

    def made(self, sealed: bytes) -> bool:
        """Whether this very key made the seal, and not one before it."""
        from cryptography.exceptions import InvalidTag

        try:
            self._aead.decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag:
            return False
        return True

    def seal_row(self, row: dict[str, str]) -> bytes:
        """Seal a row as sent (column name to text)."""
        return self.seal(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())

    def open_row(self, sealed: bytes) -> dict[str, str]:
        """The row that :meth:`seal_row` sealed."""
        row: Any = json.loads(self.open(sealed))
        return dict(row)


class KeyFiles:
    """The files of a key: the one in service, and beside it, while it is exchanged, the next or the one before.

    Nothing here touches the database: it says by its check value which file it is under, so a command killed between
    the exchange and the renaming of files leaves nothing in doubt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.next = path.with_name(f"{path.name}.next")
        self.old = path.with_name(f"{path.name}.old")
        self._veil = path.with_name(f"{path.name}.pseudonyms")

    def secrets(self) -> dict[Path, bytes]:
        """The secrets that are there. Raises UsageError where one is no key."""
        found = {}
        for place in (self.path, self.next, self.old):
            with contextlib.suppress(FileNotFoundError):
                found[place] = place.read_bytes()
        if any(len(one) != 32 for one in found.values()):
            raise UsageError("the registry's secret key must hold 32 bytes")
        return found

    def checks(self) -> list[str]:
        """The check values of the keys that are there."""
        return [RegistryKey(one).check_value() for one in self.secrets().values()]

    def under(self, check: str) -> Path | None:
        """The file whose key has this check value."""
        return _under(check, self.secrets())

    def veil(self) -> bytes | None:
        """What the pseudonyms hang on, where it was kept apart."""
        try:
            return self._veil.read_bytes()
        except FileNotFoundError:
            return None

    def draw_next(self) -> str:
        """The check value of the next key, drawn where there is none yet.

        The pseudonyms' own secret is kept from now on: a person must bear the same one for as long as an agreement
        lasts, and pseudonyms are kept by others, out of reach of any exchange.
        """
        try:
            if self.veil() is None:
                _write_new(self._veil, _derived(self.path.read_bytes(), b"pseudonym"))
            if not self.next.exists():
                _write_new(self.next, secrets.token_bytes(32))
        except OSError as error:
            raise UsageError("the folder of the registry's key must be writable to exchange it") from error
        return RegistryKey(self.next.read_bytes()).check_value()

    def promote(self, check: str) -> None:
        """Put the key of this check value in service, and the one before beside it; again does nothing."""
        if self.under(check) == self.next:
            with contextlib.suppress(FileExistsError):
                os.link(self.path, self.old)
            self.next.replace(self.path)
            settle_folder(self.path.parent)

    def drop_old(self) -> None:
        """Remove the key before, of which nothing in the database needs more."""
        self.old.unlink(missing_ok=True)
        settle_folder(self.path.parent)


def _under(check: str, held: Mapping[Path, bytes]) -> Path | None:
    return next((place for place, one in held.items() if RegistryKey(one).check_value() == check), None)


def _derived(secret: bytes, use: bytes) -> bytes:
    return hashlib.blake2b(secret, digest_size=32, person=use).digest()


def _write_new(path: Path, secret: bytes) -> None:
    """Write a secret (mode 0600), whole or not at all; where there is one already, that one stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(fresh, path)
    finally:
        fresh.unlink()
    settle_folder(path.parent)


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
