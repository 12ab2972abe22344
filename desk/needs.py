"""What a route may ask for: annotate a parameter with one of these, and FastAPI brings it.

``page: ThePage`` · ``reader: Reader`` · ``writer: Writer`` · ``key: Key`` · ``settings: TheSettings`` ·
``person: Signed`` · ``after: After``. All come after the guard of ``desk.access``, so a person is signed in and has
the right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from desk.access import Person
from desk.after import Aftermath
from desk.pages import Page
from desk.registry import DeskRegistry
from loaders.secrets import RegistryKey
from loaders.settings import Settings
from loaders.warehouse import Connection


def _person(request: Request) -> Person:
    person: Person = request.state.person
    return person


def _page(request: Request) -> Page:
    return Page(request, _person(request), request.app.state.tokens)


def _registry(request: Request) -> DeskRegistry:
    registry: DeskRegistry = request.app.state.registry
    return registry


def _after(request: Request) -> Aftermath:
    aftermath: Aftermath = request.app.state.aftermath
    return aftermath


def _reading(request: Request) -> Iterator[Connection]:
    with _registry(request).connection("analyst") as connection:
        yield connection


def _writing(request: Request) -> Iterator[Connection]:
    with _registry(request).connection("loader") as connection:
        yield connection


def _key(request: Request) -> RegistryKey:
    return _registry(request).opened().key


def _settings(request: Request) -> Settings:
    return _registry(request).opened().settings


#: Who is signed in.
Signed = Annotated[Person, Depends(_person)]
#: What answers: ``page.show(template, …)``, ``page.go(route, …, done="…")``.
ThePage = Annotated[Page, Depends(_page)]
#: A connection of the analyst's role, given back once the answer is sent (so a streamed answer may use it too).
Reader = Annotated[Connection, Depends(_reading)]
#: A connection of the loader's role, for what writes.
Writer = Annotated[Connection, Depends(_writing)]
#: The registry's key, to open what is sealed.
Key = Annotated[RegistryKey, Depends(_key)]
#: The settings; ``settings.registry_date()`` is the registry's day.
TheSettings = Annotated[Settings, Depends(_settings)]
#: What to call once something was decided: ``after.owe(references=…)``; the analyst does not wait for it.
After = Annotated[Aftermath, Depends(_after)]
