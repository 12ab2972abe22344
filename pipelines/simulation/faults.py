"""Faults on purpose: what each code of the code book looks like in a row that was right.

Every function leaves exactly one fault; :func:`carried` says which codes the row then bears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from schemas import nomenclature
from schemas.identifiers import luhn, siret_valid

Row = dict[str, str]
_SURVEILLED_ONLY_SINCE = date(2024, 2, 1)

_COMMON = ("FMT-02", "FMT-03", "FMT-04", "FMT-05", "IDT-01", "IDT-04", "IDT-05", "IDT-06", "IDT-07", "IDT-09", "IDT-11")
_MEASURES = ("MET-01", "MET-02", "MET-04", "MET-05", "MET-10", "MET-11", "MET-12")
_WARNINGS = ("AVT-01", "AVT-02", "AVT-03", "AVT-04", "AVT-07", "AVT-10")
_LISTS = ("IDT-02", "IDT-03", "IDT-04", "IDT-05", "IDT-08", "IDT-10", "MET-06", "MET-07", "MET-08", "MET-09")

#: Codes that can be planted in a row of each format.
PLANTABLE: dict[str, tuple[str, ...]] = {
    "PASSIVE": (*_COMMON, "IDT-08", *_MEASURES, "MET-03", "MET-13", "MET-14", *_WARNINGS),
    "OPERATIONNELLE": (*_COMMON, *_MEASURES, *_WARNINGS, "AVT-08"),
    "TRAVAILLEURS": (
        *("FMT-02", "FMT-03", "FMT-04", "FMT-05", "IDT-01", *_LISTS),
        *("AVT-02", "AVT-03", "AVT-06", "AVT-07", "AVT-09"),
    ),
}
#: Codes planted in a further row, after the right one, which stays.
BESIDE = frozenset({"MET-11", "MET-12"})


@dataclass(frozen=True)
class Context:
    """What a fault needs to know besides its row; only what the code uses has to be given.

    Attributes:
        registry_date: the registry's date when the file is judged.
        start: first day of the row's attachment (``IDT-09``).
        unknown_nir: a well-formed number that nobody declared (``IDT-06``).
        unknown_siret: a valid SIRET outside the register (``IDT-05``).
        elsewhere: an open, designating establishment where the worker is not attached (``IDT-07``).
        closed: a closed establishment where the worker is attached (``IDT-11``).
        undesignated: one where the worker is attached and that designates nobody (``AVT-10``).
        outside: an establishment of another company (``IDT-10``).
        new_id: an identifier that no measure bears (``MET-10``).
        other_name: another birth name (``IDT-08``).
    """

    registry_date: date
    start: date = date(1900, 1, 1)
    unknown_nir: str = ""
    unknown_siret: str = ""
    elsewhere: str = ""
    closed: str = ""
    undesignated: str = ""
    outside: str = ""
    new_id: str = ""
    other_name: str = ""


def carried(code: str) -> frozenset[str]:
    """The codes of a row in which ``code`` was planted."""
    return frozenset({code, *{"AVT-08": ("AVT-01",), "IDT-09": ("AVT-04",)}.get(code, ())})


def fits(code: str, format_name: str, row: Row, registry_date: date) -> bool:
    """Whether ``code`` can be planted in this row."""
    if code in ("AVT-01", "AVT-03") and format_name != "TRAVAILLEURS":
        measured = format_name != "PASSIVE" or row["ETAT_RESULTAT"] == "MES"
        return measured and "." in row["VALEUR"] and row["VALEUR"].strip("0.") != ""
    if code == "AVT-03":
        return "." in row["QUOTITE"]
    if code == "AVT-07":
        return row["SIRET"].startswith("0") or row.get("CLE", "").startswith("0")
    if code == "AVT-06":
        return row["CodeMetier"] == "IDE"
    if code == "AVT-09":
        return int(row["NIR"][3:5]) <= 12
    if code == "AVT-04" and format_name == "PASSIVE":
        return row["ETAT_RESULTAT"] == "INF"
    if code == "MET-05" and format_name == "PASSIVE":
        return row["TYPE_MESURE"] == "PAS-HP10-PHO"
    if code in ("MET-11", "MET-12", "MET-13", "MET-14") and format_name == "PASSIVE":
        return row["ETAT_RESULTAT"] in ("MES", "INF") and row["TYPE_MESURE"] == "PAS-HP10-PHO"
    if code == "MET-06":
        return registry_date >= _SURVEILLED_ONLY_SINCE
    return True


def plant(code: str, format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    """A copy of a right row that bears one fault.

    Args:
        code: one of :data:`PLANTABLE` for the format.
        row: column to text, decimal point, no fault; :func:`fits` must hold.
        rng: chooses between the forms of a fault.
        context: see :class:`Context`.

    Raises:
        KeyError: the code cannot be planted in this format.
    """
    if code not in PLANTABLE[format_name]:
        raise KeyError(f"{code} in {format_name}")
    changed = dict(row)
    changed.update(_FAULTS[code](format_name, row, rng, context))
    return changed


# --- forms of the values ---------------------------------------------------------------------------


def _day(text: str) -> date:
    return date(int(text[6:10]), int(text[3:5]), int(text[:2]))


def _show(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _moved(row: Row, last: date, days: int) -> Row:
    """The wear period ending on ``last``; a passive one lasts ``days``, a passage keeps its hours.

    Minutes become 03 and 58, which no other passage has: a moved passage never meets another's key.
    """
    if len(row["DATE_FIN_PORT"]) > 10:
        return {
            "DATE_DEBUT_PORT": _show(last) + row["DATE_DEBUT_PORT"][10:14] + "03",
            "DATE_FIN_PORT": _show(last) + row["DATE_FIN_PORT"][10:14] + "58",
        }
    return {"DATE_DEBUT_PORT": _show(last - timedelta(days=days)), "DATE_FIN_PORT": _show(last)}


def _value(format_name: str, text: str) -> Row:
    return {"VALEUR": text, "ETAT_RESULTAT": "MES"} if format_name == "PASSIVE" else {"VALEUR": text}


def _broken_siret(text: str) -> str:
    for add in range(1, 10):
        broken = text[:-1] + str((int(text[-1]) + add) % 10)
        matrix = np.frombuffer(broken.encode(), np.uint8).reshape(1, 14)
        if not siret_valid(matrix)[0] and not luhn(matrix)[0]:
            return broken
    raise AssertionError("a last digit that breaks the number always exists")


# --- one function a code ---------------------------------------------------------------------------


def _absent(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = {"PASSIVE": "TYPE_DOSIMETRE", "OPERATIONNELLE": "ACTIVITE"}.get(format_name, "codeNuisanceRadiologique")
    return {column: ""}


def _bad_date(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = "DATENAISSANCE" if format_name == "TRAVAILLEURS" else "DATE_DEBUT_PORT"
    text = row[column]
    if rng.random() < 0.5:
        return {column: "31/02" + text[5:]}
    return {column: f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}"}


def _bad_number(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "TRAVAILLEURS":
        return {"QUOTITE": "80 %"}
    return _value(format_name, str(rng.choice(["<0.05", "0.1 mSv", "1.2.3", "--"])))


def _outside_list(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "TRAVAILLEURS":
        return {"caractereActivite": row["caractereActivite"].lower()}
    return {"TYPE_DOSIMETRE": "INCONNU"}


def _bad_nir(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    nir = row["NIR"]
    return {"NIR": nir[:12] if rng.random() < 0.5 else f"{nir[:3]}{13 + int(rng.integers(0, 7))}{nir[5:]}"}


def _wrong_key(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"CLE": f"{int(row['CLE']) % 97 + 1:02d}"}


def _late(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(row, _day(row["DATE_FIN_PORT"]) - timedelta(days=60), 27)


def _before_attachment(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(row, context.start - timedelta(days=60), 27)


def _reversed(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "OPERATIONNELLE":
        return {"DATE_FIN_PORT": row["DATE_DEBUT_PORT"]}
    return {"DATE_DEBUT_PORT": _show(_day(row["DATE_FIN_PORT"]) + timedelta(days=1))}


def _ahead(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(row, context.registry_date + timedelta(days=10), 27)


def _too_long(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"DATE_DEBUT_PORT": _show(_day(row["DATE_FIN_PORT"]) - timedelta(days=120))}


def _unknown_origin(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"CODE_METROLOGIE": "C"} | ({"ID_MESURE": context.new_id} if format_name == "PASSIVE" else {})


def _other_content(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _value(format_name, f"{float(row['VALEUR'] or 0) + 0.1:.3f}")


def _more_digits(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    whole, _, decimals = row["VALEUR"].partition(".")
    return {"VALEUR": f"{whole}.{decimals:0<3}4"}


def _plain_text(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    form = int(rng.integers(0, 3))
    if form == 0:
        nir = row["NIR"]
        return {"NIR": f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} {nir[7:10]} {nir[10:]}"}
    if form == 1:
        siret = row["SIRET"]
        return {"SIRET": f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"}
    if format_name == "OPERATIONNELLE":
        return {"LIEU": row["LIEU"].capitalize()}
    return {"NOM": row["NOM"].title(), "PRENOM": row["PRENOM"].capitalize()}


def _comma(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = "QUOTITE" if format_name == "TRAVAILLEURS" else "VALEUR"
    return {column: row[column].replace(".", ",")}


def _lost_zeros(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if row["SIRET"].startswith("0"):
        return {"SIRET": row["SIRET"].lstrip("0")}
    return {"CLE": row["CLE"].lstrip("0")}


def _other_month(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"DATENAISSANCE": f"15/{int(row['NIR'][3:5]) % 12 + 1:02d}{row['DATENAISSANCE'][5:]}"}


def _other_domain(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    sent = row["codeDomaineActivite"]
    return {"codeDomaineActivite": next(code for code in nomenclature.codes("domaine_activite") if code != sent)}


def _other_trade(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    sector = nomenclature.codes("secteur_activite").index(row["codeSecteurActivite"])
    known = nomenclature.trades_of_sector()[sector]
    return {"CodeMetier": next(code for at, code in enumerate(nomenclature.codes("metier")) if not known[at])}


_FAULTS: dict[str, Callable[[str, Row, np.random.Generator, Context], Row]] = {
    "FMT-02": _absent,
    "FMT-03": _bad_date,
    "FMT-04": _bad_number,
    "FMT-05": _outside_list,
    "IDT-01": _bad_nir,
    "IDT-02": _wrong_key,
    "IDT-03": lambda name, row, rng, context: {"SEXE": "F" if row["SEXE"] == "M" else "M"},
    "IDT-04": lambda name, row, rng, context: {"SIRET": _broken_siret(row["SIRET"])},
    "IDT-05": lambda name, row, rng, context: {"SIRET": context.unknown_siret},
    "IDT-06": lambda name, row, rng, context: {"NIR": context.unknown_nir},
    "IDT-07": lambda name, row, rng, context: {"SIRET": context.elsewhere},
    "IDT-08": lambda name, row, rng, context: {"NOM": context.other_name},
    "IDT-09": _before_attachment,
    "IDT-10": lambda name, row, rng, context: {"SIRET": context.outside},
    "IDT-11": lambda name, row, rng, context: {"SIRET": context.closed},
    "MET-01": _reversed,
    "MET-02": _ahead,
    "MET-03": _too_long,
    "MET-04": lambda name, row, rng, context: _value(name, "-0.15"),
    "MET-05": lambda name, row, rng, context: _value(name, "650" if name == "PASSIVE" else "120"),
    "MET-06": lambda name, row, rng, context: {"CLASSEMENT": "NC"},
    "MET-07": _other_domain,
    "MET-08": _other_trade,
    "MET-09": lambda name, row, rng, context: {"CLASSEMENT": "", "AUTREEXPOSITION": ""},
    "MET-10": _unknown_origin,
    "MET-11": _other_content,
    "MET-12": lambda name, row, rng, context: {},
    "MET-13": lambda name, row, rng, context: {"ETAT_RESULTAT": "ABS", "VALEUR": "0.10"},
    "MET-14": lambda name, row, rng, context: {"LOCALISATION": "TETE"},
    "AVT-01": _more_digits,
    "AVT-02": _plain_text,
    "AVT-03": _comma,
    "AVT-04": _late,
    "AVT-06": lambda name, row, rng, context: {"CodeMetier": "INFIRM"},
    "AVT-07": _lost_zeros,
    "AVT-08": lambda name, row, rng, context: {"VALEUR": "0.0004"},
    "AVT-09": _other_month,
    "AVT-10": lambda name, row, rng, context: {"SIRET": context.undesignated},
}
