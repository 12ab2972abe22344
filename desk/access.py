"""Who may do what: the one check that stands before every route of the desk.

Reading and deciding are two rights, approving a standing decision or a held file a third. A request that is not a GET
needs the second, but for a search that an address must not tell; and always a form token made for this person and a
browser that says it comes from the desk itself (OWASP's advice against forged requests: token and origin, both).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

from desk.rate import Limit
from desk.tokens import Expired, Forged, Tokens

#: Name of the hidden field and purpose of its token; lifetime of a page's form: that of a session (``airflow.cfg``).
TOKEN_FIELD = "jeton"  # noqa: S105 - a name
FORM_LIFETIME_S = 8 * 3600

#: Requests a minute of one person; of those that change something or search, a fifth.
PER_MINUTE = 300

#: Routes that cost nothing, counted for nobody: a page asks for several of them.
FREE = frozenset({"static"})

#: Routes that change nothing though they are no GET: what is asked for may name a person, so it stands in no address.
ASKING = frozenset({"find"})


@dataclass(frozen=True)
class Person:
    """The signed-in person and the three rights."""

    name: str
    may_read: bool
    may_decide: bool = False
    may_approve: bool = False

    @property
    def rights(self) -> str:
        """The rights in words, for the page's head."""
        held = ((self.may_read, "lecture"), (self.may_decide, "décision"), (self.may_approve, "règles permanentes"))
        return ", ".join(word for may, word in held if may) or "aucun droit"


#: A FastAPI dependency that gives the :class:`Person`, or raises HTTPException (401) where nobody is signed in.
Authorise = Callable[..., Person] | Callable[..., Awaitable[Person]]


class Refusal(HTTPException):
    """Status 403 with a French sentence for the page; holds no personal data."""

    def __init__(self, why: str) -> None:
        super().__init__(403, why)


def guard(authorise: Authorise, tokens: Tokens, per_minute: int = PER_MINUTE) -> Callable[..., Awaitable[None]]:
    """The dependency of every route: resolves the person, counts the request, then judges it.

    Args:
        per_minute: requests a minute and person, 0 for no limit.
    """
    every, changing = Limit(per_minute), Limit(-(-per_minute // 5))

    async def check(request: Request, person: Person = Depends(authorise)) -> None:  # noqa: B008 - FastAPI's way
        request.state.person = person
        if request.scope["route"].name not in FREE:
            every.take(person.name)
            if request.method != "GET":
                changing.take(person.name)
        if not person.may_read:
            raise Refusal("Votre compte n’a pas le droit de lire la file d’attente.")
        if request.method == "GET":
            return
        if not person.may_decide and request.scope["route"].name not in ASKING:
            raise Refusal("Votre compte peut lire la file d’attente, mais pas décider.")
        if not comes_from_here(request):
            raise Refusal("Cette demande ne vient pas d’une page de ce site : elle est ignorée.")
        try:
            tokens.read(TOKEN_FIELD, person.name, str((await request.form()).get(TOKEN_FIELD, "")))
        except Expired:
            raise Refusal(
                "La page est restée ouverte trop longtemps. Revenez en arrière, rechargez-la et recommencez."
            ) from None
        except Forged:
            raise Refusal("Le formulaire ne porte pas votre jeton : rechargez la page et recommencez.") from None

    return check


def comes_from_here(request: Request) -> bool:
    """Whether the browser says that the request comes from a page of this very host.

    ``Origin`` decides, else ``Referer``; a request with neither is refused, and so is one that ``Sec-Fetch-Site``
    calls foreign. The scheme is not compared: a proxy may have ended TLS before us.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    told = request.headers.get("origin") or request.headers.get("referer") or ""
    try:
        place = urlsplit(told).netloc
    except ValueError:
        return False
    return bool(place) and place == request.headers.get("host")


def _approver(request: Request) -> None:
    person: Person = request.state.person
    if not person.may_approve:
        raise Refusal("Cette décision demande le rôle d’un analyste principal.")


#: For a route that needs the third right: ``@router.post("/…", dependencies=[APPROVE])``.
APPROVE = Depends(_approver)
