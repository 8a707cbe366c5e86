"""The tasks of one user in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from tasks.models import Task
from tasks.tests.admin_pages import TASKS, WHY, form, give_reason, page_of
from tasks.tests.factories import make_task
from tasks.tests.helpers import journal
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_shows_the_tasks_of_the_picked_person_only(staff: Client, alice: User, bob: User) -> None:
    make_task(alice.id, title="Alice's secret")
    make_task(bob.id, title="Bob's secret")
    give_reason(staff, alice)
    assert "secret" not in staff.get(TASKS).text
    page = staff.get(f"{TASKS}?user={alice.id}").text
    assert "Alice&#x27;s secret" in page
    assert "Bob" not in page


@pytest.mark.parametrize("picked", ["", "nobody", "%00", "00000000-0000-0000-0000-000000000000", "x" * 5000])
def test_shows_no_task_for_a_pick_that_is_nobody(staff: Client, alice: User, picked: str) -> None:
    make_task(alice.id, title="Alice's secret")
    give_reason(staff, alice)
    response = staff.get(f"{TASKS}?user={picked}", follow=True)
    assert response.status_code == 200
    assert "secret" not in response.text
    assert staff.post(f"{TASKS}reason/?user={picked}", {"reason": WHY}).status_code == 404


def test_opens_a_task_of_the_picked_person_only(staff: Client, alice: User, bob: User) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, bob)
    assert staff.get(page_of(task, "change", bob)).status_code == 302
    give_reason(staff, alice)
    assert staff.get(f"{TASKS}{task.id}/change/").status_code == 302
    assert "Milk" in staff.get(page_of(task, "change", alice)).text


def test_notes_each_look_once_where_the_owner_reads_it(staff: Client, alice: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, alice)
    staff.get(f"{TASKS}?user={alice.id}")
    for page in ("change", "history", "delete"):
        assert staff.get(page_of(task, page, alice)).status_code == 200
    entries = journal(alice)[1:]
    assert [entry.verb for entry in entries] == ["look"] * 4
    assert [entry.task_id for entry in entries] == [None, task.id, task.id, task.id]
    assert {(entry.staff, entry.reason) for entry in entries} == {("staff@example.org", WHY)}
    assert all(entry.request_id for entry in entries)
    page = alices.get("/history/").text
    assert page.count("by staff@example.org (staff)") == 4
    assert page.count(f"<q>{WHY}</q>") == 4
    assert "your task list" in page
    assert page.count('action="/undo/') == 1  # of the task itself
    assert alices.get(f"/tasks/{task.id}/").text.count(f"<q>{WHY}</q>") == 3


def test_notes_a_change_that_its_owner_can_undo(staff: Client, alice: User, bob: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, alice)
    fields = form(task, title="Bread", status="completed", user=bob.id, user_id=bob.id)
    assert staff.post(page_of(task, "change", alice), fields).status_code == 302
    changed = Task.objects.for_user(alice.id).get()
    assert (changed.title, changed.status) == ("Bread", "completed")
    _created, entry = journal(alice)
    assert (entry.verb, entry.staff, entry.reason) == ("edit", "staff@example.org", WHY)
    assert WHY in alices.get(f"/tasks/{task.id}/").text
    alices.post(f"/undo/{entry.pk}/")
    assert Task.objects.for_user(alice.id).get().title == "Milk"


def test_moves_what_staff_delete_into_the_trash(staff: Client, alice: User, bob: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, bob)
    staff.post(page_of(task, "delete", bob), {"post": "yes"})
    assert Task.objects.for_user(alice.id).count() == 1
    give_reason(staff, alice)
    assert staff.post(page_of(task, "delete", alice), {"post": "yes"}).status_code == 302
    assert Task.objects.for_user(alice.id).count() == 0
    assert [(entry.verb, entry.staff) for entry in journal(alice)[1:]] == [("delete", "staff@example.org")]
    alices.post(f"/trash/{task.id}/restore/")
    assert Task.objects.for_user(alice.id).get().title == "Milk"


def test_deletes_several_after_a_look_at_them(staff: Client, alice: User, bob: User, alices: Client) -> None:
    ids = [str(make_task(alice.id).id) for _ in range(3)]
    theirs = make_task(bob.id)
    give_reason(staff, alice)
    picked = {"action": "delete_selected", "_selected_action": [*ids[:2], str(theirs.id)]}
    assert staff.post(f"{TASKS}?user={alice.id}", {**picked, "index": "0"}).status_code == 200
    assert staff.post(f"{TASKS}?user={alice.id}", {**picked, "post": "yes"}).status_code == 302
    assert [entry.verb for entry in journal(alice)[3:]] == ["look", "delete", "delete"]
    assert {entry.staff for entry in journal(alice)[3:]} == {"staff@example.org"}
    assert Task.objects.for_user(alice.id).count() == 1
    assert Task.objects.for_user(bob.id).count() == 1
    assert "Undo" in alices.get("/history/").text


def test_writes_nothing_over_what_the_owner_changed_in_the_meantime(staff: Client, alice: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, alice)
    alices.post(f"/tasks/{task.id}/edit/", form(task, title="Oat milk"))
    change = page_of(task, "change", alice)
    response = staff.post(change, form(task, title="Bread"))
    assert response.status_code == 409
    assert "Bread" in response.text
    current = Task.objects.for_user(alice.id).get()
    assert current.title == "Oat milk"
    assert f'name="version" value="{current.version}"' in response.text
    assert staff.post(change, form(current, title="Bread")).status_code == 302
    assert Task.objects.for_user(alice.id).get().title == "Bread"


def test_keeps_no_title_in_a_log_that_outlives_it(staff: Client, alice: User) -> None:
    task, other = make_task(alice.id, title="Alice's secret"), make_task(alice.id, title="Another secret")
    give_reason(staff, alice)
    staff.post(page_of(task, "change", alice), form(task, title="Alice's other secret"))
    staff.post(page_of(other, "delete", alice), {"post": "yes"})
    staff.get(TASKS)  # what was said of it is shown once
    assert not LogEntry.objects.exists()
    assert "secret" not in staff.get("/admin/").text


def test_leads_to_no_page_of_the_site_by_a_tasks_id(staff: Client, alice: User) -> None:
    task = make_task(alice.id)
    kind = ContentType.objects.get_for_model(Task).pk
    assert staff.get(f"/admin/r/{kind}/{task.id}/").status_code == 404
