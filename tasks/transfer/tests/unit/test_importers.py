"""What comes in from a file: all of our own export as it was, and words for what cannot be taken."""

from __future__ import annotations

import csv
import json
import random
import re
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.factories import make_task
from tasks.transfer.forms import ImportForm
from tasks.transfer.importers.rows import parse_state
from tasks.transfer.models import PendingImport
from tasks.transfer.tests.unit.test_exporters import NASTY, whole
from tasks.validators import is_visible
from todo_site.account_deletion import erase_rows
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.journal.models import ChangeContext, JournalEntry

pytestmark = pytest.mark.django_db

HERE = ChangeContext("r1")


@pytest.fixture
def tasks(alice: User) -> TaskQuerySet:
    return Task.objects.for_user(alice.id)


def rows(tasks: TaskQuerySet) -> list[tuple[object, ...]]:
    return sorted(tasks.values_list("id", "user_id", "title", "description", "status", "created_at", "updated_at"))


def choose(client: Client, name: str, content: str | bytes) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return client.post("/import/", {"file": SimpleUploadedFile(name, content)})


def preview(client: Client, name: str, content: str | bytes) -> str:
    response = choose(client, name, content)
    assert (response.status_code, response.headers["Location"]) == (303, "/import/")
    return client.get("/import/").text


def confirm(client: Client, page: str) -> str:
    found = re.search(r'formaction="(/import/[0-9a-f-]+/)"', page)
    assert found
    return client.post(found[1], follow=True).text


def take(client: Client, name: str, content: str | bytes) -> str:
    return confirm(client, preview(client, name, content))


def add(tasks: TaskQuerySet, title: str, description: str | None = None) -> Task:
    entry = tasks.add(Task(user_id=tasks.owner, title=title, description=description), HERE)
    return tasks.get(pk=str(entry.task_id))


# Round trips


@pytest.mark.parametrize("name", ["tasks.json", "tasks.csv"])
def test_gives_back_what_was_exported_and_erased(alices: Client, tasks: TaskQuerySet, name: str) -> None:
    for text in NASTY:
        add(tasks, text, text)
    add(tasks, "No description")
    tasks.filter(title__contains="=").set_status("completed", HERE)
    add(tasks, "Gone")
    tasks.filter(title="Gone").move_to_trash(HERE)
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
    tasks.edit(task.id, {"title": "Oat milk"}, task.version, HERE)
    before = rows(tasks)
    page = preview(alices, name, content)
    assert "0 tasks are new" in page
    assert "1 task already exists." in page
    assert "1 task already exists with other values" in page
    assert "formaction" in page
    assert re.search(r'formaction="/import/[0-9a-f]{8}-', page) is None
    assert rows(tasks) == before


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


# The two steps


def test_imports_nothing_before_its_owner_has_seen_it(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    page = preview(alices, "a.txt", "Milk & <b>\n" + "\u200b\n" + "x" * 256)
    assert "1 task is new" in page
    assert "Milk &amp; &lt;b&gt;" in page
    assert "2 tasks will be skipped" in page
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


def test_cancels_the_import_and_goes_to_the_list(alice: User, alices: Client) -> None:
    page = preview(alices, "a.txt", "Milk")
    button = re.search(r'<button formaction="(/import/discard/)" name="next" value="([^"]*)">Cancel</button>', page)
    assert button
    response = alices.post(button[1], {"next": button[2]})
    assert response.headers["Location"] == "/"
    assert "Import cancelled. The uploaded file was deleted." in alices.get("/").text
    assert not PendingImport.objects.for_user(alice.id).exists()
    assert not Task.objects.for_user(alice.id).exists()


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


# Other people's ids


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
    tasks.import_tasks({task_id: state}, HERE, uuid.uuid4())
    assert tasks.get().title == "Mine"
    assert [task.title for task in theirs] == ["Bob's", "Bob's"]


def test_never_takes_an_owner_from_the_file(alice: User, bob: User, alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "a.json", json.dumps([{"title": "Mine", "user_id": bob.id}]))
    take(alices, "b.csv", f"title,user_id\nMine too,{bob.id}\n")
    assert sorted(task.title for task in tasks) == ["Mine", "Mine too"]
    assert not Task.objects.for_user(bob.id).exists()


# Formats


def test_reads_a_line_as_a_task(alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "list.txt", "\ufeff- Milk\r\n\r\n[x] Bread\r\n1. Tea\r\nx marks the spot")
    found = tasks.order_by("-created_at")
    assert [(task.title, task.status) for task in found] == [
        ("Milk", "pending"),
        ("Bread", "completed"),
        ("Tea", "pending"),
        ("x marks the spot", "pending"),
    ]
    page = preview(alices, "list.txt", "Tea\n- Milk\n[x] Bread\n1. Tea\nx marks the spot\n- Milk\n")
    assert "2 tasks are new" in page


def test_reads_utf_16_as_some_editors_write_it(alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "a.txt", "Käse".encode("utf-16"))
    assert tasks.get().title == "Käse"


def test_reads_todo_txt(alices: Client, tasks: TaskQuerySet) -> None:
    lines = [
        "(A) 2026-01-02 Call Mum +family @phone due:2026-02-01",
        "x 2026-01-05 2026-01-03 Pay rent +flat",
        "x 2026-01-06 Sweep",
        "x Wash",
        "Plain",
        "2026-01-04 2026-01-05 is the day",
        "x (B) 2026-01-08 2026-01-07 Both",
        "2026-13-45 No day",
    ]
    page = take(alices, "todo.txt", "\n".join(lines))
    assert "Imported 7 tasks." in page
    found = {task.title: task for task in tasks}
    assert found.keys() == {
        "(A) Call Mum +family @phone due:2026-02-01",
        "Pay rent +flat",
        "Sweep",
        "Wash",
        "Plain",
        "2026-01-05 is the day",
        "(B) Both",
    }
    assert {title for title, task in found.items() if task.is_completed} == {
        "Pay rent +flat", "Sweep", "Wash", "(B) Both",
    }  # fmt: skip
    rent = found["Pay rent +flat"]
    assert (str(rent.created_at), str(rent.updated_at)) == ("2026-01-03 00:00:00+00:00", "2026-01-05 00:00:00+00:00")
    assert str(found["2026-01-05 is the day"].created_at) == "2026-01-04 00:00:00+00:00"
    assert "7 tasks already exist." in preview(alices, "todo.txt", "\n".join(lines))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_reads_a_table_of_ones_own(alices: Client, tasks: TaskQuerySet, delimiter: str) -> None:
    table = StringIO()
    csv.writer(table, delimiter=delimiter).writerows(
        [
            ["Priority", "Title", "Complete", "id"],
            ["1", "'tis; a, \t'title'", "TRUE", "17"],
            [],
            ["2", "two\nlines", "", "18"],
        ]
    )
    for _ in range(2):
        preview(alices, "a.csv", table.getvalue())
    confirm(alices, alices.get("/import/").text)
    assert sorted((task.title, task.status) for task in tasks) == [
        ("'tis; a, \t'title'", "completed"),
        ("two\nlines", "pending"),
    ]


def test_reads_a_bare_list(alices: Client, tasks: TaskQuerySet) -> None:
    take(alices, "a.json", json.dumps(["Milk", {"title": "Bread", "complete": True, "description": ""}]))
    assert sorted((task.title, task.description, task.status) for task in tasks) == [
        ("Bread", None, "completed"),
        ("Milk", None, "pending"),
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"title": "\ud800"}, "contains an invalid character"),
        ({"title": "a\0b"}, "contains an invalid character"),
        ({"title": "ok", "description": "\udfff"}, "contains an invalid character"),
        ({"title": ["x"]}, "“title” must be text"),
        ({"title": 7}, "“title” must be text"),
        ({"title": "x" * 256}, "256 characters"),
        ({"title": "ok", "description": "x" * 100_001}, "100001 characters"),
        ({}, "the title is missing or has no visible characters"),
        (None, "the title is missing or has no visible characters"),
        ([], "“title” must be text"),
        ({"title": "ok", "status": "archived"}, "must be “pending” or “completed”"),
        ({"title": "ok", "status": []}, "must be “pending” or “completed”"),
        ({"title": "ok", "created_at": "yesterday"}, "“created_at” is not a valid date and time"),
        ({"title": "ok", "created_at": 0}, "“created_at” is not a valid date and time"),
        ({"title": "ok", "created_at": "0001-01-01T00:00:00+14:00"}, "must be between 1970 and 2999"),
        ({"title": "ok", "updated_at": "9999-12-31T23:59:59-14:00"}, "must be between 1970 and 2999"),
        ({"title": "ok", "updated_at": "1970-01-01T00:00:00+01:00"}, "must be between 1970 and 2999"),
        ({"title": "Good", "id": "00000000-0000-0000-0000-000000000001"}, "an earlier task has the same ID"),
    ],
)
def test_names_the_task_that_it_leaves_out(alices: Client, tasks: TaskQuerySet, row: object, words: str) -> None:
    good = {"title": "Good", "id": "00000000-0000-0000-0000-000000000001"}
    page = preview(alices, "a.json", json.dumps([good, row]))
    assert f"Task 2: {words}" in page or words in page.split("Task 2: ")[1].split("<")[0]
    confirm(alices, page)
    assert tasks.get().title == "Good"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,b,c,d", "Line 4: the line has more cells than the first line"),
        ("\u200b,,", "Line 4: the title is missing or has no visible characters"),
        ("gone,,2026-01-01T00:00:00Z", "Line 4: the task was in the trash"),
    ],
)
def test_names_the_line_of_a_table_that_it_leaves_out(alices: Client, row: str, words: str) -> None:
    assert words in preview(alices, "a.csv", f'title,description,deleted_at\nGood,"two\nlines",\n{row}\n')


def zipped() -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("tasks.json", "[]" * 10_000)
    return archive.getvalue()


RUBBISH: dict[str, tuple[str, str | bytes]] = {
    "empty": ("a.txt", ""),
    "no task": ("a.txt", "\n\n- \n"),
    "no task in JSON": ("a.json", '{"contract": "1.0.0", "tasks": []}'),
    "Latin-1": ("a.txt", "Käse".encode("latin-1")),
    "half of UTF-16": ("a.txt", b"\xff\xfea"),
    "lone surrogates": ("a.txt", b"\xed\xa0\x80"),
    "UTF-32": ("a.csv", "title\nx".encode("utf-32")),
    "NUL": ("a.txt", b"a\0b"),
    "NUL in CSV": ("a.csv", b"title\na\0b"),
    "archive": ("a.zip", zipped()),
    "archive that says it is JSON": ("a.json", zipped()),
    "image": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
    "cut off": ("a.json", '{"contract": "1.0.0", "tasks": [{"title": "Milk"},'),
    "nested": ("a.json", "[" * 200_000),
    "nested and closed": ("a.json", '{"tasks": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "too many parts": ("a.json", "[" + "[]," * 1_500_000 + "0]"),
    "NaN": ("a.json", '[{"title": "x", "n": NaN}]'),
    "Infinity": ("a.json", '[{"title": "x", "n": -Infinity}]'),
    "long number": ("a.json", "[" + "9" * 5000 + "]"),
    "same name twice": ("a.json", '[{"title": "x", "title": "y"}]'),
    "number": ("a.json", "7"),
    "text": ("a.json", '"tasks"'),
    "null": ("a.json", "null"),
    "other object": ("a.json", '{"title": "x"}'),
    "tasks that are no list": ("a.json", '{"tasks": {"title": "x"}}'),
    "later contract": ("a.json", '{"contract": "2.0.0", "tasks": [{"title": "x"}]}'),
    "contract that is a list": ("a.json", '{"contract": [[]], "tasks": [{"title": "x"}]}'),
    "2,000 columns": ("a.csv", ",".join(f"c{n}" for n in range(2000)) + "\n" + "1," * 2000),
    "title twice": ("a.csv", "title,title\na,b\n"),
    "no column": ("a.csv", "Milk\nBread\n"),
    "open quote": ("a.csv", 'title\n"Milk\n'),
    "text behind a quote": ("a.csv", 'title\n"Milk"x\n'),
    "huge cell": ("a.csv", 'title\n"' + "x" * 200_000 + '"\n'),
}


@pytest.mark.sqlite
@pytest.mark.parametrize("what", RUBBISH)
def test_says_in_words_why_a_file_cannot_be_read(alice: User, alices: Client, what: str) -> None:
    name, content = RUBBISH[what]
    response = choose(alices, name, content)
    assert response.status_code == 422
    assert "could not be imported" in response.text or "The file is empty" in response.text
    assert 'href="#id_file"' in response.text
    assert not Task.objects.for_user(alice.id).exists()
    assert not PendingImport.objects.for_user(alice.id).exists()


@pytest.mark.parametrize(("name", "content"), [("a.txt", "x\n" * 201), ("a.csv", "title\n" + "x\n" * 201)])
def test_says_how_many_tasks_a_file_may_have(
    alices: Client, name: str, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.transfer.importers.base.MAX_TASKS", 200)
    response = choose(alices, name, content)
    assert response.status_code == 422
    assert "The file contains more than 200 tasks." in response.text


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".json", "../../etc/passwd", "a\u202e.csv", "<b>.txt", "a\r\nb.txt", "%00.json"]
)
def test_takes_a_file_of_any_name(alices: Client, name: str) -> None:
    response = choose(alices, name, "not { json")
    assert response.status_code in {303, 422}
    assert "<b>" not in alices.get("/import/").text


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_imports_once_when_the_button_is_pressed_four_times_at_once(sign_in: Callable[[User], Client]) -> None:
    alice = make_user()
    page = preview(sign_in(alice), "a.txt", "\n".join(f"Task {n}" for n in range(50)))
    browsers = [sign_in(alice) for _ in range(4)]

    def press(browser: Client) -> str:
        try:
            return confirm(browser, page)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert all("Imported 50 tasks." in answer for answer in pool.map(press, browsers))
    assert Task.objects.for_user(alice.id).count() == 50
    assert JournalEntry.objects.for_user(alice.id).count() == 50


def test_prints_the_list_with_whole_descriptions_if_they_are_asked_for(alice: User, alices: Client) -> None:
    make_task(alice.id, title="Milk", description="long " * 100)
    text = ("long " * 100).strip()
    assert text not in alices.get("/").text
    assert text in alices.get("/?descriptions=1").text
