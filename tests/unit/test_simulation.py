"""The synthetic country: published statistics, files by the contract, and expectations that can be trusted."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stdnum.fr import nir as stdnum_nir
from stdnum.fr import siret as stdnum_siret
from twin.ledger import Partner
from twin.registry import TwinRegistry

from pipelines.offline import judge
from pipelines.simulation import faults, identities
from pipelines.simulation.population import BRACKETS, CATEGORIES, DOMAINS, calibration, population
from pipelines.simulation.run import simulate
from schemas.codebook import Severity, book

within_five_percent = partial(pytest.approx, rel=0.05)
#: Codes that need the registry: the offline check cannot find them.
REGISTRY = {
    *("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-10", "IDT-11"),
    *("MET-10", "MET-11", "MET-12", "AVT-10"),
}


# --- statistics ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people_of_2020():
    return population(50_000, 2020, seed=20, years=2)


def test_shares_by_domain(people_of_2020):
    published = calibration()["domains"]["share_pct"]
    for at, name in enumerate(DOMAINS):
        share = 100 * np.mean(people_of_2020.domain == at)
        assert share == within_five_percent(published[name])
        assert share == within_five_percent(published[name] / sum(published.values()) * 100)


def test_mean_dose_of_exposed_workers_by_domain(people_of_2020):
    dose_msv = people_of_2020.dose_usv(2020) / 1000
    for at, name in enumerate(DOMAINS):
        exposed = dose_msv[(people_of_2020.domain == at) & (dose_msv > 0)]
        assert exposed.mean() == within_five_percent(calibration()["domains"]["mean_exposed_msv"][name]), name


def test_category_by_bracket_and_share_of_zeros(people_of_2020):
    table = np.array([calibration()["categories"][name] for name in CATEGORIES])
    assert table.sum() == 370_564
    artificial = people_of_2020.domain != DOMAINS.index("natural")
    bracket = people_of_2020.bracket(2020)
    total = artificial.sum()
    for group, name in enumerate(CATEGORIES):
        members = artificial & (people_of_2020.category == group)
        found = np.bincount(bracket[members], minlength=len(BRACKETS))
        for at, number in enumerate(table[group] / table.sum() * total):
            # Where fewer than twenty persons are due, whole persons cannot do better than one more or less.
            assert found[at] == pytest.approx(number, rel=0.05, abs=1.0 if number < 20 else 0), (name, BRACKETS[at])
    assert np.mean(bracket[artificial] == 0) == within_five_percent(295_829 / 370_564)
    assert np.mean(bracket == 0) == within_five_percent(0.76)
    assert np.mean(people_of_2020.dose_usv(2020) < 1000) == within_five_percent(0.94)


def test_a_high_dose_one_year_comes_with_a_high_dose_the_year_before(people_of_2020):
    expected = calibration()["persistence"]
    before, now = people_of_2020.dose_usv(2019), people_of_2020.dose_usv(2020)
    assert np.mean(before[now > 10_000] > 5_000) > expected["same_people_above_10"]
    members = (people_of_2020.domain == DOMAINS.index("nuclear")) & (people_of_2020.category == 0)
    assert np.corrcoef(before[members], now[members])[0, 1] > 0.6
    # Aircrew are nearly all exposed: there the ranks themselves can be compared.
    aircrew = people_of_2020.domain == DOMAINS.index("natural")
    ranks = [np.argsort(np.argsort(dose[aircrew], kind="stable")) for dose in (before, now)]
    assert np.corrcoef(*ranks)[0, 1] == within_five_percent(expected["correlation"])


def test_two_calls_agree_on_a_year():
    alone, chained = population(3_000, 2021, seed=4), population(3_000, 2022, seed=4, years=2)
    assert (alone.steps[0] == chained.steps[0]).all()
    assert (alone.domain == chained.domain).all()


def test_nobody_is_unclassified_once_the_law_forbids_it():
    assert (population(5_000, 2023, seed=1).category == CATEGORIES.index("NC")).any()
    assert not (population(5_000, 2024, seed=1).category == CATEGORIES.index("NC")).any()


# --- files -----------------------------------------------------------------------------------------


def _make(folder: Path, **changes: Any) -> Path:
    simulate(folder, **{"workers": 500, "year": 2025, "seed": 7, "months": 1, "faults": 0.08, **changes})
    return folder


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    return _make(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    return _make(tmp_path_factory.mktemp("season"), year=2023, workers=150, months=4, faults=0.15, labs=3, operators=2)


def _manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def _expected(folder: Path) -> dict[str, dict[int, dict[str, str]]]:
    found: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter=";"):
            found[row["path"]][int(row["ligne"])] = row
    return found


def _rows(folder: Path, entry: dict[str, Any]) -> list[dict[str, str]]:
    data = (folder / entry["path"]).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    return list(csv.DictReader(text.splitlines(), delimiter="," if entry["format"] == "ETABLISSEMENTS" else ";"))


def test_same_seed_same_bytes(tmp_path, month):
    again, other = _make(tmp_path / "again"), _make(tmp_path / "other", seed=8)

    def content(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(again) == content(month)
    assert content(other) != content(month)


def test_a_second_simulation_replaces_the_first(tmp_path):
    _make(tmp_path, months=3)
    (tmp_path / "files" / "notes.txt").write_text("kept")
    _make(tmp_path, workers=60)
    there = {str(path.relative_to(tmp_path)) for path in (tmp_path / "files").rglob("*") if path.is_file()}
    assert there == {entry["path"] for entry in _manifest(tmp_path)["files"]} | {"files/notes.txt"}


def test_the_manifest_lists_what_is_there(month):
    manifest = _manifest(month)
    paths = [entry["path"] for entry in manifest["files"]]
    there = [str(path.relative_to(month)) for path in (month / "files").rglob("*") if path.is_file()]
    assert sorted(paths) == sorted(there)
    assert list(json.loads((month / "expected_files.json").read_text(encoding="utf-8"))) == paths
    stages = [entry["stage"] for entry in manifest["files"]]
    assert stages == sorted(stages)
    assert set(stages) == {1, 2, 3, 4}
    assert {entry["registry_date"] for entry in manifest["files"]} == {manifest["registry_date"]}
    assert {entry["partner"] for entry in manifest["files"]} == {one["code"] for one in manifest["partners"]}
    roles = Counter(one["role"] for one in manifest["partners"])
    assert roles == {"GESTIONNAIRE": 1, "OA": 2, "EXPLOITANT": 1, "EMPLOYEUR": 5}


@pytest.mark.parametrize("sample", ["month", "season"])
def test_expectations_agree_with_the_offline_check(sample, request):
    folder = request.getfixturevalue(sample)
    manifest, expected = _manifest(folder), _expected(folder)
    roles = {one["code"]: one["role"] for one in manifest["partners"]}
    for entry in manifest["files"]:
        path = folder / entry["path"]
        day = date.fromisoformat(entry["registry_date"])
        found = judge(path.read_bytes(), path.name, day, roles[entry["partner"]])
        assert (found.file_code, found.format, len(found.rows)) == (None, entry["format"], entry["rows"])
        if path.stem.endswith("_bis"):
            continue
        for line, codes in enumerate(found.rows, start=1):
            told = set(expected[entry["path"]].get(line, {"codes": ""})["codes"].split(",")) - {""} - REGISTRY
            assert set(codes) == told, (entry["path"], line)


@pytest.mark.parametrize("sample", ["month", "season"])
def test_expectations_agree_with_the_twin_registry(sample, request):
    folder = request.getfixturevalue(sample)
    manifest, expected = _manifest(folder), _expected(folder)
    figures = json.loads((folder / "expected_files.json").read_text(encoding="utf-8"))
    registry = TwinRegistry(
        [Partner(one["code"], one["role"], tuple(one["sirens"]), one["identifiant"]) for one in manifest["partners"]]
    )
    right = {"issue": "INTEGRE", "codes": "", "issue_finale": "INTEGRE"}
    for (_, day), group in groupby(manifest["files"], key=lambda one: (one["stage"], one["registry_date"])):
        dropped = list(group)
        for entry in dropped:
            path = folder / entry["path"]
            registry.deposit(entry["partner"], path.name, path.read_bytes())
        registry.run(date.fromisoformat(day))
        for entry in dropped:
            taken = registry.submission(entry["partner"], Path(entry["path"]).name)
            told = figures[entry["path"]]
            assert (taken.first["statut"], taken.first["lignes"]) == (told["statut"], told["lignes"]), entry["path"]
            for line in taken.lines:
                row = expected[entry["path"]].get(line.line, right)
                found = line.outcome, ",".join(sorted(line.codes))
                assert found == (row["issue"], row["codes"]), (entry["path"], line.line)
    for entry in manifest["files"]:
        for line in registry.submission(entry["partner"], Path(entry["path"]).name).lines:
            row = expected[entry["path"]].get(line.line, right)
            assert line.outcome == row["issue_finale"], (entry["path"], line.line)


def test_every_code_is_planted(tmp_path):
    told = simulate(tmp_path, 2_500, 2025, seed=3, months=1)
    planted = {code for codes in faults.PLANTABLE.values() for code in codes}
    assert planted <= set(told["codes"])
    ways = {row["issue"] + ">" + row["issue_finale"] for rows in _expected(tmp_path).values() for row in rows.values()}
    assert {"EN_ATTENTE>INTEGRE", "EN_ATTENTE>EN_ATTENTE", "REJETE>REJETE", "DOUBLON>DOUBLON"} <= ways
    statuses = {one["statut"] for one in json.loads((tmp_path / "expected_files.json").read_text("utf-8")).values()}
    assert {"INTEGRE", "PARTIEL", "DEJA_RECU"} <= statuses


def test_the_labs_files_add_up_to_the_population(tmp_path):
    _make(tmp_path, workers=400, year=2022, months=12, faults=0.0)
    sent: Counter[str] = Counter()
    thresholds = set()
    for entry in _manifest(tmp_path)["files"]:
        if entry["format"] != "PASSIVE" or entry["stage"] != 3:
            continue
        for row in _rows(tmp_path, entry):
            if row["TYPE_MESURE"] == "PAS-HP10-PHO":
                value = round(float(row["VALEUR"].replace(",", ".") or 0) * 1000)
                assert value % 50 == 0
                assert (value > 0) == (row["ETAT_RESULTAT"] == "MES")
                sent[row["NIR"]] += value
                thresholds.add(row["SEUIL"])
    drawn = population(400, 2022, seed=7)
    assert len(sent) == 400
    assert sorted(sent.values()) == sorted(drawn.dose_usv(2022).tolist())
    assert thresholds == {"0.05", ""}


def test_an_undisturbed_country_integrates_without_a_word(tmp_path):
    _make(tmp_path, faults=0.0, labs=1)
    assert not _expected(tmp_path)


def test_the_same_people_come_back_the_next_year(tmp_path):
    seen = []
    for year in (2024, 2025):
        folder = _make(tmp_path / str(year), year=year, faults=0.0)
        lists = [entry for entry in _manifest(folder)["files"] if entry["format"] == "TRAVAILLEURS"]
        seen.append({(row["NIR"], row["SIRET"]) for entry in lists for row in _rows(folder, entry)})
    assert seen[0] == seen[1]


def test_dialects_differ(month):
    data = [(month / entry["path"]).read_bytes() for entry in _manifest(month)["files"]]
    assert any(one.startswith(b"\xef\xbb\xbf") for one in data)
    assert any(b"\r\n" in one for one in data)
    assert any(one.startswith(b'"') for one in data)
    assert any(re.search(rb";[0-9]+,[0-9]+;", one) for one in data)
    assert any(b"\xc9quipe" in one for one in data)  # Windows-1252
    assert any("Équipe".encode() in one for one in data)


def test_numbers_are_well_made():
    taken: set[str] = set()
    people = identities.people(8_000, 2025, np.random.default_rng(1), taken)
    assert len(set(people.nir)) == 8_000
    ordinary = [at for at, number in enumerate(people.nir) if number[0] in "12" and number[5] == "7"]
    for at in ordinary[:300]:
        assert stdnum_nir.is_valid(people.nir[at] + people.key[at])
    places = {number[5:7] for number in people.nir}
    assert {"2A", "2B", "97", "99", "75", "01"} <= places
    assert not [number for number in people.nir if number[5:7] in ("2A", "2B") and int(number[1:3]) in range(30, 76)]
    assert any(number[0] in "78" for number in people.nir)
    assert {int(number[3:5]) for number in people.nir} > set(range(1, 13))
    rng = np.random.default_rng(2)
    companies = [identities.siren(rng, set()) for _ in range(300)]
    assert any(one.startswith("0") for one in companies)
    for company in [*companies, "356000000"]:
        assert stdnum_siret.is_valid(identities.siret(company, 12))


def test_temporary_workers_have_several_employers(month):
    places = defaultdict(set)
    for entry in _manifest(month)["files"]:
        if entry["format"] == "TRAVAILLEURS" and entry["partner"] == "SISERI" and entry["stage"] == 2:
            for row in _rows(month, entry):
                if row["codeTypeContrat"] == "CTT":
                    places[row["NIR"]].add(row["SIRET"])
    assert any(len(one) > 1 for one in places.values())


# --- faults ----------------------------------------------------------------------------------------

PASSIVE = {
    "NIR": "1850675110042",
    "NOM": "MARTIN",
    "PRENOM": "CLAIRE",
    "SIRET": "73282932000074",
    "TYPE_MESURE": "PAS-HP10-PHO",
    "LOCALISATION": "POITRINE",
    "TYPE_DOSIMETRE": "OSL",
    "DATE_DEBUT_PORT": "01/12/2025",
    "DATE_FIN_PORT": "31/12/2025",
    "ETAT_RESULTAT": "MES",
    "VALEUR": "0.15",
    "SEUIL": "0.05",
    "ID_MESURE": "M1",
    "CODE_METROLOGIE": "",
}
OTHER_SIRET = "73282932000082"
CONTEXT = faults.Context(
    registry_date=date(2026, 1, 5),
    start=date(2020, 1, 1),
    unknown_nir="1850675110043",
    unknown_siret=OTHER_SIRET,
    elsewhere=OTHER_SIRET,
    closed=OTHER_SIRET,
    undesignated=OTHER_SIRET,
    new_id="M2",
    other_name="DURAND",
)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("code", faults.PLANTABLE["PASSIVE"])
def test_a_planted_fault_is_that_fault_alone(code, seed):
    row = dict(PASSIVE)
    if code == "AVT-04":
        row |= {"ETAT_RESULTAT": "INF", "VALEUR": ""}
    elif code == "AVT-07":
        row["SIRET"] = identities.siret("00541023" + identities.luhn_digit("00541023"), 1)
    assert faults.fits(code, "PASSIVE", row, CONTEXT.registry_date)
    spoiled = faults.plant(code, "PASSIVE", row, np.random.default_rng(seed), CONTEXT)
    assert (spoiled == row) == (code == "MET-12")
    data = (";".join(spoiled) + "\n" + ";".join(spoiled.values()) + "\n").encode()
    (found,) = judge(data, "essai.csv", CONTEXT.registry_date, "OA").rows
    assert found == faults.carried(code) - REGISTRY


def test_what_cannot_be_planted_says_so():
    with pytest.raises(KeyError):
        faults.plant("AVT-06", "PASSIVE", PASSIVE, np.random.default_rng(1), CONTEXT)
    assert not faults.fits("MET-06", "TRAVAILLEURS", {}, date(2024, 1, 31))
    assert all(book()[code].severity is not Severity.FILE for codes in faults.PLANTABLE.values() for code in codes)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"labs": 0}, {"months": 13}, {"months": 0}, {"faults": 0.9}])
def test_parameters_out_of_range(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"workers|faults"):
        _make(tmp_path, **wrong)
