"""A doorbell on the depots: it says at which homes it is worth looking now, and nothing more.

Who sees a sender's marker arrive rings: the embedded server does, a hook of another server may (it touches
``run/bells/<CODE>`` under ``SISERI_HOME``). Rings may be lost or come twice: what is there to take is seen at the
depots, which are looked at all the same, and what was taken stands in the ledger.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def _folder(home: Path) -> Path:
    return home / "run" / "bells"


def ring(home: Path, code: str) -> None:
    """Say that something lies ready in a sender's depot."""
    folder = _folder(home)
    with contextlib.suppress(OSError):  # a disk that is full rings no bell; the next look finds the file
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / code).touch(mode=0o600)


def rung(home: Path) -> set[str]:
    """The senders' codes that were rung for since the last call."""
    codes = set()
    with contextlib.suppress(FileNotFoundError):  # nobody ever rang
        for bell in _folder(home).iterdir():
            # Silenced before anybody looks: what rings from now on is heard the next time.
            with contextlib.suppress(OSError):  # another pass was first, or it is no bell
                bell.unlink()
                codes.add(bell.name)
    return codes
