"""The importers: every format, and the message for each row or file that could not be imported."""

from __future__ import annotations

import csv
import json
import zipfile
from io import BytesIO, StringIO

import pytest
from django.test import Client

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.transfer.models import PendingImport
from tasks.transfer.tests.uploads import choose, confirm, preview, take
from todo_site.better_auth.models import User

pytestmark = pytest.mark.django_db


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
    assert "7 tasks are here already" in preview(alices, "todo.txt", "\n".join(lines))


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
        ({"title": ["x"]}, "“title” is no text"),
        ({"title": 7}, "“title” is no text"),
        ({"title": "x" * 256}, "256 characters"),
        ({"title": "ok", "description": "x" * 100_001}, "100001 characters"),
        ({}, "the title is missing or has no visible characters"),
        (None, "the title is missing or has no visible characters"),
        ([], "“title” is no text"),
        ({"title": "ok", "status": "archived"}, "must be “pending” or “completed”"),
        ({"title": "ok", "status": []}, "must be “pending” or “completed”"),
        ({"title": "ok", "created_at": "yesterday"}, "“created_at” is no time"),
        ({"title": "ok", "created_at": 0}, "“created_at” is no time"),
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
        ("a,b,c,d", "Line 4: it has more cells than the first line"),
        ("\u200b,,", "Line 4: the title is missing or has no visible characters"),
        ("gone,,2026-01-01T00:00:00Z", "Line 4: it was in the trash"),
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
