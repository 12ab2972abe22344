"""Signed words that leave with a page and come back: the token of a form, the message after a decision.

A token is bound to a purpose, to a person and to a moment of expiry by an HMAC-SHA256 under a server secret, so every
worker and every restart with the same secret accepts it and nobody else can make one. Each holds a fresh nonce: two
pages never carry the same token, so nothing can be learned of it from the size of compressed pages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time


class Forged(Exception):
    """Absent, altered, made for another person, purpose or server."""


class Expired(Forged):
    """Genuine, but its time is over."""


class Tokens:
    """Signs and reads tokens.

    Args:
        secret: the server's secret, the same in every worker; the key used here is derived from it.

    Raises:
        ValueError: an empty secret.
    """

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("the desk needs a server secret")
        self._key = hmac.digest(secret.encode(), b"siseri desk", "sha256")

    def sign(self, purpose: str, person: str, text: str = "", lifetime_s: int = 60) -> str:
        """A token that carries ``text`` (readable by who holds it) until ``lifetime_s`` seconds from now."""
        told = base64.urlsafe_b64encode(text.encode()).decode("ascii")
        payload = f"{int(time.time()) + lifetime_s}.{secrets.token_urlsafe(9)}.{told}"
        return f"{payload}.{self._mark(purpose, person, payload)}"

    def read(self, purpose: str, person: str, token: str) -> str:
        """The text of a token made for this purpose and person.

        Raises:
            Expired: its time is over.
            Forged: anything else is wrong with it.
        """
        payload, _, mark = token.rpartition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(purpose, person, payload).encode()):
            raise Forged
        until, _, told = payload.split(".")
        if int(until) < time.time():
            raise Expired
        return base64.urlsafe_b64decode(told).decode()

    def _mark(self, purpose: str, person: str, payload: str) -> str:
        message = "\n".join((purpose, person.encode().hex(), payload))
        return hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()
