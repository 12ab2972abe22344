"""Publish: tables as CSV, documents for people, a manifest: for ever the same for the same year, instant and scope."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from collections.abc import Collection, Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

from loaders.errors import UsageError
from loaders.warehouse import Connection
from pipelines.disclosure.cells import Reason
from pipelines.progress import Say, Step, quiet, reached
from pipelines.statistics import people, public, public_scopes
from pipelines.statistics.activities import TOTAL
from pipelines.statistics.asked import AUDIENCES, SCOPES, asked
from pipelines.statistics.cells import Table, text
from pipelines.statistics.people import Place
from pipelines.statistics.public import Hidden
from pipelines.statistics.yearbook import Yearbook, compile_year

log = logging.getLogger("siseri.statistics")

MANIFEST = "manifest.json"
#: What stands for a figure that the public is not shown (secret statistique).
SUPPRESSED = "s"
#: Why, in words.
REASONS = {
    Reason.EARLIER.value: "non publiée dans une édition précédente",
    Reason.POPULATION.value: "population trop peu nombreuse",
    Reason.WORKERS.value: "moins de 11 travailleurs",
    Reason.ESTABLISHMENTS.value: "moins de 3 établissements",
    Reason.DOMINANCE.value: "un établissement fait plus de 85 % de la dose collective",
    Reason.CHANGE.value: "l'écart avec une édition précédente parlerait de moins de 11 travailleurs",
    Reason.DERIVED.value: "calculée d'une valeur non publiée",
    Reason.SECONDARY.value: "protège une autre valeur",
    public_scopes.SCOPE: "les tables de l'ensemble ne la disent pas : la différence avec elles parlerait du reste",
    public.SENDERS: "chaque ligne ne parle que d'un émetteur",
    public.EVERYTHING: "trop peu de données pour qu'en taire une partie suffise",
}


def publish(
    connection: Connection,
    out: Path,
    today: date,
    *,
    year: int,
    as_of: str | None,
    scope: str,
    audience: str,
    say: Say = quiet,
) -> dict[str, object]:
    """Write the tables of a year into a folder.

    Args:
        out: made where missing; files of the same names are replaced, each whole.
        as_of, scope: see :func:`pipelines.statistics.asked.asked`.
        audience: ``dgt``; ``public``, of which figures are withheld and :data:`SUPPRESSED` stands instead.
        say: told of each step.

    Returns:
        The manifest.

    Raises:
        UsageError: what is asked for cannot be given, or the folder cannot be written.
    """
    if audience not in AUDIENCES:
        raise UsageError(f"destinataire inconnu : {audience!r} ; au choix {', '.join(AUDIENCES)}")
    if audience == "public" and scope in SCOPES and scope not in ("tous", *public_scopes.SCOPES):
        raise UsageError(
            f"le public n'a pas le périmètre {scope} : rien dans les tables de l'ensemble ne le sépare du reste, et la"
            " différence avec elles se calculerait ; au choix tous, artificiel, naturel"
        )
    _must_be_folder(out)
    book = compile_year(connection, asked(connection, year, as_of, scope, today), say=say)
    hidden = []
    if audience == "public":
        guard = public.withheld if scope == "tous" else public_scopes.withheld
        hidden = guard(connection, book, say)
        book, gone = public.without_senders(book)
        hidden += gone
    places = {(one.table, one.code, one.column) for one in hidden}
    tables = table_files(book, places)
    if audience == "public":
        tables["suppressions.csv"] = _suppressions(hidden)
    manifest = describe(book, tables, audience)
    if audience == "public":
        manifest["cellules_non_publiees"] = len(hidden)
        rows = book.rows_read.items()
        manifest["lignes_lues"] = {name: None if public.small_count(count) else count for name, count in rows}
        if ("domaines", TOTAL, "suivis") in places:
            manifest["travailleurs_suivis"] = None
    files = tables | people.files(people.edition(book, audience, places)) | {MANIFEST: document(manifest)}
    write_folder(out, files)
    reached(log, say, year, Step.PAPERS)
    return manifest


def write_folder(out: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder, made where missing; those of the same names are replaced, each whole.

    Raises:
        UsageError: the folder cannot be written.
    """
    _must_be_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, body in files.items():
            fresh = out / f".{name}.tmp"
            fresh.write_bytes(body)
            fresh.replace(out / name)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UsageError(f"impossible d'écrire dans {out} : {error.strerror}") from error


def _must_be_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} n'est pas un dossier")


def table_files(book: Yearbook, hidden: Collection[Place] = frozenset()) -> dict[str, bytes]:
    """Every table as its file, by file name; ``hidden`` cells by table, row and column."""
    return {f"{table.name}.csv": written(table, hidden) for table in book.tables}


def _suppressions(hidden: Iterable[Hidden]) -> bytes:
    """The log of what was withheld and why."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["table", "code", "colonne", "motif", "libelle"])
    for one in hidden:
        writer.writerow([one.table, one.code, one.column, one.reason, REASONS[one.reason]])
    return out.getvalue().encode()


def document(manifest: dict[str, object]) -> bytes:
    """A manifest as its file."""
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def written(table: Table, hidden: Collection[Place] = frozenset()) -> bytes:
    """A table as its file: UTF-8, separator ``;``, quoted where needed, decimal point."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["code", "libelle", *(column.name for column in table.columns)])
    for row in table.rows:
        figures = (
            SUPPRESSED if (table.name, row.code, column.name) in hidden else text(cell.value, column.unit)
            for cell, column in zip(row.cells, table.columns, strict=True)
        )
        writer.writerow([row.code, row.label, *figures])
    return out.getvalue().encode()


def describe(book: Yearbook, files: dict[str, bytes], audience: str) -> dict[str, object]:
    """The manifest: what the files are of, and their hashes. Its only hour is the registry's."""
    return {
        "version": 1,
        "annee": book.asked.year,
        "as_of": book.asked.as_of.isoformat(),
        "scope": book.asked.scope,
        "audience": audience,
        "version_code": version("siseri-exchange"),
        "travailleurs_suivis": book.monitored,
        "lignes_lues": book.rows_read,
        "tables": {
            name: {"sha256": hashlib.sha256(body).hexdigest(), "lignes": body.count(b"\n") - 1}
            for name, body in files.items()
        },
    }
