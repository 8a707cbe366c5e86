"""Forms without the token of the site, and changes by GET."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.tests.personas import (
    Personas,
    rows,
)
from todo_site.tests.routes import FORM, ROUTES, For, check, path_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/sign-out/", f"/tasks/{uuid.UUID(int=1)}/status/", f"/tasks/{uuid.UUID(int=1)}/delete/"]
)
def test_changes_nothing_by_get(alices: Client, path: str) -> None:
    assert alices.get(path).status_code == 405


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "origin", [{}, {"origin": "null"}, {"origin": "https://evil.example"}], ids=["", "null", "evil"]
)
def test_takes_no_form_that_the_site_did_not_give(personas: Personas, origin: dict[str, str]) -> None:
    """Nor one with a token, if the browser says that it comes from elsewhere."""
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    token, before = "a" * 32, rows()
    form = {**FORM, **({"csrfmiddlewaretoken": token} if origin else {})}
    for name in ("nobody", "alice", "staff with a reason"):
        visitor = replace(personas.visitors[name], client=strict)
        visitor.headers = {"cookie": f"{visitor.headers.get('cookie', '')}; csrftoken={token}", **origin}
        for route, line in ROUTES.items():
            person = personas.own(visitor, in_admin=route.startswith("admin/"))
            answer = visitor.ask("POST", path_of(route, person.id_for(route)), form)
            assert answer.status == 403 or (line.who is For.EVERYBODY and route in NO_TOKEN), route
            check(personas, route, visitor, answer)
    assert rows() == before


NO_TOKEN = {"csp-report", "metrics"}  # which programs ask


def test_shows_a_page_of_its_own_for_a_failed_form_check(alice: User, alices: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    response = strict.post("/tasks/new/", {"title": "Forged"})
    assert response.status_code == 403
    assert "The form could not be verified" in response.text
    assert not Task.objects.for_user(alice.id).exists()
