"""Words of the desk in French: what the warehouse's own words mean to who reads a page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pipelines.exceedance_results import ASIDE, OUTDONE, SMALL
from schemas import codebook

ACTIONS = {
    "corriger": "corriger une valeur",
    "rattacher": "rattacher",
    "confirmer": "confirmer",
    "rejeter": "rejeter",
    "rejouer": "rejouer",
}
#: Entries that hold no row back: why an analyst must see them.
MOTIVES = {
    "CORRECTION_DU_MEDECIN": "Correction de l’organisme après celle du médecin",
    "FUSION": "Deux mesures sous une même clé après une fusion de personnes",
}
MOTIVE_RULES = {
    "CORRECTION_DU_MEDECIN": "Le médecin avait déjà corrigé cette mesure : sa version reste en vigueur, celle que "
    "l’organisme a envoyée ensuite est gardée à côté. Aucune ligne n’est retenue : confirmez une fois vu.",
    "FUSION": "Deux personnes n’en font plus qu’une, et deux mesures différentes portent désormais la même clé. "
    "Aucune ligne n’est retenue : confirmez une fois vu.",
}
#: Outcomes of one row, and of several.
OUTCOMES = {
    "INTEGRE": ("intégrée", "intégrées"),
    "EN_ATTENTE": ("attend encore", "attendent encore"),
    "REJETE": ("rejetée", "rejetées"),
    "DOUBLON": ("doublon", "doublons"),
}
STATES = {"PROPOSEE": "proposée", "EN_VIGUEUR": "en vigueur", "REVOQUEE": "révoquée"}
ORDERS = {"lignes": "le plus de lignes", "dose": "le plus de mSv", "anciennete": "les plus anciennes"}
#: States of one exceedance, and of several.
EXCEEDANCE_STATES = {
    "DETECTE": ("détecté", "détectés"),
    "NOTIFIE": ("notifié", "notifiés"),
    "MAINTENU": ("maintenu", "maintenus"),
    "MODIFIE": ("modifié", "modifiés"),
    "ANNULE": ("annulé", "annulés"),
    "RETENU_PAR_DEFAUT": ("retenu par défaut", "retenus par défaut"),
    "CADUC": ("caduc", "caducs"),
    "REPRISE": ("repris de l’historique", "repris de l’historique"),
}
EXCEEDANCE_ORDERS = {
    "recents": "les derniers trouvés",
    "echeance": "l’échéance la plus proche",
    "fenetre": "la fenêtre la plus récente",
    "valeur": "le plus au-dessus de la limite",
    "etablissement": "l’établissement",
}
LIMITS = {"EFFICACE": "dose efficace", "CRISTALLIN": "cristallin", "PEAU": "peau", "EXTREMITES": "extrémités"}
PLACES = {"AVBRAS": "avant-bras", "TETE": "tête", "D": "droit", "G": "gauche"}
_FEMININE = ("main ", "cheville ")
AUDIENCES = {
    "MDT": "médecin du travail",
    "CRP": "conseiller en radioprotection",
    "EMPLOYEUR": "employeur",
    "DGT": "direction générale du travail",
    "DSND": "délégué à la sûreté nucléaire de défense",
}
CONCLUDED = {"MAINTENUE": "Maintenu", "MODIFIEE": "Modifié", "ANNULEE": "Annulé"}
#: Why no physician can be told of an exceedance.
ABSENT = {
    "SANS_MDT": "Aucun médecin du travail n’est désigné (SANS_MDT) : personne ne peut conclure.",
    "SANS_COMPTE": "Un médecin du travail est désigné, mais il n’a pas de compte : il n’a pas pu être averti.",
}
#: Why a result of a window counts for nothing.
UNCOUNTED = {
    OUTDONE: "non : l’autre emplacement l’emporte",
    ASIDE: "non : remplacé par la version du médecin",
    SMALL: "0 : mois de vol sous 0,100 mSv",
}
#: Faults that a flag suspects, and states of flags.
SUSPECTED = {
    "UNITE": "unité × 1000",
    "FAISCEAU": "dosimètre resté dans le faisceau",
    "FACTEUR_10": "virgule décalée (× 10)",
    "CUMUL": "cumul au lieu de la période",
    "INHABITUELLE": "dose élevée",
    "TEMOIN": "témoin oublié",
    "COPIE": "période précédente recopiée",
    "ECHANGE": "dosimètres échangés",
}
FLAG_STATES = {
    "OUVERTE": "à voir",
    "CONFIRMEE": "confirmé",
    "DEMANDEE": "question posée",
    "ECARTEE": "écarté",
    "CLOSE": "clos : résultat changé depuis",
}
#: What each standing check looks for.
CONTROLS = {
    "categorie-b": "Sur 12 mois, plus de 6 mSv de dose efficace (radon non compris) alors que le travailleur est "
    "classé B : son classement est à revoir. La fenêtre la plus haute de chacun.",
    "passive-operationnelle": "La somme des doses opérationnelles d’une période de port s’écarte de la dose passive de "
    "plus de 0,3 mSv et de plus de 20 % de la plus grande.",
    "deux-lieux": "Des dosimètres d’un même travailleur portés le même jour (passive) ou à la même minute "
    "(opérationnelle) dans deux établissements.",
    "periode-manquante": "Entre deux périodes de port, des jours dont aucun résultat ne parle, au moins moitié aussi "
    "longs que la plus courte des deux, pendant le rattachement.",
    "resultat-attendu": "La période qui suit la dernière connue, au rythme du travailleur (à défaut, de l’organisme), "
    "est finie depuis plus de 20 jours et son résultat n’est pas intégré, alors que le rattachement dure.",
}
KINDS = {"QUESTION": "Question", "REPONSE": "Réponse"}
LOOKS = {
    "ligne": "fiche",
    "cause": "liste de la cause",
    "apercu": "aperçu d’une décision",
    "recherche": "recherche",
    "export": "export",
    "queue rows": "siseri queue rows",
    "queue show": "siseri queue show",
}


def rules(codes: list[str], motive: str | None) -> list[dict[str, str]]:
    """For each code that holds rows (or the motive): code, label, rule, remedy."""
    if motive:
        text = MOTIVE_RULES.get(motive, "")
        return [{"code": "", "libelle": MOTIVES.get(motive, motive), "regle": text, "remede": ""}]
    book, known = codebook.book(), codebook.rules()
    return [
        {"code": one, "libelle": book[one].label, "regle": known.get(one, ""), "remede": book[one].remedy}
        for one in codes
    ]


def age_days(since: str | None, today: date) -> int:
    """Days since an ISO day or instant."""
    return (today - date.fromisoformat(since[:10])).days if since else 0


def moment(value: str) -> str:
    """``2026-04-10T09:15:00+02:00`` → ``10/04/2026 à 09:15``."""
    return f"{value[8:10]}/{value[5:7]}/{value[:4]} à {value[11:16]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 ligne``, ``2 lignes``, with the number in French."""
    shown = f"{count:,}".replace(",", "\u202f")
    return f"{shown} {one if count < 2 else many or one + 's'}"


def sentence(text: str) -> str:
    """What an error says, as a sentence of a page."""
    if not text:
        return ""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def place(name: str | None) -> str:
    """``MAIN_D`` → ``main droite``; nothing for none."""
    told = " ".join(PLACES.get(one, one.lower()) for one in (name or "").split("_"))
    return f"{told}e" if told.startswith(_FEMININE) else told


def curve_told(facts: dict[str, Any]) -> str:
    """A curve in one sentence, for who does not see it; its figures stand in the page's tables."""
    first, last = facts["periode_debut"], facts["periode_fin"]
    return (
        f"Résultats et somme glissante, {facts['libelle']} : {facts['valeur_msv'].replace('.', ',')} mSv dans la "
        f"fenêtre du {first:%d/%m/%Y} au {last:%d/%m/%Y}. Les chiffres sont dans les tableaux qui suivent."
    )


def filters() -> dict[str, Any]:
    """What the templates may use as filters."""
    return {
        "action": lambda name: ACTIONS.get(name, name),
        "motif_en_mots": lambda name: MOTIVES.get(name, name),
        "issue": lambda name, count=1: OUTCOMES[name][count > 1],
        "moment": moment,
        "compte": plural,
        "regard": lambda name: LOOKS.get(name, name),
        "etat_depassement": lambda name, count=1: EXCEEDANCE_STATES[name][count > 1],
        "faute": SUSPECTED.__getitem__,
        "etat_signalement": FLAG_STATES.__getitem__,
        "controle": CONTROLS.__getitem__,
        "limite": LIMITS.__getitem__,
        "localisation": place,
        "conclusion": CONCLUDED.__getitem__,
        "medecin_absent": ABSENT.__getitem__,
        "destinataire": AUDIENCES.__getitem__,
        "motif_de_compte": UNCOUNTED.__getitem__,
        "jour_de_1970": lambda number: f"{date(1970, 1, 1) + timedelta(number):%d/%m/%Y}",
        "en_msv": lambda usv: f"{usv / 1000:.3f}".replace(".", ","),
    }
