"""Public keys as lines of OpenSSH's ``authorized_keys``, each with the moment it ends.

A key is kept as such a line (``keys/partners/<CODE>/<name>.pub``); the embedded server reads it there, and a server of
the site's own gets the same lines in one file an account. So both end a key at the same second, by themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from loaders.settings import PARIS

#: Beside the homes, of a server that tells who logs in: one file an account, as old as its last login.
LOGINS = ".connexions"
#: Beside the homes, of a server that takes its accounts from the registry: one file of public keys an account.
ACCOUNTS = ".comptes"

_KINDS = r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+"
#: As ``siseri partner`` takes them from a file: no options, for those are ours to give.
PLAIN = re.compile(rf"(?:{_KINDS}) [A-Za-z0-9+/=]+(?: .*)?")
_LINE = re.compile(rf'(?:expiry-time="([0-9]{{12}})Z" )?((?:{_KINDS})) ([A-Za-z0-9+/=]+)(?: .*)?')
_MOMENT = "%Y%m%d%H%M"


@dataclass(frozen=True)
class Key:
    """A public key: its kind, its base64 part, and the moment (UTC) from which it opens nothing; ``None``: never."""

    kind: str
    blob: str
    ends: datetime | None = None

    @property
    def until(self) -> date | None:
        """The last day on which it opens, in Paris."""
        return (self.ends.astimezone(PARIS) - timedelta(microseconds=1)).date() if self.ends else None

    def in_force(self, now: datetime) -> bool:
        """Whether it opens at that moment (with a time zone)."""
        return self.ends is None or now < self.ends

    def line(self, comment: str, options: str = "") -> str:
        """The line of OpenSSH; ``options`` go before those of its own."""
        told = [options] if options else []
        if self.ends is not None:
            told.append(f'expiry-time="{self.ends.astimezone(UTC):{_MOMENT}}Z"')
        return " ".join([*filter(None, [",".join(told)]), self.kind, self.blob, comment])


def end_of(day: date) -> datetime:
    """The moment (UTC) at which a day is over in Paris."""
    return datetime.combine(day + timedelta(1), time(), PARIS).astimezone(UTC)


def read(text: str) -> list[Key]:
    """The keys of a file's lines; a line that is none, or has options that are not ours, opens nothing."""
    keys = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found:
            ends = datetime.strptime(found[1], _MOMENT).replace(tzinfo=UTC) if found[1] else None
            keys.append(Key(found[2], found[3], ends))
    return keys


def published(keys: list[Key], code: str, until: date | None) -> str:
    """An account's file for a server of the site's own: every key restricted, none beyond the account's last day."""
    last = end_of(until) if until else None
    lines = []
    for one in keys:
        ends = min((moment for moment in (one.ends, last) if moment), default=None)
        lines.append(Key(one.kind, one.blob, ends).line(code, "restrict") + "\n")
    return "".join(lines)
