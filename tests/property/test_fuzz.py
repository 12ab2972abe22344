"""Spoiled files of every format through the sender's check: always an answer. ``python -m bench.fuzz`` takes more."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from fuzzing import checked
from mutants import mutant

FILES, SEED = 600, 20_261


def test_a_mutant_follows_from_its_number() -> None:
    assert [mutant(number, SEED) for number in range(40)] == [mutant(number, SEED) for number in range(40)]


def test_every_spoiled_file_is_answered(tmp_path: Path) -> None:
    states: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    for number in range(FILES):
        one = mutant(number, SEED)
        state = checked(one, tmp_path, date(2024, 3, 5))["statut"]
        states[state] += 1
        formats[one.format] += state != "REFUSE"
    # The spoiling is neither so weak that all pass nor so strong that no row is ever looked at.
    assert 0.1 < states["REFUSE"] / FILES < 0.8
    assert all(formats.values()), formats
