"""The smallest readers of the twin: one text in, one value out (None: it cannot be read)."""

import re
import unicodedata
from calendar import monthrange
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

SPACES = " \u00a0\u202f"


def trim(text: str) -> str:
    return text.strip(SPACES)


def squeeze(text: str) -> str:
    for space in SPACES:
        text = text.replace(space, "")
    return text


def has_control(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in text)


def plain_upper(text: str) -> str:
    """Upper case without accents; spaces, hyphens and apostrophes stay as they are."""
    for letter, spelt in {"œ": "OE", "Œ": "OE", "æ": "AE", "Æ": "AE", "ß": "SS", "ẞ": "SS"}.items():
        text = text.replace(letter, spelt)
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")
    return unicodedata.normalize("NFC", bare).upper()


def read_number(text: str, most_digits: int | None = 9) -> Decimal | None:
    """A number of the contract, exact; None where it cannot be read or has too many digits before the point."""
    match = re.fullmatch(r"-?([0-9]+)([.,][0-9]+)?", trim(text))
    if match is None or (most_digits is not None and len(match[1].lstrip("0")) > most_digits):
        return None
    return Decimal(match[0].replace(",", "."))


def thousandths(number: Decimal) -> Decimal:
    """Three decimals, ties away from zero."""
    return number.quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)


def billionths(number: Decimal) -> Decimal:
    """Nine decimals, ties away from zero."""
    with localcontext(Context(prec=100)):
        return number.quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP)


def read_date(text: str) -> date | None:
    match = re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
    try:
        return date(int(match[3]), int(match[2]), int(match[1])) if match else None
    except ValueError:
        return None


def read_iso_date(text: str) -> date | None:
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def read_time(text: str) -> datetime | None:
    match = re.fullmatch(r"(.{10}) ([0-9]{2}):([0-9]{2})", text)
    day = read_date(match[1]) if match else None
    try:
        return datetime(day.year, day.month, day.day, int(match[2]), int(match[3])) if match and day else None
    except ValueError:
        return None


def read_month(text: str) -> date | None:
    """The first day of a month written `mm/aaaa`."""
    return read_date("01/" + text) if re.fullmatch("[0-9]{2}/[0-9]{4}", text) else None


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_nir(text: str) -> bool:
    match = re.fullmatch(r"[123478][0-9]{2}([0-9]{2})([0-9]{2}|2A|2B)[0-9]{3}([0-9]{3})", text)
    if match is None:
        return False
    month = int(match[1])
    month_legal = 1 <= month <= 12 or month == 20 or 30 <= month <= 42 or 50 <= month <= 99
    return month_legal and match[2] != "00" and match[3] != "000"


def nir_key(nir: str) -> str:
    digits = nir[:5] + {"2A": "19", "2B": "18"}.get(nir[5:7], nir[5:7]) + nir[7:]
    return f"{97 - int(digits) % 97:02d}"


def is_siret(text: str) -> bool:
    if not re.fullmatch("[0-9]{14}", text):
        return False
    la_poste = text.startswith("356000000") and sum(int(digit) for digit in text) % 5 == 0
    return luhn(text) or la_poste


def is_rpps(text: str) -> bool:
    return re.fullmatch("[0-9]{11}", text) is not None and luhn(text)


def is_waiting(nir: str) -> bool:
    """A well-formed number that stands in for a NIR until there is one."""
    return is_nir(nir) and nir[0] in "3478"


def is_radionuclide(text: str, atomic_numbers: dict[str, int]) -> bool:
    """Symbol and mass number, `m` behind for an isomer; a nucleus weighs more than its protons."""
    match = re.fullmatch("([A-Z][a-z]?)-([1-9][0-9]{0,2})(m[1-9]?)?", text)
    return match is not None and match[1] in atomic_numbers and int(match[2]) > atomic_numbers[match[1]]


def add_months(day: date, months: int) -> date | None:
    """The same day so many months later, clipped to the month's end; None beyond the calendar."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1])) if year <= 9999 else None
