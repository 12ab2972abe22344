"""The sender's own check: what a file will be answered, as far as it can be told without a registry.

The same reading, rules and settling as on the server, so the same codes; what needs the registry's
references (who is known, attached, designated, already received) is not looked for.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loaders.errors import UsageError
from loaders.settings import Settings
from pipelines import echo
from pipelines.books import Books, as_json, statut
from pipelines.check import Checked
from pipelines.match import Matched, in_full, other_physician
from pipelines.offline import Marker, Opened, Totals, open_file
from pipelines.partners import published
from pipelines.read import FileFault
from pipelines.references import Sender
from pipelines.settle import Source, outcomes, settle
from pipelines.stores import STORES
from reports.execution import VERSION, Cells
from schemas import codebook
from schemas.codebook import Outcome
from schemas.roles import FORMATS_OF_ROLE
from schemas.spec import Context, Format

#: A marker holds two short lines; what is longer is none.
_MARKER_LIMIT = 4096
#: Longest name, in bytes, that a report's ending can follow in a folder.
_LONGEST_STEM = 215


@dataclass(frozen=True)
class Account:
    """Who will send the file, as far as it was told: ``None`` where it was not."""

    code: str | None = None
    role: str | None = None
    identifiant: str | None = None

    @property
    def sender(self) -> Sender:
        """As matching and settling need it."""
        return Sender(0, self.code or "", self.role or "", identifiant=self.identifiant)


@dataclass
class Examined:
    """What a file told by itself.

    Attributes:
        refused: the ``FIC-`` code of a file that will be refused; nothing of its rows counts then.
        format: the format's name, once recognised.
        opened: the file, where it is not refused.
        codes: uint64[n], codes of each data row as bits of the code book.
        outcomes: one-letter outcome of each data row.
        first: number of the data row that a duplicate repeats, by position of the duplicate.
        books: rows and micro-sieverts by quantity and outcome.
    """

    refused: str | None = None
    format: str | None = None
    opened: Opened | None = None
    codes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    outcomes: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, "U1"))
    first: dict[int, int] = field(default_factory=dict)
    books: Books = field(default_factory=Books)

    @property
    def sound(self) -> bool:
        """Whether every row would be integrated, as far as it can be told."""
        return self.refused is None and bool((self.outcomes == Outcome.INTEGRE.value).all())


def account(settings: Settings, code: str | None, role: str | None) -> Account:
    """The account named on the command line, its role from the accounts published under ``home``.

    Args:
        role: the role where the account is not published there (a sender's own machine).

    Raises:
        UsageError: an unknown role, an account without a role, or two roles that differ.
    """
    if role is not None and role not in FORMATS_OF_ROLE:
        raise UsageError(f"rôle inconnu ; rôles possibles : {', '.join(FORMATS_OF_ROLE)}")
    known_role, identifiant = (published(settings, code) if code is not None else None) or (None, None)
    if code is not None and known_role is None and role is None:
        raise UsageError("compte inconnu sur ce poste : indiquez son rôle avec --role")
    if role is not None and known_role is not None and role != known_role:
        raise UsageError(f"ce compte a le rôle {known_role} : retirez --role ou corrigez-le")
    return Account(code, known_role or role, identifiant)


def selfcheck(
    file: Path, *, today: date, max_bytes: int, account: Account | None = None
) -> tuple[dict[str, Any], bool]:
    """Judge a file and write ``<name>.rapport.csv`` (not for a refused one) and ``.rapport.json`` beside it.

    Args:
        file: as it would be dropped; a ``<name>.ok`` beside it is heeded.
        today: the date that judges delays.
        account: the sender, where known: its role bounds what it may send.

    Returns:
        The content of ``.rapport.json``, and whether every row would be integrated.

    Raises:
        UsageError: no such file, or it cannot be read, or no report can be written beside it.
    """
    account = account or Account()
    if not file.is_file():
        raise UsageError("le fichier à contrôler n'existe pas")
    try:
        found = examine(file, file.name, today=today, max_bytes=max_bytes, account=account, marker=_marker(file))
        facts = _facts(file, found, account)
        stem = report_stem(file.name)
        report = file.with_name(f"{stem}.rapport.csv")
        if found.opened is None:
            report.unlink(missing_ok=True)  # of an earlier check: it would belie this one
        else:
            _write_csv(found, found.opened, report)
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        file.with_name(f"{stem}.rapport.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"lecture du fichier ou écriture du rapport impossible : {error.strerror}") from error
    return facts, found.sound


def examine(
    path: Path, name: str, *, today: date, max_bytes: int, account: Account, marker: str | None = None
) -> Examined:
    """Judge a file's rows, duplicates within it included.

    Args:
        path: where its bytes lie.
        name: its name as dropped.
        marker: text of its ``.ok``, ``None`` where there is none.
    """
    seen = Examined()

    def recognised(layout: str) -> bool:
        seen.format = layout
        return False

    try:
        opened = open_file(path, name, role=account.role, max_bytes=max_bytes, known=recognised, partner=account.code)
        totals, chunks = Totals(), []
        told = Marker.read(marker) if marker is not None else None
        for checked in opened.chunks(Context.on(today, account.role)):
            totals.add(checked)
            if told is not None and told.total is not None:
                totals.add_values(checked)
            chunks.append(_kept(checked))
        totals.settle(told)
    except FileFault as fault:
        return Examined(refused=fault.code, format=seen.format)
    layout = opened.layout.format
    whole = _joined(chunks)
    if layout.has("RPPS"):
        other_physician(whole, account.sender, in_full(layout, whole))
    found = Examined(format=layout.name, opened=opened, codes=whole.codes, first=_settle(layout, whole, account))
    found.outcomes = outcomes(whole)
    found.books.enter(layout, whole, found.outcomes)
    return found


def _settle(layout: Format, whole: Checked, account: Account) -> dict[int, int]:
    """Settle measures against each other, the registry being empty. Gives :attr:`Examined.first`."""
    store = STORES.get(layout.name)
    if store is None:
        return {}
    count = len(whole)
    # Nobody is known: a person is the NIR as sent, an establishment the SIRET as sent.
    none = np.zeros(count, np.int64)
    nir = np.asarray(whole.values["NIR"].dictionary_encode().indices.to_numpy(zero_copy_only=False), np.int64)
    matched = Matched(none, none, np.where(whole.readable["NIR"], nir, -1), none - 1, none - 1)
    lines = np.arange(1, count + 1)
    # A row's own number stands for its submission, so that a duplicate is told which row it repeats.
    return settle(None, store, layout, whole, matched, Source(lines, lines), account.sender, None).first


def _kept(checked: Checked) -> Checked:
    """A chunk without what settling and the books do not look at: what was sent, what the rules derived."""
    values = {name: one for name, one in checked.values.items() if "." not in name}
    return Checked(
        first_line=checked.first_line,
        sent={},
        values=values,
        readable=checked.readable,
        absent={},
        codes=checked.codes,
        quantity=checked.quantity,
        book_usv=checked.book_usv,
    )


def _joined(chunks: list[Checked]) -> Checked:
    """All rows of a file as one chunk, so that rows far apart meet."""
    if len(chunks) == 1:
        return chunks[0]

    def joined(parts: list[Any]) -> Any:
        return pa.concat_arrays(parts) if isinstance(parts[0], pa.Array) else np.concatenate(parts)

    return Checked(
        first_line=1,
        sent={},
        values={name: joined([one.values[name] for one in chunks]) for name in chunks[0].values},
        readable={name: joined([one.readable[name] for one in chunks]) for name in chunks[0].readable},
        absent={},
        codes=joined([one.codes for one in chunks]),
        quantity=joined([one.quantity for one in chunks]),
        book_usv=joined([one.book_usv for one in chunks]),
    )


def _marker(file: Path) -> str | None:
    beside = file.with_name(file.name + ".ok")
    if not beside.is_file():
        return None
    with beside.open("rb") as marker:
        return marker.read(_MARKER_LIMIT).decode("utf-8", "replace")


def report_stem(name: str) -> str:
    """What the reports are named after; a name too long for them is cut as the server cuts it."""
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) <= _LONGEST_STEM:
        return name
    return raw[:200].decode("utf-8", "ignore") + "~" + hashlib.sha256(raw).hexdigest()[:8]


def _facts(file: Path, found: Examined, account: Account) -> dict[str, Any]:
    """The content of ``.rapport.json``: the server's keys, nothing under those that only a deposit has."""
    with file.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    rows, doses = as_json(found.books.lines)
    return {
        "version": VERSION,
        "depot": {
            "id": None,
            "emetteur": account.code,
            "fichier": file.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
            "sha256": sha256,
            "octets": file.stat().st_size,
            "recu_le": None,
            "format": found.format,
        },
        "statut": "REFUSE" if found.refused else statut(rows),
        "lignes": rows,
        "doses_msv": doses,
        "codes": {found.refused: 1} if found.refused else counts(found.codes),
    }


def counts(codes: NDArray[np.uint64]) -> dict[str, int]:
    """How many rows carry each code, ascending."""
    counted: Counter[str] = Counter()
    for mask, rows in zip(*np.unique(codes, return_counts=True), strict=True):
        for code in codebook.names(int(mask)):
            counted[code] += int(rows)
    return dict(sorted(counted.items()))


def _write_csv(found: Examined, opened: Opened, report: Path) -> None:
    malformed = bool((found.codes & np.uint64(codebook.bit("FMT-01"))).any())
    part = report.with_name(f"{report.name}.part")
    try:
        echo.write(opened.path, opened.dialect, opened.layout, _entries(found), part, malformed=malformed)
        part.replace(report)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _entries(found: Examined) -> Iterator[tuple[int, Cells]]:
    """The two cells of each row that says more than nothing, by row number."""
    for row in np.flatnonzero((found.codes != 0) | (found.outcomes != Outcome.INTEGRE.value)).tolist():
        codes, letter = int(found.codes[row]), str(found.outcomes[row])
        label = codebook.label_text(codes, letter, found.first.get(row))
        if letter == Outcome.DOUBLON:  # the book speaks of deposits; here it is a row of this file
            label = label.replace("Déjà reçu : ", "Déjà reçu : ligne ", 1)
        yield row + 1, (codebook.error_text(codes, letter), label)
