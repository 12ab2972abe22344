"""Unusual doses: once a day, what loads brought is held against what is usual, and flags are raised for analysts.

With nothing new it finds nothing to do and writes nothing. A flag blocks no dose and stands in no report.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("37 3 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_unusual() -> None:
    @task(pool="warehouse")
    def evaluate() -> dict[str, int]:
        """Judge the new results; how many, and how many flags were raised and closed."""
        from pipelines import unusual

        return unusual.renew()

    evaluate()


siseri_unusual()
