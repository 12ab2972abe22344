"""What is kept how long, and why: the one table of rules.

``pipelines/expiry.py`` carries them out, ``siseri retention list`` prints them, ``docs/conservation.md`` and the impact
note (``docs/aipd.md``) hold the same table, and a test compares them. What no rule names is never removed; what stays
for ever is named too, so that nobody has to guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One kind of data.

    Attributes:
        name: under which removals are logged (``ledger.removal``).
        what, since, left, why: French, for the controller: the data, where the time begins, what remains, the reason.
        days: after which it goes, in days of the registry; ``None``: it stays.
        setting: the setting that changes ``days``, where one does.
    """

    name: str
    what: str
    days: int | None
    since: str
    left: str
    why: str
    setting: str = ""


#: Removed after their time.
RULES = (
    Rule(
        "RETOUR",
        "Réponses déposées dans retour/ (récépissés, comptes rendus, listes, questions, avis)",
        90,
        "le passage qui les a vues telles quelles",
        "le grand livre et le fichier reçu, qui permettent de les refaire",
        "elles portent des identités et l'émetteur les a reprises",
        setting="report_days",
    ),
    Rule(
        "ESSAIS",
        "Fichiers d'essai gardés dans archive/essai et leurs réponses dans retour/essai",
        90,
        "le passage qui les a vus tels quels",
        "rien",
        "un essai ne laisse rien au registre",
        setting="report_days",
    ),
    Rule(
        "LIGNES",
        "Lignes brutes sorties de la file d'attente ; valeurs saisies, questions et réponses sur elles",
        365,
        "la sortie de la file",
        "dépôt, numéro de ligne, codes, décisions, auteurs, dates et motifs",
        "elles ne servaient qu'à décider ; passé ce délai une décision ne s'annule plus",
    ),
    Rule(
        "REPRISE",
        "Lignes brutes d'un ancien registre qui attendaient et n'attendent plus (réglées, ou reprise annulée)",
        365,
        "la sortie de l'attente",
        "table, numéro de ligne, cause, groupe, année, grandeur, valeur et décision ; le fichier est à l'archive",
        "elles ne servaient qu'à décider, comme celles de la file",
    ),
    Rule(
        "FICHIERS",
        "Octets des fichiers dont aucune ligne n'a jamais été intégrée",
        365,
        "la dernière réponse due",
        "nom, empreinte SHA-256, taille, comptes, codes et issue de chaque ligne",
        "ils ne justifient aucune dose du registre",
    ),
    Rule(
        "COMPTES",
        "Comptes fermés : clés SSH, identifiant personnel (RPPS, CRP), fichiers restés dans les dossiers du compte",
        365,
        "la fermeture du compte",
        "code, rôle, SIREN et dates du compte, et ce qu'il a envoyé",
        "le compte ne sert plus ; son code reste attaché à ses envois",
    ),
    Rule(
        "CONTACTS",
        "Nom, prénom et courriel des personnes désignées (médecins, conseillers, organismes)",
        365,
        "la fin de la désignation, ou le remplacement de sa version",
        "établissement, rôle, identifiant et dates, qui disent qui avait accès",
        "le contact n'est plus joint",
    ),
    Rule(
        "DEMANDES",
        "Numéro et texte des demandes d'accès ou de rectification closes",
        1825,
        "la clôture",
        "nature, dates, issue et motif",
        "preuve de la réponse, le temps de la prescription",
    ),
)

#: Never removed by a rule.
STAYS = (
    Rule(
        "DOSES",
        "Doses, dépassements, conclusions, avec toutes leurs versions, et les fichiers dont elles viennent",
        None,
        "",
        "tout",
        "suivi dosimétrique de toute une vie ; le rôle qui supprime n'a aucun droit sur elles",
    ),
    Rule(
        "IDENTITES",
        "Identités et rattachements des travailleurs suivis",
        None,
        "",
        "tout",
        "sans eux une dose n'appartient plus à personne",
    ),
    Rule(
        "AUDIT",
        "Journal des consultations nominatives et des extraits de recherche",
        None,
        "",
        "tout",
        "preuve ; l'ôter romprait sa chaîne",
    ),
    Rule(
        "BUREAU",
        "Sessions du bureau et exports",
        0,
        "",
        "rien",
        "le registre n'en garde aucun : session et formulaires sont des jetons signés qui expirent, un export part"
        " sans copie",
    ),
)


def table(rules: Sequence[Rule] = RULES + STAYS) -> str:
    """The rules as a Markdown table (French), each row one rule."""
    lines = ["| règle | données | durée | à compter de | ce qui reste | pourquoi |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.what} | {duration(one)} | {one.since or '—'} | {one.left} | {one.why} |" for one in rules
    ]
    return "\n".join(lines)


def duration(rule: Rule) -> str:
    """How long, in words."""
    if rule.days is None:
        return "sans limite"
    if rule.days == 0:
        return "non conservé"
    return f"{rule.days} jours" + (f" (`{rule.setting}`)" if rule.setting else "")


def as_json(rule: Rule, days: int | None) -> dict[str, Any]:
    """A rule for a listing; ``days`` as the settings of the moment have it."""
    return {
        "regle": rule.name,
        "donnees": rule.what,
        "jours": days,
        "depuis": rule.since or None,
        "reste": rule.left,
        "pourquoi": rule.why,
        "reglage": rule.setting or None,
    }
