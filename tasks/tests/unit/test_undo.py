"""Undoing single changes and whole actions."""

from __future__ import annotations

import random
import uuid

import pytest
from django.test import Client

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import HERE, add, rows
from todo_site.better_auth.models import User
from todo_site.journal.models import CannotUndo, JournalEntry

pytestmark = pytest.mark.django_db


def test_brings_a_task_back_as_it_was(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.filter(pk=task.id).set_status("completed", HERE)
    before = rows(tasks)
    (entry,) = tasks.filter(pk=task.id).move_to_trash(HERE)
    assert JournalEntry.objects.for_user(alice.id).in_trash().get() == entry
    tasks.undo(entry.pk, HERE)
    assert rows(tasks) == before
    assert not JournalEntry.objects.for_user(alice.id).in_trash().exists()


def test_undoes_once_however_often_it_is_asked(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (entry,) = tasks.filter(pk=task.id).set_status("completed", HERE)
    assert len(tasks.undo(entry.pk, HERE)) == 1
    assert tasks.undo(entry.pk, HERE) == []
    assert tasks.get(pk=task.id).status == "pending"


def test_refuses_to_undo_what_was_changed_again(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (first,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.edit(task.id, {"title": "Butter"}, tasks.get(pk=task.id).version, HERE)
    with pytest.raises(CannotUndo, match="Butter"):
        tasks.undo(first.pk, HERE)
    tasks.filter(pk=task.id).move_to_trash(HERE)
    with pytest.raises(CannotUndo, match="trash"):
        tasks.undo(first.pk, HERE)


def test_undoes_one_field_and_leaves_what_was_done_to_others(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (edit,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.filter(pk=task.id).set_status("completed", HERE)
    tasks.undo(edit.pk, HERE)
    changed = tasks.get(pk=task.id)
    assert (changed.title, changed.status) == ("Milk", "completed")


def test_undoes_all_of_a_batch_or_nothing(alice: User, tasks: TaskQuerySet) -> None:
    one, _two = add(tasks, "One"), add(tasks, "Two")
    entries = tasks.set_status("completed", HERE)
    tasks.filter(pk=one.id).move_to_trash(HERE)
    before = rows(tasks)
    with pytest.raises(CannotUndo):
        tasks.undo(entries[0].batch or uuid.uuid4(), HERE)
    assert rows(tasks) == before


def test_gives_any_sequence_back_when_all_is_undone_in_reverse(alice: User, tasks: TaskQuerySet) -> None:
    chance = random.Random(20)
    add(tasks, "First")
    before = rows(tasks)
    done: list[uuid.UUID] = []
    while len(done) < 200:
        ids = list(tasks.values_list("pk", flat=True))
        picked = tasks.filter(pk__in=chance.sample(ids, min(len(ids), chance.choice([1, 1, 3]))))
        entries: list[JournalEntry] = []
        match chance.choice(["add", "edit", "status", "discard", "undo"]):
            case "add":
                entries = [tasks.add(Task(user_id=alice.id, title=f"T{chance.random()}"), HERE)]
            case "edit" if ids:
                task = tasks.get(pk=ids[0])
                wanted = {"title": f"E{chance.random()}", "description": chance.choice([None, "x", "y"])}
                entries = tasks.edit(task.id, wanted, task.version, HERE)
            case "status":
                entries = picked.set_status(chance.choice(["pending", "completed"]), HERE)
            case "discard":
                entries = picked.move_to_trash(HERE)
            case "undo" if done:
                try:
                    entries = tasks.undo(chance.choice(done), HERE)
                except CannotUndo:
                    continue
        if entries:
            done.append(entries[0].batch or entries[0].pk)
    for action in reversed(done):
        tasks.undo(action, HERE)
    assert rows(tasks) == before


def test_offers_undo_on_the_next_page_and_takes_it_back(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    page = alices.post(f"/tasks/{task.id}/delete/", {"next": "/?status=all"}, follow=True).text
    assert "Deleted “Milk”." in page
    (entry,) = JournalEntry.objects.for_user(alice.id).in_trash()
    assert f'action="/undo/{entry.pk}/"' in page
    undone = alices.post(f"/undo/{entry.pk}/", {"next": "/?status=all"})
    assert (undone.status_code, undone.headers["Location"]) == (303, f"/?status=all#task-{task.id}")
    assert tasks.get().title == "Milk"
    assert "Already undone" in alices.post(f"/undo/{entry.pk}/", follow=True).text


def test_keeps_a_message_about_the_longest_title(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    page = alices.post("/tasks/new/", {"title": "🎉" * 255}, follow=True).text
    assert "Added “🎉" in page


def test_refuses_to_undo_in_words(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    (first,) = tasks.edit(task.id, {"title": "Bread"}, task.version, HERE)
    tasks.edit(task.id, {"title": "Butter"}, tasks.get().version, HERE)
    page = alices.post(f"/undo/{first.pk}/", {"next": f"/tasks/{task.id}/"}, follow=True).text
    assert "has newer changes" in page
    assert tasks.get().title == "Butter"
