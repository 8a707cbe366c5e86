"""Edits of one task at the same time: merged, or shown as a conflict."""

from __future__ import annotations

import pytest
from django.test import Client

from tasks.merge import EditConflict
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_merges_edits_of_different_fields(alice: User, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "2 l"}, task.version, here())
    tasks.edit(task.id, {"title": "Milk", "description": "3 l"}, task.version, here())
    merged = tasks.get(pk=task.id)
    assert (merged.title, merged.description) == ("Oat milk", "3 l")


@pytest.mark.parametrize("version", [None, 0, 10**17])
def test_says_which_fields_two_edits_share(alice: User, tasks: TaskQuerySet, version: int | None) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.edit(task.id, {"title": "Oat milk", "description": "3 l"}, task.version, here())
    for typed_at in (task.version, version):
        with pytest.raises(EditConflict) as caught:
            tasks.edit(task.id, {"title": "Goat milk", "description": "3 l"}, typed_at, here())
        assert caught.value.fields == ["title"]
        assert caught.value.merged == {"title": "Goat milk", "description": "3 l"}
    assert tasks.get(pk=task.id).title == "Oat milk"


def test_shows_both_texts_of_an_edit_conflict_and_takes_the_choice(
    alice: User, alices: Client, tasks: TaskQuerySet
) -> None:
    task = add(tasks, "Milk", "2 l")
    form = {"title": "Mine <b>", "description": "kept\nas typed", "status": "pending", "version": task.version}
    tasks.edit(task.id, {"title": "Theirs"}, task.version, here())
    page = alices.post(f"/tasks/{task.id}/edit/", form)
    assert page.status_code == 409
    for words in ('value="Mine &lt;b&gt;" checked', 'value="Theirs"', "kept\nas typed"):
        assert words in page.text
    now = tasks.get()
    chosen = {**form, "version": now.version}
    assert alices.post(f"/tasks/{task.id}/edit/", chosen).status_code == 303
    assert (tasks.get().title, tasks.get().description) == ("Mine <b>", "kept\nas typed")


def test_keeps_an_edit_of_a_task_that_went_into_the_trash(
    alice: User, alices: Client, bobs: Client, tasks: TaskQuerySet
) -> None:
    task = add(tasks, "Milk")
    tasks.move_to_trash(here())
    form = {"title": "Typed", "description": "long text", "status": "pending", "version": task.version}
    page = alices.post(f"/tasks/{task.id}/edit/", form)
    assert page.status_code == 409
    assert "long text" in page.text
    assert alices.get(f"/tasks/{task.id}/edit/").status_code == 404
    assert bobs.post(f"/tasks/{task.id}/edit/", form).status_code == 404
