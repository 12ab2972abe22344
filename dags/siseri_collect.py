"""Collect: sweeps the senders' depots and hands what it took to integration.

One run follows the other; each looks for a minute and ends as soon as it has taken something. While nothing
comes it answers the files of the test channel, which leave nothing in the registry.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from siseri_assets import SUBMISSIONS


@dag(
    schedule="@continuous",
    # Without a start in the past the first run's interval is empty and its date would be the second's too.
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    params={
        "patience_s": Param(50, type="number", minimum=0, maximum=600, description="Durée d'attente d'un fichier, en s")
    },
)
def siseri_collect() -> None:
    @task(pool="sftp", outlets=[SUBMISSIONS])
    def take() -> list[int]:
        """Fetch, archive, enter, acknowledge: the ids of the submissions taken."""
        from pipelines import batches

        taken = batches.take(float(get_current_context()["params"]["patience_s"]))
        if not taken:
            raise AirflowSkipException("nothing to take")
        return taken

    take()


siseri_collect()
