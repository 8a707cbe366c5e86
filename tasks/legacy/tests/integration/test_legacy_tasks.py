from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import unicodedata
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tasks.legacy.schema import visible_character_pattern
from tasks.legacy.tests import legacy_backend
from tasks.legacy.tests.legacy_backend import ALICE, BOB, CAROL, GONE, SHAPES, Shape
from tasks.legacy.tests.schema_dump import connect, execute, rows, schema, without
from tasks.task_list.search import fold
from tasks.validators import is_visible
from todo_site.better_auth.operations import POSTGRESQL
from todo_site.tests.management import manage
from todo_site.tests.server import ROOT, empty_database

ALL = list(SHAPES) if connection.vendor == "postgresql" else legacy_backend.ON_SQLITE
BEFORE = "before.task" if connection.vendor == "postgresql" else "before_task"
NUMBERED, CHECKED, NATIVE = SHAPES["boolean and integer"], SHAPES["varchar with CHECK"], SHAPES["native ENUM"]
LET_GO = " ON DELETE CASCADE NOT VALID"  # how the kept foreign key lets an account go
NEW_USER = """INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('{0}', 'N', '{0}@example.org', true)"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with empty_database(tmp_path) as url:
        yield url


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, ...]]:
    """The schema that migrate makes of an empty database."""
    with empty_database(tmp_path_factory.mktemp("fresh")) as url:
        migrate(url)
        return schema(url)


def migrate(url: str, *arguments: str) -> str:
    return manage("migrate", "--skip-checks", *arguments, environment={"DATABASE_URL": url})


def adoption(url: str, *arguments: str) -> list[str]:
    """What the command says, line by line."""
    output = manage("adoption", "--skip-checks", *arguments, environment={"DATABASE_URL": url})
    return [line.strip() for line in output.splitlines()]


def refusal(url: str) -> str:
    """What migrate says when it gives up."""
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate"], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    return done.stderr


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def make_better_auth(url: str, id_type: str = "text") -> None:
    """Better Auth's tables, as its server has made them before this site came."""
    if url.startswith("sqlite:"):
        migrate(url, "better_auth")
        return
    execute(url, *(POSTGRESQL[table].format(id=id_type) for table in ("user", "session", "account", "verification")))
    execute(
        url, f"ALTER DATABASE {name_of(url)} SET timezone = 'Asia/Tokyo'"
    )  # a time without a zone is UTC all the same


def make_old(url: str, shape: Shape, folder: Path, rows_to_make: list[dict[str, Any]] | None = None) -> None:
    """The database of the older backend: its table with rows, and the users that have an account."""
    make_better_auth(url, shape.user_id_type)
    accounts = [BOB] if shape.user_id_type == "uuid" else [ALICE, BOB]
    execute(url, *(NEW_USER.format(user) for user in accounts))
    legacy_backend.make(shape, url, folder / "alembic")
    legacy_backend.fill(shape, url, rows_to_make or legacy_backend.combinations(shape))


def expected_id(old: Any) -> str:
    """The new id, as 32 hexadecimal digits."""
    if isinstance(old, int):
        return hashlib.md5(f"task/{old}".encode()).hexdigest()
    return str(old).replace("-", "")


def expected_status(old: dict[str, Any]) -> str:
    if "complete" in old:
        return "completed" if old["complete"] else "pending"
    state = str(old["status"]).lower()
    return state if state in {"pending", "completed"} else "pending"


def as_time(value: Any) -> datetime | None:
    """A time in UTC, from whatever the database's driver gives."""
    if value is None:
        return None
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def expected(old: dict[str, Any]) -> dict[str, Any]:
    """What an old row has to become. A time that is None is any time at all."""
    title, description = old["title"], old["description"]
    if len(title) > 255:
        description = f"{title}\n\n{description}" if description else title
    title = title[:255] if is_visible(title[:255]) else "(untitled)"
    return {
        "id": expected_id(old["id"]),
        "user_id": str(old["user_id"]),
        "title": title,
        "description": description,
        "search_text": f"{fold(title)}\n{fold(description or '')}",
        "status": expected_status(old),
        "created_at": as_time(old["created_at"]),
        "updated_at": as_time(old.get("updated_at")),
    }


def found(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """A new row in the terms of expected(); a time that the old row did not have is let pass."""
    plain = {**new, "id": str(new["id"]).replace("-", ""), "user_id": str(new["user_id"])}
    return plain | {
        name: as_time(new[name]) if old.get(name) is not None else None for name in ("created_at", "updated_at")
    }


def assert_brought(url: str, old_rows: list[dict[str, Any]], owners: set[str]) -> None:
    """The table has the rows of these owners, cell by cell, and no others."""
    wanted = {expected_id(row["id"]): row for row in old_rows if str(row["user_id"]) in owners}
    new = {str(row["id"]).replace("-", ""): row for row in rows(url)}
    assert new.keys() == wanted.keys()
    for key, row in new.items():
        assert found(row, wanted[key]) == expected(wanted[key])
        assert row["created_at"] is not None
        assert row["updated_at"] is not None


def assert_as_fresh(url: str, fresh: list[tuple[str, ...]], kept: set[str]) -> None:
    """The schema is that of a new site, but for what was the older backend's, and the type of Better Auth's ids."""
    ours = [thing for thing in schema(url) if thing[0] not in kept and not thing[0].startswith("before_")]
    assert ours == fresh


@pytest.mark.parametrize("name", ALL)
def test_every_shape_ends_in_the_one_schema_with_every_row_and_goes_back(
    database: str, fresh: list[tuple[str, ...]], tmp_path: Path, name: str
) -> None:
    shape = SHAPES[name]
    make_old(database, shape, tmp_path)
    old_schema, old_rows = schema(database), rows(database)
    old_things = {thing for thing in old_schema if thing[0].startswith("task")}
    assert len(old_rows) == len(shape.owners) * len(shape.titles) * len(shape.states)

    migrate(database)
    if shape.user_id_type == "text":
        assert_as_fresh(database, fresh, {"alembic_version"})
    assert rows(database, BEFORE) == old_rows
    assert_brought(database, old_rows, {ALICE, BOB})
    if connection.vendor == "postgresql":
        kept = schema(database, "before")
        assert old_things <= {(*thing[:3], thing[3].replace(LET_GO, "")) for thing in kept}

    migrate(database, "tasks", "zero")
    tables = {thing[0] for thing in old_schema} - {thing[0] for thing in fresh} | {"task"}
    assert [thing for thing in schema(database) if thing[0] in tables] == [
        thing for thing in old_schema if thing[0] in tables
    ]
    assert not [thing for thing in schema(database) if thing[0].startswith("before")]
    assert rows(database) == old_rows


def test_where_better_auth_came_first_nothing_is_taken_over_said_or_kept(
    database: str, fresh: list[tuple[str, ...]]
) -> None:
    make_better_auth(database)
    output = migrate(database)
    assert "legacy task table" not in output
    assert schema(database) == fresh
    assert adoption(database) == ["There is no legacy table."]


def test_goes_and_comes_back_any_number_of_times(database: str, fresh: list[tuple[str, ...]], tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    old_rows = rows(database)
    migrate(database)
    first = rows(database)
    execute(database, "UPDATE task SET title = 'written since'")
    migrate(database, "tasks", "zero")
    migrate(database)
    assert rows(database) == first
    assert rows(database, BEFORE) == old_rows
    assert_as_fresh(database, fresh, set())


@pytest.mark.postgresql
def test_what_is_the_tables_own_goes_along_and_comes_back_and_what_is_not_stays(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    execute(database, "CREATE TYPE mood AS ENUM ('good')", "ALTER TABLE task ADD mood mood")
    execute(database, "CREATE TYPE shared AS ENUM ('x')", "ALTER TABLE task ADD shared shared")
    execute(
        database, "CREATE TABLE other (shared shared)", "CREATE SCHEMA before", "CREATE TABLE before.other (id integer)"
    )
    next_id = len(rows(database)) + 1
    migrate(database)
    assert {("mood", "enum", "good", "1"), ("task_id_seq", "relation", "task_id_seq", "S p f")} <= {
        *schema(database, "before")
    }
    assert ("shared", "enum", "x", "1") in schema(database)
    assert not {"mood", "task_id_seq"} & {thing[0] for thing in schema(database)}
    migrate(database, "tasks", "zero")
    with connect(database) as old:
        insert = f"""
            INSERT INTO task (user_id, title, complete, created_at, updated_at)
            SELECT '{ALICE}', 'x', false, now(), now() RETURNING id"""
        assert old.execute(insert).fetchone() == (next_id,)
        assert old.execute("SELECT 'good'::mood::text").fetchone() == ("good",)
    assert {thing[0] for thing in schema(database, "before") if thing[1] == "relation"} == {"other"}


def test_what_had_to_be_changed_is_counted_and_named(database: str, tmp_path: Path) -> None:
    make_old(database, CHECKED, tmp_path)
    say = [
        f"The legacy task table is kept as {BEFORE}. Rows: 84",
        'Blank titles, replaced by "(untitled)": 48',
        "Titles over 255 characters, truncated; the description starts with the full title: 24",
        "Unknown statuses, set to pending: 28",
        f"Not copied because the owner has no account: 42, of {CAROL} (21), {GONE} (21)",
        "When an owner has an account, run: manage.py legacy_tasks bring",
    ]
    output = migrate(database)
    assert [line.strip() for line in output.splitlines() if line.strip() in say] == say
    assert adoption(database) == say


def test_numbers_for_ids_missing_times_and_further_columns_are_named_too(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    execute(database, "ALTER TABLE task DROP COLUMN updated_at", "ALTER TABLE task ADD priority integer")
    migrate(database)
    assert adoption(database) == [
        f"The legacy task table is kept as {BEFORE}. Rows: 28",
        'Blank titles, replaced by "(untitled)": 16',
        "Titles over 255 characters, truncated; the description starts with the full title: 8",
        "IDs that were not UUIDs, replaced by UUIDs derived from them: 28",
        "Missing times, set to the time of the migration: 28",
        "Columns that exist only there: priority",
    ]


def test_rows_come_once_their_owner_has_an_account_and_only_those(database: str, tmp_path: Path) -> None:
    make_old(database, CHECKED, tmp_path)
    old_rows = rows(database)
    migrate(database)
    execute(database, f"DELETE FROM task WHERE user_id = '{ALICE}'", NEW_USER.format(CAROL))
    assert adoption(database, "bring") == ["Copied: 21. Without an account: 21"]
    assert_brought(database, old_rows, {BOB, CAROL})  # what Alice deleted since stays deleted
    execute(database, f"DELETE FROM task WHERE user_id = '{CAROL}'")
    imported = next(expected_id(row["id"]) for row in old_rows if row["user_id"] == GONE)
    columns = "id, user_id, title, status, created_at, updated_at"
    values = f"'{imported}', '{GONE}', 'Imported', 'pending', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP"
    execute(database, NEW_USER.format(GONE), f"INSERT INTO task ({columns}) VALUES ({values})")
    assert adoption(database, "bring") == ["Copied: 20. Without an account: 0"]
    assert "Imported" in {row["title"] for row in rows(database)}


JOURNAL_VIEWS = ("journal_kept", "journal_note", "journal_version")  # on SQLite
TABLES_AND_VIEWS = ("task", "task_event", "preferences", "task_upload", "journal_head", *JOURNAL_VIEWS)


def test_the_copy_is_dropped_when_it_is_asked_for_twice(
    database: str, fresh: list[tuple[str, ...]], tmp_path: Path
) -> None:
    make_old(database, NATIVE if connection.vendor == "postgresql" else CHECKED, tmp_path)
    migrate(database)
    new_rows, kept = rows(database), rows(database, BEFORE)
    assert adoption(database, "drop")[-1].startswith("Nothing was dropped.")
    assert rows(database, BEFORE) == kept
    assert adoption(database, "drop", "--yes-drop-the-copy") == [f"{BEFORE} was dropped."]
    assert schema(database) == fresh
    assert rows(database) == new_rows
    if connection.vendor == "postgresql":
        assert schema_exists(database, "before") is False
    assert adoption(database, "bring") == ["There is no legacy table."]
    migrate(database, "tasks", "zero")
    assert schema(database) == without(fresh, *TABLES_AND_VIEWS)


def test_an_account_can_be_deleted_and_its_rows_do_not_come_back(database: str, tmp_path: Path) -> None:
    make_old(database, NATIVE, tmp_path)  # its foreign key forbids it
    old_schema, old_rows = schema(database), rows(database)
    migrate(database)
    pragma = ["PRAGMA foreign_keys = ON"] if connection.vendor == "sqlite" else []
    execute(database, *pragma, f"""DELETE FROM "user" WHERE id = '{ALICE}'""")
    assert_brought(database, old_rows, {BOB})
    migrate(database, "tasks", "zero")
    assert rows(database) == [row for row in old_rows if row["user_id"] == BOB]
    assert [thing for thing in schema(database) if thing[0] == "task"] == [
        thing for thing in old_schema if thing[0] == "task"
    ]


def test_refuses_when_another_table_refers_to_the_old_one(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    execute(database, "CREATE TABLE label (task_id integer REFERENCES task (id))")
    old_schema, old_rows = [thing for thing in schema(database) if thing[0] in {"task", "label"}], rows(database)
    assert refusal(database) == (
        "CommandError: The legacy task table is referenced by a foreign key of label, "
        "which would keep pointing to the old rows. Drop this foreign key first.\n"
    )
    assert [thing for thing in schema(database) if thing[0] in {"task", "label"}] == old_schema
    assert rows(database) == old_rows


def test_refuses_when_something_is_kept_already(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    if connection.vendor == "postgresql":
        execute(database, "CREATE SCHEMA before")
    execute(database, f"CREATE TABLE {BEFORE} (id integer)")
    old_rows = rows(database)
    assert refusal(database) == (
        f"CommandError: The table {BEFORE} already exists, but the legacy task table must be kept under this name. "
        "Rename one of them first.\n"
    )
    assert rows(database) == old_rows


@pytest.mark.postgresql
def test_a_table_of_another_schema_of_the_search_path_goes_back_there(
    database: str, fresh: list[tuple[str, ...]], tmp_path: Path
) -> None:
    make_old(database, NATIVE, tmp_path)
    execute(database, 'CREATE SCHEMA "Old one"', 'ALTER TABLE task SET SCHEMA "Old one"')
    execute(database, f"""ALTER DATABASE {name_of(database)} SET search_path = public, "Old one" """)
    old_rows = rows(database, '"Old one".task')
    migrate(database)
    assert without(schema(database), "Old one") == fresh
    assert_brought(database, old_rows, {ALICE, BOB})
    migrate(database, "tasks", "zero")
    assert rows(database, '"Old one".task') == old_rows


def test_showing_the_sql_of_the_migration_moves_nothing(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path)
    old_rows = rows(database)
    manage("sqlmigrate", "tasks", "0001", environment={"DATABASE_URL": database})
    assert rows(database) == old_rows


def unusual_rows(number: int) -> list[dict[str, Any]]:
    """Rows of many owners whose texts are put together from what breaks programs; the same at each run."""
    dice = random.Random(20240229)
    parts = [
        "'",
        '"',
        "%s",
        "{}",
        "\\",
        "\\u0041",
        "🧑‍🚀",
        "\u202e",
        "\u200b",
        "\u00a0",
        "\n",
        "\t",
        " ",
        "é",
        "e\u0301",
        "漢字",
    ]
    parts += ["--", ";", "$$", "</script>", "\x01", "\x7f", "\u3164", "\U000e0001", "a\uffff", "a", ""]

    def text(most: int) -> str:
        return "".join(dice.choices(parts, k=dice.randint(0, most)))

    titles = [lambda: text(3), lambda: text(12), lambda: text(12), lambda: text(400), lambda: "t" * 5000]
    kinds = legacy_backend.combinations(Shape(None, [ALICE, BOB], ["x"], ["pending", "completed"])) * (number // 4)
    return [
        {
            **row,
            "title": dice.choices(titles, [30, 40, 20, 8, 2])[0](),
            "description": dice.choice([None, "", text(50)]),
        }
        for row in kinds
    ]


def test_copies_twenty_thousand_unusual_rows_cell_by_cell(database: str, tmp_path: Path) -> None:
    make_old(database, NUMBERED, tmp_path, unusual_rows(20_000))
    old_rows = rows(database)
    assert len(old_rows) == 20_000
    assert any(len(row["title"]) == 5000 for row in old_rows)
    migrate(database)
    assert_brought(database, old_rows, {ALICE, BOB})
    assert rows(database, BEFORE) == old_rows


@pytest.mark.postgresql
def test_a_title_is_blank_to_the_database_just_when_it_is_to_a_form(database: str) -> None:
    unknown = {"Cn", "Co", "Cs"}  # what is not known to draw nothing is kept
    chars = [chr(code) for code in range(1, sys.maxunicode) if unicodedata.category(chr(code)) not in unknown]
    query = "SELECT char FROM jsonb_array_elements_text(%s::jsonb) AS char WHERE char ~ %s"
    with connect(database) as empty:
        seen = {char for (char,) in empty.execute(query, [json.dumps(chars), visible_character_pattern()])}
    visible = {char for char in chars if is_visible(char)}
    assert seen == visible
    assert {char for char in chars if re.search(visible_character_pattern(), char)} == visible


def schema_exists(url: str, name: str) -> bool:
    with connect(url) as database:
        return database.execute("SELECT FROM pg_namespace WHERE nspname = %s", [name]).fetchone() is not None


def start_migrate(url: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def wait_until(database: Any, query: str, seconds: float = 60) -> None:
    """Ask until the query has a row."""
    end = monotonic() + seconds
    while not database.execute(query).fetchall():
        assert monotonic() < end, query


# A migrate that has moved the old table and now waits for the one on users.
WAITS = """
SELECT FROM pg_locks JOIN pg_locks AS moved USING (pid)
WHERE pg_locks.relation = '"user"'::regclass AND NOT pg_locks.granted
  AND moved.mode = 'AccessExclusiveLock' AND moved.relation = 'task'::regclass AND moved.granted"""
ALONE = """
SELECT WHERE NOT EXISTS
(SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())"""


@pytest.mark.postgresql
def test_a_migrate_that_was_killed_half_way_has_done_nothing_and_the_next_does_all(
    database: str, fresh: list[tuple[str, ...]], tmp_path: Path
) -> None:
    migrate(database, "better_auth")  # what else waits for the table of users
    execute(database, NEW_USER.format(ALICE), NEW_USER.format(BOB))
    legacy_backend.make(NATIVE, database, tmp_path)
    legacy_backend.fill(NATIVE, database, legacy_backend.combinations(NATIVE))
    old_schema, old_rows = [thing for thing in schema(database) if thing[0] == "task"], rows(database)
    with connect(database) as holder:
        with holder.transaction(), connect(database) as watcher:
            holder.execute('LOCK TABLE "user" IN ROW EXCLUSIVE MODE')
            process = start_migrate(database)
            wait_until(watcher, WAITS)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            assert process.stdout
            process.stdout.close()
        wait_until(holder, ALONE)
    assert [thing for thing in schema(database) if thing[0] == "task"] == old_schema
    assert rows(database) == old_rows
    assert not [thing for thing in schema(database, "before") if thing[0] == "origin"]
    migrate(database)
    assert schema(database) == fresh
    assert_brought(database, old_rows, {ALICE, BOB})


@pytest.mark.postgresql
@pytest.mark.parametrize("attempt", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(1, 5))])
def test_four_that_migrate_at_once_take_over_once(
    database: str, fresh: list[tuple[str, ...]], tmp_path: Path, attempt: int
) -> None:
    make_old(database, CHECKED, tmp_path)
    old_rows = rows(database)
    processes = [start_migrate(database) for _ in range(4)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, outputs
    assert sum("legacy task table" in output for output in outputs) == 1
    assert schema(database) == fresh
    assert_brought(database, old_rows, {ALICE, BOB})


def test_new_ids_are_the_same_on_every_database() -> None:
    assert uuid.UUID(expected_id(1)) == uuid.UUID("9295b90d-c186-4a39-b710-9e1cf8fa5174")
