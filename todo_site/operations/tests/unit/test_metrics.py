from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.operations import metrics
from todo_site.operations.tests.prometheus import parse_metrics
from todo_site.tests.server import free_port

# The same whatever the database.
pytestmark = pytest.mark.sqlite

TOKEN = "m" * 40
ELSEWHERE = "203.0.113.9"
METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]


def figure(client: Client, name: str, **labels: str) -> float:
    return parse_metrics(client.get("/metrics").text).get((name, frozenset(labels.items())), 0)


def token(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}"}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_answers_to_this_machine(client: Client, address: str) -> None:
    response = client.get("/metrics", REMOTE_ADDR=address)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "todo_requests_total" in response.text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("address", [ELSEWHERE, "2001:db8::1", "", "unix:/run/todo.sock"])
def test_is_missing_for_everybody_else(address: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address)
    answers = [getattr(client, method)(path) for path in ("/metrics", "/nothing")]
    here, nothing = [(each.status_code, re.sub(rb"[0-9a-f]{32}", b"", each.content)) for each in answers]
    assert here == nothing
    assert here[0] == (404 if method in {"get", "head", "post"} else 405)
    assert answers[0].headers.keys() == answers[1].headers.keys()


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("value", ["127.0.0.1", ELSEWHERE, ""])
@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_takes_nothing_that_came_through_a_proxy_for_this_machine(
    client: Client, settings: Settings, proxies: int, value: str, header: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client.get("/metrics", headers={header: value}).status_code == 404


def test_answers_to_the_token(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers=token(TOKEN), REMOTE_ADDR=ELSEWHERE).status_code == 200
    assert (
        client.get("/metrics", headers={"authorization": f"bearer {TOKEN}"}, REMOTE_ADDR=ELSEWHERE).status_code == 200
    )


@pytest.mark.parametrize("given", ["", TOKEN[1:], TOKEN + "m", "é", "\x80", "x.y.z"])
def test_is_missing_for_another_token(client: Client, settings: Settings, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/metrics", headers=token(given), REMOTE_ADDR=ELSEWHERE).status_code == 404


@pytest.mark.parametrize("given", ["", " ", TOKEN])
def test_knows_no_token_where_none_is_set(client: Client, settings: Settings, given: str) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers=token(given), REMOTE_ADDR=ELSEWHERE).status_code == 404


@pytest.mark.django_db
def test_asks_neither_the_database_nor_the_accounts_server(
    client: Client, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.METRICS_TOKEN, settings.BETTER_AUTH_URL = TOKEN, f"http://127.0.0.1:{free_port()}"
    with django_assert_num_queries(0):
        assert client.get("/metrics", headers=token(TOKEN), REMOTE_ADDR=ELSEWHERE).status_code == 200


def test_is_only_read(client: Client) -> None:
    assert client.post("/metrics").status_code == 405


@pytest.mark.django_db
def test_counts_requests_by_the_name_of_their_route(alice: User, alices: Client) -> None:
    task = make_task(alice.id)
    labels = {"route": "tasks:detail", "method": "GET", "status": "2xx"}
    before = figure(alices, "todo_requests_total", **labels)
    alices.get(f"/tasks/{task.id}/")
    alices.get(f"/tasks/{task.id}/?q=secret")
    assert figure(alices, "todo_requests_total", **labels) == before + 2
    assert figure(alices, "todo_request_seconds_count", **labels) == before + 2
    text = alices.get("/metrics").text
    assert str(task.id) not in text
    assert alice.id not in text
    assert "secret" not in text


def test_counts_what_has_no_route_and_no_known_method_together(client: Client) -> None:
    labels = {"route": "none", "method": "other", "status": "4xx"}
    before = figure(client, "todo_requests_total", **labels)
    client.generic("BREW", f"/{uuid.uuid4()}/")
    client.generic("GRIND", f"/{uuid.uuid4()}/")
    assert figure(client, "todo_requests_total", **labels) == before + 2
    assert "BREW" not in client.get("/metrics").text


@pytest.mark.django_db
def test_counts_database_statements(client: Client) -> None:
    before = figure(client, "todo_database_statement_seconds_count")
    with connection.execute_wrapper(metrics.time_statement), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT 2")
    assert figure(client, "todo_database_statement_seconds_count") >= before + 2


@pytest.mark.django_db
def test_never_takes_the_place_of_another_wrapper() -> None:
    def other(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        return execute(sql, params, many, context)

    wrappers = connection.execute_wrappers
    kept = [wrapper for wrapper in wrappers if wrapper is not metrics.time_statement]
    try:
        wrappers[:] = kept
        with connection.execute_wrapper(other):
            connection_created.send(sender=type(connection), connection=connection)
            connection_created.send(sender=type(connection), connection=connection)
            assert wrappers == [metrics.time_statement, *kept, other]
        assert wrappers == [metrics.time_statement, *kept]
    finally:
        wrappers[:] = kept
