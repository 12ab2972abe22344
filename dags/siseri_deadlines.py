"""Deadlines: an exceedance that its physician did not conclude upon in time is retained by default.

Once a day, early, so that the desk's lists of the day are right.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("11 3 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_deadlines() -> None:
    @task(pool="warehouse")
    def retain() -> dict[str, int]:
        """Retain by default what was notified too long ago; how many."""
        from pipelines import deadlines

        return deadlines.renew()

    retain()


siseri_deadlines()
