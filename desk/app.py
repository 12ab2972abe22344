"""The desk as a FastAPI application: ``create`` puts guard, armour, pages and registry together.

To add pages: a module with an ``APIRouter``, named in ``ROUTERS``. The guard stands before every route, and ``create``
refuses one that it does not stand before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from desk import (
    causes,
    checks,
    decisions,
    exceedances,
    exports,
    failures,
    held,
    journal,
    quality,
    rows,
    search,
    standing,
    unusual,
)
from desk.access import PER_MINUTE, Authorise, guard
from desk.after import Aftermath
from desk.armour import Armour
from desk.pages import static_files
from desk.registry import DeskRegistry
from desk.tokens import Tokens
from loaders.settings import Settings

ROUTERS = (
    causes.router,
    exports.router,
    rows.router,
    decisions.router,
    journal.router,
    standing.router,
    search.router,
    exceedances.router,
    held.router,
    unusual.router,
    checks.router,
    quality.router,
)


def create(
    authorise: Authorise,
    secret: str,
    *,
    settings: Callable[[], Settings] = Settings.load,
    sign_in: str = "",
    per_minute: int = PER_MINUTE,
) -> FastAPI:
    """The application, ready to be mounted anywhere.

    Args:
        authorise: a FastAPI dependency that gives the signed-in :class:`desk.access.Person`, or raises 401.
        secret: the server's secret, the same in every worker and after a restart.
        settings: gives the registry's settings at the first request.
        sign_in: address of the login page; ``?next=`` is added.
        per_minute: requests a minute that one person may make, 0 for no limit.
    """
    tokens, registry = Tokens(secret), DeskRegistry(settings)
    aftermath = Aftermath(lambda: registry.opened().settings)
    check = guard(authorise, tokens, per_minute)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(aftermath.wait)
        await run_in_threadpool(registry.close)

    app = FastAPI(
        title="Rejets",
        dependencies=[Depends(check)],
        lifespan=lifespan,
        # Each would be a route that no dependency guards.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.tokens, app.state.registry, app.state.aftermath = tokens, registry, aftermath
    app.add_middleware(Armour, failed=failures.incident)
    failures.install(app, sign_in)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/static/{name}", _static, name="static")
    # The last: asks who it is, then says 404.
    app.add_api_route("/{path:path}", _unknown, methods=["GET", "POST"], name="unknown")
    _insist(app, check)
    return app


def _static(name: str) -> Response:
    """A file of ``desk/static``; its address changes with its content, so a browser may keep it."""
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404)
    body, kind, _ = found
    return Response(body, media_type=kind, headers={"Cache-Control": "private, max-age=86400"})


def _unknown(path: str) -> Response:
    raise HTTPException(404)


def _insist(app: FastAPI, check: Callable[..., Any]) -> None:
    """Raises AssertionError where a route does not depend on the guard, first of all."""
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.dependant.dependencies:
            raise AssertionError(f"a route without the guard: {route}")
        if route.dependant.dependencies[0].call is not check:
            raise AssertionError(f"a route without the guard: {route.path}")
