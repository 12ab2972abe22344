"""Envelopes: files encrypted with age (age-encryption.org/v1, X25519), to the registry and to its partners.

The registry's identities lie in a file beside its key, never in the database: age's own identity file, so that
``age -d -i`` opens the archive without this software. One that was replaced stays there, for the archive holds files
that were encrypted to it.

Everything streams: memory does not grow with the file.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import sql
from loaders.errors import UsageError
from loaders.memory import no_dumps
from loaders.settings import Settings
from loaders.whole_files import write_whole

if TYPE_CHECKING:
    from loaders.warehouse import Connection

MAGIC = b"age-encryption.org/v1\n"
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
#: The longest header that is looked at, some eighty keys: the library's time grows with its square.
_HEADER = 8 << 10
#: Bytes handed on at once: the library's own pieces are small ones, and a server is asked for each.
_GATHERED = 1 << 20
_SECRET_PREFIX = "AGE-SECRET-KEY-"  # noqa: S105, how age marks one
_NO_MATCH = "No matching keys found"


class NotOpened(Exception):
    """A file that cannot be opened; ``fault`` is one of ``schemas.envelope.FAULTS``."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True)
class Clear:
    """What an envelope held: SHA-256 (hexadecimal) of it, ``None`` where it was cut at the most that was allowed."""

    sha256: str | None


def place(settings: Settings) -> Path:
    """Where the registry's identities lie."""
    return settings.key_file.with_name(f"{settings.key_file.name}.identities")


def identities(settings: Settings) -> dict[str, Any]:
    """The registry's identities by their public part, in the order they were drawn.

    Raises:
        UsageError: a line of the file is no identity.
    """
    no_dumps()
    try:
        lines = place(settings).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise UsageError("the registry's age identities cannot be read") from error
    return _by_recipient(line.strip() for line in lines)


def _by_recipient(lines: Any) -> dict[str, Any]:
    from pyrage import IdentityError, x25519

    try:
        held = [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except IdentityError:
        raise UsageError("the registry's age identities cannot be read") from None  # the error quotes the line
    return {str(one.to_public()): one for one in held}


def draw(settings: Settings) -> str:
    """Add a new identity to the file, which is there whole when this returns. Gives its public part."""
    from pyrage import x25519

    one = x25519.Identity.generate()
    path = place(settings)
    before = path.read_text(encoding="ascii") if path.exists() else ""
    write_whole(path, f"{before}# public key: {one.to_public()}\n{one}\n".encode("ascii"))
    return str(one.to_public())


def recipient(text: str) -> str:
    """A partner's public key as age writes it. Raises UsageError where it is none."""
    from pyrage import RecipientError, x25519

    if _SECRET_PREFIX in text.upper():
        raise UsageError("this is a secret key: it must never leave its owner, who draws another and sends age1…")
    try:
        return str(x25519.Recipient.from_str(text.strip().lower()))
    except RecipientError:
        raise UsageError("this is no age public key: one that begins with age1 is wanted, whole") from None


def recipients_of(connection: Connection, today: date, code: str) -> list[str] | None:
    """The keys that what is delivered to a partner is encrypted to; ``None`` where it never gave any."""
    rows = connection.execute(sql.query("age", "recipients"), {"code": code, "today": today}).fetchall()
    return [key for key, in_force in rows if in_force] if rows else None


def is_encrypted(path: Path) -> bool:
    """Whether a file is an age file, by its first bytes."""
    return _head(path).startswith((MAGIC, _ARMOR))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER)


def check(path: Path) -> None:
    """Raises NotOpened where a file is no age file, or one that is not for us to try."""
    head = _head(path)
    if head.startswith(_ARMOR):
        raise NotOpened("ARMURE")
    if not head.startswith(MAGIC):
        raise NotOpened("ILLISIBLE")
    if b"\n--- " not in head:
        raise NotOpened("EN_TETE" if len(head) == _HEADER else "ALTERE")


def decrypt(source: Path, target: Path, identity: Any, most: int) -> Clear | None:
    """Write what an age file holds to ``target`` (made, mode 0600).

    Args:
        source: a file that :func:`check` let pass.
        identity: the one to try.
        most: bytes after which it stops.

    Returns:
        ``None`` where it is not encrypted to this identity.

    Raises:
        NotOpened: ``ALTERE``; what was written until then is not to be used.
    """
    import pyrage

    digest, left = hashlib.sha256(), most
    with source.open("rb") as file, _private(target) as out:

        def keep(block: bytes) -> None:
            nonlocal left
            digest.update(block)
            out.write(block[:left])
            left -= len(block)
            if left < 0:
                raise _Enough

        reading, writing = _Side(file.read), _Side(keep)
        try:
            pyrage.decrypt_io(reading, writing, [identity])
        except (pyrage.DecryptError, OSError, _Enough) as error:
            if reading.failure or not isinstance(writing.failure, _Enough | None):
                raise (reading.failure or writing.failure) from None  # type: ignore[misc]
            if writing.failure is None:
                if str(error) == _NO_MATCH:
                    return None
                raise NotOpened("ALTERE") from None
        _raise_failed(reading)
        _raise_failed(writing, unless=_Enough)
    return Clear(digest.hexdigest() if left >= 0 else None)


def encrypt(source: BinaryIO, write: Callable[[bytes], None], recipients: Sequence[str]) -> None:
    """Give ``write`` the content of ``source``, encrypted to public keys, piece by piece. Its errors are raised."""
    import pyrage
    from pyrage import x25519

    held = bytearray()

    def gather(block: bytes) -> None:
        held.extend(block)
        if len(held) >= _GATHERED:
            write(bytes(held))
            held.clear()

    reading, writing = _Side(source.read), _Side(gather)
    keys = [x25519.Recipient.from_str(one) for one in recipients]
    try:
        pyrage.encrypt_io(reading, writing, keys)
    finally:
        _raise_failed(reading)
        _raise_failed(writing)
    if held:
        write(bytes(held))


class _Enough(Exception):
    """The most that was allowed is written."""


class _Side(io.RawIOBase):
    """One side of the library's work. It keeps the first error, which the library may reword, or swallow: what its
    last buffer meets when it is written is told to nobody."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work
        self.failure: BaseException | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        return self._tried(size)

    def write(self, block: Any) -> int:
        self._tried(bytes(block))
        return len(block)

    def _tried(self, told: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        try:
            return self._work(told)
        except BaseException as error:
            self.failure = error
            raise


def _raise_failed(side: _Side, unless: type[Exception] | None = None) -> None:
    if side.failure is not None and not (unless and isinstance(side.failure, unless)):
        raise side.failure


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")
