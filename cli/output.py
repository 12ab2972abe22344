"""What every command shares: printing (JSON for programs, tables for people) and the settings of the moment."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard, rien d'autre.")]


def settings_now() -> Any:
    """The settings as they stand when a command runs."""
    from loaders.settings import Settings

    return Settings.load()


def account() -> str:
    """Whose session this is, as the system knows it and not as the environment says: who a look is noted under."""
    import os
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def progress(json_: bool) -> Callable[[str], None]:
    """Where long work says how far it is: a person's terminal, on the error output; else nowhere."""
    if json_ or not sys.stderr.isatty():
        return lambda line: None
    began = time.monotonic()
    return lambda line: print(f"[{time.monotonic() - began:6.1f} s] {_harmless(line)}", file=sys.stderr)


def show_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False, indent=1, default=str))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for a person; an empty one says so."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    numbers = set()
    listed = [list(row) for row in rows]
    for at in range(len(columns)):
        if listed and all(isinstance(row[at], int) for row in listed):
            numbers.add(at)
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if at in numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(escape(_harmless("" if one is None else str(one))) for one in row))
    console = Console()
    if not console.is_terminal:
        console.width = 160  # a file or a pipe has no edge to fold at
    console.print(table)
    if not listed:
        console.print("(rien)")


def show_facts(facts: Mapping[str, Any]) -> None:
    """A mapping for a person, one line a key."""
    for name, value in facts.items():
        shown = value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False, default=str)
        print(f"{name} : {_harmless(str(shown))}")


def _harmless(text: str) -> str:
    """Without control characters: a sender's text never commands the operator's terminal."""
    return "".join("\ufffd" if unicodedata.category(sign) == "Cc" else sign for sign in text)


def plain(value: Any) -> Any:
    """A value as a cell of a table shows it."""
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, bool):
        return "oui" if value else "non"
    return value
