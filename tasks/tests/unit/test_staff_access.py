"""The reason that staff must enter before they see a user's tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import Client, RequestFactory
from django.utils import timezone

from tasks.admin.staff_access import StaffAccess
from tasks.models import Task
from tasks.tests.admin_pages import TASKS, WHY, give_reason, page_of, reason_page
from tasks.tests.factories import make_task
from tasks.tests.helpers import journal, verbs
from todo_site.better_auth.models import Staff, User

pytestmark = pytest.mark.django_db


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
    assert verbs(alice) == ["create"]


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
