"""``siseri export research``: a pseudonymised extract under an agreement, its codebook, the trace that it was made."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import sql
from loaders.errors import UsageError
from loaders.secrets import RegistryKey
from loaders.settings import PARIS
from loaders.warehouse import Connection
from pipelines.research.agreement import Agreement, Request
from pipelines.research.anonymity import Outcome, Risk
from pipelines.research.extract import results
from pipelines.research.tables import guarded, handed
from pipelines.research.variables import GRANTABLE, PERSONS, RESULTS, WITHHELD, granted
from reports.codebook import codebook_csv, codebook_text


def export(
    connection: Connection,
    key: RegistryKey,
    agreement: Agreement,
    request: Request,
    hour: datetime | None,
    out: Path,
    who: str,
) -> dict[str, Any]:
    """Write the extract into a folder, which is made where it lacks; files of the same names are replaced.

    The same agreement, request and instant give the same bytes. The export is noted before any file is in place.

    Args:
        hour: as the registry stood then; ``None``: as it stands.
        who: the account that makes it.

    Returns:
        The content of ``manifest.json``.

    Raises:
        UsageError: the instant lies before the first load or ahead, or the folder cannot be written.
    """
    load, recorded = _instant(connection, hour)
    rows = results(connection, agreement, load)
    read = len(rows)
    kept, outcome = guarded(rows, agreement)
    tables = handed(kept, agreement, request, key.pseudonyms(agreement.number))
    files = {f"{name}.parquet": _parquet(table) for name, table in tables.items()}
    facts: dict[str, Any] = {
        "version": 1,
        "logiciel": version("siseri-exchange"),
        "convention": {
            "numero": agreement.number,
            "titulaire": agreement.holder,
            "finalite": agreement.purpose,
            "expire_le": agreement.expires.isoformat(),
            "sha256": agreement.sha256,
        },
        "au": recorded.astimezone(PARIS).isoformat(timespec="microseconds"),
        "periode": {"debut": request.first.isoformat(), "fin": request.last.isoformat()},
        "dates": agreement.grain,
        "mesures": list(agreement.measures),
        "variables": sorted(request.variables),
        "population": {name: sorted(codes) for name, codes in agreement.population.items()},
        "lignes_lues": read,
        "travailleurs": tables[PERSONS].num_rows,
        "resultats": tables[RESULTS].num_rows,
        "k_anonymat": _risk(agreement, request, outcome, read - len(kept)),
    }
    book = _codebook(agreement, request)
    files["codebook.csv"] = codebook_csv(book)
    files["codebook.md"] = codebook_text(book, facts)
    facts["fichiers"] = {
        name: {"sha256": hashlib.sha256(body).hexdigest(), "octets": len(body)} for name, body in files.items()
    }
    manifest = (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()
    _write(
        out,
        files | {"manifest.json": manifest},
        lambda: _note(connection, agreement, request, load, manifest, facts, who),
    )
    return facts


def journal(connection: Connection) -> list[dict[str, Any]]:
    """The exports made, oldest first: who, when, under which agreement, the hashes of agreement and manifest."""
    names = (
        *("id", "fait_le", "par", "convention", "titulaire", "sha256_convention", "sha256_manifeste", "debut", "fin"),
        *("travailleurs", "resultats"),
    )
    found = connection.execute(sql.query("research", "journal")).fetchall()
    listed = [dict(zip(names, row, strict=True)) for row in found]
    for one in listed:
        one["fait_le"] = one["fait_le"].astimezone(PARIS).isoformat(timespec="seconds")
        one |= {"debut": one["debut"].isoformat(), "fin": one["fin"].isoformat()}
    return listed


def _instant(connection: Connection, hour: datetime | None) -> tuple[int, datetime]:
    if hour is not None and hour > datetime.now(PARIS):
        raise UsageError("le registre ne peut pas être montré à un instant à venir")
    row = connection.execute(sql.query("research", "instant"), {"hour": hour}).fetchone()
    if row is None:
        raise UsageError("le registre ne contenait encore rien à cet instant")
    return int(row[0]), row[1]


def _parquet(table: pa.Table) -> bytes:
    text = io.BytesIO()
    pq.write_table(table, text, compression="zstd")
    return text.getvalue()


def _risk(agreement: Agreement, request: Request, outcome: Outcome, rows_dropped: int) -> dict[str, Any]:
    """What the manifest says of the risk: over all that the agreement covers."""
    gave_way = {name: sum(name in own for own in outcome.levels.values()) for name in agreement.indirect}
    undeclared = sorted(
        name for name in agreement.variables if GRANTABLE[name].indirect and name not in agreement.indirect
    )
    return {
        "quasi_identifiants": list(agreement.indirect),
        "non_declares": undeclared,
        "seuil": agreement.at_least,
        "marque": WITHHELD,
        "avant": _measured(outcome.before),
        "apres": _measured(outcome.after),
        "personnes_generalisees": gave_way,
        "personnes_ecartees": len(outcome.dropped),
        "lignes_ecartees": rows_dropped,
    }


def _measured(risk: Risk) -> dict[str, int]:
    names = {"persons": "personnes", "combinations": "combinaisons", "fewest": "k_minimal", "below": "sous_le_seuil"}
    return {names[key]: value for key, value in asdict(risk).items()}


def _codebook(agreement: Agreement, request: Request) -> list[dict[str, str]]:
    return [
        {
            "fichier": f"{table}.parquet",
            "variable": one.name,
            "type": one.kind,
            "libelle": one.label,
            "quasi_identifiant": "oui" if one.name in agreement.indirect else "non",
            "codes": " ".join(one.codes),
        }
        for table in (PERSONS, RESULTS)
        for one in granted(request.variables, table)
    ]


def _note(
    connection: Connection,
    agreement: Agreement,
    request: Request,
    load: int,
    manifest: bytes,
    facts: Mapping[str, Any],
    who: str,
) -> None:
    noted = (
        *(who, agreement.number, agreement.holder, agreement.sha256, hashlib.sha256(manifest).hexdigest(), load),
        *(request.first, request.last, facts["travailleurs"], facts["resultats"]),
    )
    connection.execute(sql.query("research", "handed_over"), noted)


def _write(out: Path, files: Mapping[str, bytes], before: Callable[[], None]) -> None:
    """Write the files beside their places, do what must come first, then put them in place; for the owner alone."""
    fresh = {name: out / f".{name}.{os.getpid()}" for name in files}
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            for name, body in files.items():
                with os.fdopen(os.open(fresh[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(body)
            before()
            for name, path in fresh.items():
                path.replace(out / name)
        finally:
            for path in fresh.values():
                path.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError("écriture impossible dans le dossier donné") from error
