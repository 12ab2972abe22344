"""How an exchange format is declared: columns, rules and the key of its measures, each stated once.

From a :class:`Format` come the reader's header, the parser of every column, the pandera schema of
the typed rows, the keys used in settling and what users read about the format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


class Kind(StrEnum):
    """What a column's text means; the comment gives the dtype of its typed values."""

    NIR = auto()  # Arrow string, 13 characters
    CLE = auto()  # int16, 1 to 97
    SIREN = auto()  # Arrow string, 9 digits
    SIRET = auto()  # Arrow string, 14 digits
    NAME = auto()  # Arrow string, upper case without accents
    PLACE = auto()  # Arrow string, upper case without accents, part of a key
    TEXT = auto()  # Arrow string
    CODE = auto()  # int16, position in the column's list
    DATE = auto()  # int32, days since 1970-01-01 (jj/mm/aaaa)
    ISO_DATE = auto()  # int32, days since 1970-01-01 (aaaa-mm-jj)
    TIME = auto()  # int64, minutes since 1970-01-01 00:00 (jj/mm/aaaa hh:mm)
    DOSE = auto()  # int64, micro-sievert (sent in mSv)
    SHARE = auto()  # int16, tenths (sent as 0.1 to 1)
    MONTH = auto()  # int32, last day of the month as days since 1970-01-01 (mm/aaaa)
    ACTIVITY = auto()  # int64, nano-becquerel (sent in Bq, or Bq per unit of the sample)
    COUNT = auto()  # int32, a whole number
    RPPS = auto()  # Arrow string, 11 digits
    NUCLIDE = auto()  # Arrow string, symbol and mass number (Cs-137)


TEXT_KINDS = frozenset({Kind.NIR, Kind.SIREN, Kind.SIRET, Kind.NAME, Kind.PLACE, Kind.TEXT, Kind.RPPS, Kind.NUCLIDE})

#: Kinds whose text is the sender's own: what the test channel's triggers may stand in.
FREE_KINDS = frozenset({Kind.NAME, Kind.PLACE, Kind.TEXT})

#: dtype of the typed values of each kind that is not text.
DTYPES: dict[Kind, str] = {
    Kind.CLE: "int16",
    Kind.CODE: "int16",
    Kind.DATE: "int32",
    Kind.ISO_DATE: "int32",
    Kind.TIME: "int64",
    Kind.DOSE: "int64",
    Kind.SHARE: "int16",
    Kind.MONTH: "int32",
    Kind.ACTIVITY: "int64",
    Kind.COUNT: "int32",
}


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a format.

    Attributes:
        required: an empty value is ``FMT-02``.
        codes: for ``Kind.CODE``, the legal values; a value's position is its number in the warehouse.
        aliases: obsolete values and what they become (``AVT-06``).
        longest: most characters of the kept text (``FMT-06``); ``longest_of_role`` where a role may write more.
        default: kept where nothing was sent.
        position: first and last character in the fixed-width detail, 1-based and inclusive.
    """

    name: str
    label: str
    kind: Kind
    required: bool = True
    codes: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    longest: int | None = None
    longest_of_role: Mapping[str, int] = field(default_factory=dict)
    default: str = ""
    example: str = ""
    position: tuple[int, int] | None = None

    def at(self, first: int, last: int) -> Column:
        """The same column, with its place in a fixed-width detail."""
        return replace(self, position=(first, last))

    def optional(self) -> Column:
        """The same column where nothing need be sent."""
        return replace(self, required=False)


@dataclass(frozen=True)
class Context:
    """What a rule may know besides the row: the registry's date, as days since 1970-01-01, and the
    sender's role where it is known."""

    today: int
    role: str | None = None

    @classmethod
    def on(cls, day: date, role: str | None = None) -> Context:
        return cls(today=(day - date(1970, 1, 1)).days, role=role)


#: A rule's verdict on typed rows: true where the rule holds. The frame is a mapping from column name
#: to numpy values; ``<NIR>.sex|year|month|key|waiting`` are derived from a NIR column.
Verdict = Callable[[Mapping[str, Any], Context], BoolArray]


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule across columns, raised as ``code`` where it does not hold.

    It is judged only on rows where every column of ``needs`` is present and readable, and where no
    column of ``bears`` is unreadable (such a column may be absent: its presence is ``<name>?``).
    """

    code: str
    needs: tuple[str, ...]
    holds: Verdict
    bears: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measure:
    """What makes a format a measure format.

    Attributes:
        key: columns that identify a measure (together with the sender, where ``sender_key``).
        start, end: first and last day, minute or month of the period.
        quantity: the column whose value names the books' line; ``line`` names it where there is but one.
        value: the column whose mSv the books carry; ``None`` where the format brings no dose.
        late_after_days: ``AVT-04`` where transmission comes later after the end; ``None`` for no delay.
    """

    key: tuple[str, ...]
    sender_key: bool
    start: str
    end: str
    quantity: str | None = None
    line: str = ""
    value: str | None = "VALEUR"
    late_after_days: int | None = None


@dataclass(frozen=True)
class Record:
    """The fixed-width form of a format: the layout's name in ``00`` and the type of its details."""

    layout: str
    detail: str


@dataclass(frozen=True, eq=False)
class Format:
    """One exchange format, declared once.

    Attributes:
        official: the layout is the real SISERI 2 one; else it is this project's own.
        delimiter: of its CSV form.
        open_columns: other columns than the declared ones are accepted and ignored.
        considered: the date column that ``IDT-11`` (closed establishment) looks at.
        record: the fixed-width form, where there is one; the columns hold their positions.
    """

    name: str
    title: str
    official: bool
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    measure: Measure | None = None
    delimiter: str = ";"
    open_columns: bool = False
    considered: str | None = None
    record: Record | None = None

    @property
    def width(self) -> int:
        """Characters of a fixed-width detail."""
        return max(column.position[1] for column in self.columns if column.position)

    def column(self, name: str) -> Column:
        """The column of this name. Raises KeyError where the format has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def has(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)
