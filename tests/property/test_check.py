"""The engine's offline judgement of a file against the naive twin's, on files that Hypothesis makes."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from property.strategies import FORMATS, File, sound_files, unsound_files
from twin import reading
from twin.checking import codes_of

from pipelines.offline import judge

settings.register_profile(
    "files",
    deadline=None,
    # The same files every time, so that the suite is no lottery; HYPOTHESIS_EXPLORE=1 looks for new ones.
    derandomize="HYPOTHESIS_EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FILES = settings.get_profile("files")


def agree(file: File) -> None:
    expected = reading.read(file.data, file.name, file.registry_date, file.role, file.marker, file.max_bytes)
    got = judge(file.data, file.name, file.registry_date, file.role, file.marker, file.max_bytes)
    assert got.file_code == expected.code
    if expected.code is not None:
        return
    assert got.format == expected.format
    assert got.format is not None
    codes = [codes_of(got.format, row.values, row.ragged, file.registry_date, file.role) for row in expected.rows]
    assert [sorted(row) for row in got.rows] == [sorted(row) for row in codes]


def _law(format_: str) -> Callable[[], None]:
    @settings(FILES, max_examples=150)
    @given(sound_files(format_))
    def law(file: File) -> None:
        agree(file)

    return law


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_carry_the_codes_of_the_twin(format_: str) -> None:
    _law(format_)()


@settings(FILES, max_examples=300)
@given(unsound_files())
def test_files_carry_the_code_of_the_twin(file: File) -> None:
    agree(file)
