"""Dossier: all that an analyst needs to decide on one row, on one page. Nominative: the caller notes the look."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines import questions
from pipelines.books import msv
from pipelines.causes import entry_facts
from schemas import codebook
from schemas.codebook import Severity
from schemas.formats import formats


def dossier(connection: Connection, key: RegistryKey, number: int) -> dict[str, Any]:
    """Everything about one entry, open or settled.

    Keys: those of a listed entry, and ``attend``, ``entree_ouverte`` (under which the row waits now), ``jour`` (the
    registry's date of its reception), ``cause``, ``precedente``, ``suivante``, ``valeurs`` (column, label, value),
    ``motifs`` (code, label, remedy, rule), ``travailleur``, ``etablissement``, ``histoire`` (the worker's measures),
    ``meme_faute`` (how the sender's same fault was settled lately), ``decisions``, ``messages``, ``regards``.

    Raises:
        UsageError: there is no such entry.
    """
    row = connection.execute(sql.query("desk", "entry"), (number,)).fetchone()
    if row is None:
        raise UsageError(f"aucune entrée {number}")
    facts = entry_facts(key, row[:16])
    sealed = row[15]
    role, waits, person, cause, open_now = row[16:]
    values = {} if sealed is None else key.open_row(sealed)
    layout = formats()[facts["format"]]
    book, rules = codebook.book(), codebook.rules()
    before, following = connection.execute(sql.query("desk", "next_entries"), (number,)).fetchone() or (None, None)
    worker = _worker(connection, key, person)
    return facts | {
        "role": role,
        "attend": waits,
        "entree_ouverte": open_now,
        "jour": row[11].isoformat(),
        "cause": cause,
        "precedente": before,
        "suivante": following,
        "valeurs": [
            {"champ": column.name, "libelle": column.label, "valeur": values.get(column.name, "")}
            for column in layout.columns
        ],
        "motifs": [
            {"code": one, "libelle": book[one].label, "remede": book[one].remedy, "regle": rules.get(one)}
            for one in facts["codes"]
        ],
        "travailleur": worker,
        "etablissement": _establishment(connection, facts["siret"]),
        "histoire": _measures(connection, worker),
        "meme_faute": _same_fault(connection, number),
        "decisions": _decisions(connection, key, facts["depot"], facts["ligne"]),
        "messages": questions.of_row(connection, key, facts["depot"], facts["ligne"]),
        "regards": [
            {"le": _hour(at), "par": who, "porte": door, "objet": what}
            for at, who, door, what in connection.execute(sql.query("audit", "of_entry"), (number,)).fetchall()
        ],
    }


def _worker(connection: Connection, key: RegistryKey, person: Any) -> dict[str, Any] | None:
    """What the registry knows of the person that the row's number stands for."""
    found = connection.execute(sql.query("desk", "worker"), (person,)).fetchone() if person is not None else None
    if found is None:
        return None
    number, last, first, birth, sex, state, sealed = found
    attached = connection.execute(sql.query("desk", "attachments"), (number, number)).fetchall()
    names = ("siret", "etablissement", "debut", "fin", "classement", "autre_exposition", "metier", "etat", "ferme_le")
    return {
        "travailleur": number,
        "numeros": [key.open(one).decode() for one in sealed],
        "nom": last,
        "prenom": first,
        "naissance": birth.isoformat(),
        "sexe": sex,
        "identite": state,
        "rattachements": [
            {name: one.isoformat() if hasattr(one, "isoformat") else one for name, one in zip(names, row, strict=True)}
            for row in attached
        ],
    }


def _establishment(connection: Connection, siret: str | None) -> dict[str, Any] | None:
    found = connection.execute(sql.query("desk", "establishment"), (siret,)).fetchone() if siret else None
    if found is None:
        return None
    names = ("siret", "nom", "etat", "depuis", "activite", "commune", "rattachements", "employeur")
    return dict(zip(names, found, strict=True)) | {"depuis": found[3].isoformat()}


def _measures(connection: Connection, worker: dict[str, Any] | None) -> list[dict[str, Any]]:
    if worker is None:
        return []
    number = worker["travailleur"]
    numbers = [
        one for (one,) in connection.execute(sql.query("desk", "numbers_of_person"), (number, number)).fetchall()
    ]
    found = connection.execute(sql.query("desk", "measures"), {"workers": numbers}).fetchall()
    return [
        {
            "format": layout,
            "jour": day.isoformat(),
            "siret": siret,
            "emetteur": code,
            "dose_msv": msv(int(usv)) if usv is not None else None,
            "depot": submission,
            "ligne": line,
        }
        for layout, day, siret, code, usv, submission, line in found
    ]


def _same_fault(connection: Connection, number: int) -> list[dict[str, Any]]:
    asked = {"entry": number, "holds": codebook.severity_mask(Severity.HOLD)}
    found = connection.execute(sql.query("desk", "same_fault"), asked).fetchall()
    return [
        {"action": action, "cause": cause, "decisions": int(count), "derniere": _hour(last)}
        for action, cause, count, last in found
    ]


def _decisions(connection: Connection, key: RegistryKey, submission: int, line: int) -> list[dict[str, Any]]:
    """Decisions on a row, oldest first, each with what it changed in it."""
    found = connection.execute(sql.query("desk", "decisions_of_row"), (submission, line)).fetchall()
    listed = []
    for number, action, cause, motive, who, field, at, *undone, before, outcome, after, sealed in found:
        undone_by, undone_at, undone_motive = undone
        listed.append(
            {
                "id": number,
                "action": action,
                "cause": cause,
                "motif": motive,
                "par": who,
                "champs": field,
                "le": _hour(at),
                "annulee_par": undone_by,
                "annulee_le": _hour(undone_at),
                "motif_annulation": undone_motive,
                "avant": list(codebook.names(before)),
                "issue": codebook.Outcome(outcome).name,
                "apres": list(codebook.names(after)),
                "valeurs_avant": key.open_row(sealed) if sealed is not None else None,
            }
        )
    return listed


def journal(
    connection: Connection, *, one: int | None = None, who: str | None = None, after: int | None = None, size: int = 50
) -> list[dict[str, Any]]:
    """Decisions, the latest first, with how many rows took each outcome; no identity."""
    asked = {"one": one, "who": who, "after_id": after, "size": size}
    names = ("recues", "integrees", "en_attente", "rejetees", "doublons")
    listed = []
    for row in connection.execute(sql.query("desk", "journal"), asked).fetchall():
        number, action, cause, motive, by, field, at, undone_by, undone_at, undone_motive, standing, *figures = row
        listed.append(
            {
                "id": number,
                "action": action,
                "cause": cause,
                "motif": motive,
                "par": by,
                "champs": field,
                "le": _hour(at),
                "annulee_par": undone_by,
                "annulee_le": _hour(undone_at),
                "motif_annulation": undone_motive,
                "decision_permanente": standing,
                "lignes": dict(zip(names, figures, strict=True)),
            }
        )
    return listed


def decided_rows(connection: Connection, decision: int, size: int = 50) -> list[dict[str, Any]]:
    """The first rows of a decision, with what it made of them; no identity."""
    found = connection.execute(sql.query("desk", "rows_of_decision"), (decision, size)).fetchall()
    return [
        {
            "id": entry,
            "depot": submission,
            "ligne": line,
            "avant": list(codebook.names(before)),
            "issue": codebook.Outcome(outcome).name,
            "apres": list(codebook.names(after)),
            "attend_sous": open_now,
        }
        for entry, submission, line, before, outcome, after, open_now in found
    ]


def deciders(connection: Connection) -> list[str]:
    """Who decided lately."""
    return [who for (who,) in connection.execute(sql.query("desk", "deciders")).fetchall()]


def _hour(moment: datetime | None) -> str | None:
    return moment.astimezone(PARIS).isoformat(timespec="seconds") if moment else None
