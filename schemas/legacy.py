"""How the old registry is laid out for its migration: folders of parts, columns declared once.

A table is a folder of parts (``.parquet``, or ``.csv`` with ``;`` and UTF-8). Measures have the columns of the exchange
format of the same name, but for the person, who is named by the number of the old system, and for doses and
activities, which are integers, so that nothing is rounded twice. This layout is the project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache

from schemas import nomenclature
from schemas.formats import formats
from schemas.spec import Format, Kind


class Form(StrEnum):
    """What a column holds, in Parquet; in CSV all are text."""

    NUMBER = auto()  # int64
    DAY = auto()  # date32; in CSV aaaa-mm-jj
    MINUTE = auto()  # timestamp without zone; in CSV aaaa-mm-jjThh:mm
    TEXT = auto()  # string


@dataclass(frozen=True)
class Column:
    """A column of the old system. ``source``: the column of the exchange format that it becomes."""

    name: str
    label: str
    form: Form = Form.TEXT
    source: str | None = None


@dataclass(frozen=True)
class Table:
    """A table of the old system: a folder of parts. ``layout``: the exchange format of a table of measures."""

    name: str
    title: str
    columns: tuple[Column, ...]
    layout: Format | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


_FORMS = {
    Kind.DATE: Form.DAY,
    Kind.MONTH: Form.DAY,
    Kind.TIME: Form.MINUTE,
    Kind.DOSE: Form.NUMBER,
    Kind.ACTIVITY: Form.NUMBER,
    Kind.COUNT: Form.NUMBER,
}
_UNITS = {Kind.DOSE: "_USV", Kind.ACTIVITY: "_NBQ"}
_IN_WORDS = {Kind.DOSE: " (µSv)", Kind.ACTIVITY: " (nBq)"}
#: Columns of a format that the old system does not have: the person stands under a number, nothing is a correction.
_ABSENT = frozenset({"NIR", "NOM", "PRENOM", "CODE_METROLOGIE"})

_WORKER = Column("ID_TRAVAILLEUR", "Numéro du travailleur dans l'ancien système", Form.NUMBER)
_SIRET = Column("SIRET", "SIRET de l'établissement")


def _measures(name: str, format_name: str, title: str) -> Table:
    layout = formats()[format_name]
    columns = [_WORKER, Column("ORGANISME", "Code du compte de l'organisme, de l'exploitant ou du médecin")]
    for column in layout.columns:
        if column.name in _ABSENT:
            continue
        label = column.label.replace(" en mSv", "") + _IN_WORDS.get(column.kind, "")
        columns.append(
            Column(
                column.name + _UNITS.get(column.kind, ""), label, _FORMS.get(column.kind, Form.TEXT), source=column.name
            )
        )
    return Table(name, title, tuple(columns), layout)


@cache
def tables() -> dict[str, Table]:
    """Every table, in the order in which its parts are taken."""
    listed = (
        Table(
            "etablissements",
            "Établissements",
            (
                _SIRET,
                Column("ETAT", "A actif, F fermé"),
                Column("DATE_ETAT", "Depuis quand", Form.DAY),
                Column("DENOMINATION", "Dénomination usuelle"),
                Column("ENSEIGNE", "Enseigne"),
                Column("ACTIVITE", "Activité principale (NAF)"),
                Column("COMMUNE", "Code de la commune"),
            ),
        ),
        Table(
            "travailleurs",
            "Travailleurs",
            (
                _WORKER,
                Column("NIR", "NIR ou NIA, sans clé"),
                Column("CLE", "Clé"),
                Column("NOM", "Nom de naissance"),
                Column("PRENOM", "Prénom"),
                Column("DATENAISSANCE", "Date de naissance", Form.DAY),
                Column("SEXE", "M ou F"),
            ),
        ),
        Table(
            "rattachements",
            "Rattachements",
            (
                _WORKER,
                _SIRET,
                Column("DATE_DEBUT", "Premier jour", Form.DAY),
                Column("DATE_FIN", "Dernier jour, vide s'il court", Form.DAY),
                Column("CLASSEMENT", "A, B, NC, NR ou vide"),
                Column("AUTREEXPOSITION", "RADON, RAY_COS, SUR_GRP_1, SUR_GRP_2 ou vide"),
                Column("CARACTERE", "Civil (par défaut) ou Militaire"),
                Column("SECTEUR", "Code du secteur d'activité"),
                Column("NUISANCE", "EXT, INT, EXTINT ou vide"),
                Column("CONTRAT", "Code du contrat ou vide"),
                Column("METIER", "Libellé du métier dans l'ancien système, ou code d'aujourd'hui"),
                Column("QUOTITE_DIXIEMES", "Quotité en dixièmes, 10 par défaut", Form.NUMBER),
            ),
        ),
        _measures("externes", "PASSIVE", "Doses externes passives"),
        _measures("operationnelles", "OPERATIONNELLE", "Doses opérationnelles"),
        _measures("internes", "INTERNE", "Analyses"),
        _measures("engagees", "ENGAGEE", "Doses engagées"),
        _measures("navigants", "NAVIGANT", "Doses du personnel navigant"),
    )
    return {table.name: table for table in listed}


#: Names under which the old system kept who was not to be named, folded: they are nobody's name and match nobody.
PLACEHOLDERS = frozenset(
    {"ANONYME", "ANONYMISE", "INCONNU", "INCONNUE", "NON RENSEIGNE", "NON COMMUNIQUE", "SANS NOM", "ND", "NR", "XXX"}
)
#: Classes that the old registry knew; NC and NR are kept for the past.
CLASSES = ("A", "B", "NC", "NR")


@cache
def trades() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each old label, with the trades of today that it may stand for (none: undetermined).

    Source: the list of the old system's labels; today's trades where these split them or kept them under other words.
    """
    listed = tuple((row["libelle"], tuple(row["codes"].split())) for row in nomenclature.rows("metiers_anciens"))
    strange = {code for _, codes in listed for code in codes} - set(nomenclature.codes("metier"))
    if strange:
        raise ValueError(f"unknown trades in metiers_anciens.csv: {sorted(strange)}")
    return listed
