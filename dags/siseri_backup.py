"""Backup: once a night, a verified base backup, the archive's missing bytes, and the oldest backups removed.

The database's log is archived all day by PostgreSQL itself. Where no backup folder is set, or the database is the
site's own, the run is skipped: there its administrator's tools do this work.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException


@dag(
    schedule=CronTriggerTimetable("23 1 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
)
def siseri_backup() -> None:
    @task(pool="warehouse")
    def take() -> dict[str, int]:
        """Take a backup; its bytes, and how many old ones went."""
        from pipelines.backup import take as backup

        done = backup.renew()
        if done is None:
            raise AirflowSkipException("no backup is made here")
        return done

    take()


siseri_backup()
