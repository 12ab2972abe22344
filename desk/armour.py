"""What every answer carries, and what no answer tells.

Headers that forbid anything from elsewhere; a limit on what may be sent; and the last resort: an exception that nobody
foresaw becomes a French page with an incident number. Its kind and place go to the log, its message nowhere, since it
may hold a row (``pipelines.isolate``).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from fastapi import HTTPException, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.isolate import told

log = logging.getLogger("siseri.desk")

MAX_BODY_BYTES = 1 << 20
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Armour:
    """ASGI middleware around the whole desk.

    Args:
        app: what it protects.
        failed: the page of an unforeseen failure, from the request and the incident's number.
    """

    def __init__(self, app: ASGIApp, failed: Callable[[Request, str], Response]) -> None:
        self.app, self.failed = app, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = False

        async def dressed(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, _measured(scope, receive), dressed)
        except Exception as error:  # noqa: BLE001 - logged under a number that the person is told
            number = secrets.token_hex(4)
            log.error("incident %s: %s", number, told(error))
            if not began:  # else the server cuts the connection, and the browser shows that
                await self.failed(Request(scope), number)(scope, receive, dressed)


def _measured(scope: Scope, receive: Receive) -> Receive:
    """``receive``, refusing (413) a body beyond the limit before it is held in memory."""
    announced = Headers(scope=scope).get("content-length", "")
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES or (announced.isdigit() and int(announced) > MAX_BODY_BYTES):
            raise HTTPException(413)
        return message

    return counted
