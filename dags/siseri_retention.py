"""Retention: answers leave the senders' retour/ once they lay there for report_days; they hold identities.

Runs every night over all homes. What was removed is counted by account in ledger.removal; doses, ledger and archive
stay, so that siseri_rerun can deliver an answer again.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("41 2 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_retention() -> None:
    @task(pool="sftp")
    def remove() -> dict[str, int]:
        """Remove answers whose time is over; how many."""
        from pipelines import retention

        return retention.renew()

    remove()


siseri_retention()
