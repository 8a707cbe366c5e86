from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.operations import middleware
from todo_site.operations.log_formatter import JsonFormatter

pytestmark = pytest.mark.django_db

type Lines = Callable[[], list[dict[str, Any]]]


@login_not_required
def failing(request: HttpRequest) -> HttpResponse:
    raise LookupError


@login_not_required
def streaming(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


urlpatterns = [path("failing/", failing), path("streaming/", streaming)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Reads what the access log has so far."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("todo_site.access")
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_says_what_was_asked_for_and_how_it_went(alices: Client, lines: Lines) -> None:
    response = alices.get("/?q=secret")
    [line] = lines()
    assert line.pop("milliseconds") > 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "todo_site.access",
        "request": response.headers["X-Request-ID"],
        "message": "Request",
        "method": "GET",
        "path": "/",
        "status": 200,
        "bytes": len(response.content),
    }


def test_says_how_long_it_took(client: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 101.23456])
    monkeypatch.setattr(middleware, "perf_counter", lambda: next(clock))
    client.get("/healthz")
    assert lines()[0]["milliseconds"] == 1234.6


def test_says_nothing_of_who_asked_and_what_they_typed(alice: User, alices: Client, lines: Lines) -> None:
    task = make_task(alice.id, title="Buy a ring for Bob")
    cookie = alices.cookies["better-auth.session_token"].value
    headers = {"authorization": "Bearer not.for.logs", "user-agent": "not-for-logs", "referer": "https://not-for-logs/"}
    alices.get(f"/tasks/{task.id}/", {"q": "Buy a ring"}, headers=headers, REMOTE_ADDR="192.0.2.77")
    alices.post(f"/tasks/{task.id}/edit/", {"title": "Buy a ring for Carol"}, headers=headers)
    text = json.dumps(lines())
    assert len(lines()) == 2
    for private in (
        alice.id,
        alice.email,
        "Alice",
        cookie,
        cookie.split(".")[0],
        "ring",
        "for.logs",
        "for-logs",
        "192.",
    ):
        assert private not in text


@pytest.mark.parametrize(
    ("method", "where", "status"),
    [
        ("get", "/healthz", 200),
        ("head", "/sign-in/", 200),
        ("get", "/", 302),
        ("get", "/nothing/", 404),
        ("get", "/%0A%22%C3%A9/", 404),
        ("get", "/sign-out/", 405),
    ],
)
def test_writes_one_line_for_each_request(client: Client, lines: Lines, method: str, where: str, status: int) -> None:
    assert getattr(client, method)(where).status_code == status
    [line] = lines()
    assert (line["method"], line["status"]) == (method.upper(), status)


def test_writes_a_line_for_what_failed(settings: Settings, lines: Lines) -> None:
    settings.ROOT_URLCONF = __name__
    Client(raise_request_exception=False).get("/failing/")
    [line] = lines()
    assert (line["path"], line["status"]) == ("/failing/", 500)


def test_writes_a_line_for_a_static_file(client: Client, lines: Lines) -> None:
    response = client.get("/static/site/site.css")
    response.close()
    [line] = lines()
    assert (line["path"], line["status"]) == ("/static/site/site.css", response.status_code)


def test_leaves_out_the_size_where_it_is_not_known(client: Client, settings: Settings, lines: Lines) -> None:
    settings.ROOT_URLCONF = __name__
    assert client.get("/streaming/").getvalue() == b"ab"
    [line] = lines()
    assert "bytes" not in line
