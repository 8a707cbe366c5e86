"""The exports: their contract, their chunks, and cells that no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tracemalloc
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from tasks.tests.factories import make_task
from tasks.tests.helpers import add, here
from tasks.transfer.contract import escape_cell, unescape_cell
from tasks.transfer.tests.downloads import NASTY, pieces, whole
from todo_site.better_auth.models import User
from todo_site.journal.changes import ChangeContext
from todo_site.ownership import streaming
from todo_site.tests.server import ROOT

pytestmark = pytest.mark.django_db

VERIFY = ROOT / "static/site/verify_journal.py"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "CHUNK_SIZE", 3)


def as_json(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(whole(client, "/export/tasks.json"))
    return found


def as_csv(client: Client) -> list[dict[str, str]]:
    text = whole(client, "/export/tasks.csv").decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def test_writes_tasks_as_the_contract_says(alice: User, alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk", "2 l")
    tasks.set_status("completed", here())
    found = as_json(alices)
    assert found["contract"] == "1.0.0"
    assert found["exported_at"].endswith("Z")
    changed = tasks.get()
    assert found["tasks"] == [
        {
            "id": str(task.id),
            "user_id": alice.id,
            "title": "Milk",
            "description": "2 l",
            "status": "completed",
            "complete": True,
            "created_at": task.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "updated_at": changed.updated_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
    ]


@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_holds_all_tasks_the_trash_and_the_journal(alices: Client, tasks: TaskQuerySet, n: int) -> None:
    for number in range(2 * n):
        add(tasks, f"Task {number}", None if number % 2 else "text")
    deleted = list(tasks.order_by("created_at")[:n])
    tasks.filter(pk__in=[task.pk for task in deleted]).move_to_trash(here())
    found = as_json(alices)
    assert [task["title"] for task in found["tasks"]] == [f"Task {number}" for number in range(n, 2 * n)]
    assert sorted(task["title"] for task in found["trash"]) == sorted(task.title for task in deleted)
    assert {task["id"]: task["description"] for task in found["trash"]} == {
        str(task.id): task.description for task in deleted
    }
    assert [entry["number"] for entry in found["journal"]] == list(range(1, 3 * n + 1))
    assert [entry["verb"] for entry in found["journal"]] == ["create"] * (2 * n) + ["delete"] * n
    rows = as_csv(alices)
    assert len(rows) == 2 * n
    assert [bool(row["deleted_at"]) for row in rows] == [False] * n + [True] * n


def test_writes_the_journal_with_all_that_an_entry_says(alices: Client, tasks: TaskQuerySet) -> None:
    task = add(tasks, "Milk")
    deletion = tasks.move_to_trash(ChangeContext("r2", staff="Ann", reason="asked to"))
    tasks.undo(deletion.action, here())
    entry, back = as_json(alices)["journal"][1:]
    assert entry["task_id"] == str(task.id)
    assert (entry["verb"], entry["staff"], entry["reason"], entry["request_id"]) == ("delete", "Ann", "asked to", "r2")
    assert entry["changes"]["title"] == ["Milk", None]
    assert back["undoes"] == entry["batch"] == str(deletion.action)


def test_writes_a_journal_that_can_be_checked_offline(alices: Client, tasks: TaskQuerySet, tmp_path: Path) -> None:
    for title in NASTY:
        add(tasks, title)
    tasks.move_to_trash(here())
    export = as_json(alices)
    for entry in export["journal"][1::20]:
        (tmp_path / "whole.json").write_text(json.dumps(export))
        entry["reason"] = "changed"
        (tmp_path / "changed.json").write_text(json.dumps(export))
        entry["reason"] = ""
        for name, status in (("whole", 0), ("changed", 1)):
            command = [sys.executable, str(VERIFY), str(tmp_path / f"{name}.json")]
            assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == status


def test_shows_nothing_of_anybody_else(alice: User, bob: User, bobs: Client, tasks: TaskQuerySet) -> None:
    add(tasks, "Alice's secret")
    make_task(alice.id, title="Alice's secret")
    tasks.move_to_trash(here())
    add(tasks, "Alice's secret")
    assert as_json(bobs) | {"exported_at": ""} == {
        "contract": "1.0.0", "exported_at": "", "tasks": [], "trash": [], "journal": [],
    }  # fmt: skip
    assert as_csv(bobs) == []


def test_writes_for_spreadsheets(alices: Client, tasks: TaskQuerySet) -> None:
    for text in NASTY:
        add(tasks, text, text)
    response: Any = alices.get("/export/tasks.csv")
    content = response.getvalue()
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="tasks-20')
    assert content.startswith(b'\xef\xbb\xbf"id","user_id","title"')
    assert content.endswith(b'"\r\n')
    for row in as_csv(alices):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"))
    assert [unescape_cell(row["title"]) for row in as_csv(alices)] == NASTY
    assert [unescape_cell(row["description"]) for row in as_csv(alices)] == NASTY


@pytest.mark.parametrize("text", [*NASTY, "", "'", "''", "'a", "=", "'=", "plain"])
def test_escapes_a_cell_so_that_it_can_be_read_back(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == text


def test_loses_no_task_that_changes_its_place_during_the_export(alices: Client, tasks: TaskQuerySet) -> None:
    made = [add(tasks, f"Task {n}") for n in range(12)]
    early, late = tasks.filter(pk=made[0].pk), tasks.filter(pk=made[11].pk)
    deletion = early.move_to_trash(here())
    stream = pieces(alices, "/export/tasks.json")
    begun = next(stream) + next(stream) + next(stream)  # three of the tasks are read
    tasks.undo(deletion.action, here())
    late.move_to_trash(here())
    tasks.filter(pk=made[6].pk).set_status("completed", here())
    found = json.loads(begun + b"".join(stream))
    there = {task["id"] for task in [*found["tasks"], *found["trash"]]}
    assert there == {str(task.id) for task in made}


def test_ends_where_the_database_goes_away_with_what_cannot_be_taken_for_all(
    alices: Client, tasks: TaskQuerySet
) -> None:
    for n in range(9):
        add(tasks, f"Task {n}")
    got = b""

    def away(*args: Any) -> None:
        raise ConnectionError

    def read() -> None:
        nonlocal got
        for piece in pieces(alices, "/export/tasks.json"):
            got += piece
            if b"Task 2" in piece:
                connection.execute_wrappers.append(away)

    with pytest.raises(ConnectionError):
        read()
    connection.execute_wrappers.remove(away)
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)


def test_leaves_no_scope_and_no_transaction_open_between_two_chunks(alices: Client, tasks: TaskQuerySet) -> None:
    for n in range(9):
        add(tasks, f"Task {n}")
    before = list(connection.execute_wrappers), len(connection.savepoint_ids)
    for _piece in pieces(alices, "/export/tasks.json"):
        assert (list(connection.execute_wrappers), len(connection.savepoint_ids)) == before


def test_needs_as_many_statements_as_there_are_chunks(alices: Client, tasks: TaskQuerySet) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            list(pieces(alices, "/export/tasks.csv"))
        return len(queries)

    statements()  # a person's first try opens a limit's window
    none = statements()
    tasks.bulk_create(Task(user_id=tasks.owner, title=f"Task {n}") for n in range(7))
    assert statements() == none + 2


def test_keeps_little_in_memory(alices: Client, tasks: TaskQuerySet) -> None:
    for n in range(100):
        add(tasks, f"Task {n}", "x" * 50_000)
    stream = pieces(alices, "/export/tasks.json")
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 10_000_000
    assert peak < 2_000_000


@pytest.mark.parametrize("path", ["/export/tasks.json", "/export/tasks.csv"])
def test_gives_a_file_to_nobody_in_particular_and_takes_none(client: Client, alices: Client, path: str) -> None:
    assert client.get(path).status_code == 302
    assert alices.post(path).status_code == 405
    response = alices.get(path)
    assert response.headers["Cache-Control"] == "private, no-store"
    response.close()
