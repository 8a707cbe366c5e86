"""Undoing single changes and whole actions."""

from __future__ import annotations

import random
import uuid

import pytest
from django.test import Client

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, journal, rows
from todo_site.better_auth.models import User
from todo_site.journal.changes import Change
from todo_site.journal.models import CannotUndo, JournalEntry

pytestmark = pytest.mark.django_db


def test_brings_a_task_back_as_it_was(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.filter(pk=task.id).set_status("completed", here())
    before = rows(tasks)
    tasks.filter(pk=task.id).move_to_trash(here())
    entry = JournalEntry.objects.for_user(alice.id).in_trash().get()
    tasks.undo(entry.pk, here())
    assert rows(tasks) == before
    assert not JournalEntry.objects.for_user(alice.id).in_trash().exists()


def test_undoes_once_however_often_it_is_asked(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    action = tasks.filter(pk=task.id).set_status("completed", here()).action
    assert len(tasks.undo(action, here()).rows) == 1
    assert tasks.undo(action, here()).rows == []
    assert tasks.get(pk=task.id).status == "pending"


def test_refuses_to_undo_what_was_changed_again(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    tasks.edit(task.id, {"title": "Bread"}, task.version, here())
    first = journal(alice)[-1]
    tasks.edit(task.id, {"title": "Butter"}, tasks.get(pk=task.id).version, here())
    with pytest.raises(CannotUndo, match="Butter"):
        tasks.undo(first.pk, here())
    tasks.filter(pk=task.id).move_to_trash(here())
    with pytest.raises(CannotUndo, match="trash"):
        tasks.undo(first.pk, here())


def test_undoes_one_field_and_leaves_what_was_done_to_others(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    edit = tasks.edit(task.id, {"title": "Bread"}, task.version, here())
    tasks.filter(pk=task.id).set_status("completed", here())
    tasks.undo(edit.action, here())
    changed = tasks.get(pk=task.id)
    assert (changed.title, changed.status) == ("Milk", "completed")


def test_undoes_all_of_a_batch_or_nothing(alice: User, tasks: TaskQuerySet) -> None:
    one, _two = add(tasks, "One"), add(tasks, "Two")
    change = tasks.set_status("completed", here())
    tasks.filter(pk=one.id).move_to_trash(here())
    before = rows(tasks)
    with pytest.raises(CannotUndo):
        tasks.undo(change.action, here())
    assert rows(tasks) == before


def test_gives_any_sequence_back_when_all_is_undone_in_reverse(alice: User, tasks: TaskQuerySet) -> None:
    chance = random.Random(20)
    add(tasks, "First")
    before = rows(tasks)
    done: list[uuid.UUID] = []
    while len(done) < 200:
        ids = list(tasks.values_list("pk", flat=True))
        picked = tasks.filter(pk__in=chance.sample(ids, min(len(ids), chance.choice([1, 1, 3]))))
        change: Change | None = None
        match chance.choice(["add", "edit", "status", "discard", "undo"]):
            case "add":
                change = tasks.add(Task(user_id=alice.id, title=f"T{chance.random()}"), here())
            case "edit" if ids:
                task = tasks.get(pk=ids[0])
                wanted = {"title": f"E{chance.random()}", "description": chance.choice([None, "x", "y"])}
                change = tasks.edit(task.id, wanted, task.version, here())
            case "status":
                change = picked.set_status(chance.choice(["pending", "completed"]), here())
            case "discard":
                change = picked.move_to_trash(here())
            case "undo" if done:
                try:
                    change = tasks.undo(chance.choice(done), here())
                except CannotUndo:
                    continue
        if change:
            done.append(change.action)
    for action in reversed(done):
        tasks.undo(action, here())
    assert rows(tasks) == before


def test_offers_undo_on_the_next_page_and_takes_it_back(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    page = alices.post(f"/tasks/{task.id}/delete/", {"next": "/?status=all"}, follow=True).text
    assert "Deleted “Milk”." in page
    (entry,) = JournalEntry.objects.for_user(alice.id).in_trash()
    assert f'action="/undo/{entry.batch}/"' in page
    undone = alices.post(f"/undo/{entry.pk}/", {"next": "/?status=all"})
    assert (undone.status_code, undone.headers["Location"]) == (303, f"/?status=all#task-{task.id}")
    assert tasks.get().title == "Milk"
    assert "Already undone" in alices.post(f"/undo/{entry.pk}/", follow=True).text


def test_keeps_a_message_about_the_longest_title(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    page = alices.post("/tasks/new/", {"title": "🎉" * 255}, follow=True).text
    assert "Added “🎉" in page


def test_refuses_to_undo_in_words(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    tasks.edit(task.id, {"title": "Bread"}, task.version, here())
    first = journal(alice)[-1]
    tasks.edit(task.id, {"title": "Butter"}, tasks.get().version, here())
    page = alices.post(f"/undo/{first.pk}/", {"next": f"/tasks/{task.id}/"}, follow=True).text
    assert "has newer changes" in page
    assert tasks.get().title == "Butter"
