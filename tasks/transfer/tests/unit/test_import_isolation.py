"""Imports with ids and owners of other users."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, rows
from tasks.transfer.importers.rows import parse_state
from tasks.transfer.tests.downloads import whole
from tasks.transfer.tests.uploads import preview, take
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_gives_nothing_away_about_ids_that_are_somebody_elses(
    alice: User, bob: User, alices: Client, bobs: Client, tasks: TaskQuerySet
) -> None:
    for title in ("Milk", "Bread"):
        add(tasks, title)
    before, content = rows(tasks), whole(alices, "/export/tasks.json")
    assert "2 tasks are new" in preview(bobs, "tasks.json", content)
    take(bobs, "tasks.json", content)
    theirs = Task.objects.for_user(bob.id)
    assert sorted(task.title for task in theirs) == ["Bread", "Milk"]
    assert not {task.id for task in theirs} & {row[0] for row in before}
    copies = rows(theirs)
    page = preview(bobs, "tasks.json", content)
    assert "2 tasks already exist." in page
    assert rows(theirs) == copies
    assert rows(tasks) == before


def test_finds_an_id_even_where_somebody_took_the_other_one_too(bob: User, tasks: TaskQuerySet) -> None:
    task_id = uuid.uuid4()
    theirs = Task.objects.for_user(bob.id)
    for taken in (task_id, tasks.replacement_id(task_id)):
        theirs.create(id=taken, title="Bob's")
    state = parse_state({"title": "Mine"}, timezone.now())
    tasks.import_tasks({task_id: state}, here())
    assert tasks.get().title == "Mine"
    assert [task.title for task in theirs] == ["Bob's", "Bob's"]


def test_never_takes_an_owner_from_the_file(alice: User, bob: User, alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "a.json", json.dumps([{"title": "Mine", "user_id": bob.id}]))
    take(alices, "b.csv", f"title,user_id\nMine too,{bob.id}\n")
    assert sorted(task.title for task in tasks) == ["Mine", "Mine too"]
    assert not Task.objects.for_user(bob.id).exists()
