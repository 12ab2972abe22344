"""Exceedances: after measures changed, the persons they belong to are reckoned again, and whom it concerns is told.

Runs after each integration and each release, and every hour for what analysts decide at the desk, for designations that
begin and for accounts that were opened. With nothing new it finds nothing to do and writes nothing.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from siseri_assets import RELEASED, WAREHOUSE


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("52 * * * *", timezone="Europe/Paris"), assets=WAREHOUSE | RELEASED
    ),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_exceedances() -> None:
    @task(pool="warehouse")
    def detect() -> dict[str, int]:
        """Reckon the persons whom loads touched; how many, and what is new, changed, lapsed."""
        from pipelines import batches

        return batches.detect_exceedances()

    @task(pool="sftp")
    def tell() -> dict[str, int]:
        """Record and deliver the notices that are owed; how many."""
        from pipelines import notices

        return notices.renew()

    detect() >> tell()


siseri_exceedances()
