"""Statistics of a year: makes an edition, asks a person, and publishes it for the ministry where the answer is yes.

On 1 March for the year that ended, and by hand with a form. Nothing is published by silence: unanswered after thirty
days, the edition is declined and may be proposed again. What was published is never changed; a further yes for the same
year makes a further edition. (The month's edition needs no answer: `siseri_monthly`.)
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

YES, NO = "Publier", "Ne pas publier"
ANSWER_WITHIN = timedelta(days=30)
ASKED = "{% set one = ti.xcom_pull(task_ids='propose') %}"


@dag(
    schedule=CronTriggerTimetable("7 6 1 3 *", timezone="Europe/Paris"),
    # A run waits for a person: that of another year must be able to begin meanwhile.
    max_active_runs=16,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    params={
        "annee": Param(
            0, type="integer", minimum=0, maximum=2200, title="Année civile", description="0 : la précédente"
        ),
        "perimetre": Param("tous", enum=["tous", "artificiel", "naturel", "civil", "militaire"], title="Périmètre"),
    },
)
def siseri_statistics() -> None:
    @task(pool="warehouse")
    def propose() -> dict[str, int]:
        """Make the edition, or take up the one that waits: its number and year."""
        from pipelines import editions

        params = get_current_context()["params"]
        return editions.proposal(params["annee"] or None, params["perimetre"])

    question = HITLOperator(
        task_id="question",
        subject=ASKED + "Publier les statistiques {{ one['year'] }} (édition {{ one['edition'] }}) ?",
        body=f"**{YES}** : l'édition part dans le `retour/` du ministère et ne change plus."
        f" **{NO}** : elle est écartée, comme sans réponse sous 30 jours. `siseri editions show` montre les chiffres.",
        options=[YES, NO],
        defaults=NO,
        response_timeout=ANSWER_WITHIN,
    )

    @task(pool="warehouse")
    def settle(proposed: dict[str, int], answered: dict[str, Any]) -> None:
        """Carry the answer out."""
        from pipelines import editions

        who = (answered["responded_by_user"] or {}).get("name")
        if not editions.answer(proposed["edition"], answered["chosen_options"] == [YES], who):
            raise AirflowSkipException("declined, or decided by another door")

    @task(pool="sftp")
    def deliver() -> dict[str, int]:
        """Put it where the ministry takes it."""
        from pipelines import editions

        return editions.renew()

    proposed = propose()
    proposed >> question
    settle(proposed, question.output) >> deliver()


siseri_statistics()
