"""Every route with somebody else's id: the same answer as for an id that does not exist."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from tasks.journal import TaskEvent
from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db

METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
FORM = {"title": "Changed", "description": "Changed", "status": "completed"}


def routes_with_task_id() -> list[str]:
    patterns = [
        pattern
        for room in get_resolver().url_patterns
        if isinstance(room, URLResolver) and room.namespace == "tasks"
        for pattern in room.url_patterns
    ]
    routes = [str(pattern.pattern) for pattern in patterns if "<" in str(pattern.pattern)]
    assert routes
    return routes


def answer(client: Client, method: str, path: str) -> tuple[int, bytes, int]:
    """The status, the page without what is random in it, and the number of queries."""
    with CaptureQueriesContext(connection) as queries:
        response = getattr(client, method)(path, FORM) if method == "post" else getattr(client, method)(path)
    body = re.sub(rb"[0-9a-f]{32}", b"", response.content)
    return response.status_code, body, len(queries)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", routes_with_task_id())
def test_answers_the_same_for_somebody_elses_task_as_for_none(
    alice: User, bobs: Client, route: str, method: str
) -> None:
    task = make_task(alice.id, title="Alice's secret")
    # An entry of the journal under the task's own id, so that one id stands for whatever a route asks for.
    TaskEvent.objects.for_user(alice.id).create(id=task.id, number=1, task_id=task.id, verb="delete")

    def asked_for(task_id: uuid.UUID) -> tuple[int, bytes, int]:
        return answer(bobs, method, "/" + re.sub("<uuid:[a-z_]+>", str(task_id), route))

    asked_for(uuid.uuid4())  # a person's first try opens a limit's window
    theirs, none = asked_for(task.id), asked_for(uuid.uuid4())
    assert theirs == none
    assert theirs[0] in {404, 405}
    assert b"secret" not in theirs[1]
    unchanged = Task.objects.for_user(alice.id).get()
    assert (unchanged.title, unchanged.status, unchanged.updated_at) == ("Alice's secret", "pending", task.updated_at)


@pytest.mark.parametrize("task_id", ["1", "x", "%00", "00000000-0000-0000-0000-00000000000g", "..", "A" * 4000])
def test_answers_404_for_what_is_no_id(alices: Client, task_id: str) -> None:
    assert alices.get(f"/tasks/{task_id}/").status_code == 404


@pytest.mark.parametrize(
    "path", ["/sign-out/", f"/tasks/{uuid.UUID(int=1)}/status/", f"/tasks/{uuid.UUID(int=1)}/delete/"]
)
def test_changes_nothing_by_get(alices: Client, path: str) -> None:
    assert alices.get(path).status_code == 405


def test_shows_a_page_of_its_own_for_a_failed_form_check(alice: User, alices: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    response = strict.post("/tasks/new/", {"title": "Forged"})
    assert response.status_code == 403
    assert "The form could not be checked" in response.text
    assert not Task.objects.for_user(alice.id).exists()


def test_error_pages_name_the_request(alices: Client) -> None:
    response = alices.get("/nothing-here/")
    assert response.status_code == 404
    assert response.headers["X-Request-ID"] in response.text


def test_forbids_everything_but_its_own_files_to_the_browser(alices: Client) -> None:
    policy = alices.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "nonce" not in policy
