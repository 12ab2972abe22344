"""The documents say what is true: generated pages, named commands and settings, links, examples."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from cli.main import app
from loaders.settings import Settings, project_root
from pipelines.offline import judge
from schemas.codebook import Severity, book
from schemas.formats import formats

ROOT = project_root()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generer", ROOT / "docs" / "emetteurs" / "generer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "page"), [("formats.md", "formats_page"), ("codes.md", "codes_page")])
def test_generated_pages_are_up_to_date(name: str, page: str) -> None:
    written = (ROOT / "docs" / "emetteurs" / name).read_text(encoding="utf-8")
    assert written == getattr(_generator(), page)(), "run: .venv/bin/python docs/emetteurs/generer.py"


def test_codes_said_not_to_be_raised_are_raised_nowhere_and_the_others_are() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("pipelines", "schemas")
        for path in (ROOT / folder).rglob("*.py")
    )
    generator = _generator()
    for code in book().values():
        assert (f'"{code.code}"' in source) == generator._raised(code), code.code


@pytest.mark.parametrize("name", sorted(formats()))
def test_the_example_line_of_each_format_is_sound(name: str) -> None:
    layout = formats()[name]
    text = "\n".join(
        layout.delimiter.join(cells) for cells in (layout.names, [column.example for column in layout.columns])
    )
    found = judge(text.encode(), "exemple.csv", date(2026, 4, 10))
    assert found.file_code is None
    assert found.format == name
    assert all(book()[code].severity is Severity.WARNING for codes in found.rows for code in codes)


def test_every_example_file_is_named_where_its_format_is_told() -> None:
    page = (ROOT / "docs" / "emetteurs" / "formats.md").read_text(encoding="utf-8")
    examples = {path.name for path in (ROOT / "docs" / "emetteurs" / "exemples").iterdir()}
    assert set(re.findall(r"\(exemples/([^)]+)\)", page)) == examples


def _commands() -> dict[str, Any]:
    """Every command by its words: ``partner key add``."""
    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        if not hasattr(command, "commands"):
            found[" ".join(words)] = command
            return
        for name, one in command.commands.items():
            walk(one, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def _named(text: str) -> list[str]:
    """What follows ``siseri`` in code spans and code blocks."""
    code = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in code for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    calls = [re.fullmatch(r"(?:\./)?siseri (.+)", line.strip()) for line in lines]
    return [call[1] for call in calls if call]


def _command_of(call: str, known: dict[str, Any]) -> str | None:
    words = re.split(r" -|[^a-z -]", call, maxsplit=1)[0].split()
    for length in range(len(words), 0, -1):
        if " ".join(words[:length]) in known:
            return " ".join(words[:length])
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_commands_and_options_exist(page: Path) -> None:
    known = _commands()
    for call in _named(page.read_text(encoding="utf-8")):
        name = _command_of(call, known)
        assert name is not None, f"siseri {call}"
        options = {option for parameter in known[name].params for option in parameter.opts}
        for option in re.findall(r"--[a-z]+(?:-[a-z]+)*", call):
            assert option in options, f"siseri {call}"


def test_readme_names_every_command() -> None:
    known = _commands()
    assert {_command_of(call, known) for call in _named(README)} == set(known)


def test_readme_tells_every_setting() -> None:
    told = set(re.findall(r"^\| `SISERI_([A-Z_]+)`", README, flags=re.MULTILINE))
    assert told == {field.name.upper() for field in dataclasses.fields(Settings)}


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in _anchors(target), link


def test_named_files_of_the_project_exist() -> None:
    folders = "dags|pipelines|schemas|loaders|reports|sql|cli|config|tests|bench|docs"
    for page in PAGES:
        for name in re.findall(rf"`((?:{folders})/[\w./-]+)", page.read_text(encoding="utf-8")):
            if name != "bench/results/":
                assert (ROOT / name).exists(), f"{page.name}: {name}"
