"""Pages: the templates, what each of them may use, and the message that follows a decision.

A template gets, beside its own values: ``url(name, query…, **path)``, ``static(file)``, ``csrf()`` (the hidden field
of every form), ``person``, ``messages`` and ``nav``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from starlette.routing import NoMatchFound

from desk import words
from desk.access import FORM_LIFETIME_S, TOKEN_FIELD, Person
from desk.tokens import Forged, Tokens

#: Name of the cookie that carries a message over a redirection, and its life in seconds.
MESSAGE = "siseri_message"
MESSAGE_LIFETIME_S = 120
#: Longest message in signs: a cookie holds 4 kB.
LONGEST = 600
#: The head's entries: name of the route, label. One without its route yet is not shown.
NAV = (
    ("causes", "Causes"),
    ("exceedances", "Dépassements"),
    ("unusual", "Doses inhabituelles"),
    ("checks", "Contrôles"),
    ("quality", "Qualité"),
    ("held", "Fichiers retenus"),
    ("standing", "Décisions permanentes"),
    ("journal", "Journal"),
)
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@cache
def static_files() -> dict[str, tuple[bytes, str, str]]:
    """The files of ``desk/static`` by name: bytes, media type, and a mark that changes with them."""
    found = {}
    for entry in (files("desk") / "static").iterdir():
        kind = TYPES.get(entry.name.rpartition(".")[2])
        if kind:
            body = entry.read_bytes()
            found[entry.name] = (body, kind, hashlib.sha256(body).hexdigest()[:10])
    return found


@cache
def environment() -> jinja2.Environment:
    """The templates of ``desk/templates``: escaped, and loud about what they lack."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("desk"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"entier": whole, "msv": millisievert, "jour": day, **words.filters()}
    return made


def whole(value: int) -> str:
    """``12345`` → ``12 345`` (narrow no-break spaces)."""
    return f"{value:,}".replace(",", "\u202f")


def millisievert(value: str | Decimal | int) -> str:
    """A dose in mSv with a decimal comma: ``1234.5`` → ``1 234,500``."""
    return f"{Decimal(value):,.3f}".replace(",", "\u202f").replace(".", ",")


def day(value: date | str) -> str:
    """``2026-04-10`` or the beginning of an instant → ``10/04/2026``."""
    text = value if isinstance(value, str) else value.isoformat()
    return f"{text[8:10]}/{text[5:7]}/{text[:4]}"


def url(request: Request, name: str, query: Mapping[str, Any] | None = None, /, **path: Any) -> str:
    """The path of a route of the desk, whatever it is mounted under.

    Args:
        name: of the route.
        query: what follows the question mark; None and empty values are left out, lists repeat.
        path: the route's own parameters.
    """
    made = f"{request.scope.get('root_path', '')}{request.app.url_path_for(name, **path)}"
    kept = {key: value for key, value in (query or {}).items() if value not in (None, "", [])}
    return f"{made}?{urlencode(kept, doseq=True)}" if kept else made


def render(request: Request, template: str, messages: list[tuple[str, str]] | None = None, /, **values: Any) -> str:
    """A template's text. Without a person (nobody is signed in), the page has neither navigation nor style."""
    person: Person | None = getattr(request.state, "person", None)
    tokens: Tokens = request.app.state.tokens

    def csrf() -> Markup:
        assert person is not None
        token = tokens.sign(TOKEN_FIELD, person.name, lifetime_s=FORM_LIFETIME_S)
        return Markup('<input type="hidden" name="{}" value="{}">').format(TOKEN_FIELD, token)

    def static(name: str) -> str:
        return url(request, "static", {"v": static_files()[name][2]}, name=name)

    return (
        environment()
        .get_template(template)
        .render(
            url=lambda name, query=None, /, **path: url(request, name, query, **path),
            static=static,
            csrf=csrf,
            person=person,
            messages=messages or [],
            nav=_nav(request) if person else [],
            **values,
        )
    )


def _nav(request: Request) -> list[tuple[str, str, bool]]:
    """Address, label, and whether it is the page shown."""
    shown = request.scope["path"]
    entries = []
    for name, label in NAV:
        try:
            address = url(request, name)
        except NoMatchFound:
            continue
        entries.append((address, label, address == shown))
    return entries


@dataclass(frozen=True)
class Page:
    """What a route answers with; ask for it as ``page: ThePage`` (``desk.needs``)."""

    request: Request
    person: Person
    tokens: Tokens

    def show(self, template: str, status: int = 200, *, failed: str = "", **values: Any) -> HTMLResponse:
        """The page of a template, with the message left by the request before.

        Args:
            failed: what did not work in this very request.
        """
        messages: list[tuple[str, str]] = []
        carried = self.request.cookies.get(MESSAGE)
        if carried:
            try:
                messages = [tuple(json.loads(self.tokens.read(MESSAGE, self.person.name, carried)))]
            except Forged:
                messages = []
        if failed:
            messages.append(("echec", words.sentence(failed)))
        response = HTMLResponse(render(self.request, template, messages, **values), status)
        if carried:
            response.delete_cookie(MESSAGE, path=self._home())
        return response

    def go(
        self,
        name: str,
        query: Mapping[str, Any] | None = None,
        /,
        *,
        done: str = "",
        warning: str = "",
        failed: str = "",
        **path: Any,
    ) -> Response:
        """Send the browser to a page of the desk (303), which then shows one message: what was done, a warning, or
        what failed. Counts and numbers may stand in it; a name or a NIR may not, for a cookie carries it.
        """
        response = RedirectResponse(self.url(name, query, **path), 303)
        for kind, text in (("fait", done), ("attention", warning), ("echec", words.sentence(failed))):
            if text:
                carried = self.tokens.sign(
                    MESSAGE, self.person.name, json.dumps((kind, text[:LONGEST])), MESSAGE_LIFETIME_S
                )
                response.set_cookie(
                    MESSAGE, carried, MESSAGE_LIFETIME_S, path=self._home(), httponly=True, samesite="strict",
                    secure=self.request.url.scheme == "https",
                )  # fmt: skip
        return response

    def url(self, name: str, query: Mapping[str, Any] | None = None, /, **path: Any) -> str:
        """The path of a route of the desk."""
        return url(self.request, name, query, **path)

    def _home(self) -> str:
        return f"{self.request.scope.get('root_path', '')}/"
