"""What an agreement may grant: the variables of an extract, their meaning, how each gives way where few share it."""

from __future__ import annotations

from dataclasses import dataclass

from schemas import nomenclature
from schemas.formats import interne, passive

#: Text that stands for a value held back because too few share it.
WITHHELD = "(retenu)"
#: The two tables.
PERSONS, RESULTS = "travailleurs", "doses"
#: Kinds of measures an agreement may grant; those below are internal dosimetry and need its express word.
MEASURES = ("PASSIVE", "OPERATIONNELLE", "NAVIGANT", "ENGAGEE", "INTERNE")
INTERNAL_MEASURES = frozenset({"ENGAGEE", "INTERNE"})


@dataclass(frozen=True)
class Variable:
    """A column of an extract.

    Attributes:
        kind: ``texte``, ``entier`` or ``date``.
        codes: the code list that its values come from, else empty.
        indirect: together with others it may tell who somebody is.
        internal: tells of internal dosimetry.
        always: stands in its table whatever the agreement says.
    """

    name: str
    table: str
    kind: str
    label: str
    codes: tuple[str, ...] = ()
    indirect: bool = False
    internal: bool = False
    always: bool = False


_PSEUDONYM = (
    "Pseudonyme du travailleur (32 chiffres hexadécimaux), propre à la convention : le même dans toutes ses"
    " extractions, sans rapport avec ceux d'une autre"
)
VARIABLES: tuple[Variable, ...] = (
    Variable("pseudonyme", PERSONS, "texte", _PSEUDONYM, always=True),
    Variable("annee_naissance", PERSONS, "entier", "Année de naissance, ou première année de la classe", indirect=True),
    Variable("sexe", PERSONS, "texte", "Sexe de naissance", ("M", "F"), indirect=True),
    Variable("pseudonyme", RESULTS, "texte", _PSEUDONYM, always=True),
    Variable("mesure", RESULTS, "texte", "Nature du résultat", MEASURES, always=True),
    Variable("etablissement", RESULTS, "texte", "Pseudonyme de l'établissement, propre à la convention", indirect=True),
    Variable(
        "type_mesure",
        RESULTS,
        "texte",
        "Grandeur mesurée ; type d'examen pour INTERNE ; vide pour ENGAGEE et NAVIGANT",
        (*passive.TYPES, *nomenclature.codes("type_mesure_operationnelle"), *interne.EXAMS),
    ),
    Variable("localisation", RESULTS, "texte", "Emplacement du dosimètre (PASSIVE)", passive.LOCATIONS),
    Variable(
        "etat",
        RESULTS,
        "texte",
        "État du résultat (PASSIVE, INTERNE) : INF compte 0 ; ABS, PER et DET n'ont pas de valeur",
        passive.STATES,
    ),
    Variable("debut", RESULTS, "date", "Premier jour du mois, du trimestre ou de l'année où la période commence"),
    Variable("fin", RESULTS, "date", "Premier jour du mois, du trimestre ou de l'année où la période finit"),
    Variable("dose_usv", RESULTS, "entier", "Dose en microsieverts"),
    Variable("caractere", RESULTS, "texte", "Caractère de l'activité", ("Civil", "Militaire"), indirect=True),
    Variable("domaine", RESULTS, "texte", "Domaine d'activité", nomenclature.codes("domaine_activite"), indirect=True),
    Variable("secteur", RESULTS, "texte", "Secteur d'activité", nomenclature.codes("secteur_activite"), indirect=True),
    Variable("metier", RESULTS, "texte", "Métier", nomenclature.codes("metier"), indirect=True),
    Variable("classement", RESULTS, "texte", "Catégorie du travailleur", indirect=True),
    Variable(
        "nuisance",
        RESULTS,
        "texte",
        "Nuisance radiologique",
        nomenclature.codes("nuisance_radiologique"),
        indirect=True,
    ),
    Variable("contrat", RESULTS, "texte", "Type de contrat", nomenclature.codes("type_contrat"), indirect=True),
    Variable("radionucleide", RESULTS, "texte", "Radionucléide (ENGAGEE, INTERNE)", internal=True),
    Variable("activite_nbq", RESULTS, "entier", "Activité en nanobecquerels (INTERNE)", internal=True),
    Variable("unite", RESULTS, "texte", "Unité de l'activité (INTERNE)", interne.UNITS, internal=True),
)
#: Beside ``annee_naissance``: how many years the class holds.
WIDTH_OF_BIRTH = Variable(
    "naissance_pas", PERSONS, "entier", "Nombre d'années de la classe de naissance : 1, 5 ou 10 ; vide si retenue"
)
#: Those an agreement names; the others come along by themselves.
GRANTABLE = {one.name: one for one in VARIABLES if not one.always}
#: How a birth year gives way: by classes of so many years, then altogether.
BIRTH_STEPS = (5, 10)


def granted(names: frozenset[str], table: str) -> tuple[Variable, ...]:
    """The columns of a table under an agreement that grants these variables, in order."""
    found: list[Variable] = []
    for one in VARIABLES:
        if one.table == table and (one.always or one.name in names):
            found.append(one)
            if one.name == "annee_naissance":
                found.append(WIDTH_OF_BIRTH)
    return tuple(found)
