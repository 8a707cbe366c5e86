"""Tasks from pasted lines."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


def shown(user: User) -> list[tuple[str, str]]:
    """Title and status of the tasks in the order of the list."""
    return list(Task.objects.for_user(user.id).order_by("-created_at", "-id").values_list("title", "status"))


def form_id(page: str) -> str:
    found = re.search(r'name="id" value="([^"]+)"', page)
    assert found
    return found[1]


def test_makes_a_task_of_each_line_and_takes_marks_off(alice: User, alices: Client) -> None:
    lines = (
        "- Milk\r\n\r\n* Bread\r\n1. Tea\r\n2) Salt\n[ ] Call\n[x] Paid\n- [X] Done\n  • Nested\n-\n[x]\n"
        "-5 degrees\n3.5 kg\n[link]\n--- end\n+project\n"
    )
    response = alices.post("/tasks/paste/", {"lines": lines, "next": "/?status=all"})
    assert (response.status_code, response.headers["Location"]) == (303, "/?status=all")
    titles = ["Milk", "Bread", "Tea", "Salt", "Call", "Paid", "Done", "Nested"]
    titles += ["-5 degrees", "3.5 kg", "[link]", "--- end", "+project"]
    assert [title for title, _ in shown(alice)] == titles
    assert [title for title, status in shown(alice) if status == "completed"] == ["Paid", "Done"]


def test_undoes_all_lines_at_once(alice: User, alices: Client) -> None:
    page = alices.post("/tasks/paste/", {"lines": "One\nTwo\nThree"}, follow=True).text
    assert "Added 3 tasks." in page
    undo = re.search(r'action="(/undo/[^"]+)"', page)
    assert undo
    alices.post(undo[1])
    assert shown(alice) == []
    entries = JournalEntry.objects.for_user(alice.id).order_by("number")
    assert [entry.verb for entry in entries] == ["create"] * 3 + ["delete"] * 3


def test_shows_more_than_20_before_it_adds_them(alice: User, alices: Client) -> None:
    form = {"id": str(uuid.uuid4()), "lines": "\n".join(f"<b>Task {n}" for n in range(21))}
    page = alices.post("/tasks/paste/", form)
    assert page.status_code == 422
    assert "21 tasks will be added" in page.text
    assert "&lt;b&gt;Task 20" in page.text
    assert shown(alice) == []
    assert (
        alices.post("/tasks/paste/", {**form, "lines": form["lines"] + "\nOne more", "confirmed": "21"}).status_code
        == 422
    )
    assert alices.post("/tasks/paste/", {**form, "confirmed": "21"}).status_code == 303
    assert len(shown(alice)) == 21


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "Enter at least one task"),
        (" \n\n- \n", "Enter at least one task"),
        ("Fine\n\n" + "x" * 256, "Line 3: the title has 256 characters"),
        ("\u200b\nFine", "Line 1: the title is missing or has no visible characters"),
        ("Fine & sound\nnul\0", "Null characters"),
        ("x\n" * 1001, "Too many lines: 1,001 (maximum 1,000)"),
        ("\u200b\n" * 30, "And 10 more."),
    ],
)
def test_names_the_line_that_is_wrong_and_keeps_all(alice: User, alices: Client, lines: str, words: str) -> None:
    page = alices.post("/tasks/paste/", {"lines": lines})
    assert page.status_code == 422
    assert words in page.text
    if "sound" in lines:
        assert "Fine &amp; sound" in page.text
    assert shown(alice) == []


def test_makes_its_tasks_once_however_often_it_is_sent(alice: User, alices: Client) -> None:
    form = {"id": form_id(alices.get("/tasks/paste/").text), "lines": "Milk\nMilk\nBread"}
    for _ in range(3):
        assert alices.post("/tasks/paste/", form).status_code == 303
    assert [title for title, _ in shown(alice)] == ["Milk", "Milk", "Bread"]
    Task.objects.for_user(alice.id).filter(title="Bread").delete()
    alices.post("/tasks/paste/", form)
    assert [title for title, _ in shown(alice)] == ["Milk", "Milk"]


def test_loses_no_line_that_was_changed_before_the_form_was_sent_again(alice: User, alices: Client) -> None:
    form = {"id": str(uuid.uuid4())}
    alices.post("/tasks/paste/", {**form, "lines": "Milk\nBread"})
    alices.post("/tasks/paste/", {**form, "lines": "Tea\nMilk\nBread"})
    assert sorted(title for title, _ in shown(alice)) == ["Bread", "Milk", "Tea"]


@pytest.mark.parametrize("lost", ["", "x", "1" * 5000])
def test_takes_a_form_whose_id_was_lost(alice: User, alices: Client, lost: str) -> None:
    assert alices.post("/tasks/paste/", {"id": lost, "lines": "Milk"}).status_code == 303
    assert shown(alice) == [("Milk", "pending")]


def test_is_another_task_for_another_user(alice: User, bob: User, alices: Client, bobs: Client) -> None:
    form = {"id": str(uuid.uuid4()), "lines": "Milk\nBread"}
    for browser in (alices, bobs):
        assert browser.post("/tasks/paste/", form).status_code == 303
    assert len(shown(alice)) == len(shown(bob)) == 2
