"""The page of quality: the promises that hold and those that do not, and the calendar of expected files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reports.indicators import ROLE_LABELS, written
from reports.lists import french
from reports.page import environment
from reports.scorecard import in_words
from schemas import nomenclature

_AGAINST = {
    "ABSOLU": "{} {unit}",
    "ECART": "{} points d'écart à l'ordinaire",
    "RAPPORT": "{} l'ordinaire",
}


def quality_page(judged: Sequence[Mapping[str, Any]], calendar: Sequence[Mapping[str, Any]], today: date) -> bytes:
    """One self-contained page in French. No figure of a person is in it. Arguments as of :func:`in_french`."""
    told = in_french(judged, calendar)
    return environment().get_template("qualite.html").render(**told, as_of=french(today)).encode()


def in_french(judged: Sequence[Mapping[str, Any]], calendar: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a page says: ``months`` with their promises, files that are ``late`` and those that are ``expected``.

    Args:
        judged: promises, as ``siseri quality list --json`` gives them; subjects have ``mois_passes`` beside, their
            values of the months before.
        calendar: expected files, as ``siseri senders expected --json`` gives them.
    """
    months = [
        {
            "title": in_words(date.fromisoformat(f"{month}-01")),
            "ended": lines[0]["mois_fini"],
            "lines": [_line(one) for one in lines],
            "broken": sum(not one["tenue"] for one in lines),
        }
        for month, lines in _by_month(judged).items()
    ]
    files = [{**one, "due": _day(one["attendu_le"]), "last": _day(one["dernier_recu"])} for one in calendar]
    return {
        "months": months,
        "late": [one for one in files if one["jours_de_retard"]],
        "expected": [one for one in files if not one["jours_de_retard"]],
    }


def _by_month(judged: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in judged:
        found.setdefault(one["mois"], []).append(one)
    return found


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": one["promesse"],
        "sentence": one["phrase"],
        "measured": one["mesure"],
        "bounds": bounds_in_words(one),
        "unit": one["unite"],
        "held": one["tenue"],
        "judged": one["juges"],
        "broken": [
            {
                "subject": subject_in_words(subject["sujet"]),
                "value": written(subject["valeur"]),
                "usual": written(subject["habituel"]),
                "gap": signed(subject["ecart"], one["comparaison"]),
                "base": written(subject["nombre"]),
                "new": subject["nouveau"],
                "past": " · ".join(written(value) for value in subject["mois_passes"]),
            }
            for subject in one["rompue_pour"]
        ],
    }


def bounds_in_words(one: Mapping[str, Any]) -> str:
    """What must hold of the measure: ``au plus +5 points d'écart à l'ordinaire``."""
    low, high = (
        None if one[name] is None else signed(one[name], one["comparaison"]) for name in ("minimum", "maximum")
    )
    between = f"de {low} à {high}" if low and high else f"au moins {low}" if low else f"au plus {high}"
    return _AGAINST[one["comparaison"]].format(between, unit=one["unite"])


def signed(value: float | None, against: str) -> str:
    """A gap for the eye: a difference with its sign, a ratio behind a multiplication sign."""
    if value is None:
        return written(None)
    if against == "RAPPORT":
        return f"×\u202f{written(value)}"
    if against == "ABSOLU":
        return written(value)
    return f"{'−' if value < 0 else '+'}{written(abs(value))}"


def subject_in_words(subject: str) -> str:
    """A subject as people know it: roles and domains by their names."""
    domains = {row["code"]: row["libelle"] for row in nomenclature.rows("domaine_activite")}
    if subject in domains:
        return f"{domains[subject]} ({subject})"
    return ROLE_LABELS[subject][1] if subject in ROLE_LABELS else subject


def _day(text: str | None) -> str:
    return french(date.fromisoformat(text)) if text else "–"
