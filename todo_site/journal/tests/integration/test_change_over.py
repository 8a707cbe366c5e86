"""A database of the version that wrote its own entries, upgraded and taken back, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from todo_site.journal.tests.chain import VERIFY
from todo_site.journal.tests.integration.test_writers import COMMON, SHOW, SIGN_UP, environment
from todo_site.tests.management import manage
from todo_site.tests.server import empty_database

BEFORE = {"preferences": "0001", "tasks": "0009", "journal": "0001"}
# The version before hashed JSON, and inserted the task and its entry itself.
OLD_WRITE = """
import runpy
from django.conf import settings
hash_of = runpy.run_path(str(settings.BASE_DIR / "static/site/verify_journal.py"))["hash_of"]
import datetime
def add(title):
    task, entry, at = uuid.uuid4(), uuid.uuid4(), datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    text = at.isoformat(timespec="microseconds") + "Z"
    key = (lambda value: value.hex) if connection.vendor == "sqlite" else str
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT number, hash FROM task_event WHERE user_id = %s ORDER BY number DESC LIMIT 1", [ANN])
        number, previous = cursor.fetchone() or (0, "")
        record = dict(id=str(entry), user_id=ANN, number=number + 1, task_id=str(task), verb="create",
                      changes={"title": [None, title], "status": [None, "pending"], "created_at": [None, text],
                               "updated_at": [None, text]}, at=text, staff="", reason="", request_id="r0", batch=None,
                      undoes=None)
        cursor.execute("INSERT INTO task (id, user_id, title, status, created_at, updated_at)"
                       " VALUES (%s, %s, %s, 'pending', %s, %s)",
                       [key(task), ANN, title, f"{at:%Y-%m-%d %H:%M:%S.%f}", f"{at:%Y-%m-%d %H:%M:%S.%f}"])
        cursor.execute("INSERT INTO task_event (id, user_id, number, task_id, verb, changes, at, staff, reason,"
                       " request_id, hash) VALUES (%s, %s, %s, %s, 'create', %s, %s, '', '', 'r0', %s)",
                       [key(entry), ANN, number + 1, key(task), json.dumps(record["changes"]),
                        f"{at:%Y-%m-%d %H:%M:%S.%f}", hash_of(record, previous)])
"""
NEW_WRITE = """
tasks.undo(JournalEntry.objects.for_user(ANN).order_by("number").first().pk, ChangeContext("r1"))
tasks.set_status("completed", ChangeContext("r2"))
tasks.add(Task(user_id=ANN, title="Added after"), ChangeContext("r3"))
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with empty_database(tmp_path) as url:
        manage("migrate", "-v0", environment=environment(url))
        for app, target in BEFORE.items():
            manage("migrate", "-v0", app, target, environment=environment(url))
        yield url


def run(url: str, *code: str) -> str:
    text = COMMON + "\n".join(code)
    return manage("shell", "-v0", "--no-imports", "-c", text, environment=environment(url))


def look(url: str) -> list[dict[str, Any]]:
    found: dict[str, Any] = json.loads(run(url, SHOW).strip().splitlines()[-1])
    assert VERIFY["check"](found["entries"], found["head"]) == ""
    entries: list[dict[str, Any]] = found["entries"]
    return entries


def test_keeps_every_entry_forwards_and_backwards(database: str) -> None:
    run(database, SIGN_UP, OLD_WRITE, 'add("Milk"); add("Brot für Jürgen 🎉")')
    manage("migrate", "-v0", environment=environment(database))
    manage("check", "--database", "default", environment=environment(database))
    run(database, NEW_WRITE)
    entries = look(database)
    assert [entry.get("form", 1) for entry in entries] == [1, 1, 2, 2, 2]
    assert [entry["verb"] for entry in entries] == ["create", "create", "delete", "complete", "create"]

    for app, target in BEFORE.items():
        manage("migrate", "-v0", app, target, environment=environment(database))
    manage("check", "--database", "default", environment=environment(database))
    run(database, OLD_WRITE, 'add("By the version before")')

    manage("migrate", "-v0", environment=environment(database))
    manage("check", "--database", "default", environment=environment(database))
    run(database, 'tasks.set_status("pending", ChangeContext("r4"))')
    again = look(database)
    assert again[:5] == entries
    assert [entry.get("form", 1) for entry in again[5:]] == [1, 2]


def test_refuses_what_the_version_before_would_still_write(database: str) -> None:
    """Its task and its entry are rolled back together."""
    run(database, SIGN_UP, OLD_WRITE, 'add("Milk")')
    manage("migrate", "-v0", environment=environment(database))
    code = 'from django.db import DatabaseError\ntry:\n    add("Lost")\nexcept DatabaseError:\n    print("refused")'
    assert "refused" in run(database, OLD_WRITE, code)
    count = "print(tasks.count(), JournalEntry.objects.for_user(ANN).count())"
    assert run(database, count).strip().splitlines()[-1] == "1 1"
