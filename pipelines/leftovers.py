"""What lies in a depot and will never be taken as it is: told to its sender once a day, in its ``retour/``.

A file under a provisional name, a marker without its file, something that is no file. Each has lain there for a day at
least, so that an upload under way is nobody's trouble. The notice goes as soon as there is nothing to tell.
"""

from __future__ import annotations

import time

import sql
from loaders.settings import Settings
from loaders.sftp import Entry, SftpClient, SftpRefused
from loaders.warehouse import Connection
from pipelines.answer import as_document
from pipelines.collect import MARKER, ledger_name, readable_name
from pipelines.isolate import Troubles
from reports.execution import VERSION
from reports.page import leftover_page
from schemas.roles import RECEIVERS

NOTICE = "depot-en-souffrance"
#: A day, in seconds: how long a thing lies there before its sender is told.
PATIENCE_S = 86_400
#: Most names of a notice; the number of all stands beside them.
LISTED = 100

PROVISIONAL = "Nom provisoire : le fichier sera pris une fois renommé"
LONELY = "Marqueur sans son fichier"
NO_FILE = "Ni un fichier ni un dossier du registre : ne sera jamais pris"


def tell(client: SftpClient, connection: Connection, settings: Settings, troubles: Troubles) -> int:
    """Tell every sender what its depot holds that no pass will take.

    Args:
        troubles: gathers the accounts that could not be looked at or told now.

    Returns:
        How many have a notice.
    """
    told = 0
    asked = {"today": settings.registry_date(), "only": None}
    partners = connection.execute(sql.query("collect", "partners"), asked).fetchall()
    looked = [(partner_id, code) for partner_id, code, role in partners if role not in RECEIVERS]
    listed = client.listdirs([code for _, code in looked], "depot")
    for (partner_id, code), entries in zip(looked, listed, strict=True):
        with troubles.keep("partner", partner_id):
            if isinstance(entries, SftpRefused):
                raise entries
            found = left(entries, time.time())
            if found:
                facts = {
                    "version": VERSION,
                    "emetteur": code,
                    "le": settings.registry_date().isoformat(),
                    "nombre": len(found),
                    "fichiers": [{"nom": ledger_name(name), "motif": why} for name, why in found[:LISTED]],
                }
                client.put(code, "retour", f"{NOTICE}.html", leftover_page(facts))
                client.put(code, "retour", f"{NOTICE}.json", as_document(facts))
                told += 1
            elif client.exists(code, "retour", f"{NOTICE}.json"):
                for kind in ("html", "json"):
                    client.remove(code, "retour", f"{NOTICE}.{kind}")
    return told


def left(entries: list[Entry], now: float) -> list[tuple[str, str]]:
    """Names that no pass will take as they are, and why, by name. ``now`` in seconds since 1970."""
    names = {entry.name for entry in entries if entry.is_regular}
    found = []
    for entry in entries:
        if now - entry.mtime < PATIENCE_S or entry.name == "essai":
            continue
        if not entry.is_regular:
            found.append((entry.name, NO_FILE))
        elif entry.name.endswith(MARKER):
            if entry.name.removesuffix(MARKER) not in names:
                found.append((entry.name, LONELY))
        elif not readable_name(entry.name):
            found.append((entry.name, PROVISIONAL))
    return sorted(found)
