"""The trash and restoring from it."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, verbs
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_shows_the_trash_and_restores_from_it(alice: User, alices: Client, bobs: Client, tasks: TaskQuerySet) -> None:
    assert "The trash is empty" in alices.get("/trash/").text
    task = add(tasks, "Milk")
    tasks.move_to_trash(here())
    assert "Milk" in alices.get("/trash/").text
    assert "Milk" not in bobs.get("/trash/").text
    assert bobs.post(f"/trash/{task.id}/restore/").status_code == 404
    for _ in range(2):
        assert alices.post(f"/trash/{task.id}/restore/").headers["Location"] == "/trash/"
    assert tasks.get().id == task.id


def test_deletes_twice_as_once(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    assert [alices.post(f"/tasks/{task.id}/delete/").status_code for _ in range(2)] == [303, 303]
    assert verbs(alice) == ["create", "delete"]
