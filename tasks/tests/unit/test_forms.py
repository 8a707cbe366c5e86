"""The forms to add, edit, complete and delete a task."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlencode

import pytest
from django.test import Client

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db
INVISIBLE = ["", " ", "\u00a0", "\u200b", "\u200d", "\ufeff", "\u3164", "\u2800", "\u202e", "\ufe0f", "\t\n", "\u0301"]


def only_task(user: User) -> Task:
    return Task.objects.for_user(user.id).get()


def test_adds_a_task_and_comes_back_to_the_same_list(alice: User, alices: Client) -> None:
    response = alices.post("/tasks/new/", {"title": "  Buy milk ", "next": "/?status=all"})
    assert (response.status_code, response.headers["Location"]) == (303, "/?status=all")
    assert only_task(alice).title == "Buy milk"
    assert only_task(alice).description is None


def test_keeps_line_breaks_in_one_form(alice: User, alices: Client) -> None:
    alices.post("/tasks/new/", {"title": "Tea", "description": "one\r\ntwo\rthree"})
    assert only_task(alice).description == "one\ntwo\nthree"


@pytest.mark.parametrize("title", [*INVISIBLE, "x" * 256, "nul\0byte", "x" * 1_000_000])
def test_refuses_a_bad_title_and_keeps_the_description(alice: User, alices: Client, title: str) -> None:
    response = alices.post("/tasks/new/", {"title": title, "description": "kept & sound"})
    assert response.status_code == 422
    assert "kept &amp; sound" in response.text
    assert 'aria-invalid="true"' in response.text
    assert 'href="#id_title"' in response.text
    assert not Task.objects.for_user(alice.id).exists()


def test_keeps_a_title_that_is_too_long(alices: Client) -> None:
    title = "long " * 60
    assert title.strip() in alices.post("/tasks/new/", {"title": title}).text


@pytest.mark.parametrize("title", ["x" * 255, "🎉" * 255, "\u202eRTL", "👨‍👩‍👧", "<b>{{ 1 }}</b> %s \\ ' \"", "=cmd()"])
def test_stores_a_title_as_typed_and_escapes_it_where_shown(alice: User, alices: Client, title: str) -> None:
    assert alices.post("/tasks/new/", {"title": title}).status_code == 303
    assert only_task(alice).title == title
    page = alices.get("/").text
    assert "<b>{{" not in page
    assert "{{ 1 }}" in page or "{{" not in title


def test_makes_one_task_of_a_form_that_is_sent_twice(alice: User, alices: Client) -> None:
    form_id = re.search(r'name="id" value="([^"]+)"', alices.get("/tasks/new/").text)
    assert form_id
    for _ in range(4):
        assert alices.post("/tasks/new/", {"id": form_id[1], "title": "Once"}).status_code == 303
    assert str(only_task(alice).id) == form_id[1]


@pytest.mark.parametrize("form_id", ["x", "", "\0", "1" * 5000])
def test_takes_a_form_whose_id_was_lost(alice: User, alices: Client, form_id: str) -> None:
    assert alices.post("/tasks/new/", {"id": form_id, "title": "Milk"}).status_code in {303, 422}
    assert alices.post("/tasks/new/", {"title": "Milk"}).status_code == 303


def test_gives_away_nothing_about_an_id_that_is_somebody_elses(
    alice: User, bob: User, alices: Client, bobs: Client
) -> None:
    theirs = make_task(bob.id, title="Bob's")
    taken = alices.post("/tasks/new/", {"id": str(theirs.id), "title": "Mine"})
    free = alices.post("/tasks/new/", {"id": str(uuid.uuid4()), "title": "Mine"})
    assert (taken.status_code, taken.headers["Location"]) == (free.status_code, free.headers["Location"])
    theirs.refresh_from_db()
    assert theirs.title == "Bob's"
    assert Task.objects.for_user(alice.id).count() == 2


def test_never_takes_an_owner_or_a_time_from_the_form(alice: User, bob: User, alices: Client) -> None:
    extra = {"user": bob.id, "user_id": bob.id, "created_at": "2001-01-01", "status": "completed"}
    alices.post("/tasks/new/", {"title": "Mine", **extra})
    task = only_task(alice)
    assert task.created_at.year > 2001
    assert task.status == "pending"
    alices.post(f"/tasks/{task.id}/edit/", {"title": "Still mine", "version": task.version, **extra})
    assert only_task(alice).title == "Still mine"
    assert not Task.objects.for_user(bob.id).exists()


def test_edits_a_task(alice: User, alices: Client) -> None:
    task = make_task(alice.id, title="Old", description="Text")
    form = {"title": "New", "description": "", "status": "completed", "version": task.version}
    assert alices.post(f"/tasks/{task.id}/edit/", form).headers["Location"] == f"/tasks/{task.id}/"
    changed = only_task(alice)
    assert (changed.title, changed.description, changed.status) == ("New", None, "completed")
    assert changed.created_at == task.created_at
    assert changed.updated_at > task.updated_at


def test_refuses_a_bad_edit_and_keeps_what_was_typed(alice: User, alices: Client) -> None:
    task = make_task(alice.id, title="Old")
    response = alices.post(f"/tasks/{task.id}/edit/", {"title": " ", "description": "typed", "status": "archived"})
    assert response.status_code == 422
    assert "typed" in response.text
    assert only_task(alice).title == "Old"


@pytest.mark.parametrize("wanted", ["completed", "pending"])
def test_brings_a_task_into_the_wanted_state_however_often_it_is_sent(alice: User, alices: Client, wanted: str) -> None:
    task = make_task(alice.id)
    for _ in range(2):
        response = alices.post(f"/tasks/{task.id}/status/", {"status": wanted, "next": "/?status=all"})
        assert (response.status_code, response.headers["Location"]) == (303, "/?status=all")
        assert only_task(alice).status == wanted


@pytest.mark.parametrize(
    ("row", "back"),
    [
        ("5", "/?status=all#row-5"),
        ("", "/?status=all"),
        ("x", "/?status=all"),
        ("٣", "/?status=all"),
        ("1#2", "/?status=all"),
    ],
)
def test_comes_back_to_the_row_of_the_button(alice: User, alices: Client, row: str, back: str) -> None:
    task = make_task(alice.id)
    path = f"/tasks/{task.id}/status/?{urlencode({'row': row})}"
    assert alices.post(path, {"status": "completed", "next": "/?status=all"}).headers["Location"] == back


@pytest.mark.parametrize("status", ["", "archived", "\0", "PENDING"])
def test_refuses_a_state_that_does_not_exist(alice: User, alices: Client, status: str) -> None:
    task = make_task(alice.id)
    assert alices.post(f"/tasks/{task.id}/status/", {"status": status}).status_code == 422
    assert only_task(alice).status == "pending"


def test_deletes_a_task(alice: User, alices: Client) -> None:
    task = make_task(alice.id)
    assert alices.post(f"/tasks/{task.id}/delete/").status_code == 303
    assert not Task.objects.for_user(alice.id).exists()
    assert alices.get(f"/tasks/{task.id}/").status_code == 404


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https:evil", "/\\evil.example", "\t/x", "javascript:alert(1)", "https://evil.example/"],
)
def test_follows_next_only_within_the_site(alices: Client, target: str) -> None:
    response = alices.post("/tasks/new/", {"title": "Milk", "next": target})
    assert response.headers["Location"] == "/"
