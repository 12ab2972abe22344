"""Watch: looks every ten minutes at all that can go wrong, sends the figures where metrics go, and mails what is new.

Mail leaves by the connection `smtp` (host, port, login, password; in its extra `from_email`, `to`, `disable_ssl`,
`disable_tls`). Without that connection nobody is written to. A look outside Airflow tells when Airflow itself is down:
`siseri alerts tell`, docs/exploitation.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Connection, CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowNotFoundException

CONNECTION = "smtp"


@dag(
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="Europe/Paris"),
    max_active_runs=1,
    catchup=False,
    tags=["siseri"],
    doc_md=__doc__,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
)
def siseri_watch() -> None:
    @task
    def look() -> dict[str, int]:
        """Look, measure, tell: how many alerts hold, and how many the mail told."""
        from loaders.mail import mail_server
        from pipelines import alarm

        def server() -> Any:
            try:
                told = Connection.get(CONNECTION)
            except AirflowNotFoundException:
                return None
            return mail_server(told.host, told.port, told.login, told.password, told.extra_dejson)

        return alarm.renew(server())

    look()


siseri_watch()
