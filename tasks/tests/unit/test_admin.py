from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.models import Task
from tasks.staff_access import StaffAccess
from tasks.tests.factories import make_task
from todo_site.better_auth.models import Staff, User
from todo_site.better_auth.tests.factories import make_user
from todo_site.journal.models import JournalEntry

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


# One person's tasks, and why they are opened


TASKS = "/admin/tasks/task/"
WHY = "She asked us to look why “Milk” is there twice"


def reason_page(user: User) -> str:
    return f"{TASKS}reason/?user={user.id}"


def give_reason(staff: Client, user: User, reason: str = WHY) -> None:
    assert staff.post(reason_page(user), {"reason": reason}).status_code == 303


def page_of(task: Task, page: str, user: User) -> str:
    return f"{TASKS}{task.id}/{page}/?_changelist_filters=user%3D{user.id}"


def form(task: Task, **fields: str) -> dict[str, str]:
    given = {"title": task.title, "description": task.description or "", "status": task.status}
    return {**given, "version": str(task.version), **fields}


def journal(user: User) -> list[JournalEntry]:
    return list(JournalEntry.objects.for_user(user.id).order_by("number"))


def test_asks_for_a_reason_before_anything_is_shown_and_comes_back(staff: Client, alice: User) -> None:
    make_task(alice.id, title="Alice's secret")
    asked = staff.get(f"{TASKS}?user={alice.id}&status=pending", follow=True)
    assert asked.redirect_chain[0][0].startswith(reason_page(alice))
    assert "alice@example.org" in asked.text
    assert "secret" not in asked.text
    given = staff.post(asked.redirect_chain[0][0], {"reason": WHY})
    assert given.headers["Location"] == f"{TASKS}?user={alice.id}&status=pending"
    assert "Alice&#x27;s secret" in staff.get(given.headers["Location"]).text


@pytest.mark.parametrize("page", ["change", "delete", "history"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_shows_and_changes_nothing_without_a_reason(
    staff: Client, alice: User, bob: User, page: str, method: str
) -> None:
    task = make_task(alice.id, title="Alice's secret")
    give_reason(staff, bob)
    typed = {"post": "yes", "title": "Mine", "status": "pending"} if method == "post" else None
    response = getattr(staff, method)(page_of(task, page, alice), typed)
    assert response.status_code == (403 if method == "post" else 303)
    assert "secret" not in response.text
    assert ("Mine" in response.text) is (method == "post")
    assert Task.objects.for_user(alice.id).get().title == "Alice's secret"
    assert journal(alice) == []


def test_has_no_task_for_any_other_view_of_the_admin_without_a_reason(
    rf: RequestFactory, alice: User, bob: User
) -> None:
    make_task(alice.id)
    request = rf.get(f"{TASKS}?user={alice.id}")
    request.user = bob
    request.session = SessionStore()
    tasks = site.get_model_admin(Task).get_queryset(request)
    assert not tasks.exists()
    StaffAccess.grant(request, alice.id, WHY)
    assert site.get_model_admin(Task).get_queryset(request).exists()


@pytest.mark.parametrize("reason", ["", "   ", "\u2800\u3164", "\u200b", "x" * 501, "a\0b"])
def test_takes_no_reason_that_says_nothing(staff: Client, alice: User, reason: str) -> None:
    response = staff.post(reason_page(alice), {"reason": reason})
    assert response.status_code == 422
    assert staff.get(f"{TASKS}?user={alice.id}").status_code == 303


def test_takes_a_long_reason_in_any_script(staff: Client, alice: User) -> None:
    reason = "".join(chr(0x1F300 + n) for n in range(500))
    give_reason(staff, alice, reason)
    staff.get(f"{TASKS}?user={alice.id}")
    assert [entry.reason for entry in journal(alice)] == [reason]


def test_keeps_the_reason_for_an_hour_for_this_person_and_this_member_of_the_staff(
    staff: Client, alice: User, bob: User, sign_in: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_reason(staff, alice)
    assert staff.get(f"{TASKS}?user={alice.id}").status_code == 200
    assert staff.get(f"{TASKS}?user={bob.id}").status_code == 303
    Staff.objects.create(user=bob)
    other = sign_in(bob)
    other.cookies["sessionid"] = staff.cookies["sessionid"].value
    assert other.get(f"{TASKS}?user={alice.id}").status_code == 303
    later = timezone.now() + timedelta(minutes=61)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert staff.get(f"{TASKS}?user={alice.id}").status_code == 303


def test_forgets_the_reason_at_sign_out(staff: Client, alice: User) -> None:
    give_reason(staff, alice)
    staff.post("/sign-out/")
    assert staff.cookies["sessionid"].value == ""


def test_lets_nobody_but_staff_give_a_reason(alices: Client, bob: User) -> None:
    assert alices.post(reason_page(bob), {"reason": WHY}).status_code == 302
    assert alices.get(reason_page(bob), follow=True).status_code == 403


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
    entries = journal(alice)
    assert [entry.verb for entry in entries] == ["look"] * 4
    assert [entry.task_id for entry in entries] == [None, task.id, task.id, task.id]
    assert {(entry.staff, entry.reason) for entry in entries} == {("staff@example.org", WHY)}
    assert all(entry.request_id for entry in entries)
    page = alices.get("/history/").text
    assert page.count("by staff@example.org (staff)") == 4
    assert page.count(f"<q>{WHY}</q>") == 4
    assert "your task list" in page
    assert "/undo/" not in page
    assert alices.get(f"/tasks/{task.id}/").text.count(f"<q>{WHY}</q>") == 3


def test_notes_a_change_that_its_owner_can_undo(staff: Client, alice: User, bob: User, alices: Client) -> None:
    task = make_task(alice.id, title="Milk")
    give_reason(staff, alice)
    fields = form(task, title="Bread", status="completed", user=bob.id, user_id=bob.id)
    assert staff.post(page_of(task, "change", alice), fields).status_code == 302
    changed = Task.objects.for_user(alice.id).get()
    assert (changed.title, changed.status) == ("Bread", "completed")
    (entry,) = journal(alice)
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
    assert [(entry.verb, entry.staff) for entry in journal(alice)] == [("delete", "staff@example.org")]
    alices.post(f"/trash/{task.id}/restore/")
    assert Task.objects.for_user(alice.id).get().title == "Milk"


def test_deletes_several_after_a_look_at_them(staff: Client, alice: User, bob: User, alices: Client) -> None:
    ids = [str(make_task(alice.id).id) for _ in range(3)]
    theirs = make_task(bob.id)
    give_reason(staff, alice)
    picked = {"action": "delete_selected", "_selected_action": [*ids[:2], str(theirs.id)]}
    assert staff.post(f"{TASKS}?user={alice.id}", {**picked, "index": "0"}).status_code == 200
    assert staff.post(f"{TASKS}?user={alice.id}", {**picked, "post": "yes"}).status_code == 302
    assert [entry.verb for entry in journal(alice)] == ["look", "delete", "delete"]
    assert {entry.staff for entry in journal(alice)} == {"staff@example.org"}
    assert Task.objects.for_user(alice.id).count() == 1
    assert Task.objects.for_user(bob.id).count() == 1
    assert "Undo" in alices.get("/history/").text


def test_writes_nothing_over_what_the_owner_changed_meanwhile(staff: Client, alice: User, alices: Client) -> None:
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


# Accounts


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
