"""The stored text that a search reads: made for rows that exist, and kept for programs that do not know it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tasks.legacy.tests.schema_dump import connect
from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.raw_sql import without_guard
from todo_site.tests.management import manage
from todo_site.tests.server import migrated_database

TASKS = {"Überblick": "ΟΔΟΣ", "100% Café": None, "plain": ""}
STORED = {"uberblick\nοδοσ", "100% cafe\n", "plain\n"}


def insert(database: Any) -> None:
    """Add tasks as the version before does: it names its own columns."""
    columns = "id, user_id, title, description, status, created_at, updated_at"
    for number, (title, description) in enumerate(TASKS.items()):
        task_id = f"{number:08}-0000-4000-8000-000000000000".replace("-", "" if connection.vendor == "sqlite" else "-")
        values = [task_id, "alice", title, description, "pending", "2030-01-01 00:00:00Z", "2030-01-01 00:00:00Z"]
        texts = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
        database.execute(f"INSERT INTO task ({columns}) VALUES ({texts})")


def values(database: Any, expression: str) -> set[str]:
    return {value for (value,) in database.execute(f"SELECT {expression} FROM task").fetchall()}


def test_migrates_rows_forwards_and_back(tmp_path: Path) -> None:
    with migrated_database(tmp_path) as url:
        migrate = ["migrate", "--verbosity", "0", "--skip-checks", "tasks"]
        manage(*migrate, "0010", environment={"DATABASE_URL": url})
        with connect(url) as database:
            database.execute(
                'INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")'
                " VALUES ('alice', 'Alice', 'alice@example.org', true, '2030-01-01', '2030-01-01')"
            )
            insert(database)
        manage(*migrate, environment={"DATABASE_URL": url})
        with connect(url) as database:
            assert values(database, "search_text") == STORED
            database.execute("DELETE FROM task")
            insert(database)  # by the version before, which still serves
            assert values(database, "search_text") == STORED
            database.execute("UPDATE task SET title = 'ÉTÉ'")
            assert values(database, "search_text") == {"ete\nοδοσ", "ete\n"}
        manage(*migrate, "0010", environment={"DATABASE_URL": url})
        with connect(url) as database:
            assert values(database, "title") == {"ÉTÉ"}
            with pytest.raises((psycopg.errors.UndefinedColumn, sqlite3.OperationalError)):
                values(database, "search_text")


@pytest.mark.django_db
def test_finds_what_a_change_wrote_and_not_what_was_there_before(alice: User) -> None:
    task = make_task(alice.id, title="Milk", description="from the farm")
    tasks = Task.objects.for_user(alice.id)
    tasks.filter(pk=task.pk).update(description=None)
    task.refresh_from_db()
    task.title = "Brötchen"
    task.save()
    assert [tasks.matching(q).count() for q in ("milk", "farm", "BROT")] == [0, 0, 1]


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("user_id", ["", "somebody else"])
def test_shows_the_stored_text_to_its_owner_alone(alice: User, user_id: str) -> None:
    make_task(alice.id, title="Secret")
    count = "SELECT count(*) FROM task WHERE strpos(search_text, 'secret') > 0"
    for viewer, expected in ((user_id, 0), (alice.id, 1)):
        with scoped_to(lambda viewer=viewer: viewer), without_guard(), connection.cursor() as cursor:  # type: ignore[misc]
            cursor.execute(count)
            assert cursor.fetchone() == (expected,)
