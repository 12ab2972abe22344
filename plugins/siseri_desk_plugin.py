"""The analysts' desk in Airflow's pages: the menu entry "Rejets", and who the signed-in person is.

Airflow loads this file in every process, so it imports nothing: the desk is built where the applications are asked
for, which the API server alone does.
"""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/siseri"
RESOURCE = "Rejets"


class SiseriDeskPlugin(AirflowPlugin):
    """What Airflow is told."""

    name = "siseri_desk"
    external_views = [  # noqa: RUF012 - Airflow's own way
        {
            "name": RESOURCE,
            "href": f"{PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "rejets",
            "icon": f"{PREFIX}/static/rejets.svg",
            "icon_dark_mode": f"{PREFIX}/static/rejets-sombre.svg",
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The desk, built when first asked for."""
        return [{"app": _desk(), "url_prefix": PREFIX, "name": RESOURCE}]


def person(manager: Any, user: Any) -> Any:
    """The desk's :class:`desk.access.Person` for a user of Airflow's, as its auth manager judges.

    SimpleAuthManager judges no custom view (it lets everybody read and decide): there the role counts, as configured
    now and not as the token remembers it.
    """
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager, SimpleAuthManagerRole
    from airflow.configuration import conf

    from desk.access import Person

    name = user.get_name()
    if not isinstance(manager, SimpleAuthManager):
        read, decide, approve = (
            manager.is_authorized_custom_view(method=method, resource_name=RESOURCE, user=user)
            for method in ("GET", "POST", "PUT")
        )
        return Person(name, read, decide, approve)
    if conf.getboolean("core", "simple_auth_manager_all_admins"):
        return Person(name, may_read=False)  # nobody is known: nobody could answer for a decision
    told = {one.username: one.role or "" for one in manager.get_users()}.get(name, "")
    role = SimpleAuthManagerRole.__members__.get(told.upper())
    level = role.order if role else -1
    viewer, decider, senior = SimpleAuthManagerRole.VIEWER, SimpleAuthManagerRole.USER, SimpleAuthManagerRole.OP
    return Person(name, level >= viewer.order, level >= decider.order, level >= senior.order)


def _desk() -> Any:
    from airflow.api_fastapi.app import API_ROOT_PATH, get_auth_manager
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.configuration import conf
    from fastapi import Depends

    from desk.access import PER_MINUTE
    from desk.app import create

    def authorise(user: Any = Depends(get_user)) -> Any:  # noqa: B008 - FastAPI's way
        return person(get_auth_manager(), user)

    secret = conf.get_mandatory_value("api", "secret_key")
    per_minute = conf.getint("siseri", "desk_requests_per_minute", fallback=PER_MINUTE)
    return create(authorise, secret, sign_in=f"{API_ROOT_PATH}api/v2/auth/login", per_minute=per_minute)
