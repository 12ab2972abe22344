"""Pieces of the database's log, kept and fetched by the script that PostgreSQL runs: whole, never written over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loaders.backups import WAL_SCRIPT
from loaders.wal import STOP, written

NAMES = [f"00000001000000000000000{at}" for at in range(1, 5)]


def script(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(WAL_SCRIPT), *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with the first, second and fourth piece."""
    folder = tmp_path / "wal"
    folder.mkdir()
    for at, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(bytes([at]) * 100_000)
        if at != 2:
            assert script("keep", tmp_path / name, folder).returncode == 0
    return folder


def test_a_piece_comes_back_as_it_was(kept: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in kept.iterdir()) == [f"{NAMES[at]}.gz" for at in (0, 1, 3)]
    assert written(kept / f"{NAMES[0]}.gz") == int((tmp_path / NAMES[0]).stat().st_mtime)
    done = script("fetch", NAMES[1], tmp_path / "back", tmp_path / "reason", kept)
    assert (done.returncode, (tmp_path / "back").read_bytes()) == (0, bytes([1]) * 100_000)
    # From a folder of the lost home too, where it lies plain.
    assert script("fetch", NAMES[2], tmp_path / "back", tmp_path / "reason", kept, tmp_path).returncode == 0
    assert not (tmp_path / "reason").exists()


def test_the_same_again_is_no_failure_and_another_is(kept: Path, tmp_path: Path) -> None:
    assert script("keep", tmp_path / NAMES[0], kept).returncode == 0
    (tmp_path / NAMES[0]).write_bytes(b"another")
    done = script("keep", tmp_path / NAMES[0], kept)
    assert (done.returncode, "another piece" in done.stderr) == (1, True)


def test_a_folder_that_is_not_there_is_told_in_a_line(tmp_path: Path, kept: Path) -> None:
    done = script("keep", tmp_path / NAMES[2], tmp_path / "demonte")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_end_of_the_log_is_no_hole_and_a_hole_is_no_end(kept: Path, tmp_path: Path) -> None:
    reason = tmp_path / "reason"
    for name in ("000000010000000000000005", "00000002.history", "000000020000000000000001"):
        assert script("fetch", name, tmp_path / "back", reason, kept).returncode == 1
    assert not reason.exists()
    assert script("fetch", NAMES[2], tmp_path / "back", reason, kept).returncode == STOP
    assert "is missing" in reason.read_text()


@pytest.mark.parametrize("spoil", [lambda body: body[:-20], lambda body: body[:60] + b"\xff" + body[61:]])
def test_a_damaged_piece_stops_a_recovery(kept: Path, tmp_path: Path, spoil: object) -> None:
    path = kept / f"{NAMES[0]}.gz"
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    reason = tmp_path / "reason"
    assert script("fetch", NAMES[0], tmp_path / "back", reason, kept).returncode == STOP
    assert "is damaged" in reason.read_text()
