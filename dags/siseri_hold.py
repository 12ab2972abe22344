"""Hold: asks a person about each file of which too large a share of the rows is at fault or waits.

Nothing of such a file counts before the answer. Silence means yes, so that nothing is held for ever. One run asks
about some files and waits for their answers; each takes effect as it comes, whatever the others do. Where nothing is
held, or ``hold_share`` is not set, a run ends at once.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException
from siseri_assets import SUBMISSIONS, WAREHOUSE

YES, NO = "Intégrer", "Écarter"
ANSWER_WITHIN = timedelta(hours=24)
#: Beyond this age the run that claimed a file is over, and the file is asked about again.
CLAIM_LASTS = ANSWER_WITHIN + timedelta(hours=2)
ASKED = "{% set one = ti.xcom_pull(task_ids='ask')[ti.map_index] %}"


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("53 * * * *", timezone="Europe/Paris"), assets=[WAREHOUSE]
    ),
    # A run waits for persons: others must be able to begin meanwhile. A waiting task takes no slot.
    max_active_runs=32,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_hold() -> None:
    @task
    def ask() -> list[dict[str, int]]:
        """Claim held files: their numbers and shares in percent, nothing of the files themselves."""
        from pipelines import batches

        claimed = batches.claim_held(get_current_context()["run_id"], CLAIM_LASTS.total_seconds())
        if not claimed:
            raise AirflowSkipException("nothing is held")
        return claimed

    @task(pool="warehouse", outlets=[SUBMISSIONS])
    def settle(depot: int, answered: dict[str, Any]) -> None:
        """Carry the answer out; integration follows, of the file or of its refusal."""
        from pipelines import batches

        who = (answered["responded_by_user"] or {}).get("name")
        if not batches.settle_held(depot, answered["chosen_options"] == [YES], who):
            raise AirflowSkipException("somebody decided by another door")

    @task_group
    def file(depot: int, percent: int) -> None:
        question = HITLOperator(
            task_id="question",
            subject=ASKED + "Dépôt {{ one['depot'] }} : {{ one['percent'] }} % de lignes fautives ou en attente",
            body=f"**{YES}** : le fichier suit son cours. **{NO}** : il est refusé en entier, et son émetteur"
            " prié de le redéposer. Sans réponse sous 24 h, il est intégré. `siseri held list` en montre les codes.",
            options=[YES, NO],
            defaults=YES,
            response_timeout=ANSWER_WITHIN,
        )
        settle(depot, question.output)

    file.expand_kwargs(ask())


siseri_hold()
