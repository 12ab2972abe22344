"""The tables that the public sees, and a reader who has nothing but the files and tries to work out the rest."""

from __future__ import annotations

import csv
import itertools
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from senders import PASSIVE, country, dose, file
from twin.attacker import ONE, Solver, Told
from twin.statistics import lies_in

from bench import published, world
from loaders.errors import UsageError
from pipelines.simulation.run import simulate
from pipelines.statistics.publish import publish

HIDDEN = "s"
BRACKETS = ("0", "]0;1]", "]1;5]", "]5;10]", "]10;15]", "]15;20]", ">20")
BOUNDS = (0, 1000, 5000, 10_000, 15_000, 20_000)
#: More than any worker of the sample received.
MOST = 10_000_000
COUNTS = ("suivis", "exposes", *BRACKETS, "depassements")
DOSE = "dose_collective_hsv"
Table = dict[str, dict[str, str]]
Tables = dict[str, Table]


def read(folder: Path) -> Tables:
    tables = {}
    for path in folder.glob("*.csv"):
        if path.name != "suppressions.csv":
            with path.open(encoding="utf-8", newline="") as lines:
                tables[path.stem] = {row["code"]: row for row in csv.DictReader(lines, delimiter=";")}
    return tables


def withheld(folder: Path) -> dict[tuple[str, str, str], str]:
    with (folder / "suppressions.csv").open(encoding="utf-8", newline="") as lines:
        listed = {(row["table"], row["code"], row["colonne"]): row for row in csv.DictReader(lines, delimiter=";")}
    assert all(row["libelle"] for row in listed.values())
    return {place: row["motif"] for place, row in listed.items()}


def printed(registry: Any, out: Path, audience: str = "public", **asked: Any) -> Path:
    wanted = {"year": 2025, "as_of": None, "scope": "tous"} | asked
    publish(registry.as_("publisher"), out, registry.today, audience=audience, **wanted)
    return out


class Reader:
    """What the tables of the annual dose say, read from the files alone. Doses in micro-sievert."""

    def __init__(self, folder: Path) -> None:
        self.tables, self.log = read(folder), withheld(folder)
        self.sums: list[dict[str, float]] = []
        self.ceilings: list[dict[str, float]] = []
        for name in ("domaines", "secteurs", "secteurs_cumul", "metiers"):
            for code, row in self.tables[name].items():
                self._line(f"{name}|{code}|", row)
        for column in (*COUNTS, DOSE):
            for name in ("domaines", "metiers", "secteurs"):
                self._adds(f"{name}|Total|{column}", [f"{name}|{code}|{column}" for code in self._codes(name)])
                self._adds(f"domaines|Total|{column}", [f"{name}|Total|{column}"])
            for above in self._codes("secteurs"):
                parts = [one for one in self._codes("secteurs") if "(vide)" in (one, above) and one == above]
                parts = parts or [one for one in self._codes("secteurs") if lies_in(one, above)]
                self._adds(f"secteurs_cumul|{above}|{column}", [f"secteurs|{one}|{column}" for one in parts])
            self._adds(f"secteurs_cumul|Total|{column}", [f"domaines|Total|{column}"])
        self._categories()
        self._distribution()

    def told(self, truth: Tables) -> Told:
        """As the attacker takes it; ``truth`` only says which cells there are."""
        shown, log, counts = {}, {}, set()
        for table in ("domaines", "secteurs", "secteurs_cumul", "metiers", "categories", "distribution"):
            for code, row in truth[table].items():
                for column in row:
                    if column in (*COUNTS, "Total", ">10", "effectif", DOSE):
                        name, text = f"{table}|{code}|{column}", self.tables[table][code][column]
                        if text == HIDDEN:
                            word = self.log[table, code, column]
                            # What a change may be at most says little beside one edition alone.
                            log[name] = "ANTERIEUR" if word == "ECART" else word
                        else:
                            shown[name] = usv(text) if column == DOSE else int(text)
                        counts |= {name} if column != DOSE else set()
        return Told(shown, log, frozenset(counts), self.sums, self.ceilings, {})  # type: ignore[arg-type]

    def _codes(self, table: str) -> list[str]:
        return [code for code in self.tables[table] if code != "Total"]

    def _adds(self, whole: str, parts: list[str]) -> None:
        if parts != [whole]:
            self.sums.append({whole: -1, **dict.fromkeys(parts, 1)})

    def _line(self, at: str, row: dict[str, str]) -> None:
        parts = [at + one for one in BRACKETS]
        self._adds(at + "suivis", parts)
        self._adds(at + "exposes", parts[1:])
        self.ceilings.append({**{one: low + 1 for one, low in zip(parts[1:], BOUNDS, strict=True)}, at + DOSE: -1})
        self.ceilings.append(
            {at + DOSE: 1, **{one: -high for one, high in zip(parts[1:], (*BOUNDS[1:], MOST), strict=True)}}
        )
        self.ceilings.append({at + "depassements": 1, at + "suivis": -1})
        for column, size in (("moyenne_suivis_msv", "suivis"), ("moyenne_exposes_msv", "exposes")):
            if row[column] not in (HIDDEN, ""):
                mean = float(row[column]) * 1000
                self.ceilings += [{at + DOSE: 1, at + size: -mean - 1e-3}, {at + DOSE: -1, at + size: mean - 1e-3}]
        for column, share in (("mediane_msv", 0.5), ("p95_msv", 0.95), ("p99_msv", 0.99)):
            if row[column] not in (HIDDEN, "") and row["suivis"] != HIDDEN:
                self._quantile(at, float(row[column]) * 1000, round(share * 100) * (int(row["suivis"]) - 1) // 100, row)

    def _quantile(self, at: str, value: float, below: int, row: dict[str, str]) -> None:
        """Workers in order: those up to ``below`` have at most ``value``, the others at least."""
        bracket = sum(value > bound + 1e-3 for bound in BOUNDS)
        beyond = int(row["suivis"]) - below - 1
        self.ceilings.append({**{at + one: -1 for one in BRACKETS[: bracket + 1]}, ONE: below + 1})
        self.ceilings.append({**{at + one: -1 for one in BRACKETS[bracket:]}, ONE: beyond})
        self.ceilings.append({at + DOSE: -1, ONE: beyond * (value - 1e-3)})

    def _categories(self) -> None:
        columns = ("0", "]0;1]", "]1;5]", "]5;10]", ">10")
        for code in self.tables["categories"]:
            self._adds(f"categories|{code}|Total", [f"categories|{code}|{one}" for one in columns])
        for column in (*columns, "Total"):
            self._adds(
                f"categories|Total|{column}", [f"categories|{code}|{column}" for code in self._codes("categories")]
            )
            same = [column] if column in BRACKETS else ["suivis"] if column == "Total" else BRACKETS[4:]
            self._adds(f"categories|Total|{column}", [f"domaines|Total|{one}" for one in same])

    def _distribution(self) -> None:
        for bound, beyond in (("15", 5), ("10", 4), ("5", 3), ("1", 2)):
            at, parts = f"distribution|{bound}|", [f"domaines|Total|{one}" for one in BRACKETS[beyond:]]
            self._adds(f"{at}effectif", parts)
            self.ceilings.append({at + DOSE: 1, f"domaines|Total|{DOSE}": -1})
            low = {one: BOUNDS[beyond - 1 + place] + 1 for place, one in enumerate(parts)}
            self.ceilings.append({**low, at + DOSE: -1})
            row = self.tables["distribution"][bound]
            for column, part, whole in (
                ("nr_suivis", "effectif", "suivis"),
                ("nr_exposes", "effectif", "exposes"),
                ("sr_suivis", DOSE, DOSE),
            ):
                if row[column] not in (HIDDEN, ""):
                    share = float(row[column])
                    self.ceilings.append({at + part: 1, f"domaines|Total|{whole}": -share - 1e-6})
                    self.ceilings.append({at + part: -1, f"domaines|Total|{whole}": share - 1e-6})


def usv(text: str) -> int:
    return round(float(text) * 1_000_000)


def lawful(public: Tables, truth: Tables, log: dict[tuple[str, str, str], str]) -> None:
    """What is shown is true, what is not stands in the log, and no small number of workers is shown."""
    marked = set()
    for name, table in truth.items():
        if name == "emetteurs":
            assert public[name] == {}
            continue
        assert list(public[name]) == list(table)
        for code, row in table.items():
            for column, text in row.items():
                seen = public[name][code][column]
                if seen == HIDDEN:
                    marked.add((name, code, column))
                else:
                    assert seen == text
                    if column in (*COUNTS, "Total", ">10", "effectif", "travailleurs") and text:
                        assert not 0 < int(text) < 11, (name, code, column)
    assert marked == {place for place in log if place[1] != "*"}


@pytest.fixture
def simulated(registry: Any, tmp_path: Path) -> Any:
    sample = tmp_path / "pays"
    simulate(sample, workers=1200, year=2025, seed=7, months=1)
    facts = json.loads((sample / "manifest.json").read_text())
    for one in facts["partners"]:
        registry.partner(one["code"], one["role"], one["sirens"], one["identifiant"])
    for day, group in itertools.groupby(facts["files"], key=lambda one: one["registry_date"]):
        for one in group:
            registry.drop(one["partner"], Path(one["path"]).name, (sample / one["path"]).read_bytes())
        registry.run(date.fromisoformat(day))
    return registry


def attack(folder: Path, truth: Tables, sample: int) -> None:
    """No withheld figure can be worked out from the files."""
    told = Reader(folder).told(truth)
    solver = Solver(told)
    for name in random.Random(3).sample(sorted(told.log), min(sample, len(told.log))):
        table, code, column = name.split("|")
        low, high = solver.bounds(name)
        if column == DOSE:
            value = usv(truth[table][code][column])
            assert high - low >= max(100, 0.19 * value), (name, low, high)
            assert low - 1 <= value <= high + 1
        else:
            assert high - low >= 3 - 1e-6, (name, low, high)
            assert low - 1e-6 <= int(truth[table][code][column]) <= high + 1e-6


@pytest.mark.slow
def test_a_reader_of_the_files_works_nothing_out_and_two_editions_help_as_little(
    simulated: Any, tmp_path: Path
) -> None:
    truth = read(printed(simulated, tmp_path / "dgt", "dgt"))
    first = printed(simulated, tmp_path / "a")
    log = withheld(first)
    lawful(read(first), truth, log)
    assert {"EFFECTIF", "POPULATION", "SECONDAIRE", "LIEE"} <= set(log.values())
    assert read(first)["domaines"]["Total"]["suivis"] != HIDDEN, "something is left to read"
    attack(first, truth, 200)

    manifest = json.loads((first / "manifest.json").read_text())
    assert manifest["audience"] == "public"
    assert "suppressions.csv" in manifest["tables"]
    assert manifest["cellules_non_publiees"] == len(log)

    # The same instant again, after a late change: the same to the byte.
    (number,) = simulated.connection.execute(
        "select measure_id from dose.passive where until_load is null and year = 2025 and quantity = 0 and state = 0"
        " order by measure_id limit 1"
    ).fetchone()
    with simulated.registry.warehouse.admin() as admin:
        admin.execute("select ledger.open_load('test', null)")
        admin.execute(
            "update dose.passive set until_load = (select max(load_id) from ledger.load), until_code = 'A'"
            " where measure_id = %s and until_load is null",
            (number,),
        )
        admin.execute("select ledger.seal_load(max(load_id)::integer) from ledger.load")
    again = printed(simulated, tmp_path / "b", as_of=manifest["as_of"])
    assert {one.name: one.read_bytes() for one in first.iterdir()} == {
        one.name: one.read_bytes() for one in again.iterdir()
    }
    later = printed(simulated, tmp_path / "c")
    second, before = read(later), read(first)
    assert second != before
    assert {place for place in log if place[1] != "*"} <= set(withheld(later))
    assert "ECART" in withheld(later).values()
    attack(later, read(printed(simulated, tmp_path / "dgt2", "dgt")), 100)
    for name, table in second.items():
        for code, row in table.items():
            for column in (*COUNTS, "Total", ">10", "effectif", "travailleurs"):
                pair = (before[name][code].get(column), row.get(column))
                if pair[0] and HIDDEN not in pair:
                    moved = abs(int(pair[0]) - int(str(pair[1])))
                    assert moved == 0 or moved >= 11
            if row.get(DOSE, HIDDEN) != HIDDEN and before[name][code][DOSE] != HIDDEN:
                assert row[DOSE] == before[name][code][DOSE], "one worker's dose would be the difference"


def test_a_small_country_shows_nothing_of_its_few_workers(registry: Any, tmp_path: Path) -> None:
    country(registry)
    registry.drop("LABO1", "mars.csv", file(PASSIVE, dose("M1", "7.5")))
    registry.run()
    out = printed(registry, tmp_path / "out", year=2026)
    tables = read(out)
    assert withheld(out)["emetteurs", "*", "*"] == "EMETTEUR"
    assert tables["emetteurs"] == {}
    assert set(tables["domaines"]["Total"].values()) == {"Total", "Ensemble", HIDDEN}
    assert json.loads((out / "manifest.json").read_text())["travailleurs_suivis"] is None
    assert json.loads((out / "manifest.json").read_text())["lignes_lues"]["PASSIVE"] is None
    assert b"7.5" not in b"".join(path.read_bytes() for path in out.glob("*.csv"))


def told_by_the_whole(whole: Tables, scope: str, name: str, code: str, column: str) -> str | None:
    """What a reader of the whole's files knows of a figure of a scope: ``None`` nothing, empty that it is of nobody."""
    if name not in ("domaines", "secteurs", "secteurs_cumul"):
        return None
    if code != "Total":
        return whole[name][code][column] if code.startswith("4") == (scope == "naturel") else ""
    total, natural = whole["domaines"]["Total"], whole["domaines"]["400000"]
    if scope == "naturel":
        return natural[column]
    means = {"moyenne_suivis_msv": "suivis", "moyenne_exposes_msv": "exposes"}
    if column in means:
        count, collective = (told_by_the_whole(whole, scope, name, code, one) for one in (means[column], DOSE))
        if HIDDEN in (count, collective):
            return HIDDEN
        return f"{usv(str(collective)) / 1000 / int(str(count)):.6f}"
    if column not in (*COUNTS, DOSE) or HIDDEN in (total[column], natural[column]):
        return HIDDEN
    if column == DOSE:
        return f"{(usv(total[column]) - usv(natural[column])) / 1_000_000:.6f}"
    return str(int(total[column]) - int(natural[column]))


@pytest.mark.parametrize("scope", ["artificiel", "naturel"])
def test_a_scope_tells_the_public_what_the_whole_does_and_no_more(registries: Any, tmp_path: Path, scope: str) -> None:
    """Every figure shown of a scope can be worked out from the files of the whole alone: they give nothing away."""
    told = next(one for one in published.WORLDS if one.name == "sectors_2020")
    with registries() as bench:
        world.load(bench.registry, told, tmp_path / "ancien", 100)
        part = printed(bench, tmp_path / "part", year=2020, scope=scope)
        whole = read(printed(bench, tmp_path / "whole", year=2020))
        exact = read(printed(bench, tmp_path / "dgt", "dgt", year=2020, scope=scope))
    log, shown = withheld(part), 0
    lawful(read(part), exact, log)
    for name, table in read(part).items():
        for code, row in table.items():
            for column, text in row.items():
                if column in ("code", "libelle") or not text:
                    continue
                known = told_by_the_whole(whole, scope, name, code, column)
                if text == HIDDEN:
                    assert known in (None, HIDDEN) or 0 < int(exact[name][code]["suivis"]) < 11
                elif known == "":
                    assert float(text) == 0
                else:
                    assert text == known, (name, code, column)
                    shown += 1
    assert shown > 40
    assert "PERIMETRE" in log.values()
    assert whole["secteurs"]["201000"]["suivis"] == HIDDEN, "something is withheld of the whole"
    manifest = json.loads((part / "manifest.json").read_text())
    assert (manifest["scope"], manifest["cellules_non_publiees"]) == (scope, len(log))


@pytest.mark.parametrize("scope", ["civil", "militaire"])
def test_a_part_would_be_the_difference_to_the_whole(registry: Any, tmp_path: Path, scope: str) -> None:
    with pytest.raises(UsageError, match="différence"):
        printed(registry, tmp_path / "out", scope=scope)
    assert not (tmp_path / "out").exists()
