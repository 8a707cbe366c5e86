"""The admin site and its list of users."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_uses_the_sites_own_sign_in(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == "/sign-in/?next=/admin/"


def test_lets_nobody_in_but_staff(alices: Client) -> None:
    assert alices.get("/admin/", follow=True).status_code == 403


def test_lists_people_with_counts_and_no_tasks(staff: Client, alice: User, bob: User) -> None:
    for _ in range(3):
        make_task(alice.id, title="Alice's secret")
    page = staff.get("/admin/better_auth/user/").text
    assert "alice@example.org" in page
    assert '<td class="field-task_count">3</td>' in page
    assert '<td class="field-task_count">0</td>' in page
    assert "secret" not in page


@pytest.mark.parametrize("search", ["alice@", "Alice", "id"])
def test_finds_people_by_email_name_and_id(staff: Client, alice: User, bob: User, search: str) -> None:
    page = staff.get("/admin/better_auth/user/", {"q": alice.id if search == "id" else search}).text
    assert "alice@example.org" in page
    assert "bob@example.org" not in page


def test_lists_people_with_the_same_number_of_queries_however_many(staff: Client) -> None:
    counts = []
    for more in (2, 15):
        for _ in range(more):
            make_task(make_user().id)
        with CaptureQueriesContext(connection) as queries:
            staff.get("/admin/better_auth/user/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", ["add/", "{id}/delete/"])
def test_changes_no_account(staff: Client, alice: User, path: str) -> None:
    response = staff.post(f"/admin/better_auth/user/{path.format(id=alice.id)}", {"post": "yes"})
    assert response.status_code == 403


def test_signs_staff_out_by_the_sites_own_way(staff: Client) -> None:
    response = staff.post("/admin/logout/")
    assert response.headers["Location"] == "/sign-in/"
    assert staff.get("/").status_code == 302
