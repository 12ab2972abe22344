"""Integrate: takes received files through the corridor and answers their senders.

Employers' and the registry's own files come first, then the others, batch after batch: a sender's files
keep their order, and loads are serialised in the warehouse anyway. A file is answered while the next is
integrated. Running it again at any time changes nothing that is settled.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from siseri_assets import SUBMISSIONS, WAREHOUSE


@dag(
    # Every hour too: what met an incident, or lost its turn, is taken up again.
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("41 * * * *", timezone="Europe/Paris"), assets=[SUBMISSIONS]
    ),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_integrate() -> None:
    @task
    def plan_declarers() -> list[list[int]]:
        """Batches of submission ids from those who declare."""
        from pipelines import batches

        return batches.plan()["declarers"]

    @task
    def plan_others() -> list[list[int]]:
        """Batches of submission ids from the others; at the same time, so that no step waits for it."""
        from pipelines import batches

        return batches.plan()["others"]

    @task(pool="warehouse", max_active_tis_per_dagrun=1)
    def integrate_declarers(batch: list[int]) -> dict[str, int]:
        """Read, check, match, settle, load, answer: worker lists, registers, designations."""
        from pipelines import batches

        return batches.integrate_batch(batch)

    @task(pool="warehouse", max_active_tis_per_dagrun=1, trigger_rule="none_failed")
    def integrate_others(batch: list[int]) -> dict[str, int]:
        """Read, check, match, settle, load, answer: measures."""
        from pipelines import batches

        return batches.integrate_batch(batch)

    @task(pool="sftp", trigger_rule="all_done", outlets=[WAREHOUSE])
    def answer() -> dict[str, int]:
        """Deliver what is owed still: reports that could not be delivered, follow-ups, questions."""
        from pipelines import batches

        return batches.answer_owed()

    @task(pool="sftp", trigger_rule="all_done")
    def trials() -> dict[str, int]:
        """The test channel, for which collection may have had no time."""
        from pipelines import batches

        return batches.answer_trials()

    first = integrate_declarers.expand(batch=plan_declarers())
    others = integrate_others.expand(batch=plan_others())
    first >> others >> answer() >> trials()


siseri_integrate()
