"""An export that is imported again."""

from __future__ import annotations

import random
import re

import pytest
from django.test import Client

from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import add, here, rows
from tasks.transfer.tests.downloads import NASTY, whole
from tasks.transfer.tests.uploads import preview, take
from tasks.validators import is_visible
from todo_site.account_deletion import erase_rows
from todo_site.journal.models import JournalEntry

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["tasks.json", "tasks.csv"])
def test_gives_back_what_was_exported_and_erased(alices: Client, tasks: TaskQuerySet, name: str) -> None:
    for text in NASTY:
        add(tasks, text, text)
    add(tasks, "No description")
    tasks.filter(title__contains="=").set_status("completed", here())
    add(tasks, "Gone")
    tasks.filter(title="Gone").move_to_trash(here())
    before, content = rows(tasks), whole(alices, f"/export/{name}")
    erase_rows(tasks.owner)
    take(alices, name, content)
    assert rows(tasks) == before
    journal = JournalEntry.objects.for_user(tasks.owner)
    assert set(journal.values_list("verb", flat=True)) == {"import"}
    assert len(set(journal.values_list("batch", flat=True))) == 1


@pytest.mark.parametrize("seed", range(8))
def test_gives_back_whatever_can_be_written(alices: Client, tasks: TaskQuerySet, seed: int) -> None:
    chance = random.Random(seed)
    signs = "ab \t\n\r\"',;=+-@\\/<>&%{}[]\u00e9\u4e2d\u202e\u200d\ufeff🎉＝x"

    def text(most: int) -> str:
        return "".join(chance.choice(signs) for _ in range(chance.randrange(most)))

    for _ in range(60):
        title, description = text(255), text(600)
        if is_visible(title):
            tasks.create(title=title, description=description or None, status=chance.choice(["pending", "completed"]))
    before = rows(tasks)
    for name in ("tasks.json", "tasks.csv"):
        content = whole(alices, f"/export/{name}")
        erase_rows(tasks.owner)
        take(alices, name, content)
        assert rows(tasks) == before


@pytest.mark.parametrize("name", ["tasks.json", "tasks.csv"])
def test_makes_no_duplicate_and_leaves_what_was_edited(alices: Client, tasks: TaskQuerySet, name: str) -> None:
    task = add(tasks, "Milk")
    add(tasks, "Bread")
    content = whole(alices, f"/export/{name}")
    tasks.edit(task.id, {"title": "Oat milk"}, task.version, here())
    before = rows(tasks)
    page = preview(alices, name, content)
    assert "0 tasks are new" in page
    assert "1 task already exists." in page
    assert "1 task already exists with other values" in page
    assert "formaction" in page
    assert re.search(r'formaction="/import/[0-9a-f]{8}-', page) is None
    assert rows(tasks) == before
