"""A decision under preparation: the form as sent, what it decides, and of which rows as they were looked at.

A page names rows one by one, or the whole of a cause; from the preview on, the exact rows travel with the form, each
with its revision, packed into one word: what came after the preview is not decided unseen.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Depends, Request
from starlette.datastructures import FormData

from loaders.errors import UsageError
from loaders.warehouse import Connection
from pipelines import causes
from pipelines.decide import Decision

#: Most rows of one decision.
MOST = 50_000
#: Fields and values that one correction may hold.
PAIRS = 3
_ROW = np.dtype([("entry", "<u4"), ("revision", "<u2")])


def pack(wanted: Mapping[int, int]) -> str:
    """Entries and their revisions in one word of letters and digits."""
    rows = np.array(sorted(wanted.items()), dtype=np.int64).reshape(-1, 2)
    packed = np.empty(len(rows), _ROW)
    packed["entry"] = np.diff(rows[:, 0], prepend=0)  # small steps pack well
    packed["revision"] = rows[:, 1]
    return base64.urlsafe_b64encode(zlib.compress(packed.tobytes(), 6)).decode("ascii")


def unpack(word: str) -> dict[int, int]:
    """What ``pack`` packed. Raises UsageError for anything else."""
    try:
        raw = zlib.decompressobj().decompress(base64.urlsafe_b64decode(word.encode("ascii")), MOST * _ROW.itemsize + 1)
        rows = np.frombuffer(raw, _ROW)
    except (ValueError, binascii.Error, zlib.error):
        raise UsageError("la sélection est illisible : revenez à la liste") from None
    entries = np.cumsum(rows["entry"].astype(np.int64))
    if not len(rows) or entries[-1] >= 1 << 31 or (rows["entry"] == 0).any():
        raise UsageError("la sélection est illisible : revenez à la liste")
    return dict(zip(entries.tolist(), rows["revision"].tolist(), strict=True))


@dataclass(frozen=True)
class Draft:
    """A decision's form.

    Attributes:
        action, motive, cause: as ``Decision`` has them; a value that the action does not take is let go.
        pairs: columns and values of a correction.
        target: what to attach to: empty (the worker that the number stands for), ``NIR``, ``NIA`` or ``SIRET``.
        number: the identifier to attach to.
        layout: format of the rows.
        group: the cause they belong to, and ``entry`` the row whose page this comes from; ``following`` the one after.
        whole: the whole cause is meant.
        seen: rows that the cause had on the page.
        ticked: entries and revisions, as ticked or packed.
        back: filters of the first page, packed (``desk.filters``).
    """

    action: str = ""
    motive: str = ""
    cause: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    target: str = ""
    number: str = ""
    layout: str = ""
    group: int | None = None
    entry: int | None = None
    following: int | None = None
    whole: bool = False
    seen: int | None = None
    ticked: str = ""
    rows: tuple[str, ...] = ()
    back: str = ""

    def decision(self, who: str, *, rehearsal: bool = False) -> Decision:
        """What is decided. Raises UsageError where something is missing. A rehearsal needs no motive."""
        values = tuple((name, value) for name, value in self.pairs if name) if self.action == "corriger" else ()
        if self.action == "rattacher" and self.target:
            if not self.number:
                raise UsageError("indiquez le numéro ou le SIRET auquel rattacher")
            values = ((self.target, self.number),)
        motive = self.motive or ("aperçu" if rehearsal else "")
        return Decision(self.action, motive, who, self.cause or None if self.action == "rejeter" else None, values)

    def wanted(self, reader: Connection) -> dict[int, int | None]:
        """The rows, each with the revision looked at. Raises UsageError where none is named or too many are."""
        if self.ticked:
            return dict(unpack(self.ticked))
        if self.whole and self.group is not None:
            return dict(list(causes.numbers(reader, self.group).items())[:MOST])
        found: dict[int, int | None] = {}
        for one in self.rows:
            entry, _, revision = one.partition(":")
            if len(one) > 20 or not (one.isascii() and entry.isdigit() and revision.isdigit()):
                raise UsageError("la sélection est illisible : revenez à la liste")
            found[int(entry)] = int(revision)
        if not found or max(found) >= 1 << 31:
            raise UsageError("aucune ligne n'est cochée")
        return found


def _text(form: FormData, name: str, longest: int = 4000) -> str:
    value = form.get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""


def _whole(form: FormData, name: str) -> int | None:
    value = _text(form, name, 11)
    return int(value) if value.isascii() and value.isdigit() and int(value) < 1 << 31 else None


async def read(request: Request) -> Draft:
    """The form of a request."""
    form = await request.form()
    names = [one if isinstance(one, str) else "" for one in form.getlist("champ")]
    values = [one if isinstance(one, str) else "" for one in form.getlist("valeur")]
    pairs = tuple(zip(names, values, strict=False))[:PAIRS]
    return Draft(
        action=_text(form, "action"),
        motive=" ".join(_text(form, "motif").split()),
        cause=_text(form, "cause_rejet"),
        pairs=tuple((name, value.strip()) for name, value in pairs),
        target=_text(form, "vers"),
        number="".join(_text(form, "numero", 40).split()).replace("\0", ""),
        layout=_text(form, "format"),
        group=_whole(form, "cause"),
        entry=_whole(form, "entree"),
        following=_whole(form, "suite"),
        whole=_text(form, "portee") == "tout",
        seen=_whole(form, "nombre"),
        ticked=_text(form, "selection", 1 << 20),
        rows=tuple(one for one in form.getlist("ligne") if isinstance(one, str))[:1000],
        back=_text(form, "de", 400),
    )


#: The decision's form of the request.
TheDraft = Annotated[Draft, Depends(read)]
