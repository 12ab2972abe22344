"""Release: what waits leaves the queue when its reference has come, or when its time is up.

Runs after each integration, and every night for the deadlines.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from siseri_assets import RELEASED, WAREHOUSE


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("17 3 * * *", timezone="Europe/Paris"), assets=[WAREHOUSE]
    ),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_release() -> None:
    @task(pool="warehouse", outlets=[RELEASED])
    def release() -> dict[str, int]:
        """Judge the waiting rows again; rows by new outcome."""
        from pipelines import batches

        return batches.release_waiting()

    @task(pool="sftp")
    def answer() -> dict[str, int]:
        """Deliver the follow-ups that are owed."""
        from pipelines import batches

        return batches.answer_owed()

    @task(pool="sftp")
    def declare() -> dict[str, int]:
        """Tell employers whom they must declare."""
        from pipelines import batches

        return batches.declare_missing()

    release() >> answer() >> declare()


siseri_release()
