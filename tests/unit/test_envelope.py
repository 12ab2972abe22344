"""Envelopes by themselves: streaming, limits, errors that nobody may swallow."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyrage
import pytest
from envelopes import Correspondent, encrypt

from loaders import envelope
from schemas.envelope import tells_of_nobody

SIZES = (0, 1, 4_000, 65_535, 65_536, 65_537, 300_000, 3_000_000)


@pytest.mark.parametrize("size", SIZES)
def test_there_and_back(tmp_path: Path, size: int) -> None:
    mine, other = Correspondent(), Correspondent()
    clear = os.urandom(size)
    parts: list[bytes] = []
    envelope.encrypt(io.BytesIO(clear), parts.append, [other.key, mine.key])
    sealed = tmp_path / "sealed"
    sealed.write_bytes(b"".join(parts))
    envelope.check(sealed)
    for one in (mine, other):
        found = envelope.decrypt(sealed, tmp_path / "clear", one.identity, size)
        assert found == envelope.Clear(hashlib.sha256(clear).hexdigest())
        assert (tmp_path / "clear").read_bytes() == clear
    assert (tmp_path / "clear").stat().st_mode & 0o777 == 0o600
    assert envelope.decrypt(sealed, tmp_path / "no", Correspondent().identity, size) is None
    if size:
        assert envelope.decrypt(sealed, tmp_path / "cut", mine.identity, size - 1) == envelope.Clear(None)
        assert (tmp_path / "cut").read_bytes() == clear[: size - 1]


@pytest.mark.parametrize("size", SIZES)
def test_what_the_other_side_meets_is_raised_whatever_the_library_says(tmp_path: Path, size: int) -> None:
    """The library drops what its last buffer meets when it is written; a full disk must not look like an answer."""
    mine = Correspondent()
    clear = os.urandom(size)

    def full(block: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        envelope.encrypt(io.BytesIO(clear), full, [mine.key])

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        envelope.encrypt(Broken(), lambda block: None, [mine.key])
    sealed = tmp_path / "sealed"
    sealed.write_bytes(encrypt(clear, mine.key))
    if size:
        with pytest.raises(OSError, match="No space left"):
            envelope.decrypt(sealed, Path("/dev/full"), mine.identity, size)


def test_a_header_that_would_take_hours_is_not_read(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.write_bytes(envelope.MAGIC + b"-> a b\n\n" * 200_000 + b"--- " + b"A" * 43 + b"\n")
    with pytest.raises(envelope.NotOpened, match="EN_TETE"):
        envelope.check(sealed)


def test_names_that_go_in_the_clear() -> None:
    for name in ("x.csv.ar.json", "x.incident.json", "chiffrement.txt", "compte-inutilise.html", "a\nb.ar.json"):
        assert tells_of_nobody(name)
    for name in (
        *("x.csv.rapport.csv", "x.csv.rapport.json", "x.ar.json.rapport.csv", "x.csv.suivi-1.json", "a-declarer.csv"),
        *("depassement-1-NOTIFIE.json", "chiffrement.txt.rapport.csv", "x.csv.question-1.html", "ar.json"),
    ):
        assert not tells_of_nobody(name)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A process that opens and makes a large envelope stays as small as one with a small one."""
    mine = Correspondent()

    def peak(size: int) -> int:
        clear, sealed = tmp_path / "clear", tmp_path / "sealed"
        with clear.open("wb") as file:
            file.truncate(size)
        pyrage.encrypt_file(str(clear), str(sealed), [mine.identity.to_public()])
        told: Any = subprocess.run(
            [sys.executable, "-c", _WORK, str(sealed), str(tmp_path / "out"), str(mine.identity), mine.key],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(told.stdout)

    assert peak(96 << 20) < peak(1 << 20) + (12 << 20)


_WORK = """
import resource, sys
from pathlib import Path
from pyrage import x25519
from loaders import envelope
sealed, out, secret, key = sys.argv[1:]
found = envelope.decrypt(Path(sealed), Path(out), x25519.Identity.from_str(secret), 1 << 40)
assert found is not None
with open(out, "rb") as source:
    envelope.encrypt(source, lambda block: None, [key])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
