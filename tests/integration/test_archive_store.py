"""The archive in an object store: the same bytes come back, and what is wrong there is told, never worked on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from object_store import BUCKET, PREFIX, Store, object_store

from loaders import archive, backups
from loaders.errors import ServiceMissing, UsageError
from loaders.settings import Settings

BODY = b"NIR;SIRET\n" * 400_000
SHA = hashlib.sha256(BODY).hexdigest()
KEY = f"{PREFIX}/{SHA[:2]}/{SHA[2:4]}/{SHA}"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with object_store() as made:
        yield made


@pytest.fixture
def settings(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    store.client.delete_object(Bucket=BUCKET, Key=KEY)
    return Settings.load({"SISERI_HOME": str(tmp_path / "home"), **store.environment})


def keep(settings: Settings) -> None:
    fetched = settings.folder("archive", "incoming") / "copie"
    fetched.write_bytes(BODY)
    archive.keep(settings, SHA, fetched)
    assert not fetched.exists()


def test_what_was_kept_comes_back(settings: Settings, store: Store) -> None:
    assert not archive.holds(settings, SHA)
    keep(settings)
    keep(settings)
    assert store.keys() == [KEY]
    assert archive.holds(settings, SHA)
    with archive.at_hand(settings, SHA) as path:
        assert path.read_bytes() == BODY
    assert not path.exists()
    assert archive.sound(settings, SHA, len(BODY))
    assert not archive.sound(settings, SHA, len(BODY) + 1)


def test_what_was_kept_goes_into_the_backup_folder_whole_or_not_at_all(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    told = replace(settings, backup_dir=tmp_path / "backup")
    keep(told)
    place = tmp_path / "backup" / "archive" / SHA[:2] / SHA[2:4] / SHA
    store.client.put_object(Bucket=BUCKET, Key=KEY, Body=b"X" + BODY[1:])
    with pytest.raises(ServiceMissing, match="other bytes"):
        backups.keep_bytes(told, SHA)
    assert not place.exists()
    store.client.put_object(Bucket=BUCKET, Key=KEY, Body=BODY)
    backups.keep_bytes(told, SHA)
    backups.keep_bytes(told, SHA)
    assert place.read_bytes() == BODY
    (tmp_path / "backup").rename(tmp_path / "demonte")
    with pytest.raises(backups.BackupFailed, match="is not there"):
        backups.keep_bytes(told, SHA)


def test_a_put_cut_short_is_made_again(settings: Settings, store: Store) -> None:
    store.client.put_object(Bucket=BUCKET, Key=KEY, Body=BODY[:1000])
    assert not archive.sound(settings, SHA, len(BODY))
    keep(settings)
    assert archive.sound(settings, SHA, len(BODY))


def test_other_bytes_are_never_worked_on(settings: Settings, store: Store) -> None:
    store.client.put_object(Bucket=BUCKET, Key=KEY, Body=b"X" + BODY[1:])
    with pytest.raises(ServiceMissing, match="other bytes"), archive.at_hand(settings, SHA):
        pytest.fail("the bytes were given")
    assert list(settings.folder("archive", "incoming").iterdir()) == []
    assert not archive.sound(settings, SHA, len(BODY))


def test_what_is_not_there_is_missing(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError), archive.at_hand(settings, SHA):
        pytest.fail("something was given")
    assert not archive.sound(settings, SHA, len(BODY))


def test_a_store_that_is_not_there_or_not_one_is_told(settings: Settings) -> None:
    gone = replace(
        settings,
        archive_url="s3://archive/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1",
    )
    with pytest.raises(ServiceMissing, match="s3://archive/x failed"):
        archive.holds(gone, SHA)
    for url, words in (("ftp://archive", "cannot be read"), ("s3://key:secret@archive", "must not hold a secret")):
        with pytest.raises(UsageError, match=words) as told:
            archive.holds(replace(settings, archive_url=url), SHA)
        assert "key:secret" not in str(told.value)
