"""Verify: every night, whether the registry's invariants hold; what does not is an alert (`siseri_watch`).

The outcome is kept and shown by `siseri status`. It reads every archived file again: an hour when little else runs.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("13 1 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
)
def siseri_verify() -> None:
    @task
    def verify() -> dict[str, int]:
        """Judge every invariant: how many hold, how many do not."""
        from pipelines import verification

        return verification.renew()

    verify()


siseri_verify()
