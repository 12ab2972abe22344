"""What the commands show: submissions, the queue, workers. Plain data, ready for JSON."""

from __future__ import annotations

from typing import Any

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS, Settings
from loaders.warehouse import Connection
from pipelines.answer import NO_ROWS, report_facts
from pipelines.books import KEYS, msv, statut
from pipelines.proposals import Waiting, proposals
from schemas import codebook


def submissions(connection: Connection, one: int | None = None) -> list[dict[str, Any]]:
    """What was received and what became of it, oldest first."""
    listed = []
    for row in connection.execute(sql.query("listings", "submissions"), {"one": one}).fetchall():
        number, code, name, sha256, layout, state, file_code, received, _, *figures, answered, incidents, held = row
        rows = dict(zip(KEYS, (int(figure or 0) for figure in figures), strict=True))
        if state == "RECU":
            word = "RECU"
        elif state == "REFUSE":
            word = "DEJA_RECU" if file_code == "FIC-06" else "REFUSE"
        else:
            word = statut(rows)
        listed.append(
            {
                "id": number,
                "emetteur": code,
                "fichier": name,
                "sha256": sha256,
                "format": layout,
                "statut": word,
                "recu_le": received.astimezone(PARIS).isoformat(timespec="seconds"),
                "lignes": rows if state != "RECU" else dict(NO_ROWS),
                "code_fichier": file_code,
                "repondu": answered,
                "incidents": incidents,
                "retenu_le": held.astimezone(PARIS).isoformat(timespec="seconds") if held else None,
            }
        )
    return listed


def submission(connection: Connection, one: int) -> dict[str, Any]:
    """One submission with its first report and its follow-ups. Raises UsageError where there is none."""
    found = submissions(connection, one)
    if not found:
        raise UsageError(f"no submission {one}")
    shown = found[0]
    if shown["statut"] != "RECU":
        facts = report_facts(connection, one)
        shown["rapport"] = {name: facts[name] for name in ("statut", "lignes", "doses_msv", "codes")}
    shown["suivis"] = [
        {"numero": number, "repondu": answered is not None}
        for number, answered in connection.execute(
            "select number, answered_at from ledger.follow_up where submission_id = %s order by number", (one,)
        ).fetchall()
    ]
    return shown


def queue(connection: Connection, key: RegistryKey, one: int | None = None) -> list[dict[str, Any]]:
    """What waits: no identity, but the proposals that one row's faults allow."""
    found = connection.execute(sql.query("listings", "queue"), {"one": one}).fetchall()
    proposed = proposals(connection, key, [Waiting(row[5], row[4], key.open_row(row[11]), row[13]) for row in found])
    listed = []
    for row, cures in zip(found, proposed, strict=True):
        number, depot, line, code, layout, codes, received, siret, _, quantity, usv, _, motive, _ = row
        listed.append(
            {
                "id": number,
                "depot": depot,
                "ligne": line,
                "emetteur": code,
                "format": layout,
                "codes": list(codebook.names(codes)),
                "motif": motive,
                "recu_le": received.astimezone(PARIS).isoformat(timespec="seconds"),
                "siret": siret,
                "grandeur": quantity or None,
                "dose_msv": msv(int(usv)) if quantity else None,
                "propositions": cures,
            }
        )
    return listed


def workers(
    connection: Connection,
    key: RegistryKey,
    settings: Settings,
    *,
    siret: str | None = None,
    active: bool = False,
    incomplete: bool = False,
) -> list[dict[str, Any]]:
    """Persons by attachment, whether their file is complete (a designated dosimetry body), and what the
    social security's service said of their identity. A person known under several numbers is listed once per
    establishment, under the NIR.
    """
    today = settings.registry_date()
    listed = []
    for row in connection.execute(sql.query("listings", "workers"), {"siret": siret, "today": today}).fetchall():
        number, sealed, last, first, place, start, end, grade, other, domain, sector, trade, complete, state, on = row
        in_force = start <= today and (end is None or end >= today)
        if (active and not in_force) or (incomplete and complete):
            continue
        listed.append(
            {
                "travailleur": number,
                "nir": key.open(sealed).decode(),
                "nom": last,
                "prenom": first,
                "siret": place,
                "debut": start.isoformat(),
                "fin": end.isoformat() if end else None,
                "actif": in_force,
                "classement": grade,
                "autre_exposition": other,
                "domaine": domain,
                "secteur": sector,
                "metier": trade,
                "complet": complete,
                "identite": state,
                "identite_le": on.isoformat() if on else None,
            }
        )
    return listed
