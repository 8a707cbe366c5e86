"""The history page."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_names_the_task_in_every_entry_of_the_history(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    there, deleted = add(tasks, "Milk"), add(tasks, "Bread")
    tasks.set_status("completed", here())
    tasks.filter(pk=deleted.id).move_to_trash(here())
    page = alices.get("/history/").text
    assert page.count(f'<a href="/tasks/{there.id}/"><bdi>Milk</bdi></a>') == 2
    assert page.count("<bdi>Bread</bdi>") == 3
    assert f"/tasks/{deleted.id}/" not in page


@pytest.mark.parametrize("path", ["/history/", "/trash/"])
def test_pages_through_the_journal(alice: User, alices: Client, tasks: TaskQuerySet, path: str) -> None:
    for n in range(60):
        add(tasks, f"Task {n}.")
    if path == "/trash/":
        tasks.move_to_trash(here())
    first = alices.get(path).text
    assert "Task 59." in first
    assert "Task 0." not in first
    before = first.split("?before=")[1].split('"')[0]
    assert "Task 0." in alices.get(f"{path}?before={before}").text
    for rubbish in ("x", "%00", "-1", "9" * 30):
        assert alices.get(f"{path}?before={rubbish}").status_code == 200
