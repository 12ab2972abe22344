"""The synthetic country: published statistics, files by the contract, and expectations that can be trusted."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
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
from pipelines.simulation.flaws import TAIL, Context
from pipelines.simulation.population import BRACKETS, CATEGORIES, DOMAINS, calibration, population
from pipelines.simulation.run import UNTOLD, simulate
from pipelines.simulation.sheets import Dialect, Sheet
from schemas.codebook import Severity, book
from schemas.formats import formats
from schemas.identifiers import key_of

within_five_percent = partial(pytest.approx, rel=0.05)
#: Codes that need the registry: the offline check cannot find them.
REGISTRY = {
    *("IDT-05", "IDT-06", "IDT-07", "IDT-08", "IDT-09", "IDT-10", "IDT-11"),
    *("MET-10", "MET-11", "MET-12", "AVT-10"),
}


def _of_registry(format_name: str) -> set[str]:
    """Codes that the offline check cannot find in rows of a format; a departure is held against its start."""
    return REGISTRY | ({"MET-01"} if format_name == "SORTIES" else set())


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
    if entry["path"].endswith(".gz"):
        data = gzip.decompress(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if text.startswith("00"):
        return [_cells(line) for line in text.splitlines()[1:-1]]
    return list(csv.DictReader(text.splitlines(), delimiter="," if entry["format"] == "ETABLISSEMENTS" else ";"))


def _cells(record: str) -> dict[str, str]:
    """The NIR, state, value (in mSv) and type of a PASSIVE record."""
    names = {"NIR": (3, 15), "TYPE_MESURE": (90, 104), "ETAT_RESULTAT": (146, 148), "SEUIL": (158, 163)}
    value = record[148:157].strip()
    cells = {name: record[first - 1 : last].strip() for name, (first, last) in names.items()}
    return cells | {"VALEUR": f"{int(value) / 1000:.3f}" if value else "", "SEUIL": f"{int(cells['SEUIL']) / 1000:.2f}"}


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
    assert roles == {"GESTIONNAIRE": 1, "OA": 2, "EXPLOITANT": 1, "EMPLOYEUR": 5, "CALCUL": 1, "MDT": 1}


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
            told = set(expected[entry["path"]].get(line, {"codes": ""})["codes"].split(",")) - {""}
            told -= _of_registry(entry["format"])
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
    # The twin merges nobody. The others' rows end the same without the answers on identities.
    files = [entry for entry in manifest["files"] if entry["format"] != "IDENTITES"]
    for (_, day), group in groupby(files, key=lambda one: (one["stage"], one["registry_date"])):
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
                found = line.outcome, ",".join(sorted(line.codes - set(UNTOLD)))
                assert found == (row["issue"], row["codes"]), (entry["path"], line.line)
    for entry in files:
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


def test_every_code_is_planted_in_every_format(tmp_path, monkeypatch):
    planted: set[tuple[str, str]] = set()
    plant = faults.plant

    def noted(code: str, format_name: str, *rest: Any) -> dict[str, str]:
        planted.add((format_name, code))
        return plant(code, format_name, *rest)

    monkeypatch.setattr(faults, "plant", noted)
    simulate(tmp_path, 8_000, 2025, seed=3, months=1, faults=0.5, labs=3, employer_accounts=40)
    wanted = {(name, code) for name, codes in faults.PLANTABLE.items() for code in codes if name != "CONCLUSION"}
    # A sender whose numbers all bear a decimal comma cannot send one by mistake.
    assert wanted - planted == {("NAVIGANT", "AVT-03")}


def test_the_labs_files_add_up_to_the_population(tmp_path):
    _make(tmp_path, workers=400, year=2022, months=12, faults=0.0)
    sent: Counter[str] = Counter()
    thresholds = set()
    for entry in _manifest(tmp_path)["files"]:
        if entry["format"] not in ("PASSIVE", "NAVIGANT") or entry["stage"] != 3:
            continue
        for row in _rows(tmp_path, entry):
            if entry["format"] == "NAVIGANT":
                sent[row["NIR"]] += round(float(row["VALEUR"].replace(",", ".")) * 1000)
                continue
            if row["TYPE_MESURE"] == "PAS-HP10-PHO":
                value = round(float(row["VALEUR"].replace(",", ".") or 0) * 1000)
                assert value % 50 == 0
                assert (value > 0) == (row["ETAT_RESULTAT"] == "MES")
                sent[row["NIR"]] += value
                thresholds.add(row["SEUIL"])
    drawn = population(400, 2022, seed=7)
    assert len(sent) == 400
    assert sorted(sent.values()) == sorted(drawn.dose_usv(2022).tolist())
    assert thresholds == {"0.05"}


def test_an_undisturbed_country_integrates_without_a_word(tmp_path):
    _make(tmp_path, faults=0.0, labs=1)
    told = {(row["issue"], row["codes"]) for rows in _expected(tmp_path).values() for row in rows.values()}
    assert told == {("INTEGRE", "AVT-03")}  # one sender writes decimal commas


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
    packed = [gzip.decompress(one) for one in data if one.startswith(b"\x1f\x8b")]
    assert packed
    assert all(b";ID_ANALYSE;" in one for one in packed)
    assert any(one.startswith(b"00SISPAS01") for one in data)
    assert any(one.startswith(b"00SISOPE01") and b"D\xe9contamination" in one for one in data)


def test_a_month_of_flights_counts(tmp_path):
    """A month below 0.10 mSv counts nothing: no dose may be lost to months that small."""
    _make(tmp_path, workers=600, months=12, faults=0.0)
    months: defaultdict[str, list[int]] = defaultdict(list)
    for entry in _manifest(tmp_path)["files"]:
        if entry["format"] == "NAVIGANT":
            for row in _rows(tmp_path, entry):
                months[row["NIR"]].append(round(float(row["VALEUR"].replace(",", ".")) * 1000))
    assert len(months) > 20
    assert all(len(values) == 12 for values in months.values())
    assert all(value == 0 or value >= 100 for values in months.values() if sum(values) > 50 for value in values)


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

_NUMBERS = {"NIR": "1850675110042", "NOM": "MARTIN", "PRENOM": "CLAIRE", "SIRET": "73282932000074"}
_DOCTOR = {"NIR": "1850675110042", "SIRET": "73282932000074", "RPPS": "10003456786"}
RIGHT: dict[str, dict[str, str]] = {
    "PASSIVE": {
        **_NUMBERS,
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
    },
    "OPERATIONNELLE": {
        "NIR": "1850675110042",
        "SIRET": "73282932000074",
        "LIEU": "BUGEY",
        "ZONE": "BR2",
        "TYPE_MESURE": "OPE-HP10-PHO",
        "TYPE_DOSIMETRE": "DMC 3000",
        "DATE_DEBUT_PORT": "02/01/2026 08:15",
        "DATE_FIN_PORT": "02/01/2026 11:40",
        "VALEUR": "0.012",
        "ACTIVITE": "Contrôle",
        "CODE_METROLOGIE": "",
    },
    "TRAVAILLEURS": {
        **_NUMBERS,
        "CLE": "20",
        "DATENAISSANCE": "12/06/1985",
        "SEXE": "M",
        "GROUPE": "",
        "CLASSEMENT": "B",
        "AUTREEXPOSITION": "",
        "caractereActivite": "Civil",
        "codeDomaineActivite": "100000",
        "codeSecteurActivite": "101010",
        "codeNuisanceRadiologique": "EXT",
        "codeTypeContrat": "CDI",
        "CodeMetier": "IDE",
        "QUOTITE": "0.8",
        "DATEDEBUT": "01/09/2019",
    },
    "INTERNE": {
        **_NUMBERS,
        "TYPE_EXAMEN": "RTU",
        "DATE_EXAMEN": "16/12/2025",
        "RADIONUCLEIDE": "Cs-137",
        "ACTIVITE": "1.2",
        "UNITE": "Bq/L",
        "LIMITE_DETECTION": "0.5",
        "ETAT_RESULTAT": "MES",
        "ID_ANALYSE": "A1",
        "CODE_METROLOGIE": "",
    },
    "ENGAGEE": {
        **_DOCTOR,
        "DATE_INCORPORATION": "12/12/2025",
        "RADIONUCLEIDE": "Tc-99m",
        "VALEUR": "0.3",
        "ID_EVALUATION": "E1",
        "CODE_METROLOGIE": "",
    },
    "NAVIGANT": {
        "NIR": "1850675110042",
        "SIRET": "73282932000074",
        "MOIS": "12/2025",
        "VALEUR": "0.25",
        "NB_VOLS": "12",
        "ID_CALCUL": "N1",
        "CODE_METROLOGIE": "",
    },
    "SORTIES": {"NIR": "1850675110042", "CLE": "20", "SIRET": "73282932000074", "DATEFIN": "31/12/2025"},
    "IDENTITES": {
        "NIA": "3850675110042",
        **{name: _NUMBERS[name] for name in ("NIR", "NOM", "PRENOM")},
        "CLE": "20",
        "DATENAISSANCE": "12/06/1985",
        "SEXE": "M",
        "STATUT": "CERTIFIE",
    },
    "DESIGNATIONS": {
        "SIRET": "73282932000074",
        "ROLE": "RPL",
        "IDENTIFIANT": "732829320",
        "NOM": "MARTIN",
        "PRENOM": "CLAIRE",
        "COURRIEL": "rpl@example.org",
        "DATEDEBUT": "01/01/2020",
        "DATEFIN": "",
    },
    "ETABLISSEMENTS": {
        "siren": "732829320",
        "siret": "73282932000074",
        "etatAdministratifEtablissement": "A",
        "dateDebut": "2008-01-01",
        "denominationUsuelleEtablissement": "CLINIQUE",
        "enseigne1Etablissement": "",
        "activitePrincipaleEtablissement": "86.10Z",
        "codeCommuneEtablissement": "75110",
        "etablissementSiege": "true",
    },
    "CONCLUSION": {
        "ID_DEPASSEMENT": "1024",
        "NIR": "1850675110042",
        "RPPS": "10003456786",
        "CONCLUSION": "MODIFIEE",
        "VALEUR_RETENUE": "12.5",
        "DATE_CONCLUSION": "02/01/2026",
        "COMMENTAIRE": "dosimètre contaminé",
    },
}
PASSIVE = RIGHT["PASSIVE"]
OTHER_SIRET = "73282932000082"
CONTEXT = Context(
    registry_date=date(2026, 1, 5),
    start=date(2020, 1, 1),
    unknown_nir="1850675110043",
    unknown_siret=OTHER_SIRET,
    elsewhere=OTHER_SIRET,
    closed=OTHER_SIRET,
    undesignated=OTHER_SIRET,
    outside=OTHER_SIRET,
    new_id="M2",
    other_name="DURAND",
)
EVERY = [(name, code) for name, codes in faults.PLANTABLE.items() for code in codes]


def _fitting(code: str, format_name: str) -> dict[str, str]:
    """A right row in which the fault can be planted."""
    row = dict(RIGHT[format_name])
    if (code, format_name) == ("AVT-04", "PASSIVE"):
        row |= {"ETAT_RESULTAT": "INF", "VALEUR": ""}
    elif code == "AVT-07" and "CLE" in row:
        number = row["NIR"]
        order = next(one for one in range(1, 999) if key_of(f"{number[:10]}{one:03d}").startswith("0"))
        row |= {"NIR": f"{number[:10]}{order:03d}", "CLE": key_of(f"{number[:10]}{order:03d}")}
    elif code == "AVT-07":
        siren = "00541023" + identities.luhn_digit("00541023")
        row["siret" if format_name == "ETABLISSEMENTS" else "SIRET"] = identities.siret(siren, 1)
    elif (code, format_name) == ("MET-13", "CONCLUSION"):
        row |= {"CONCLUSION": "ANNULEE", "VALEUR_RETENUE": ""}
    assert faults.fits(code, format_name, row, CONTEXT.registry_date)
    return row


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("format_name", "code"), EVERY)
def test_a_planted_fault_is_that_fault_alone(format_name, code, seed):
    row = _fitting(code, format_name)
    context = replace(CONTEXT, unknown_nir="3850675110043") if format_name == "IDENTITES" else CONTEXT
    spoiled = faults.plant(code, format_name, row, np.random.default_rng(seed), context)
    assert (spoiled == row) == (code == "MET-12")
    tail = spoiled.pop(TAIL, None)
    mark = formats()[format_name].delimiter
    cells = [*spoiled.values(), *([tail] if tail is not None else [])]
    data = (mark.join(spoiled) + "\n" + mark.join(cells) + "\n").encode()
    (found,) = judge(data, "essai.csv", CONTEXT.registry_date).rows
    assert found == faults.carried(code, format_name) - _of_registry(format_name)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("format_name", "code"),
    [one for one in EVERY if formats()[one[0]].record and one[1] not in faults.NOT_IN_FIXED_WIDTH],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_fault_in_fixed_width_is_that_fault_alone(tmp_path, format_name, code, encoding, seed):
    row = _fitting(code, format_name) | {"NOM": "LEFÈVRE"}
    fixed = replace(CONTEXT, fixed=True)
    dialect = Dialect(encoding, "\r\n", fixed=True, extension=".txt")
    sheet = Sheet("LABO1", "essai", format_name, 3, CONTEXT.registry_date, dialect)
    sheet.append(row)
    sheet.append(faults.plant(code, format_name, row, np.random.default_rng(seed), fixed))
    sheet.write(tmp_path)
    found = judge((tmp_path / sheet.path).read_bytes(), "essai.txt", CONTEXT.registry_date, partner="LABO1")
    assert found.file_code is None
    clean, spoiled = found.rows
    assert clean <= {"AVT-02", "AVT-04"}  # the accent of the name
    assert spoiled | {"AVT-02"} == faults.carried(code, format_name) - _of_registry(format_name) | {"AVT-02"}


def test_a_fixed_width_text_keeps_to_its_place(tmp_path):
    sheet = Sheet("LABO1", "essai", "PASSIVE", 3, CONTEXT.registry_date, Dialect(fixed=True))
    sheet.append(PASSIVE | {"NOM": "X" * 31})
    with pytest.raises(ValueError, match="NOM"):
        sheet.write(tmp_path)
    with pytest.raises(KeyError):
        faults.plant("AVT-01", "PASSIVE", PASSIVE, np.random.default_rng(1), replace(CONTEXT, fixed=True))


def test_what_cannot_be_planted_says_so():
    with pytest.raises(KeyError):
        faults.plant("AVT-06", "PASSIVE", PASSIVE, np.random.default_rng(1), CONTEXT)
    assert not faults.fits("MET-06", "TRAVAILLEURS", {}, date(2024, 1, 31))
    assert all(book()[code].severity is not Severity.FILE for codes in faults.PLANTABLE.values() for code in codes)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"labs": 0}, {"months": 13}, {"months": 0}, {"faults": 0.9}])
def test_parameters_out_of_range(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"workers|faults"):
        _make(tmp_path, **wrong)
