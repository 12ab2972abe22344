"""Migrate: by hand, with a form. Takes the old registry over, part by part; a run that is stopped goes on at the next.

The form names a folder under ``legacy/`` of the registry's home. Nothing is final: ``siseri migrate --accept`` or
``--undo`` says what becomes of it, once the reconciliation has been read.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task


@dag(
    schedule=None,
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    params={
        "dossier": Param(
            type="string",
            pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
            title="Dossier de l'ancien registre",
            description="Nom d'un dossier sous legacy/ ; sa disposition est dans docs/reprise.md",
        ),
    },
)
def siseri_migrate() -> None:
    @task(pool="warehouse")
    def take() -> dict[str, int | str]:
        """Every part that was not taken yet, then the indexes."""
        from pipelines.legacy import tasks

        return tasks.take(get_current_context()["params"]["dossier"])

    @task(pool="warehouse")
    def reconcile() -> dict[str, int | str]:
        """Rows in and out, beside the parts; fails where they do not agree."""
        from pipelines.legacy import tasks

        return tasks.reconcile(get_current_context()["params"]["dossier"])

    take() >> reconcile()


siseri_migrate()
