"""Rerun: by hand, with a form. Integrates what is pending, or answers chosen submissions again.

Nothing that is settled changes: reports are made anew from the ledger and the archived bytes.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task


@dag(
    schedule=None,
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},
    params={
        "depots": Param(
            [],
            type="array",
            items={"type": "integer", "minimum": 1},
            title="Dépôts à répondre de nouveau",
            description="Identifiants de dépôts ; vide : seulement ce qui est en souffrance",
        ),
        "lever": Param(True, type="boolean", title="Relire la file d'attente"),
    },
)
def siseri_rerun() -> None:
    @task(pool="warehouse")
    def integrate() -> dict[str, int]:
        """Every received file that is not settled yet."""
        from pipelines import batches

        planned = batches.plan()
        return batches.integrate_batch([one for part in planned.values() for batch in part for one in batch])

    @task(pool="warehouse")
    def release() -> dict[str, int]:
        """The queue, where asked."""
        from pipelines import batches

        return batches.release_waiting() if get_current_context()["params"]["lever"] else {}

    @task(pool="sftp")
    def answer() -> dict[str, int]:
        """What is owed, and the chosen submissions again."""
        from pipelines import batches

        owed = batches.answer_owed()
        again = batches.answer_submissions(get_current_context()["params"]["depots"])
        return owed | {"again": again["reports"]}

    integrate() >> release() >> answer()


siseri_rerun()
