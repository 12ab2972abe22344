"""The end of a life, so that two can be compared: tables and files without the numbers and hours of an attempt."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

#: What names an attempt or an hour rather than a thing of the registry.
#: Tables that tell of attempts, not of the registry: each look is audited, each load and detection counts.
_ATTEMPTS = re.compile(
    r"access\.|audit\.|operation\.|ledger\.(load|removal|results_look|kept_answer)$|exposure\.(detection|telling)$"
)
_HOLDS = re.compile(
    r"dose\.(passive|operational|internal|committed|aircrew)$|identity\.|reference\.|queue\.(entry|decision)$"
    r"|ledger\.(submission|row_entry|book|partner)$|legacy\.|unusual\.flag$"
)
_FIRST = re.compile(r"^archive/|^staging/|\.(ar\.json|rapport\.csv|rapport\.json|incident\.json)$")
_HOURS = ("recu_le", "etabli_le", "as_of", "posee_le", "edition_precedente", "etabli", "genere_le")


@dataclass(frozen=True)
class End:
    """Rows of each table (counted, since order is of no account) and the content of each file."""

    tables: dict[str, Counter[tuple[str, ...]]]
    files: dict[str, str]

    def differences(self, other: End) -> list[str]:
        """What this end has and the other has not, and the reverse; nothing of a row's content but its table."""
        found = []
        for name in sorted(self.tables.keys() | other.tables.keys()):
            mine, theirs = self.tables.get(name, Counter()), other.tables.get(name, Counter())
            if mine != theirs:
                here, there = (list(one.items())[:3] for one in (mine - theirs, theirs - mine))
                found.append(f"{name}: only here {here}, not here {there}")
        return found + [
            f"{name}: {_apart(self.files.get(name), other.files.get(name))}"
            for name in sorted(self.files.keys() | other.files.keys())
            if self.files.get(name) != other.files.get(name)
        ]


def _apart(one: str | None, other: str | None) -> str:
    if one is None or other is None:
        return "missing here" if one is None else "only here"
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, at - 60) : at + 60]!r} / {other[max(0, at - 60) : at + 60]!r}"


class Names:
    """What numbers stand for: drops by sender and name, persons by their keyed fingerprints, the rest by rank."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        drops = connection.execute(
            # The drop number of an old registry's part is that of its migration, which an attempt may use up.
            "select submission_id, code || '/' || file_name ||"
            " case code when 'REPRISE' then '' else '~' || drop_number end from ledger.submission"
            " join ledger.partner using (partner_id)"
        ).fetchall()
        self.submission = dict(drops)
        persons = connection.execute(
            "select worker_id, min(encode(fingerprint::text::bytea, 'hex')) from identity.identifier group by 1"
        ).fetchall()
        self.worker = dict(persons)
        rows = connection.execute("select exceedance_id from exposure.exceedance order by 1").fetchall()
        self.exceedance = {number: f"#{at}" for at, (number,) in enumerate(rows, start=1)}
        self.partner = dict(connection.execute("select partner_id, code from ledger.partner").fetchall())


def end_state(connection: psycopg.Connection[Any], home: Path) -> End:
    names = Names(connection)
    return End(dict(_tables(connection, names)), dict(_files(home, names)))


def what_holds(connection: psycopg.Connection[Any], home: Path) -> End:
    """What the registry holds now, and what each file was first answered: what does not tell in which pass it came."""
    names = Names(connection)
    files = {name: body for name, body in _files(home, names) if _FIRST.search(name)}
    return End(dict(_tables(connection, names, _HOLDS, " where until_load is null")), files)


def _tables(
    connection: psycopg.Connection[Any], names: Names, wanted: re.Pattern[str] | None = None, where: str = ""
) -> Any:
    columns: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
        " order by 1, 2, ordinal_position"
    ).fetchall():
        columns.setdefault(f"{schema}.{table}", []).append((column, kind))
    for table, listed in columns.items():
        if _ATTEMPTS.match(table) or (wanted is not None and not wanted.match(table)):
            continue
        versions = any(column == "until_load" for column, _ in listed)
        shown = ", ".join(f'"{column}"::text' for column, _ in listed)
        rows = connection.execute(f"select {shown} from {table}{where if versions else ''}").fetchall()
        yield (
            table,
            Counter(tuple(_cell(names, *one, value) for one, value in zip(listed, row, strict=True)) for row in rows),
        )


def _cell(names: Names, column: str, kind: str, value: str | None) -> str:
    if value is None:
        return "-"
    known = {"worker_id": names.worker, "partner_id": names.partner, "exceedance_id": names.exceedance}.get(column)
    if "submission" in column:
        known = names.submission
    if known is not None and kind in ("integer", "bigint"):
        return known.get(int(value), "?")
    numbered = column.endswith(("_id", "load")) and column != "measure_id"
    if numbered or column in ("mtime", "drop_number") or kind.startswith("timestamp") or kind in ("bytea", "uuid"):
        return "+"
    if kind == "jsonb":
        return json.dumps(_plain(json.loads(value), names), sort_keys=True)
    return _ranked(value, names)


def _files(home: Path, names: Names) -> Any:
    for path in sorted((home / "arrivals").rglob("*.json")):
        told = json.loads(path.read_text())
        known = names.submission.get(told["submission"], "?")
        yield f"arrivals/{known}", f"{told['partner']} {told['name']} {told['sha256']} {told['registry_date']}"
    for path in sorted((home / "archive").rglob("*")):
        if path.is_file() and path.parent.name != "incoming":
            yield f"archive/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted((home / "staging").iterdir()):
        yield f"staging/{path.name}", ""
    for path in sorted((home / "sftp").rglob("*")):
        if path.is_file():
            name = str(path.relative_to(home / "sftp"))
            yield _ranked(name, names), _content(path, names)


def _ranked(name: str, names: Names) -> str:
    name = re.sub(r"(décision permanente )\d+", r"\1#", name)
    return re.sub(r"depassement-(\d+)", lambda found: f"depassement-{names.exceedance.get(int(found[1]))}", name)


def _content(path: Path, names: Names) -> str:
    body = path.read_bytes()
    numbers = names.exceedance if path.name.startswith("depassement-") else names.submission
    if path.suffix == ".json":
        return _ranked(json.dumps(_plain(json.loads(body), names, numbers), sort_keys=True, ensure_ascii=False), names)
    if path.suffix == ".pdf":
        return "pdf"
    if path.suffix == ".xlsx":
        return " ".join(sorted(zipfile.ZipFile(io.BytesIO(body)).namelist()))
    if path.suffix == ".gz":
        body = gzip.decompress(body)
    text = body.decode("utf-8", "replace")
    text = re.sub(r"(Déjà reçu : )(\d+)", lambda found: found[1] + names.submission.get(int(found[2]), "?"), text)
    if path.suffix == ".html":
        text = re.sub(r"\d{2}:\d{2}(:\d{2})?|\d{2} h \d{2}", "HH:MM", text)
        text = re.sub(r"(?:n° |DEPASSEMENT</code></td><td>)(\d+)", lambda found: numbers.get(int(found[1]), "?"), text)
    return _ranked(text, names)


def _plain(value: Any, names: Names, numbers: dict[int, str] | None = None) -> Any:
    if isinstance(value, list):
        return [_plain(one, names, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    told = {}
    for name, one in value.items():
        if name in _HOURS:
            continue
        if name == "id_depassement":
            told[name] = names.exceedance.get(int(one), "?")
        elif name in ("id", "depot") and isinstance(one, int):
            told[name] = (numbers or names.submission).get(one, "?")
        else:
            told[name] = _plain(one, names, numbers)
    return told
