"""The figures of a scorecard, each declared once: name, unit, words, and whether senders are compared by it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from schemas.codebook import Outcome, book

#: A figure's indicator and what it is of: a code, an outcome, a format, or nothing.
Key = tuple[str, str]
#: Figures of a sender or a role; ``None`` where there is nothing to take a share or a median of.
Figures = Mapping[Key, float | None]

#: Fewer other senders than this, and no comparison is given: their figures could be guessed.
FEWEST_OTHERS = 3
#: Fewer other senders than this, and only the median is given: with the sender's own figure, three
#: quartiles of four or five senders lead back to each of them.
FEWEST_FOR_QUARTILES = 5


@dataclass(frozen=True)
class Indicator:
    """One kind of figure. ``by`` tells what the second part of its key is: ``code``, ``issue``, ``format`` or nothing.

    Volumes are not compared: those of the others are theirs, and no measure of quality.
    """

    name: str
    unit: str
    label: str
    by: str = ""
    compared: bool = False


INDICATORS = (
    Indicator("fichiers_recus", "fichiers", "Fichiers reçus"),
    Indicator("fichiers_refuses", "fichiers", "Fichiers refusés en entier"),
    Indicator("fichiers_refuses_code", "fichiers", "Fichiers refusés en entier pour ce motif", "code"),
    Indicator("part_fichiers_refuses", "%", "Part des fichiers refusés en entier", compared=True),
    Indicator("fichiers_deja_recus", "fichiers", "Fichiers déjà reçus à l'identique (FIC-06)"),
    Indicator("fichiers_en_cours", "fichiers", "Fichiers reçus, pas encore traités"),
    Indicator("lignes_recues", "lignes", "Lignes reçues"),
    Indicator("lignes_integration", "lignes", "Lignes, à l'intégration du fichier", "issue"),
    Indicator("lignes_a_ce_jour", "lignes", "Lignes, à ce jour", "issue"),
    Indicator("part_a_ce_jour", "%", "Part des lignes, à ce jour", "issue", compared=True),
    Indicator("part_integree_d_emblee", "%", "Part des lignes intégrées d'emblée, hors doublons", compared=True),
    Indicator("lignes_code", "lignes", "Lignes portant ce code à l'intégration", "code"),
    Indicator("part_code", "%", "Part des lignes portant ce code", "code", compared=True),
    Indicator("mesures", "mesures", "Mesures entrées au registre", "format"),
    Indicator("delai_median", "jours", "Délai médian, de la fin de période à la réception", "format", compared=True),
    Indicator("delai_p90", "jours", "Neuvième décile de ce délai", "format", compared=True),
    Indicator("lignes_regularisees", "lignes", "Lignes intégrées après une attente"),
    Indicator("delai_regularisation", "jours", "Délai médian, de la réception à l'intégration", compared=True),
    Indicator("lignes_sorties_seules", "lignes", "Lignes sorties de la file sans décision"),
    Indicator("lignes_decidees", "lignes", "Lignes réglées par la décision d'un analyste"),
    Indicator("part_sans_intervention", "%", "Part des lignes réglées sans intervention d'un analyste", compared=True),
    Indicator("decisions_pour_10000", "pour 10 000 lignes", "Décisions pour 10 000 lignes", compared=True),
    Indicator("lignes_expirees", "lignes", "Lignes rejetées faute de réponse dans le délai d'attente"),
)

OUTCOME_LABELS = {
    "INTEGRE": "Intégrées",
    "EN_ATTENTE": "En attente",
    "REJETE": "Rejetées",
    "DOUBLON": "Doublons",
}
OUTCOMES = tuple(outcome.name for outcome in Outcome)

ROLE_LABELS = {
    "OA": ("Organisme de dosimétrie", "Organismes de dosimétrie"),
    "EXPLOITANT": ("Exploitant", "Exploitants"),
    "EMPLOYEUR": ("Employeur", "Employeurs"),
    "CRP": ("Conseiller en radioprotection", "Conseillers en radioprotection"),
    "MDT": ("Médecin du travail", "Médecins du travail"),
    "CALCUL": ("Organisme de calcul (personnel navigant)", "Organismes de calcul (personnel navigant)"),
    "GESTIONNAIRE": ("Gestionnaire du registre", "Gestionnaires du registre"),
}


def label_of(indicator: Indicator, of: str) -> str:
    """A figure in words, for the column beside it."""
    if indicator.by == "code":
        return f"{indicator.label} : {book()[of].label}"
    return f"{indicator.label} : {OUTCOME_LABELS.get(of, of)}" if of else indicator.label


@dataclass(frozen=True)
class Peers:
    """What the senders of a role have of one figure: how many have it, median and quartiles.

    ``None`` where too few other senders have it. Rounded to two significant digits: in an odd number of
    senders the median is one sender's own figure.
    """

    senders: int
    median: float | None = None
    first: float | None = None
    third: float | None = None


def peers(values: Sequence[float]) -> Peers:
    """The aggregate of one figure over all senders of a role that have it (quartiles by linear interpolation)."""
    others = len(values) - 1
    if others < FEWEST_OTHERS:
        return Peers(len(values))
    first, median, third = (rough(value) for value in quantiles(values, n=4, method="inclusive"))
    if others < FEWEST_FOR_QUARTILES:
        return Peers(len(values), median)
    return Peers(len(values), median, first, third)


def rough(value: float) -> float:
    """Two significant digits."""
    return round(value, 1 - math.floor(math.log10(abs(value)))) if value else 0.0


def plain(value: float | None) -> str:
    """A figure for a program: decimal point, no needless zeros, nothing for none."""
    if value is None:
        return ""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def written(value: float | None) -> str:
    """A figure for the eye, in French: decimal comma, narrow spaces between thousands, a dash for none.

    Two decimals, one from 10 on; what would read 0 or 100 and is not says so by a sign.
    """
    if value is None:
        return "–"
    if 0 < value < 0.005:
        return "<\u202f0,01"
    if 99.95 <= value < 100:
        return ">\u202f99,9"
    text = f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"
    return text.rstrip("0").rstrip(".").replace(",", "\u202f").replace(".", ",")
