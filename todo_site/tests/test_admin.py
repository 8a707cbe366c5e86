from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import Staff, User
from todo_site.better_auth.tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(sign_in: Callable[[User], Client]) -> Client:
    user = make_user(name="Staff", email="staff@example.org")
    Staff.objects.create(user=user)
    return sign_in(user)


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


def test_shows_the_tasks_of_the_picked_person_only(staff: Client, alice: User, bob: User) -> None:
    make_task(alice.id, title="Alice's secret")
    make_task(bob.id, title="Bob's secret")
    assert "secret" not in staff.get("/admin/tasks/task/").text
    page = staff.get(f"/admin/tasks/task/?user={alice.id}").text
    assert "Alice&#x27;s secret" in page
    assert "Bob" not in page


@pytest.mark.parametrize("picked", ["", "nobody", "%00", "00000000-0000-0000-0000-000000000000", "x" * 5000])
def test_shows_no_task_for_a_pick_that_is_nobody(staff: Client, alice: User, picked: str) -> None:
    make_task(alice.id, title="Alice's secret")
    response = staff.get(f"/admin/tasks/task/?user={picked}", follow=True)
    assert response.status_code == 200
    assert "secret" not in response.text


def test_opens_and_changes_a_task_of_the_picked_person_only(staff: Client, alice: User, bob: User) -> None:
    task = make_task(alice.id, title="Milk")
    change = f"/admin/tasks/task/{task.id}/change/?_changelist_filters=user%3D"
    assert staff.get(change + bob.id, follow=True).redirect_chain
    assert staff.get(f"/admin/tasks/task/{task.id}/change/", follow=True).redirect_chain
    assert staff.get(change + alice.id).status_code == 200
    form = {"title": "Bread", "description": "", "status": "completed", "user": bob.id, "user_id": bob.id}
    assert staff.post(change + alice.id, form).status_code == 302
    changed = Task.objects.for_user(alice.id).get()
    assert (changed.title, changed.status) == ("Bread", "completed")


def test_deletes_a_task_of_the_picked_person_only(staff: Client, alice: User, bob: User) -> None:
    task = make_task(alice.id)
    delete = f"/admin/tasks/task/{task.id}/delete/?_changelist_filters=user%3D"
    staff.post(delete + bob.id, {"post": "yes"})
    assert Task.objects.for_user(alice.id).count() == 1
    staff.post(delete + alice.id, {"post": "yes"})
    assert Task.objects.for_user(alice.id).count() == 0


@pytest.mark.parametrize("path", ["add/", "{id}/delete/"])
def test_changes_no_account(staff: Client, alice: User, path: str) -> None:
    response = staff.post(f"/admin/better_auth/user/{path.format(id=alice.id)}", {"post": "yes"})
    assert response.status_code == 403


def test_signs_staff_out_by_the_sites_own_way(staff: Client) -> None:
    response = staff.post("/admin/logout/")
    assert response.headers["Location"] == "/sign-in/"
    assert staff.get("/").status_code == 302


def test_staff_command_adds_lists_and_removes(alice: User, alices: Client) -> None:
    output = StringIO()
    call_command("staff", "add", "Alice@Example.org", stdout=output)
    assert alices.get("/admin/").status_code == 200
    call_command("staff", "list", stdout=output)
    assert "alice@example.org\t" in output.getvalue()
    call_command("staff", "remove", "alice@example.org", stdout=output)
    assert alices.get("/admin/", follow=True).status_code == 403
    with pytest.raises(CommandError, match="no account"):
        call_command("staff", "add", "nobody@example.org")


def test_createsuperuser_makes_an_account_that_can_sign_in(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", interactive=False, email="boss@example.org", name="Boss", stdout=StringIO())
    form = {"email": "boss@example.org", "password": "correct horse battery"}
    assert client.post("/sign-in/?next=/admin/", form).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_demo_makes_an_account_with_tasks(client: Client) -> None:
    output = StringIO()
    call_command("demo", stdout=output)
    _, email, _, password = output.getvalue().split()
    client.post("/sign-in/", {"email": email, "password": password})
    assert "Buy milk" in client.get("/").text
