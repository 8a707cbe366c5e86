"""Erasing all tasks of a user."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, journal, rows, verbs
from todo_site.account_deletion import erase_rows
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


def test_erases_everything_of_its_owner_and_nothing_else(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    tasks.filter(pk=task.id).move_to_trash(here())
    add(tasks, "Bread")
    add(Task.objects.for_user(bob.id), "Bob's")
    assert erase_rows(alice.id) == {"tasks.Task": 1, "tasks.PendingImport": 0, "journal.JournalEntry": 3, "trash": 1}
    assert rows(tasks) == []
    assert journal(alice) == []
    assert verbs(bob) == ["create"]
    add(tasks, "New")
    with pytest.raises(IntegrityError), transaction.atomic():
        JournalEntry.objects.for_user(alice.id).delete()
