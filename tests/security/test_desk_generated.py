"""Generated requests on every route of the desk, inside the real Airflow API server.

Schemathesis draws addresses, queries and forms from the routes' own declaration; the fields of the forms are those of
the templates. Whatever is sent: no failure of ours, nothing for who is not signed in, nothing decided by who may only
read, and every answer is what its headers say. Bounded: some seconds a hundred requests.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
import schemathesis
from desk_server import PREFIX, AirflowDesk
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.transport import Response
from senders import NIR2, PASSIVE, UNKNOWN, country, dose, file

from desk.access import ASKING, TOKEN_FIELD, Person
from desk.app import create
from desk.armour import HEADERS

#: Requests of each route and person.
MOST = 5
#: What an answer may be: pages, files of the desk, exports.
TYPES = (
    *("text/html; charset=utf-8", "text/css", "text/javascript", "image/svg+xml", "text/csv"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
#: Values that take a form further than noise does.
TELLING = (
    *("corriger", "rattacher", "confirmer", "rejeter", "rejouer", "SIRET", "NIR", "VALEUR", "AUTRE", "1:0", "2:0", "1"),
    *(
        NIR2,
        UNKNOWN,
        "2026-04-10",
        "confirm",
        "ask",
        "dismiss",
        "csv",
        "xlsx",
        "' or 1=1 --",
        "<script>",
        "\x00",
        "=1+1",
    ),
)


def declaration() -> dict[str, Any]:
    """The routes as OpenAPI, the forms' fields added: the desk reads its forms whole, so it declares none."""
    told = create(lambda: Person("x", may_read=False), "x").openapi()
    told["paths"].pop("/{path}", None)
    fields = set()
    for template in (files("desk") / "templates").iterdir():
        fields |= set(re.findall(r'name="([a-z_]+)"', template.read_text(encoding="utf-8")))
    value = {"anyOf": [{"enum": list(TELLING)}, {"type": "string", "maxLength": 40}]}
    form = {"type": "object", "properties": dict.fromkeys(sorted(fields - {TOKEN_FIELD}), value)}
    for path in told["paths"].values():
        for method, operation in path.items():
            for one in operation.get("parameters", []):
                if one["in"] == "path" and one["schema"].get("type") == "integer":
                    one["schema"] = {"anyOf": [one["schema"], {"enum": [1, 2, 3]}]}
                if one["in"] == "path" and one["name"] == "name":
                    one["schema"] = {"anyOf": [{"enum": ["desk.css", "desk.js"]}, one["schema"]]}
            if method == "post":
                content = {"application/x-www-form-urlencoded": {"schema": form}}
                operation["requestBody"] = {"required": True, "content": content}
    return told


schema = schemathesis.openapi.from_dict(declaration())
drawn = settings(
    max_examples=MOST,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def filled(airflow_desk: AirflowDesk, airflow_bench: Any) -> AirflowDesk:
    """Some rows that wait, so that pages are not all empty."""
    country(airflow_bench)
    airflow_bench.drop("LABO1", "mars.csv", file(PASSIVE, *(dose(f"M{at}", NIR=NIR2) for at in range(3))))
    airflow_bench.drop("LABO1", "avril.csv", file(PASSIVE, dose("M9", SIRET=UNKNOWN)))
    airflow_bench.run()
    return airflow_desk


@pytest.fixture(scope="module")
def tokens(filled: AirflowDesk) -> dict[str, str]:
    return {user: filled.token(user) for user in ("lecteur", "chef")}


def send(desk: AirflowDesk, case: Any, user: str | None, token: str | None) -> Response:
    """What the generated request gets; signed in, with a good form token and from the desk's own page."""
    caller = desk.by(user, token or "")
    if case.method == "POST" and isinstance(case.body, dict):
        case.body[TOKEN_FIELD] = caller.form_token(user or "chef")
    return case.call(
        base_url=desk.url + PREFIX,
        headers={"Origin": desk.url},
        cookies={"_token": token} if token else {},
        allow_redirects=False,
        timeout=30,
    )


def reached(answer: Response) -> bool:
    """Whether the request came as far as the desk: an address with a line end matches no mount, and Airflow answers."""
    if "%0A" not in str(answer.request.url).partition("?")[0]:
        return True
    assert answer.status_code == 404
    return False


def proper(answer: Response) -> None:
    """No failure of ours, and what the headers say."""
    text = answer.content.decode("utf-8", "replace")
    assert answer.status_code < 500, (answer.request.url, answer.status_code, text[:300])
    headers = {name.lower(): values[0] for name, values in answer.headers.items()}
    where = answer.request.method, answer.request.url, answer.status_code
    assert {name: headers.get(name.lower()) for name in HEADERS} == HEADERS, where
    if answer.status_code in (301, 302, 303, 307):
        assert headers["location"].startswith(PREFIX + "/")
        return
    kind = headers["content-type"]
    assert kind.startswith(TYPES), kind
    if kind.startswith("text/html"):
        assert '<html lang="fr">' in text
        assert "Traceback" not in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


@schema.parametrize()
@drawn
def test_whatever_is_sent_by_who_may_everything(case: Any, filled: AirflowDesk, tokens: dict[str, str]) -> None:
    answer = send(filled, case, "chef", tokens["chef"])
    if reached(answer):
        proper(answer)
        signed = case.method == "GET" or (isinstance(case.body, dict) and TOKEN_FIELD in case.body)
        assert (answer.status_code in (401, 403)) == (not signed), answer.status_code


@schema.parametrize()
@drawn
def test_whatever_is_sent_by_nobody(case: Any, filled: AirflowDesk) -> None:
    answer = send(filled, case, None, None)
    if reached(answer):
        proper(answer)
        assert answer.status_code == 401


@schema.include(method="POST").parametrize()
@drawn
def test_whatever_is_sent_by_who_may_only_read(case: Any, filled: AirflowDesk, tokens: dict[str, str]) -> None:
    answer = send(filled, case, "lecteur", tokens["lecteur"])
    if reached(answer):
        proper(answer)
        asking = any(case.operation.definition.raw["operationId"].startswith(name) for name in ASKING)
        assert asking or answer.status_code == 403
