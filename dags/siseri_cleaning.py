"""Cleaning: every week, logs that grew too long, logs of tasks of more than `log_days`, and Airflow's rows of them."""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("29 5 * * 0", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
)
def siseri_cleaning() -> None:
    @task
    def clean() -> dict[str, int]:
        """Cut, remove, forget: how many logs, and whether Airflow's tables were cleaned."""
        from pipelines import cleaning

        return cleaning.renew()

    clean()


siseri_cleaning()
