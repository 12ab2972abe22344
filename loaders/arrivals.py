"""Arrivals: apart from the archived bytes, who sent each file, under which name, when it came, in which pass.

The bytes alone lie under their hash and say nothing else. A database brought back to an earlier instant knows less than
the archive does; these notes are what lets the files that came after that instant enter again, under the number that
their sender's receipt bears. One small JSON document a submission, named after its number; written once, before the
receipt goes out. They lie in a folder of the home beside the archive's, or under a prefix of the object store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from pyarrow import fs

from loaders import archive
from loaders.errors import UsageError
from loaders.settings import Settings
from loaders.whole_files import write_whole

FOLDER = "arrivals"
_EACH = 1000


@dataclass(frozen=True)
class Arrival:
    """One file as the ledger entered it.

    Attributes:
        submission, number: the ledger's number of the file, and which drop of this name it was.
        sha256: hexadecimal.
        mtime: the depot's, in seconds since 1970.
        passage: when the pass that took it began; those of one pass are integrated together.
    """

    submission: int
    partner: str
    name: str
    number: int
    sha256: str
    size: int
    mtime: int
    marker: str | None
    received_at: datetime
    registry_date: date
    passage: datetime

    def as_json(self) -> bytes:
        """The document that is kept."""
        return json.dumps(asdict(self), ensure_ascii=False, default=lambda one: one.isoformat()).encode()

    @classmethod
    def of(cls, text: bytes | str) -> Arrival:
        """The arrival that a document tells of."""
        told: dict[str, Any] = json.loads(text)
        for name in ("received_at", "passage"):
            told[name] = datetime.fromisoformat(told[name])
        return cls(**told | {"registry_date": date.fromisoformat(told["registry_date"])})


def under(submission: int) -> str:
    """Where the note of a submission lies below :data:`FOLDER`."""
    return f"{submission // _EACH:06d}/{submission:09d}.json"


def note(settings: Settings, arrival: Arrival) -> None:
    """Keep the note of an arrival; the same again changes nothing.

    Raises:
        UsageError: the archive knows another file under this number.
        ServiceMissing: the store cannot be reached, or refuses.
    """
    held = read(settings, arrival.submission)
    if held is None:
        _write(settings, arrival)
    elif (held.partner, held.name, held.number, held.sha256) != (
        *(arrival.partner, arrival.name, arrival.number, arrival.sha256),
    ):
        raise UsageError(f"the archive knows another file under the number {arrival.submission}")


def read(settings: Settings, submission: int) -> Arrival | None:
    """The note of a submission; ``None`` where there is none."""
    if settings.archive_url is None:
        try:
            return Arrival.of((settings.home / FOLDER / under(submission)).read_bytes())
        except FileNotFoundError:
            return None
    with archive.store(settings.archive_url) as (store, root):
        try:
            with store.open_input_stream(f"{root}/{FOLDER}/{under(submission)}") as source:
                return Arrival.of(source.read())
        except FileNotFoundError:
            return None


def newest(settings: Settings) -> Arrival | None:
    """The arrival with the highest number; ``None`` where the archive has no notes."""
    folders = _names(settings, "")
    names = _names(settings, folders[-1]) if folders else []
    return read(settings, int(names[-1].partition(".")[0])) if names else None


def every(settings: Settings) -> Iterator[Arrival]:
    """All arrivals, by number."""
    for folder in _names(settings, ""):
        for name in _names(settings, folder):
            found = read(settings, int(name.partition(".")[0]))
            if found is not None:
                yield found


def _names(settings: Settings, folder: str) -> list[str]:
    if settings.archive_url is None:
        place = settings.home / FOLDER / folder
        names = [one.name for one in place.iterdir()] if place.is_dir() else []
    else:
        with archive.store(settings.archive_url) as (store, root):
            selector = fs.FileSelector(f"{root}/{FOLDER}/{folder}".rstrip("/"), allow_not_found=True)
            names = [one.base_name for one in store.get_file_info(selector)]
    return sorted(name for name in names if name.partition(".")[0].isdigit() and name.partition(".")[2] in ("", "json"))


def _write(settings: Settings, arrival: Arrival) -> None:
    if settings.archive_url is None:
        settings.folder(FOLDER)
        write_whole(settings.home / FOLDER / under(arrival.submission), arrival.as_json())
        return
    with archive.store(settings.archive_url) as (store, root):
        target = f"{root}/{FOLDER}/{under(arrival.submission)}"
        store.create_dir(target.rpartition("/")[0], recursive=True)
        with store.open_output_stream(target) as sink:
            sink.write(arrival.as_json())
