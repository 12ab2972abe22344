"""Monthly: employers get their list of workers and what is missing in it, bodies get their contacts, physicians and
advisers the results that they may see; every sender gets the scorecard of the month that ended, the ministry that of
all senders, and the statistics of the year so far.

Delivers on the first of the month. The other days it finds nothing to do, but for an account whose first workers
or designation came since, or after days without Airflow: a month's lists and scorecards are delivered once.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("23 4 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_monthly() -> None:
    @task(pool="sftp")
    def deliver() -> dict[str, int]:
        """Renew the lists of every account that has none of this month."""
        from pipelines import monthly

        return monthly.renew()

    @task(pool="sftp")
    def score() -> dict[str, int]:
        """Put the scorecard of the month that ended where an account has none yet."""
        from pipelines import scorecards

        return scorecards.renew()

    @task(pool="sftp")
    def publish() -> dict[str, int]:
        """Make the month's edition of the statistics, and deliver every edition that the ministry has not."""
        from pipelines import editions

        return editions.renew()

    deliver()
    score()
    publish()


siseri_monthly()
