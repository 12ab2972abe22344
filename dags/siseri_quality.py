"""Quality: once a day, what the month that ended and the one under way brought is held against its promises.

A promise that is broken fails nothing: it is logged, kept, and shown on the page under `qualite/`, with the calendar of
expected files and who is late.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("53 4 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_quality() -> None:
    @task(pool="warehouse")
    def judge() -> dict[str, int]:
        """Count the months and judge the promises; how many, and how many are broken."""
        from pipelines.quality import check

        return check.renew()

    # Who is late is told even where counting failed.
    @task(trigger_rule="all_done")
    def render() -> dict[str, int]:
        """Write the page; how many files are late."""
        from pipelines.quality import standing

        return standing.render()

    judge() >> render()


siseri_quality()
