"""An import in two steps: upload with preview, and confirmation."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.helpers import rows
from tasks.transfer.forms import ImportForm
from tasks.transfer.models import PendingImport
from tasks.transfer.tests.uploads import confirm, preview, take
from todo_site.account_deletion import erase_rows
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


def test_is_undone_as_a_whole_and_can_be_repeated(alices: Client, tasks: TaskQuerySet) -> None:
    page = take(alices, "a.txt", "Milk\nBread\nTea")
    assert "Imported 3 tasks." in page
    undo = re.search(r'action="(/undo/[^"]+)"', page)
    assert undo
    before = rows(tasks)
    alices.post(undo[1])
    assert rows(tasks) == []
    take(alices, "a.txt", "Milk\nBread\nTea")
    assert [row[:5] for row in rows(tasks)] == [row[:5] for row in before]


def test_shows_an_import_as_one_thing_to_undo_in_the_history(alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "a.txt", "Milk\nBread\nTea")
    page = alices.get("/history/").text
    assert page.count(">Undo all<") == 1
    undo = re.search(r'action="(/undo/[^"]+)">(?:(?!</form>).)*>Undo all<', page, re.DOTALL)
    assert undo
    alices.post(undo[1])
    assert rows(tasks) == []


def test_imports_nothing_before_its_owner_has_seen_it(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    page = preview(alices, "a.txt", "Milk & <b>\n" + "\u200b\n" + "x" * 256)
    assert "1 task is new" in page
    assert "Milk &amp; &lt;b&gt;" in page
    assert "2 are left out" in page
    assert "Line 2: the title is missing or has no visible characters" in page
    assert "Line 3: the title has 256 characters" in page
    assert rows(tasks) == []
    confirm(alices, page)
    assert tasks.get().title == "Milk & <b>"
    assert not PendingImport.objects.for_user(alice.id).exists()


def test_imports_once_however_often_the_button_is_pressed(alices: Client, tasks: TaskQuerySet) -> None:
    page = preview(alices, "a.txt", "Milk\nMilk")
    for _ in range(2):
        assert "Imported 2 tasks." in confirm(alices, page)
    assert [task.title for task in tasks] == ["Milk", "Milk"]


def test_forgets_a_file_that_is_not_wanted(alice: User, alices: Client) -> None:
    preview(alices, "a.txt", "Milk")
    for _ in range(2):
        assert alices.post("/import/discard/").headers["Location"] == "/import/"
    assert not PendingImport.objects.for_user(alice.id).exists()
    assert 'type="file"' in alices.get("/import/").text


def test_keeps_one_file_and_lets_it_go_with_all_else(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    preview(alices, "a.txt", "Milk")
    assert "Import of “b.txt”" in preview(alices, "b.txt", "Bread")
    assert PendingImport.objects.for_user(alice.id).count() == 1
    erase_rows(tasks.owner)
    assert not PendingImport.objects.for_user(alice.id).exists()


def test_shows_and_imports_no_file_of_anybody_else(bob: User, alices: Client, bobs: Client) -> None:
    page = preview(alices, "a.txt", "Alice's secret")
    assert "secret" not in bobs.get("/import/").text
    found = re.search(r'formaction="(/import/[0-9a-f-]+/)"', page)
    assert found
    assert bobs.post(found[1]).status_code == 404
    bobs.post("/import/discard/")
    assert "secret" in alices.get("/import/").text
    assert not Task.objects.for_user(bob.id).exists()


def test_takes_no_form_without_a_file(alices: Client) -> None:
    for data in ({}, {"file": "text"}, {"file": ["a", "b"]}):
        response = alices.post("/import/", data)
        assert response.status_code == 422
        assert "Choose a file" in response.text


def test_reads_a_file_again_where_its_request_is_run_again(alice: User) -> None:
    file = SimpleUploadedFile("a.txt", b"Milk")
    forms = [ImportForm(alice.id, {}, {"file": file}) for _ in range(2)]
    assert [(form.is_valid(), form.content) for form in forms] == [(True, b"Milk")] * 2


def test_needs_as_many_statements_for_many_tasks_as_for_few(alices: Client, tasks: TaskQuerySet) -> None:
    def statements(n: int) -> int:
        page = preview(alices, "a.txt", "\n".join(f"{n} tasks, {number}" for number in range(n)))
        with CaptureQueriesContext(connection) as queries:
            confirm(alices, page)
        return len(queries)

    assert statements(3) == statements(100)
    assert tasks.count() == 103
