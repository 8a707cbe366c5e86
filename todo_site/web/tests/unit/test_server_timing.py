"""Server-Timing: what a request cost, for who is signed in."""

from __future__ import annotations

import re
import uuid
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tasks.tests.factories import make_task
from todo_site.better_auth.models import Staff, User
from todo_site.web import server_timing

pytestmark = pytest.mark.django_db
HEADER = re.compile(
    r'session;dur=([\d.]+), db;dur=([\d.]+);desc="statements: (\d+)", render;dur=([\d.]+), total;dur=([\d.]+)'
)


def parts(response: Any) -> tuple[float, float, int, float, float]:
    found = HEADER.fullmatch(response.headers["Server-Timing"])
    assert found
    session, db, statements, render, total = found.groups()
    return float(session), float(db), int(statements), float(render), float(total)


@pytest.mark.parametrize("page", ["/", "/?q=milk", "<task>", "/history/", "/settings/display/", "/nothing/"])
def test_tells_who_is_signed_in_of_each_statement(alice: User, alices: Client, page: str) -> None:
    path = page.replace("<task>", f"/tasks/{make_task(alice.id).pk}/")
    with CaptureQueriesContext(connection) as queries:
        response = alices.get(path)
    if page == "/nothing/":  # nobody had to be known
        assert "Server-Timing" not in response.headers
        return
    session, db, statements, render, total = parts(response)
    assert statements == len(queries) > 0
    assert 0 < max(session, db, render) <= total


def test_counts_the_session_lookup(alices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(server_timing, "perf_counter", lambda: float(next(clock)))
    assert parts(alices.get("/"))[0] > 0


def test_tells_of_a_change_and_of_a_refusal(alices: Client) -> None:
    for path, status in (("/tasks/new/", 303), (f"/tasks/{uuid.uuid4()}/status/", 404)):
        with CaptureQueriesContext(connection) as queries:
            response = alices.post(path, {"title": "Milk", "status": "completed"})
        assert response.status_code == status
        assert parts(response)[2] == len(queries)


def test_tells_of_a_streamed_answer_until_it_begins(alice: User, alices: Client) -> None:
    make_task(alice.id)
    with CaptureQueriesContext(connection) as queries:
        response = alices.get("/export/tasks.json")
    statements = parts(response)[2]
    assert statements == len(queries)
    with CaptureQueriesContext(connection) as queries:
        response.getvalue()
    assert len(queries) > 0


def test_tells_staff_of_the_pages_of_the_admin(alice: User, alices: Client) -> None:
    Staff.objects.create(user=alice)
    with CaptureQueriesContext(connection) as queries:
        response = alices.get("/admin/better_auth/user/")
    _session, _db, statements, render, _total = parts(response)
    assert statements == len(queries)
    assert render > 0


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/healthz", "/nothing/", "/manifest.webmanifest"])
@pytest.mark.parametrize("cookie", ["", "forged"])
def test_tells_nobody_else(client: Client, path: str, cookie: str) -> None:
    if cookie:
        client.cookies["better-auth.session_token"] = cookie
    assert "Server-Timing" not in client.get(path).headers


def test_counts_what_is_within_itself_once_and_starts_again_with_each_request(alice: User) -> None:
    def view(request: Any) -> HttpResponse:
        request._cached_user = alice
        with request.timings.measure("db"), request.timings.measure("db"), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert request.timings.seconds["db"] <= request.timings.total
        return HttpResponse()

    middleware = server_timing.ServerTimingMiddleware(view)
    assert [parts(middleware(RequestFactory().get("/")))[2] for _ in range(2)] == [1, 1]
    assert not connection.execute_wrappers or not isinstance(
        connection.execute_wrappers[-1], server_timing.RequestTimings
    )


@pytest.mark.postgresql
def test_counts_the_time_in_which_the_answers_to_statements_that_travel_together_are_waited_for() -> None:
    def view(request: Any) -> HttpResponse:
        with connection.pipeline():  # type: ignore[attr-defined]
            connection.cursor().execute("SELECT 1")
            sent = request.timings.seconds["db"]
        assert request.timings.seconds["db"] > sent
        return HttpResponse()

    server_timing.ServerTimingMiddleware(view)(RequestFactory().get("/"))


def test_shows_on_a_page_what_it_cost_so_far(alices: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = alices.get("/settings/display/").text
    ms = r"\d+\.\d ms"
    assert re.search(rf"Server time: {ms} \(session {ms}, database {ms}, {len(queries)} queries\)\.", page)
    german = alices.get("/settings/display/", headers={"accept-language": "de"}).text
    assert re.search(r"\d+,\d ms", german)
