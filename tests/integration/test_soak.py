"""Two months of a small country with kills in them: nothing is lost, and the registry stays clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.soak import soak


@pytest.mark.slow
def test_months_with_kills_in_them_stay_clean(tmp_path: Path) -> None:
    months = soak(tmp_path, years=1, workers=60, kills=1, seed=4, months_of_a_year=2)
    assert [one["broken"] for one in months] == [[]] * len(months)
    assert len(months) >= 2
    assert months[-1]["killed"] > 0
    assert months[-1]["doses"] > 60
    assert list((tmp_path / "home" / "sftp").glob("*/depot/*.*")) == []
