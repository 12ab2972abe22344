"""The scorecards of a simulated country against their twin: figures, who may see what, one delivery."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from senders import cells
from twin.scorecards import PARIS, Twin, disc

from pipelines import tallies
from pipelines.simulation.run import simulate
from pipelines.statistics.publish import publish
from reports.indicators import INDICATORS, written

COMPARED = {one.name for one in INDICATORS if one.compared}


def backdate(registry: Any, day: date) -> None:
    """Let what a pass did just now have happened on a day: files from 09:00 on, loads from 12:00 on."""
    with registry.registry.warehouse.admin() as admin:
        for table, column, number, hour in (
            ("ledger.submission", "received_at", "submission_id", 9),
            ("ledger.load", "recorded_at", "load_id", 12),
        ):
            start = datetime(day.year, day.month, day.day, hour, tzinfo=PARIS)
            admin.execute(
                f"update {table} set {column} = %s + {number} * interval '1 second'"
                f" where {column} > now() - interval '1 day'",
                (start,),
            )


@pytest.fixture(scope="module")
def nation(registries: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three months of a simulated country, each pass on its day; some rows decided, then the cards of January."""
    folder = tmp_path_factory.mktemp("nation")
    simulate(folder, workers=700, year=2025, seed=9, months=3, faults=0.15, labs=7, operators=2)
    manifest = json.loads((folder / "manifest.json").read_text())
    with registries() as registry:
        registry.partner("DGT", "DGT")
        registry.partner("DSND", "DSND")
        for one in manifest["partners"]:
            registry.partner(one["code"], one["role"], one["sirens"], one["identifiant"])
        registry.passes = []
        for (_, day), group in groupby(manifest["files"], key=lambda one: (one["stage"], one["registry_date"])):
            for one in group:
                name = Path(one["path"]).name
                registry.drop(one["partner"], name, (folder / one["path"]).read_bytes())
            registry.drop("LABO3", f"vide {day}.csv", b"")
            registry.passes.append((day, registry.run(date.fromisoformat(day)).cards))
            backdate(registry, date.fromisoformat(day))
        with registry.registry.warehouse.admin() as admin:
            admin.execute("update ledger.load set kind = 'decide' where kind = 'release' and load_id %% 2 = 0", ())
        registry.last = registry.run(date(2026, 2, 1))
        yield registry


def same(found: Any, told: Any) -> None:
    assert {key: found[key] for key in found if found[key] != told.get(key)} == {}
    assert set(told) == set(found)


def test_the_figures_are_those_of_the_reports_counted_row_by_row(nation: Any) -> None:
    twin = Twin(nation)
    seen = set()
    for month in (date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)):
        counted = tallies.count(nation.connection, month)
        told = twin.month(month.year, month.month)
        for one in counted.senders:
            figures = dict(counted.tallies[one.partner_id].figures())
            if one.code not in told:
                assert not figures["fichiers_recus", ""]
                continue
            same(figures, told.pop(one.code))
            seen |= {key[0] for key, value in figures.items() if value}
        assert not told  # every sender of the month was counted
        roles = twin.month(month.year, month.month, by="role")
        for role, figures in roles.items():
            same(dict(counted.roles[role].figures()), figures)
    # The country exercises every kind of figure but the two that a healthy quarter does not have.
    assert seen == {one.name for one in INDICATORS} - {"fichiers_en_cours", "lignes_expirees"}


def test_the_yearly_table_of_senders_is_that_of_the_reports(nation: Any, tmp_path: Path) -> None:
    stories = Twin(nation).stories(2025)
    publish(nation.as_("publisher"), tmp_path, date(2026, 2, 1), year=2025, as_of=None, scope="tous", audience="dgt")
    found = {one.pop("code"): one for one in cells((tmp_path / "emetteurs.csv").read_bytes())}
    assert list(found) == sorted(stories)
    seen: set[str] = set()
    for code, story in stories.items():
        figures = story.figures()
        refused = Counter(one for one in story.files if one.startswith("FIC"))
        delays = [days for listed in story.delays.values() for days in listed]
        told = {
            "fichiers": len(story.files),
            "fichiers_refuses": refused.total(),
            "lignes": figures["lignes_recues", ""],
            "integrees": story.now["INTEGRE"],
            "en_attente": story.now["EN_ATTENTE"],
            "rejetees": story.now["REJETE"],
            "doublons": story.now["DOUBLON"],
            "codes": " ".join(f"{name}:{count}" for name, count in sorted((story.codes + refused).items())),
            "delai_median_jours": disc(delays, 0.5) if delays else "",
            "resultats_absents": story.absent,
            "part_sans_intervention_pct": figures["part_sans_intervention", ""],
            "decisions_pour_10000": figures["decisions_pour_10000", ""],
            "delai_regularisation_jours": figures["delai_regularisation", ""],
        }
        for name, value in told.items():
            shown = found[code][name]
            assert (
                (float(shown) == value) if isinstance(value, float) else (shown == str("" if value is None else value))
            )
            seen |= {name} if value else set()
    assert seen == set(told)


def lines(body: bytes) -> dict[tuple[str, str], dict[str, str]]:
    return {(one["indicateur"], one["code"]): one for one in cells(body)}


def number(text: str) -> float | None:
    return float(text) if text else None


def rough(value: float) -> float:
    return float(f"{value:.1e}")


def quartile(values: list[float], at: float) -> float:
    values = sorted(values)
    place = at * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def test_a_card_compares_a_sender_with_all_of_its_role(nation: Any) -> None:
    told = Twin(nation).month(2026, 1)
    labs = [f"LABO{at}" for at in range(1, 8)]
    for code in labs:
        found = lines(nation.read(code, "bilan-2026-01.csv"))
        assert {(one["mois"], one["emetteur"]) for one in found.values()} == {("2026-01", code)}
        same({key: number(one["valeur"]) for key, one in found.items()}, told[code])
        for key, one in found.items():
            name = key[0]
            if name not in COMPARED or one["valeur"] == "":
                assert {one["role_emetteurs"], one["role_mediane"], one["role_q1"], one["role_q3"]} == {""}
                continue
            values = [told[lab].get(key, 0.0 if name == "part_code" else None) for lab in labs]
            known = [value for value in values if value is not None]
            assert one["role_emetteurs"] == str(len(known))
            expected = [rough(quartile(known, at)) if len(known) >= 4 else None for at in (0.5, 0.25, 0.75)]
            if len(known) < 6:
                expected[1:] = [None, None]
            assert [number(one[column]) for column in ("role_mediane", "role_q1", "role_q3")] == pytest.approx(expected)
    # Only one laboratory has analyses: no comparison of their delay, whatever the number of laboratories.
    [interne] = [lab for lab in labs if ("delai_median", "INTERNE") in told[lab]]
    assert lines(nation.read(interne, "bilan-2026-01.csv"))["delai_median", "INTERNE"]["role_mediane"] == ""


def test_a_sender_never_sees_another_s_figure(nation: Any) -> None:
    told = Twin(nation).month(2026, 1)
    codes = set(told)
    for code in codes:
        for ending in ("html", "csv"):
            text = nation.read(code, f"bilan-2026-01.{ending}").decode()
            assert not [other for other in codes - {code} if re.search(rf"\b{other}\b", text) and other != "SISERI"]
    # Two operators, five employers minus those who were silent: fewer than three others, and the page says why.
    page = nation.read("EXPL1", "bilan-2026-01.html").decode()
    assert "Sans comparaison" in page
    assert "médiane du rôle" not in page
    for one in cells(nation.read("EXPL1", "bilan-2026-01.csv")):
        assert (one["role_mediane"], one["role_q1"], one["role_q3"]) == ("", "", "")
    # No figure of the other operator that is not its own too.
    own = {written(value) for value in told["EXPL1"].values()} | {
        one["valeur"] for one in cells(nation.read("EXPL1", "bilan-2026-01.csv"))
    }
    theirs = {written(value) for value in told["EXPL2"].values() if value and value > 12} - own
    assert theirs
    assert not [value for value in theirs if f">{value}<" in page]
    assert "Sans comparaison" not in nation.read("LABO1", "bilan-2026-01.html").decode()


def test_the_ministry_sees_every_sender_and_the_totals_of_each_role(nation: Any) -> None:
    twin = Twin(nation)
    told, roles = twin.month(2026, 1), twin.month(2026, 1, by="role")
    body = nation.read("DGT", "bilan-emetteurs-2026-01.csv")
    found = cells(body)
    accounts = dict(
        nation.connection.execute(
            "select p.code, p.role from ledger.partner p where exists"
            " (select 1 from ledger.submission s where s.partner_id = p.partner_id)"
        ).fetchall()
    )
    senders = {one["emetteur"]: one for one in found if one["emetteur"] != "(total)"}
    assert {code: one["role"] for code, one in senders.items()} == accounts
    totals = {one["role"]: one for one in found if one["emetteur"] == "(total)"}
    assert set(totals) == set(accounts.values())
    for role, one in totals.items():
        assert int(one["emetteurs"]) == sum(own == role for own in accounts.values())
    for line, figures in (
        *((senders[code], figures) for code, figures in told.items()),
        *((totals[role], figures) for role, figures in roles.items()),
    ):
        for (name, of), value in figures.items():
            column = f"{name}_{of}" if of else name
            assert number(line[column]) == value, column
        counted = {of for name, of in figures if name == "lignes_code"}
        assert {
            line[column]
            for column in line
            if column.startswith("lignes_code_") and column.removeprefix("lignes_code_") not in counted
        } <= {"0"}
    page = nation.read("DGT", "bilan-emetteurs-2026-01.html").decode()
    for code in accounts:
        assert f'<th scope="row">{code}</th>' in page
    assert page.count("<tfoot>") == len(totals)
    assert [name for name in nation.files("DSND") if name.startswith("bilan")] == []
    assert [name for name in nation.files("DGT") if not name.startswith("bilan-emetteurs-")] == []


def test_no_person_in_any_card(nation: Any) -> None:
    people = nation.connection.execute(
        "select last_name, first_name from identity.civil where until_load is null"
    ).fetchall()
    words = {name for pair in people for name in pair if len(name) > 4}
    nirs = {
        nation.registry.key.open(sealed).decode()
        for (sealed,) in nation.connection.execute("select sealed from identity.identifier").fetchall()
    }
    texts = [path.read_text().upper() for path in (nation.settings.home / "sftp").glob("*/retour/bilan-*")]
    assert texts
    for text in texts:
        found = set(re.findall(r"[A-Z0-9'-]{5,}", text))
        assert not found & words
        assert not found & nirs
        assert "MSV" not in text


class Outline(HTMLParser):
    """What a page is made of: every tag with its attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_pages_stand_alone_and_can_be_heard(nation: Any) -> None:
    for partner, name in (
        *((code, "bilan-2026-01.html") for code in ("LABO1", "EXPL1", "EMPL1", "MDT1")),
        ("DGT", "bilan-emetteurs-2026-01.html"),
    ):
        text = nation.read(partner, name).decode()
        tags = Outline(text).tags
        names = [tag for tag, _ in tags]
        assert ("html", {"lang": "fr"}) in tags
        assert not {"script", "link", "img", "iframe", "object"} & set(names)
        assert not [attributes for _, attributes in tags if {"href", "src"} & set(attributes)]
        assert "url(http" not in text
        assert names.count("table") == names.count("caption") > 0
        assert all("scope" in attributes for tag, attributes in tags if tag == "th")
        drawn = [attributes for tag, attributes in tags if tag == "svg"]
        assert all(
            one.get("aria-hidden") == "true" or (one["role"], bool(one["aria-label"])) == ("img", True) for one in drawn
        )
        assert "None" not in text


def test_the_csv_is_a_plain_one(nation: Any) -> None:
    for partner, name in (("LABO2", "bilan-2026-01.csv"), ("DGT", "bilan-emetteurs-2026-01.csv")):
        body = nation.read(partner, name).decode()
        assert "\r" not in body
        for row in csv.reader(io.StringIO(body), delimiter=";"):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_a_card_is_delivered_once_and_silent_senders_hear_of_it(nation: Any) -> None:
    # Last in this file: later passes move what the other tests look at.
    # One pass of each month had the cards of the month before to deliver; the others of that month, none.
    by_month = defaultdict(list)
    for day, cards in nation.passes:
        by_month[day[:7]].append(cards)
    assert by_month["2025-10"] == [0] * len(by_month["2025-10"])
    for month in ("2025-11", "2025-12", "2026-01"):
        first, *rest = by_month[month]
        assert first > 1
        assert not any(rest)
    assert nation.last.cards == 18  # seventeen senders and the ministry
    before = {path: path.stat().st_mtime_ns for path in (nation.settings.home / "sftp").glob("*/retour/bilan-*")}
    assert nation.run(date(2026, 2, 1)).cards == 0
    assert nation.run(date(2026, 2, 27)).cards == 0
    assert nation.run(date(2026, 1, 31)).cards == 0  # a date gone back to owes nothing
    assert before == {
        path: path.stat().st_mtime_ns for path in (nation.settings.home / "sftp").glob("*/retour/bilan-*")
    }
    # Nothing came in March, the last files in January: everyone is told so; what waited has expired.
    done = nation.run(date(2026, 4, 20))
    assert done.cards == 18
    page = nation.read("LABO1", "bilan-2026-03.html").decode()
    assert "Aucun fichier reçu de vous en mars 2026" in page
    assert "05/01/2026" in page
    assert "bilan-2026-01.html" in nation.files("LABO1")  # old cards stay
    told = Twin(nation).month(2026, 1)
    assert sum(figures["lignes_expirees", ""] or 0 for figures in told.values())
    counted = tallies.count(nation.connection, date(2026, 1, 1))
    for one in counted.senders:
        if one.code in told:
            same(dict(counted.tallies[one.partner_id].figures()), told[one.code])
    # March to May: not a file. Nobody gets anything.
    assert nation.run(date(2026, 6, 1)).cards == 0
    assert not [name for name in nation.files("DGT") if "2026-05" in name]
