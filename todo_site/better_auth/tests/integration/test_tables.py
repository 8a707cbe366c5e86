from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from tasks.models import Task
from tasks.tests.factories import make_task
from todo_site.better_auth.models import Account, Session, Staff, User
from todo_site.better_auth.tests.factories import make_session
from todo_site.tests.management import manage
from todo_site.tests.server import empty_database

TABLES = ["user", "session", "account", "verification"]

# What the server makes; {id} is text, or uuid with a default.
SERVERS_OWN = """
CREATE TABLE "user" (id {id} PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
  "emailVerified" boolean NOT NULL, image text, "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE session (id {id} PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL UNIQUE,
  "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamptz NOT NULL, "ipAddress" text,
  "userAgent" text, "userId" {reference} NOT NULL REFERENCES "user"(id) ON DELETE CASCADE);
CREATE TABLE account (id {id} PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
  "userId" {reference} NOT NULL REFERENCES "user"(id) ON DELETE CASCADE, "accessToken" text, "refreshToken" text,
  "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, scope text, password text,
  "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamptz NOT NULL);
CREATE TABLE verification (id {id} PRIMARY KEY, identifier text NOT NULL, value text NOT NULL,
  "expiresAt" timestamptz NOT NULL, "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX "session_userId_idx" ON session ("userId");
CREATE INDEX "account_userId_idx" ON account ("userId");
CREATE INDEX verification_identifier_idx ON verification (identifier);
"""

KINDS = {"constraint", "index"}
NAMES = {
    "user": {"user_pkey", "user_email_key"},
    "session": {"session_pkey", "session_token_key", "session_userId_fkey", "session_userId_idx"},
    "account": {"account_pkey", "account_userId_fkey", "account_userId_idx"},
    "verification": {"verification_pkey", "verification_identifier_idx"},
}

# Each line: the table, the kind of thing, its name, and all that the catalogue knows of it.
CATALOGUE = """
SELECT relname, kind, name, replace(definition, format('%I.', current_schema()), '') FROM (
  SELECT attrelid, 'column', attname, concat_ws(' ', attnum, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'not null' END, NULLIF(attidentity::text, ''), pg_get_expr(adbin, adrelid))
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT conrelid, 'constraint', conname,
    concat_ws(' ', pg_get_constraintdef(oid), CASE WHEN convalidated THEN 'valid' END)
  FROM pg_constraint WHERE contype <> 'n'
  UNION ALL
  SELECT indrelid, 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
  UNION ALL
  SELECT tgrelid, 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT polrelid, 'policy', polname, concat_ws(' ', polcmd, polpermissive, polroles::regrole[],
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
  FROM pg_policy
  UNION ALL
  SELECT oid, 'table', relname, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity, relacl) FROM pg_class
) AS things (relid, kind, name, definition)
JOIN pg_class ON pg_class.oid = relid
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
ORDER BY 1, 2, 3
"""

SERVERS_ROWS = [
    """INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    VALUES ('{id}', 'Alice', 'alice@example.org', true, '2026-01-02 03:04:05', '2026-01-02 03:04:05')""",
    """INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
    VALUES ('{id}', '2999-01-01', 'OIwqToken00000000000000000000002', '2026-01-02', '2026-01-02', '{id}')""",
    """INSERT INTO account (id, "accountId", "providerId", "userId", "createdAt", "updatedAt")
    VALUES ('{id}', '{id}', 'credential', '{id}', '2026-01-02', '2026-01-02')""",
    """INSERT INTO verification (id, identifier, value, "expiresAt", "createdAt", "updatedAt")
    VALUES ('{id}', 'alice@example.org', '1', '2999-01-01', '2026-01-02', '2026-01-02')""",
]
UUID = "6f1c2b7e-0d0a-4c56-9d57-0f4f8f9a3c11"


def connect(url: str) -> Any:
    if url.startswith("sqlite:"):
        return closing(sqlite3.connect(url.removeprefix("sqlite:///"), autocommit=True))
    return psycopg.connect(url, autocommit=True)


def migrate(url: str, *arguments: str) -> None:
    manage("migrate", "--verbosity", "0", "--skip-checks", *arguments, environment={"DATABASE_URL": url})


def insert_rows(url: str, row_id: str) -> None:
    with connect(url) as database:
        for statement in SERVERS_ROWS:
            database.execute(statement.format(id=row_id))


def rows(url: str) -> dict[str, list[Any]]:
    with connect(url) as database:
        return {table: database.execute(f'SELECT * FROM "{table}"').fetchall() for table in TABLES}


def schema(url: str, search_path: str = "public") -> list[tuple[str, ...]]:
    """Everything that the catalogue says of every table."""
    with connect(url) as database:
        if url.startswith("sqlite:"):
            everything = "SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY 1, 2, 3"
            return list(database.execute(everything).fetchall())
        database.execute(f"SET search_path = {search_path}")
        return list(database.execute(CATALOGUE).fetchall())


def of_server(things: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [thing for thing in things if thing[0] in TABLES]


def tables(things: list[tuple[str, ...]]) -> set[str]:
    return {thing[0] for thing in things}


def task_owner(things: list[tuple[str, ...]]) -> dict[str, str]:
    return {name: text for table, _, name, text in things if table == "task" and name in {"user_id", "fk_task_user"}}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with empty_database(tmp_path) as url:
        yield url


@pytest.mark.postgresql
def test_are_exactly_those_that_the_server_makes(database: str) -> None:
    migrate(database)
    with connect(database) as reference:
        reference.execute("CREATE SCHEMA reference; SET search_path = reference")
        reference.execute(SERVERS_OWN.format(id="text", reference="text"))
    ours, theirs = of_server(schema(database)), schema(database, "reference")
    assert ours == theirs
    for table, names in NAMES.items():
        assert {name.strip('"') for owner, kind, name, _ in ours if owner == table and kind in KINDS} == names
    assert task_owner(schema(database)) == {
        "user_id": "7 text not null",
        "fk_task_user": 'FOREIGN KEY (user_id) REFERENCES "user"(id) ON DELETE CASCADE valid',
    }


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("id_type", "default", "row_id"),
    [
        ("text", "", "OIwqAlice00000000000000000000001"),
        ("character varying(36)", "", UUID),
        ("uuid", "DEFAULT gen_random_uuid()", UUID),
    ],
)
def test_are_taken_as_they_are_when_the_server_made_them(
    database: str, id_type: str, default: str, row_id: str
) -> None:
    with connect(database) as server:
        server.execute(SERVERS_OWN.format(id=f"{id_type} {default}", reference=id_type))
    insert_rows(database, row_id)
    tables_before, rows_before = schema(database), rows(database)
    migrate(database)
    assert of_server(schema(database)) == tables_before
    assert rows(database) == rows_before
    assert task_owner(schema(database)) == {
        "user_id": f"7 {id_type} not null",
        "fk_task_user": 'FOREIGN KEY (user_id) REFERENCES "user"(id) ON DELETE CASCADE valid',
    }
    assert used(database) == {
        "signed in": row_id,
        "types of ids": ["str"],
        "tasks": [["One", "Three", "Two"], [], ["Paper"]],
        "answers": [303, 303],
        "found by no id": None,
    }


# Signs somebody in by the row that the server made, and makes users and tasks, one and several at a time.
USE = """
import json
from django.test import Client
from tasks.models import Task
from todo_site.better_auth import sessions
from todo_site.better_auth.models import Account, User

def titles(user):
    return sorted(Task.objects.for_user(user.id).values_list("title", flat=True))

alice = sessions.find_user_by_token(["OIwqToken00000000000000000000002"])
bob = User.objects.create_user("bob@example.org", "correct horse", "Bob")
new_id = User._meta.pk.generate
more = [User(id=new_id(), name="M", email=f"m{n}@example.org", email_verified=False) for n in range(3)]
User.objects.bulk_create(more)
Task.objects.for_user(bob.id).create(title="One")
Task.objects.for_user(bob.id).bulk_create([Task(user_id=bob.id, title=title) for title in ("Two", "Three")])
browser = Client()
carol = {"name": "Carol", "email": "carol@example.org", "password": "correct horse"}
answers = [browser.post("/sign-up/", carol), browser.post("/tasks/new/", {"title": "Paper"})]
carol = User.objects.get(email="carol@example.org")
ids = [alice.pk, alice.session.pk, bob.pk, carol.pk, *Account.objects.values_list("pk", flat=True)]
ids += User.objects.values_list("pk", flat=True)
ids += Task.objects.for_user(bob.id).values_list("user_id", flat=True)
print(json.dumps({
    "signed in": alice.pk,
    "types of ids": sorted({type(i).__name__ for i in ids}),
    "tasks": [titles(bob), titles(alice), titles(carol)],
    "answers": [answer.status_code for answer in answers],
    "found by no id": sessions.find_user_by_id("no id"),
}))
"""


def used(url: str) -> dict[str, Any]:
    output = manage("shell", "--verbosity", "0", "--command", USE, environment={"DATABASE_URL": url})
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    return told


def test_are_the_same_after_the_tasks_went_and_came_back(database: str) -> None:
    migrate(database)
    before = schema(database)
    migrate(database, "tasks", "zero")
    migrate(database, "todo_site", "zero")
    assert tables(before) >= {"task", "canary_finding"}
    assert not tables(schema(database)) & {"task", "canary_finding"}
    assert of_server(schema(database)) == of_server(before)
    migrate(database)
    assert schema(database) == before


def test_stay_with_their_rows_when_the_site_goes(database: str) -> None:
    migrate(database)
    insert_rows(database, UUID)
    before, rows_before = schema(database), rows(database)
    assert [len(rows_before[table]) for table in TABLES] == [1, 1, 1, 1]
    migrate(database, "better_auth", "zero")
    assert tables(before) >= {"task", "staff", "rate_limit", *TABLES}
    assert not tables(schema(database)) & {"task", "staff", "rate_limit"}
    assert of_server(schema(database)) == of_server(before)
    assert rows(database) == rows_before
    migrate(database)
    assert schema(database) == before
    assert rows(database) == rows_before


def test_take_everything_of_a_user_with_them(alice: User, bob: User) -> None:
    for user in (alice, bob):
        make_session(user=user)
        make_task(user.id)
        Staff.objects.create(user=user)
        Account.objects.create(
            id=f"account of {user.id}", user=user, account_id=user.id, provider_id="x", updated_at=user.updated_at
        )
        kind = ContentType.objects.get_for_model(User)
        LogEntry.objects.create(user_id=user.id, content_type=kind, object_repr="x", action_flag=ADDITION)
    with connection.cursor() as cursor:  # as the server does
        cursor.execute('DELETE FROM "user" WHERE id = %s', [alice.id])
    assert not Task.objects.for_user(alice.id).exists()
    assert Task.objects.for_user(bob.id).exists()
    for model in (Session, Account, Staff, LogEntry):
        assert list(model.objects.values_list("user_id", flat=True)) == [bob.id]
