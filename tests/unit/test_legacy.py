"""The old registry's rules one by one: repairs, trades, what cannot be read, keys that may have passed."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import UsageError
from loaders.settings import project_root
from pipelines.legacy import trades
from pipelines.legacy.outcomes import CAUSES
from pipelines.legacy.parts import batches, found
from pipelines.legacy.people import active_since
from pipelines.legacy.repairs import is_placeholder, person, siret, siret_valid, well_formed
from pipelines.legacy.seen import Seen, digest_texts
from schemas import legacy, nomenclature
from schemas.identifiers import key_of, nir_shape
from schemas.legacy import tables

NIR = "1850675110042"
BIRTH = date(1985, 6, 12)
CLEAN = {"NIR": NIR, "CLE": key_of(NIR), "NOM": "MARTIN", "PRENOM": "PAUL", "SEXE": "M"}


def test_a_clean_worker_is_left_as_it_is() -> None:
    one = person(CLEAN, BIRTH)
    assert (one.nir, one.last, one.first, one.birth, one.sex) == (NIR, "MARTIN", "PAUL", BIRTH, "M")
    assert one.cause is None
    assert one.repairs == []


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        ("ESPACES", {"NIR": "1 85 06 75 110 042"}),
        ("ESPACES", {"NOM": "  MARTIN\u00a0"}),
        ("CASSE_ACCENTS", {"NOM": "Mârtin", "PRENOM": "Paul"}),
        ("CHAMPS_INVERSES", {"NIR": "MARTIN", "NOM": NIR}),
        ("CHAMPS_INVERSES", {"NIR": key_of(NIR), "CLE": NIR}),
        ("CLE_DANS_NIR", {"NIR": NIR + key_of(NIR), "CLE": ""}),
        ("CLE_RECALCULEE", {"CLE": "01"}),
        ("CLE_RECALCULEE", {"CLE": ""}),
        ("SEXE_LU_DU_NIR", {"SEXE": ""}),
    ],
)
def test_each_rule_mends_what_it_is_for_and_says_so(rule: str, sent: dict[str, str]) -> None:
    one = person(CLEAN | sent, BIRTH)
    assert (one.nir, one.last, one.first, one.sex, one.cause) == (NIR, "MARTIN", "PAUL", "M", None)
    assert {repair.rule for repair in one.repairs} == {rule}
    assert all(repair.before != repair.after for repair in one.repairs)


@given(st.from_regex("[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}", fullmatch=True))
def test_a_number_is_well_formed_as_in_every_file(nir: str) -> None:
    shape = nir_shape(np.frombuffer(nir.encode(), np.uint8).reshape(1, -1))
    assert well_formed(nir) == bool(shape[0])


def test_a_month_beyond_twelve_turns_no_day() -> None:
    nir = "1852075110042"
    one = person(CLEAN | {"NIR": nir, "CLE": key_of(nir)}, date(1985, 6, 20))
    assert (one.birth, one.cause, one.repairs) == (date(1985, 6, 20), None, [])


def test_a_lost_zero_of_the_key_is_put_back() -> None:
    nir = next(f"18506751100{at:02d}" for at in range(1, 99) if key_of(f"18506751100{at:02d}").startswith("0"))
    one = person(CLEAN | {"NIR": nir, "CLE": key_of(nir)[1:]}, BIRTH)
    assert [repair.rule for repair in one.repairs] == ["ZERO_PERDU"]


def test_corsica_in_lower_case_and_turned_days_are_mended() -> None:
    nir = "185062a110042"
    one = person(CLEAN | {"NIR": nir, "CLE": key_of(nir.upper())}, date(1985, 12, 6))
    assert (one.nir, one.birth, one.cause) == ("185062A110042", BIRTH, None)
    assert {repair.rule for repair in one.repairs} == {"CASSE_ACCENTS", "JOUR_MOIS_INVERSES"}


@pytest.mark.parametrize(
    ("cause", "sent", "birth"),
    [
        ("ANONYME", {"NOM": "Anonyme"}, BIRTH),
        ("ANONYME", {"PRENOM": ""}, BIRTH),
        ("NIR_IRREPARABLE", {"NIR": "18506751100A2"}, BIRTH),
        ("NAISSANCE_ABSENTE", {}, None),
        ("IDENTITE_DISCORDANTE", {}, date(1984, 6, 12)),
        ("IDENTITE_DISCORDANTE", {"SEXE": "F"}, BIRTH),
        ("IDENTITE_DISCORDANTE", {"CLE": "01"}, date(1984, 6, 12)),
    ],
)
def test_what_no_rule_may_guess_waits(cause: str, sent: dict[str, str], birth: date | None) -> None:
    assert person(CLEAN | sent, birth).cause == cause


@given(st.sampled_from(sorted(legacy.PLACEHOLDERS)), st.booleans())
def test_a_placeholder_is_nobody_whichever_name_holds_it(word: str, first: bool) -> None:
    assert is_placeholder("MARTIN" if first else word.title(), word if first else "PAUL")


def test_sirets_lose_their_spaces_and_get_their_zeros_back() -> None:
    assert siret("732 829 320 00074")[0] == "73282932000074"
    text, repairs = siret("5580012300011")
    assert text == "05580012300011"
    assert [one.rule for one in repairs] == ["ZERO_PERDU"]
    assert siret_valid("73282932000074")
    assert not siret_valid("73282932000075")
    assert not siret_valid("")


def test_every_old_label_has_its_answer() -> None:
    listed = dict(legacy.trades())
    assert len(listed) == 22
    assert trades.today("0-ND", "106000") == ("", False)
    assert trades.today("", "106000") == ("", False)
    assert trades.today("Infirmier", "106000") == ("IDE", False)
    assert trades.today("MANIP", "") == ("MANIP", False)
    assert trades.today("Medecin (radiologue medecine nucleaire radiotherapeute)", "") == ("", True)
    assert trades.today("Allumeur de réverbères", "106000") == ("", True)
    for label, codes in listed.items():
        for sector in nomenclature.codes("secteur_activite"):
            assert set(trades.candidates(label, sector)) <= set(codes)
            trade, asked = trades.today(label, sector)
            assert asked == (not trade and bool(codes))


def test_the_sector_tells_which_of_several_trades_it_is() -> None:
    label = "Medecin (radiologue medecine nucleaire radiotherapeute)"
    told = {sector: trades.today(label, sector) for sector in nomenclature.codes("secteur_activite")}
    assert told["101000"] == ("RADIOLO", False)
    assert all(trade in trades.legal(sector) for sector, (trade, _) in told.items() if trade)


def test_active_means_a_dose_within_twelve_months() -> None:
    assert active_since(date(2026, 4, 10)) == date(2025, 4, 10)
    assert active_since(date(2024, 2, 29)) == date(2023, 2, 28)


@given(st.lists(st.tuples(st.text(max_size=40), st.integers(0, 3)), max_size=60), st.integers(1, 7))
def test_a_key_that_passed_is_never_missed(keys: list[tuple[str, int]], size: int) -> None:
    seen = Seen(4)
    passed: set[tuple[str, int]] = set()
    for start in range(0, len(keys), size):
        some = keys[start : start + size]
        texts = pa.array([text for text, _ in some], pa.string())
        met = seen.add(digest_texts(texts, np.array([number for _, number in some], np.int64)))
        for key, one in zip(some, met.tolist(), strict=True):
            assert one or key not in passed
            passed.add(key)


def test_new_keys_are_seldom_taken_for_old_ones() -> None:
    seen = Seen(100_000)
    texts = pa.array([f"M{at:09d}" for at in range(100_000)])
    met = seen.add(digest_texts(texts, np.zeros(100_000, np.int64)))
    assert met.sum() < 2_000


def _folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "engagees").mkdir()
    (tmp_path / "engagees" / "a.csv").write_text(";".join(tables()["engagees"].names) + "\n" + text, encoding="utf-8")
    return tmp_path


def test_csv_is_typed_and_what_cannot_be_read_is_marked(tmp_path: Path) -> None:
    text = "7;LABO;73282932000074;10003456786;2020-02-30;Cs-137;12;E1\nx;;;;2020-02-28;;;\n"
    (part,) = found(_folder(tmp_path, text))
    (rows,) = batches(part)
    assert rows.values["ID_TRAVAILLEUR"].to_pylist() == [7, None]
    assert rows.bad["ID_TRAVAILLEUR"].tolist() == [False, True]
    assert rows.bad["DATE_INCORPORATION"].tolist() == [True, False]
    assert rows.values["DATE_INCORPORATION"].to_pylist() == [None, (date(2020, 2, 28) - date(1970, 1, 1)).days]
    assert rows.values["VALEUR_USV"].to_pylist() == [12, None]
    assert not rows.bad["VALEUR_USV"].any()
    assert rows.texts(np.array([1]))[0]["ID_TRAVAILLEUR"] == "x"


def test_a_folder_that_is_no_legacy_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        found(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no part"):
        found(tmp_path)
    (tmp_path / "externes").mkdir()
    (tmp_path / "externes" / "a.txt").write_text("")
    with pytest.raises(UsageError, match="is no part"):
        found(tmp_path)
    (tmp_path / "externes" / "a.txt").unlink()
    pyarrow.parquet.write_table(pa.table({"SIRET": ["x"]}), tmp_path / "externes" / "a.parquet")
    with pytest.raises(UsageError, match="lacks the column ID_TRAVAILLEUR"):
        found(tmp_path)
    (tmp_path / "autre").mkdir()
    with pytest.raises(UsageError, match="unknown folder"):
        found(tmp_path)


def test_a_ragged_line_is_refused_without_being_quoted(tmp_path: Path) -> None:
    (part,) = found(_folder(tmp_path, "7;LABO;SECRET\n"))
    with pytest.raises(UsageError) as refused:
        list(batches(part))
    assert "SECRET" not in str(refused.value)
    assert "engagees/a.csv" in str(refused.value)


def test_the_page_shows_every_table_rule_and_cause_as_declared() -> None:
    page = (project_root() / "docs" / "reprise.md").read_text(encoding="utf-8")
    for table in tables().values():
        assert f"| `{table.name}` | {', '.join(f'`{name}`' for name in table.names)} |" in page
    source = (project_root() / "pipelines" / "legacy" / "repairs.py").read_text(encoding="utf-8")
    for rule in set(re.findall(r'(?:mend|Repair)\("([A-Z_]+)"', source)):
        assert f"| `{rule}` |" in page
    for cause in CAUSES:
        assert f"`{cause}`" in page
