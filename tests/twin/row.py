"""The reader of one row's columns: text in; codes and repaired values out. Its choices stand in `twin.checking`."""

import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from twin import layouts
from twin.cells import (
    billionths,
    has_control,
    is_nir,
    is_radionuclide,
    is_rpps,
    is_siret,
    nir_key,
    plain_upper,
    read_date,
    read_iso_date,
    read_month,
    read_number,
    read_time,
    squeeze,
    thousandths,
    trim,
)


class RowReader:
    """Reads the columns of one row one by one, gathering codes and values."""

    def __init__(self, raw: dict[str, str]) -> None:
        self.raw = raw
        self.codes: set[str] = set()
        self.values: dict[str, Any] = {}

    def _start(self, column: str, required: bool) -> str | None:
        """The trimmed text where there is one that can be read; otherwise the codes are set already."""
        sent = self.raw[column]
        if has_control(sent):
            self.codes.add("FMT-07")
            return None
        kept = trim(sent)
        if kept != sent:
            self.codes.add("AVT-02")
        if not kept:
            if required:
                self.codes.add("FMT-02")
            else:
                self.values[column] = None
            return None
        return kept

    def text(self, column: str, longest: int | None = None, required: bool = True, upper: bool = False) -> None:
        text = self._start(column, required)
        if text is None:
            return
        kept = plain_upper(text) if upper else text
        if kept != text:
            self.codes.add("AVT-02")
        if longest is not None and len(kept) > longest:
            self.codes.add("FMT-06")
        self.values[column] = kept

    def one_of(self, column: str, codes: Collection[str], required: bool = True) -> None:
        text = self._start(column, required)
        if text is None:
            return
        if text in codes:
            self.values[column] = text
        else:
            self.codes.add("FMT-05")

    def day(self, column: str, required: bool = True, iso: bool = False) -> None:
        self._moment(column, read_iso_date if iso else read_date, required)

    def time(self, column: str) -> None:
        self._moment(column, read_time, required=True)

    def month(self, column: str) -> None:
        self._moment(column, read_month, required=True)

    def _moment(self, column: str, reader: Any, required: bool) -> None:
        text = self._start(column, required)
        if text is None:
            return
        moment = reader(text)
        if moment is None:
            self.codes.add("FMT-03")
        else:
            self.values[column] = moment

    def number(self, column: str, required: bool = True, whole: bool = False) -> Decimal | None:
        """The number as sent; the caller keeps what the column keeps. A `whole` one has no comma to repair."""
        text = self._start(column, required)
        if text is None:
            return None
        number = read_number(text)
        if number is None:
            self.codes.add("FMT-04")
        elif "," in text and not whole:
            self.codes.add("AVT-03")
        return number

    def dose(self, column: str, required: bool = True) -> Decimal | None:
        """A dose in mSv as kept, with three decimals; -0.001 where a smaller minus would vanish."""
        number = self.number(column, required)
        if number is None:
            return None
        return self._rounded(column, number, thousandths(number), Decimal("-0.001"))

    def effective(self) -> None:
        """VALEUR as an effective dose: above 500 mSv it must be confirmed."""
        kept = self.dose("VALEUR")
        if kept is not None and kept > 500:
            self.codes.add("MET-05")

    def activity(self, column: str) -> Decimal | None:
        """An activity or a limit of detection as kept, with nine decimals."""
        number = self.number(column, required=False)
        if number is None:
            return None
        return self._rounded(column, number, billionths(number), Decimal("-1e-9"))

    def _rounded(self, column: str, number: Decimal, kept: Decimal, least: Decimal) -> Decimal:
        self.values[column] = kept
        if kept != number:
            self.codes.add("AVT-01")
        if number < 0:
            self.codes.add("MET-04")
        return min(kept, least) if number < 0 else kept

    def nuclide(self) -> None:
        text = self._start("RADIONUCLEIDE", required=True)
        if text is not None:
            self._keep_if("RADIONUCLEIDE", text, is_radionuclide(text, layouts.ATOMIC_NUMBERS))

    def rpps(self) -> None:
        text = self._start("RPPS", required=True)
        if text is not None:
            self._keep_if("RPPS", text, is_rpps(text))

    def _keep_if(self, column: str, text: str, sound: bool) -> None:
        if sound:
            self.values[column] = text
        else:
            self.codes.add("FMT-05")

    def nir(self, column: str = "NIR", required: bool = True) -> None:
        text = self._start(column, required)
        if text is None:
            return
        kept = squeeze(text)
        if kept[5:7] in ("2a", "2b"):
            kept = kept[:5] + kept[5:7].upper() + kept[7:]
        if kept != text:
            self.codes.add("AVT-02")
        if is_nir(kept):
            self.values[column] = kept
        else:
            self.codes.add("IDT-01")

    def siret(self, column: str = "SIRET") -> None:
        text = self._start(column, required=True)
        if text is None:
            return
        kept = squeeze(text)
        if kept != text:
            self.codes.add("AVT-02")
        if re.fullmatch("[0-9]{10,13}", kept):
            kept = kept.zfill(14)
            self.codes.add("AVT-07")
        if is_siret(kept):
            self.values[column] = kept
        else:
            self.codes.add("IDT-04")

    def key(self, required: bool = True) -> None:
        text = self._start("CLE", required)
        if text is None:
            return
        if re.fullmatch("[0-9]", text):
            text = "0" + text
            self.codes.add("AVT-07")
        if not re.fullmatch("[0-9]{2}", text) or not 1 <= int(text) <= 97:
            self.codes.add("IDT-02")
            return
        self.values["CLE"] = text
        nir = self.values.get("NIR")
        if nir and text != nir_key(nir):
            self.codes.add("IDT-02")

    def after(self, registry_date: date, *columns: str) -> None:
        """`MET-02` for each of these days that lies after the registry's date."""
        for column in columns:
            moment = self.values.get(column)
            if moment is not None and _day(moment) > registry_date:
                self.codes.add("MET-02")

    def late(self, registry_date: date, days: int) -> None:
        end = self.values.get("DATE_FIN_PORT")
        if end is not None and (registry_date - _day(end)).days > days:
            self.codes.add("AVT-04")


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
