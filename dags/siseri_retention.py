"""Retention: what has had its time goes, one task a rule (schemas/retention.py); doses, identities and audit stay.

Runs every night over all homes. What was removed is counted in ledger.removal. Answers can be delivered again by
siseri_rerun as long as the file they come from is kept.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

#: The rules, in the order they are carried out (a test holds them against the table).
RULES = ("RETOUR", "ESSAIS", "LIGNES", "REPRISE", "FICHIERS", "COMPTES", "CONTACTS", "DEMANDES")


@dag(
    schedule=CronTriggerTimetable("41 2 * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    # One rule at a time, none waiting for another's success.
    max_active_tasks=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_retention() -> None:
    @task(pool="sftp")
    def remove(rule: str) -> dict[str, int]:
        """Carry out one rule; how many files or records went."""
        from pipelines import expiry

        return expiry.renew(rule)

    for rule in RULES:
        remove.override(task_id=rule.lower())(rule)


siseri_retention()
