"""The demonstration: a small national sample through SFTP, Airflow's DAGs and PostgreSQL, and back.

Everything lies under ``<home>/demo``, a registry of its own that each run begins anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

WORKERS, YEAR, SEED = 600, 2025, 7


def main() -> None:
    """Run the demonstration; exit status 1 where an outcome is not the expected one."""
    from loaders.settings import Settings

    began = time.perf_counter()
    base = Settings.load()
    home = base.home / "demo"
    _say(began, "préparation d'un registre neuf")
    _clear(home)
    from pipelines.simulation.run import simulate

    sample = home / "echantillon"
    facts = simulate(out=sample, workers=WORKERS, year=YEAR, seed=SEED, months=1)
    manifest = json.loads((sample / "manifest.json").read_text(encoding="utf-8"))
    settings = dataclasses.replace(
        Settings.load({"SISERI_HOME": str(home)}), today=date.fromisoformat(manifest["registry_date"])
    )
    _say(began, f"échantillon : {facts['workers']} travailleurs, {facts['files']} fichiers")
    from loaders.services import running

    with running(settings) as services:
        _prepare(settings, services, manifest, began)
        dags = _airflow(settings, services, began)
        for stage in sorted({file["stage"] for file in manifest["files"]}):
            files = [file for file in manifest["files"] if file["stage"] == stage]
            _drop(settings, services, sample, files)
            _say(began, f"étape {stage} : {len(files)} fichier(s) déposé(s) par SFTP, DAGs lancés")
            _run(dags)
        differences = _show(settings, sample, began)
        from airflow.settings import dispose_orm

        dispose_orm()
    if differences:
        raise SystemExit(1)


def _say(began: float, text: str) -> None:
    print(f"[{time.perf_counter() - began:5.1f} s] {text}", flush=True)


def _clear(home: Path) -> None:
    """Forget the last demonstration but its Airflow tables and its services' files, which take time to make."""
    for name in ("sftp", "archive", "arrivals", "staging", "echantillon", "keys/partners"):
        for child in (home / name).glob("*"):
            shutil.rmtree(child) if child.is_dir() else child.unlink()


def _prepare(settings: Any, services: Any, manifest: dict[str, Any], began: float) -> None:
    import psycopg

    from loaders.registry import depots, opened
    from loaders.warehouse import Warehouse
    from pipelines import partners

    with psycopg.connect(services.database_url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
        connection.execute("drop database if exists siseri with (force)")
    Warehouse(settings, services.database_url).initialise()
    keys = settings.folder("cles-demo")
    with opened(settings, profile="administrator") as registry, depots(registry) as client:
        for one in manifest["partners"]:
            public = _sender_key(keys / one["code"])
            account = (one["code"], one["role"], one["sirens"], one.get("identifiant"))
            partners.add(registry.connection, client, settings, *account, public)
    _say(began, f"{len(manifest['partners'])} comptes ouverts, chacun sa clé SSH et son dossier")


def _sender_key(path: Path) -> Path:
    """A sender's key pair; gives the public half."""
    import asyncssh

    public = path.with_suffix(".pub")
    if not public.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(key.export_private_key())
        public.write_bytes(key.export_public_key())
    return public


def _drop(settings: Any, services: Any, sample: Path, files: list[dict[str, Any]]) -> None:
    """Each sender logs in with its own key, writes under a temporary name, renames, leaves the marker."""
    from loaders.services import SftpAddress
    from loaders.sftp import session

    host, port = services.sftp_address
    for code in dict.fromkeys(file["partner"] for file in files):
        address = SftpAddress(host, port, code, "/")
        with session(address, settings.home / "cles-demo" / code, settings.sftp_known_hosts) as sftp:
            for file in files:
                if file["partner"] == code:
                    path = sample / file["path"]
                    sftp.put(str(path), f"depot/{path.name}.part")
                    sftp.posix_rename(f"depot/{path.name}.part", f"depot/{path.name}")
                    sftp.open(f"depot/{path.name}.ok", "w").close()


def _airflow(settings: Any, services: Any, began: float) -> list[Any]:
    """Airflow's tables and the project's DAGs, in the order a file meets them."""
    from loaders.orchestrator import prepare
    from loaders.settings import project_root

    os.environ.update(prepare(settings, services, say=lambda _: _say(began, "création des tables d'Airflow")))
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    sys.path.insert(0, str(project_root() / "dags"))
    import importlib
    import logging

    names = ("siseri_collect", "siseri_integrate", "siseri_release", "siseri_exceedances")
    modules = [importlib.import_module(name) for name in names]
    logging.disable(logging.INFO)
    _say(began, f"Airflow prêt : {', '.join(names)}")
    return [getattr(module, name)() for module, name in zip(modules, names, strict=True)]


def _run(dags: list[Any]) -> None:
    for dag in dags:
        run = dag.test(run_conf={"patience_s": 0} if dag.dag_id == "siseri_collect" else None)
        if str(run.state) not in ("success", "DagRunState.SUCCESS"):
            raise SystemExit(f"{dag.dag_id} : {run.state}")


def _show(settings: Any, sample: Path, began: float) -> int:
    """Submissions, queue by cause, reports; and whether every outcome is the one the sample announces."""
    from cli.output import show_table
    from loaders.registry import opened
    from pipelines import causes, listings

    with opened(settings, sftp=False, profile="analyst") as registry:
        listed = listings.submissions(registry.connection)
        today = settings.registry_date()
        waiting = causes.causes(registry.connection, today, causes.Filters(), size=15).rows
        in_all = causes.totals(registry.connection, today, causes.Filters())
        differences = _differences(registry.connection, sample)
    names = ("recues", "integrees", "en_attente", "rejetees", "doublons")
    show_table(
        "Dépôts",
        ("id", "émetteur", "fichier", "statut", *names),
        [
            [one["id"], one["emetteur"], one["fichier"], one["statut"], *(one["lignes"][n] for n in names)]
            for one in listed
        ],
    )
    show_table(
        f"File d'attente : {in_all['lignes']} lignes, {in_all['causes']} causes, dont les premières",
        ("cause", "codes", "émetteur", "format", "lignes", "mSv"),
        [
            [one["id"], ", ".join(one["codes"]), one["emetteur"], one["format"], one["lignes"], one["dose_msv"]]
            for one in waiting
        ],
    )
    print(f"Réponses aux émetteurs : {settings.home / 'sftp'}/<ÉMETTEUR>/retour/")
    for code in dict.fromkeys(one["emetteur"] for one in listed):
        pages = sorted((settings.home / "sftp" / code / "retour").glob("*.rapport.html"))
        if pages:
            print(f"  {pages[0]}")
    for path in sorted((settings.home / "sftp").glob("*/retour/a-declarer.csv")):
        print(f"  {path}")
    verdict = "toutes comme annoncées" if not differences else f"{differences} ligne(s) non conformes à l'annonce"
    _say(began, f"issues des lignes : {verdict}")
    return differences


def _differences(connection: Any, sample: Path) -> int:
    """Rows whose final outcome is not the announced one."""
    import csv

    found = connection.execute(
        "select p.code || '/' || s.file_name, r.line, r.outcome::text from ledger.submission s"
        " join ledger.partner p using (partner_id) join ledger.row_entry r using (submission_id)"
        " where r.until_load is null"
    ).fetchall()
    from schemas.codebook import Outcome

    stood = {(name, line): Outcome(outcome).name for name, line, outcome in found}
    with (sample / "expected.csv").open(encoding="utf-8", newline="") as file:
        told = {
            (row["path"].removeprefix("files/"), int(row["ligne"])): row["issue_finale"]
            for row in csv.DictReader(file, delimiter=";")
        }
    wrong = sum(stood.get(place, "INTEGRE") != outcome for place, outcome in told.items())
    return wrong + sum(outcome != "INTEGRE" for place, outcome in stood.items() if place not in told)


if __name__ == "__main__":
    main()
