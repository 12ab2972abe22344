"""The engine's offline judgement of a file against the naive twin's, on files that Hypothesis makes."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from property.fixed_width import fixed_files
from property.rows import odd_cells
from property.strategies import (
    FORMATS,
    REGISTRY_DATES,
    Dialect,
    File,
    headers,
    separator_of,
    sound_files,
    unsound_files,
    write,
    write_line,
)
from twin import layouts, reading
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


def agree(file: File, partner: str | None = None) -> None:
    told = (file.data, file.name, file.registry_date, file.role, file.marker, file.max_bytes)
    expected = reading.read(*told, partner=partner)
    got = judge(*told, partner=partner)
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


@pytest.mark.parametrize("format_", FORMATS)
def test_every_odd_cell_alone_carries_the_codes_of_the_twin(format_: str) -> None:
    rows = odd_cells(format_)
    columns, separator = layouts.COLUMNS[format_], separator_of(format_)
    lines = [write_line([row[column] for column in columns], separator, Dialect()) for row in rows]
    data = write([separator.join(columns), *lines], Dialect())
    for day in REGISTRY_DATES:
        expected = reading.read(data, "mars.csv", day)
        got = judge(data, "mars.csv", day)
        assert (got.file_code, got.format) == (expected.code, expected.format) == (None, format_)
        codes = [codes_of(format_, row.values, row.ragged, day, None) for row in expected.rows]
        assert [
            (line, sorted(ours), sorted(theirs))
            for line, ours, theirs in zip(lines, got.rows, codes, strict=True)
            if ours != theirs
        ] == []


@pytest.mark.parametrize("format_", FORMATS)
def test_every_odd_header_is_told_as_the_twin_does(format_: str) -> None:
    separator = separator_of(format_)
    for header in headers(list(layouts.COLUMNS[format_])):
        lines = [write_line(header, separator, Dialect()), write_line(["x"] * len(header), separator, Dialect())]
        agree(File("mars.csv", write(lines, Dialect()), REGISTRY_DATES[-1]))


def _fixed_law(format_: str, sound: bool) -> Callable[[], None]:
    @settings(FILES, max_examples=150)
    @given(fixed_files(format_, sound))
    def law(told: tuple[File, str | None]) -> None:
        agree(*told)

    return law


@pytest.mark.parametrize("sound", [True, False], ids=["sound", "unsound"])
@pytest.mark.parametrize("format_", sorted(layouts.POSITIONS))
def test_fixed_width_is_told_as_the_twin_does(format_: str, sound: bool) -> None:
    _fixed_law(format_, sound)()


@settings(FILES, max_examples=300)
@given(unsound_files())
def test_files_carry_the_code_of_the_twin(file: File) -> None:
    agree(file)
