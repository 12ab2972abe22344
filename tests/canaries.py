"""Persons that must appear nowhere but where they belong, and a scene that keeps what was said meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from senders import environment, siseri

from loaders.registry import depots, opened
from loaders.settings import Settings
from pipelines.deposit import deposit

KNOWN, STRANGER, BROKEN = "1850675198765", "2840513198764", "18506751X8763"
NAMES = ("ZORGLUBVIEUX", "ZORGLUBNEUF", "CHAMPIGNAQUETTE")
FIRST = ("PACOMELLE", "SECCOTINETTE", "FANTASIETTE")
CANARIES = (KNOWN, STRANGER, BROKEN, *NAMES, *FIRST)


def holds(text: bytes | str) -> list[str]:
    """The canaries in a text, whatever their case."""
    data = (text.encode() if isinstance(text, str) else text).upper()
    return [canary for canary in CANARIES if canary.encode() in data]


class Scene:
    """What was said and written while canaries went through, incidents and broken services included."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = environment(home)
        self.settings = Settings.load(self.env)
        self.said: list[str] = []

    def siseri(self, *words: str | Path, expect: int | None = 0) -> Any:
        done = siseri(self.env, *words, expect=expect)
        self.said += [done.stdout, done.stderr]
        return done

    def deposit(self, folder: Path, code: str, name: str, body: bytes) -> None:
        (folder / name).write_bytes(body)
        with opened(self.settings) as registry, depots(registry) as client:
            deposit(client, registry.connection, code, [folder / name])
