"""What each fault looks like in a row, format by format: one function a code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from schemas import nomenclature
from schemas.identifiers import key_of, luhn, siret_valid

Row = dict[str, str]
#: Beside a row's columns: what stands behind its last cell, where nothing should.
TAIL = ""


@dataclass(frozen=True)
class _Format:
    """Where a format's faults go: the columns of its first date, value, key and text; one that must be
    there, and one with a value outside its list."""

    day: str
    absent: str
    text: str
    outside: tuple[str, str] = ("", "")
    value: str = ""
    key: str = ""
    person: str = "NIR"
    place: str = "SIRET"


OF: dict[str, _Format] = {
    "PASSIVE": _Format(
        "DATE_DEBUT_PORT", "TYPE_DOSIMETRE", "NOM", ("TYPE_DOSIMETRE", "INCONNU"), "VALEUR", "ID_MESURE"
    ),
    "OPERATIONNELLE": _Format("DATE_DEBUT_PORT", "ACTIVITE", "LIEU", ("TYPE_DOSIMETRE", "INCONNU"), "VALEUR"),
    "TRAVAILLEURS": _Format("DATENAISSANCE", "codeNuisanceRadiologique", "NOM", ("caractereActivite", "civil")),
    "INTERNE": _Format("DATE_EXAMEN", "RADIONUCLEIDE", "NOM", ("RADIONUCLEIDE", "Cs137"), "ACTIVITE", "ID_ANALYSE"),
    "ENGAGEE": _Format(
        *("DATE_INCORPORATION", "RADIONUCLEIDE", "ID_EVALUATION", ("RADIONUCLEIDE", "U-91"), "VALEUR", "ID_EVALUATION")
    ),
    "NAVIGANT": _Format("MOIS", "VALEUR", "ID_CALCUL", ("NB_VOLS", "3.5"), "VALEUR", "ID_CALCUL"),
    "SORTIES": _Format("DATEFIN", "DATEFIN", "DATEFIN"),
    "IDENTITES": _Format("DATENAISSANCE", "PRENOM", "NOM", ("STATUT", "certifie"), person="NIA"),
    "DESIGNATIONS": _Format("DATEDEBUT", "IDENTIFIANT", "NOM", ("COURRIEL", "service paie")),
    "ETABLISSEMENTS": _Format(
        *("dateDebut", "etatAdministratifEtablissement", "denominationUsuelleEtablissement"),
        ("etatAdministratifEtablissement", "X"),
        place="siret",
    ),
    "CONCLUSION": _Format(
        "DATE_CONCLUSION", "CONCLUSION", "COMMENTAIRE", ("CONCLUSION", "maintenue"), "VALEUR_RETENUE"
    ),
}


@dataclass(frozen=True)
class Context:
    """What a fault needs to know besides its row; only what the code uses has to be given.

    Attributes:
        registry_date: the registry's date when the file is judged.
        start: first day of the row's attachment (``IDT-09``; ``MET-01`` of SORTIES).
        unknown_nir: a well-formed number that nobody declared (``IDT-06``).
        unknown_siret: a valid SIRET outside the register (``IDT-05``).
        elsewhere: an open, designating establishment where the worker is not attached (``IDT-07``).
        closed: a closed establishment where the worker is attached (``IDT-11``).
        undesignated: one where the worker is attached and that designates nobody (``AVT-10``).
        outside: an establishment out of the sender's perimeter (``IDT-10``).
        new_id: an identifier that no measure bears (``MET-10``).
        other_name: another birth name (``IDT-08``).
        fixed: the row will stand in a fixed-width file.
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
    fixed: bool = False


# --- forms of the values ---------------------------------------------------------------------------


def _day(text: str) -> date:
    return date(int(text[6:10]), int(text[3:5]), int(text[:2]))


def _show(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _moved(format_name: str, row: Row, last: date, days: int = 27) -> Row:
    """The period ending on ``last``; a passive one lasts ``days``, a passage keeps its hours.

    Minutes become 03 and 58, which no other passage has: a moved passage never meets another's key.
    """
    if format_name == "NAVIGANT":
        return {"MOIS": last.strftime("%m/%Y")}
    if "DATE_FIN_PORT" not in row:
        return {OF[format_name].day: _show(last)}
    if len(row["DATE_FIN_PORT"]) > 10:
        return {
            "DATE_DEBUT_PORT": _show(last) + row["DATE_DEBUT_PORT"][10:14] + "03",
            "DATE_FIN_PORT": _show(last) + row["DATE_FIN_PORT"][10:14] + "58",
        }
    return {"DATE_DEBUT_PORT": _show(last - timedelta(days=days)), "DATE_FIN_PORT": _show(last)}


def _value(format_name: str, text: str) -> Row:
    return {OF[format_name].value: text} | ({"ETAT_RESULTAT": "MES"} if format_name == "PASSIVE" else {})


def _broken_siret(text: str) -> str:
    for add in range(1, 10):
        broken = text[:-1] + str((int(text[-1]) + add) % 10)
        matrix = np.frombuffer(broken.encode(), np.uint8).reshape(1, 14)
        if not siret_valid(matrix)[0] and not luhn(matrix)[0]:
            return broken
    raise AssertionError("a last digit that breaks the number always exists")


# --- one function a code ---------------------------------------------------------------------------


def _absent(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "IDENTITES" and row["NIR"] and rng.random() < 0.5:
        return {"CLE": ""}
    return {OF[format_name].absent: ""}


def _bad_date(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = OF[format_name].day
    text = row[column]
    if format_name == "NAVIGANT":
        return {column: "13" + text[2:] if rng.random() < 0.5 else f"{text[3:]}-{text[:2]}"}
    if format_name == "ETABLISSEMENTS":
        return {column: text[:4] + "-02-31" if rng.random() < 0.5 else f"{text[8:]}/{text[5:7]}/{text[:4]}"}
    if context.fixed or rng.random() < 0.5:
        return {column: "31/02" + text[5:]}
    return {column: f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}"}


def _bad_number(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "TRAVAILLEURS":
        return {"QUOTITE": "80 %"}
    return _value(format_name, str(rng.choice(["<0.05", "0.1 mSv", "1.2.3", "--"])))


def _outside_list(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if "RPPS" in row and rng.random() < 0.5:
        return {"RPPS": f"{row['RPPS'][:-1]}{(int(row['RPPS'][-1]) + 1) % 10}"}
    if format_name == "DESIGNATIONS" and rng.random() < 0.5:
        return {"ROLE": row["ROLE"].lower()}
    column, text = OF[format_name].outside
    return {column: text}


def _too_long_text(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = "GROUPE" if format_name == "TRAVAILLEURS" else OF[format_name].key or OF[format_name].text
    longest = {"LIEU": 30, "COMMENTAIRE": 1000, "NOM": 100, "GROUPE": 100}.get(column, 20) + 1
    return {column: (row[column] + "X" * longest)[:longest]}


def _control_sign(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = OF[format_name].text
    text = row[column]
    return {column: f"{text[:2]}\t{text[2:]}" if not context.fixed else f"{text[:2]}\t{text[3:]}"}


def _bad_nir(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = OF[format_name].person
    nir = row[column]
    if column == "NIA" and row["NIR"] and rng.random() < 0.3:
        return {column: row["NIR"]}
    return {column: nir[:12] if rng.random() < 0.5 else f"{nir[:3]}{13 + int(rng.integers(0, 7))}{nir[5:]}"}


def _wrong_key(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"CLE": f"{int(row['CLE']) % 97 + 1:02d}"}


def _broken_place(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = OF[format_name].place
    return {column: _broken_siret(row[column])}


def _unknown_person(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    changed = {OF[format_name].person: context.unknown_nir}
    return changed | ({"CLE": key_of(context.unknown_nir)} if format_name == "SORTIES" else {})


def _closed(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    designated = {"DATEDEBUT": _show(context.registry_date)} if format_name == "DESIGNATIONS" else {}
    return {"SIRET": context.closed} | designated


def _late(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(format_name, row, _day(row["DATE_FIN_PORT"]) - timedelta(days=60))


def _before_attachment(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(format_name, row, context.start - timedelta(days=60))


def _reversed(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "OPERATIONNELLE":
        return {"DATE_FIN_PORT": row["DATE_DEBUT_PORT"]}
    if format_name == "SORTIES":
        return {"DATEFIN": _show(context.start - timedelta(days=1))}
    if format_name == "DESIGNATIONS":
        return {"DATEFIN": _show(_day(row["DATEDEBUT"]) - timedelta(days=1))}
    return {"DATE_DEBUT_PORT": _show(_day(row["DATE_FIN_PORT"]) + timedelta(days=1))}


def _ahead(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _moved(format_name, row, context.registry_date + timedelta(days=40 if format_name == "NAVIGANT" else 10))


def _too_long(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return {"DATE_DEBUT_PORT": _show(_day(row["DATE_FIN_PORT"]) - timedelta(days=120))}


def _unknown_origin(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    key = OF[format_name].key
    return {"CODE_METROLOGIE": "C"} | ({key: context.new_id} if key else {})


def _other_content(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    return _value(format_name, f"{float(row[OF[format_name].value] or 0) + 0.1:.3f}")


def _state_without_value(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    if format_name == "CONCLUSION":
        return {"VALEUR_RETENUE": "4.2"}
    return {"ETAT_RESULTAT": "ABS", OF[format_name].value: "0.10"}


def _more_digits(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = OF[format_name].value
    whole, _, decimals = row[column].partition(".")
    return {column: f"{whole}.{decimals:0<9}4" if format_name == "INTERNE" else f"{whole}.{decimals:0<3}4"}


def _plain_text(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    of = OF[format_name]
    forms: list[Row] = []
    if row.get(of.person) and not context.fixed:
        nir = row[of.person]
        forms.append({of.person: f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} {nir[7:10]} {nir[10:]}"})
    if row.get(of.place) and not context.fixed:
        siret = row[of.place]
        forms.append({of.place: f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"})
    if format_name == "OPERATIONNELLE":
        forms.append({"LIEU": row["LIEU"].capitalize()})
    elif row.get("NOM"):
        forms.append({"NOM": row["NOM"].title(), "PRENOM": row["PRENOM"].capitalize()})
    return forms[int(rng.integers(0, len(forms)))]


def _comma(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    column = "QUOTITE" if format_name == "TRAVAILLEURS" else OF[format_name].value
    return {column: row[column].replace(".", ",")}


def _lost_zeros(format_name: str, row: Row, rng: np.random.Generator, context: Context) -> Row:
    place = OF[format_name].place
    if row.get(place, "").startswith("0"):
        return {place: row[place].lstrip("0")}
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


FLAWS: dict[str, Callable[[str, Row, np.random.Generator, Context], Row]] = {
    "FMT-01": lambda name, row, rng, context: {TAIL: "SUPERFLU"},
    "FMT-02": _absent,
    "FMT-03": _bad_date,
    "FMT-04": _bad_number,
    "FMT-05": _outside_list,
    "FMT-06": _too_long_text,
    "FMT-07": _control_sign,
    "IDT-01": _bad_nir,
    "IDT-02": _wrong_key,
    "IDT-03": lambda name, row, rng, context: {"SEXE": "F" if row["SEXE"] == "M" else "M"},
    "IDT-04": _broken_place,
    "IDT-05": lambda name, row, rng, context: {"SIRET": context.unknown_siret},
    "IDT-06": _unknown_person,
    "IDT-07": lambda name, row, rng, context: {"SIRET": context.elsewhere},
    "IDT-08": lambda name, row, rng, context: {"NOM": context.other_name},
    "IDT-09": _before_attachment,
    "IDT-10": lambda name, row, rng, context: {"SIRET": context.outside},
    "IDT-11": _closed,
    "MET-01": _reversed,
    "MET-02": _ahead,
    "MET-03": _too_long,
    "MET-04": lambda name, row, rng, context: _value(name, "-0.15"),
    "MET-05": lambda name, row, rng, context: _value(name, "120" if name == "OPERATIONNELLE" else "650"),
    "MET-06": lambda name, row, rng, context: {"CLASSEMENT": "NC"},
    "MET-07": _other_domain,
    "MET-08": _other_trade,
    "MET-09": lambda name, row, rng, context: {"CLASSEMENT": "", "AUTREEXPOSITION": ""},
    "MET-10": _unknown_origin,
    "MET-11": _other_content,
    "MET-12": lambda name, row, rng, context: {},
    "MET-13": _state_without_value,
    "MET-14": lambda name, row, rng, context: {"LOCALISATION": "TETE"},
    "MET-15": lambda name, row, rng, context: {"UNITE": "Bq" if row["UNITE"] != "Bq" else "Bq/L"},
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
