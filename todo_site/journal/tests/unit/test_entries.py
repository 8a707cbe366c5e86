"""The entries of the journal: what they record, and that nobody can change them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, journal, rows, verbs
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


def test_notes_each_verb_with_what_it_changed(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "2 l"}, task.version, here())
    tasks.filter(pk=task.id).set_status("completed", here())
    tasks.filter(pk=task.id).set_status("pending", here())
    tasks.filter(pk=task.id).move_to_trash(here())
    tasks.undo(journal(alice)[-1].pk, here())
    entries = journal(alice)
    assert verbs(alice) == ["create", "edit", "complete", "reopen", "delete", "restore"]
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert {entry.task_id for entry in entries} == {task.id}
    assert {entry.request_id for entry in entries} == {"r1"}
    assert entries[0].changes["title"] == [None, "Milk"]
    assert entries[1].changes.keys() == {"title", "updated_at"}
    assert entries[1].changes["title"] == ["Milk", "Oat milk"]
    assert entries[2].changes["status"] == ["pending", "completed"]
    assert entries[5].undoes == entries[4].pk


def test_notes_nothing_where_nothing_changes(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    assert tasks.edit(task.id, {"title": "Milk", "description": None}, task.version, here()).rows == []
    assert tasks.filter(pk=task.id).set_status("pending", here()).rows == []
    assert rows(tasks)[0][6] == task.updated_at
    assert verbs(alice) == ["create"]


def test_gives_the_entries_of_one_action_one_batch(alice: User, tasks: TaskQuerySet) -> None:
    for n in range(3):
        add(tasks, f"Task {n}")
    change = tasks.set_status("completed", here())
    assert {entry.batch for entry in journal(alice)[3:]} == {change.action}
    assert len({entry.batch for entry in journal(alice)[:3]}) == 3
    tasks.undo(change.action, here())
    assert tasks.pending().count() == 3


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE task_event SET verb = 'edit' WHERE user_id = %s",
        "DELETE FROM task_event WHERE user_id = %s",
        "DELETE FROM task_event WHERE user_id = %s AND number = 1",
    ],
)
def test_lets_nobody_change_an_entry_or_take_one_out(alice: User, tasks: TaskQuerySet, sql: str) -> None:
    add(tasks, "Milk")
    add(tasks, "Bread")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [alice.id])
    assert verbs(alice) == ["create", "create"]


def test_goes_with_its_owner(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    add(tasks, "Milk")
    add(Task.objects.for_user(bob.id), "Bob's")
    User.objects.filter(pk=alice.id).delete()
    assert journal(alice) == []
    assert verbs(bob) == ["create"]


def test_is_nobody_elses(alice: User, bob: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    tasks.filter(pk=task.id).move_to_trash(here())
    entry = journal(alice)[-1]
    with pytest.raises(JournalEntry.DoesNotExist):
        Task.objects.for_user(bob.id).undo(entry.pk, here())
    assert journal(bob) == []
    assert rows(tasks) == []
