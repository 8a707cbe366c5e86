"""Actions on the selected tasks."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("action", "left"), [("complete", [0, 2]), ("delete", [0, 0]), ("nonsense", [2, 0])])
def test_changes_the_selected_tasks(
    bob: User, alices: Client, tasks: TaskQuerySet, action: str, left: list[int]
) -> None:
    ids = [str(add(tasks, title).id) for title in ("One", "Two")]
    theirs = add(Task.objects.for_user(bob.id), "Bob's")
    page = alices.post("/tasks/bulk/", {"task": [*ids, str(theirs.id), "x"], "action": action}, follow=True).text
    assert [tasks.pending().count(), tasks.completed().count()] == left
    assert Task.objects.for_user(bob.id).get().status == "pending"
    assert ("2 tasks" in page) is (action != "nonsense")
