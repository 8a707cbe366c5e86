"""``make partitions``: the site on tables that are divided by their owner, as docs/scaling.md tells of it.

Fills ``task`` and ``task_event`` with ROWS each, takes the pages of two people, divides both tables into PARTITIONS by
the hash of ``user_id``, and takes the pages again: they have to be the same, and no statement may look into more than
one partition of a table. Says as well how many bytes the journal needs for an entry. Takes minutes.
"""

from __future__ import annotations

import html
import json
import logging
import os
import re
import sys
import uuid
from collections.abc import Iterator
from statistics import median
from time import monotonic
from types import SimpleNamespace
from typing import Any

from todo_site.tests import environment  # noqa: F401  sets the secrets that the site and its clients share
from todo_site.tests.postgresql import own_server
from todo_site.tests.server import manage

ROWS = int(os.environ.get("ROWS", "2000000"))
PARTITIONS = int(os.environ.get("PARTITIONS", "16"))
TASKS = 100  # of each person, but of one
MANY = ROWS // 20  # of that one
TIMES = 5  # that each statement is timed
TABLES = {"task": "Task", "task_event": "JournalEntry"}

FILL = f"""
SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET session_replication_role = replica;
INSERT INTO "user" (id, name, email, "emailVerified")
SELECT 'person-' || n, 'Person ' || n, 'person' || n || '@example.org', true
FROM generate_series(0, {(ROWS - MANY) // TASKS}) n;
INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt")
SELECT 'session-' || id, 'token-' || id, id, now() + interval '7 days', now(), now() FROM "user";
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT gen_random_uuid(), 'person-' || p, 'Task ' || t, repeat('Some words. ', 10),
       (array['pending', 'completed'])[1 + t % 2], now() - t * interval '1 hour', now() - t * interval '1 hour'
FROM generate_series(0, {(ROWS - MANY) // TASKS}) p,
     generate_series(1, CASE p WHEN 0 THEN {MANY} ELSE {TASKS} END) t;
INSERT INTO task_event (id, user_id, number, task_id, verb, changes, at, staff, reason, request_id, hash)
SELECT gen_random_uuid(), user_id, row_number() OVER (PARTITION BY user_id ORDER BY created_at, id), id, 'create',
       jsonb_build_object('title', jsonb_build_array(NULL, title), 'description', jsonb_build_array(NULL, description),
                          'status', jsonb_build_array(NULL, status), 'created_at', jsonb_build_array(NULL, created_at),
                          'updated_at', jsonb_build_array(NULL, updated_at)),
       created_at, '', '', md5(id::text), md5(id::text) || md5(user_id)
FROM task;
RESET session_replication_role;
"""
# In each answer: tokens, ids of requests and of tasks to come, the time for a printer.
NEW = re.compile(rb'value="[A-Za-z0-9]{64}"|[0-9a-f]{32}|value="[0-9a-f-]{36}"|<p class="on-paper">.*')


def main() -> int:
    with own_server() as server:
        os.environ["DATABASE_URL"] = server.url
        manage("migrate", "--verbosity", "0", "--skip-checks", environment={})
        import django

        django.setup()
        logging.disable(logging.INFO)  # a line for each page
        report_journal()
        indexes = {name: statement for table in TABLES for name, statement in indexes_of(table).items()}
        seconds = timed(f"DROP INDEX {', '.join(indexes)}", FILL, *indexes.values(), "VACUUM ANALYZE")
        print(f"fill {ROWS:,} rows of each: {seconds:.0f} s", flush=True)
        report_sizes()
        whole = {person: ask_all(person) for person in ("person-1", "person-0")}
        start = monotonic()
        for table, model in TABLES.items():
            divide(table, model)
        print(f"divide into {PARTITIONS}: {monotonic() - start:.0f} s, and {timed('VACUUM ANALYZE'):.0f} s to analyze")
        report_sizes()
        divided = {person: ask_all(person) for person in whole}
        manage("migrate", "--check", environment={})
        print(f"each verb looks into at most {(most := write_all('person-1', 'person-2'))} partition of a table")
        return report_pages(whole, divided) + (most > 1)


def timed(*statements: str) -> float:
    from django.db import connection

    start = monotonic()
    for statement in statements:
        connection.ensure_connection()
        connection.connection.execute(statement)
    return monotonic() - start


def indexes_of(table: str) -> dict[str, str]:
    """Those that no constraint made, and what makes each."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
            [table, table],
        )
        return dict(cursor.fetchall())


# What an entry costs


def report_journal() -> None:
    """Write as people do, through the site's own verbs: of ten tasks eight are completed, four edited, one deleted."""
    from django.db import connection

    from tasks.models import Task
    from todo_site.better_auth.models import User
    from todo_site.journal.models import Origin

    person = User.objects.create(id="sample", name="Sample", email="sample@example.org", email_verified=True)
    tasks = Task.objects.for_user(person.pk)
    for n in range(300):
        task = Task(
            user_id=person.pk, title=f"Something of usual length, {n}", description="Some words. " * (n % 2 * 10)
        )
        origin = Origin(uuid.uuid4().hex)
        tasks.add(task, origin)
        if n % 10 < 4:
            state = {"title": f"{task.title}, edited", "description": task.description, "status": task.status}
            tasks.edit(task.pk, state, task.version, origin)
        if n % 10 < 8:
            tasks.filter(pk=task.pk).set_status("completed", origin)
        if n % 10 == 9:
            tasks.filter(pk=task.pk).discard(origin)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL task_event")
        cursor.execute("SELECT count(*), avg(pg_column_size(task_event.*)) FROM task_event")
        count, row = cursor.fetchone()
        cursor.execute("SELECT pg_total_relation_size('task_event'), pg_indexes_size('task_event')")
        total, indexes = cursor.fetchone()
    print(f"journal: {count} entries, a row {row:.0f} bytes, with page and indexes {total / count:.0f}", end=" ")
    print(f"(indexes {indexes / count:.0f})")
    timed("TRUNCATE task, task_event", 'DELETE FROM "user"')


def report_sizes() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)) FROM pg_partition_tree(%s::regclass)"
                " WHERE isleaf",
                [table],
            )
            sizes = cursor.fetchone()
            if sizes[0] is None:  # not divided
                cursor.execute(f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}')")
                sizes = cursor.fetchone()
            print(f"{table}: {sizes[0] / ROWS:.0f} bytes a row, and {sizes[1] / ROWS:.0f} of indexes")


# Dividing


def divide(table: str, model: str) -> None:
    """Put a divided table in the place of a whole one: everything stays, but its primary key holds the owner too."""
    from django.apps import apps
    from django.db import connection

    from todo_site.ownership.row_level_security import EnableRowSecurity

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint"
            f" WHERE conrelid = '{table}'::regclass AND contype <> 'n'"
        )
        constraints = cursor.fetchall()
        cursor.execute(
            f"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal"
        )
        triggers = [row[0] for row in cursor.fetchall()]
    indexes = indexes_of(table).values()
    timed(
        f"ALTER TABLE {table} RENAME TO {table}_whole",
        f"CREATE TABLE {table} (LIKE {table}_whole INCLUDING DEFAULTS) PARTITION BY HASH (user_id)",
        *(
            f"CREATE TABLE {table}_{n} PARTITION OF {table} FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {n})"
            for n in range(PARTITIONS)
        ),
        f"INSERT INTO {table} SELECT * FROM {table}_whole",
        f"DROP TABLE {table}_whole",
        *(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {'PRIMARY KEY (user_id, id)' if kind == 'p' else definition}"
            for name, kind, definition in constraints
        ),
        *indexes,
        *triggers,
    )
    with connection.schema_editor() as editor:
        EnableRowSecurity(model).database_forwards("tasks", editor, None, SimpleNamespace(apps=apps))


# Pages


def ask_all(person: str) -> dict[str, tuple[bytes, float, list[Any]]]:
    """What each page says to somebody, how many milliseconds the database plans and runs for it, and its plans."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tasks.models import Task
    from todo_site.better_auth import signed_cookies

    client = Client()
    client.cookies["better-auth.session_token"] = signed_cookies.sign(f"token-{person}")
    task = Task.objects.for_user(person).order_by("created_at", "id")[10]
    more = re.findall(r'rel="next" href="([^"]*)"', client.get("/?status=all").text)
    pages = ["/", "/?status=all&sort=title", "/?q=task+7", *(f"/{html.unescape(query)}" for query in more)]
    found = {}
    for page in [*pages, f"/tasks/{task.pk}/", f"/tasks/{task.pk}/edit/", "/trash/", "/history/", "/settings/data/"]:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(page)
        assert answer.status_code == 200, page
        statements = [row["sql"] for row in queries if re.search(r'FROM "task(_event)?"', row["sql"])]
        plans = [[plan_of(statement, person) for statement in statements] for _ in range(TIMES)]
        found[page] = (NEW.sub(b"", answer.content), median(map(in_database, plans)), plans[0])
    return found


def plan_of(statement: str, person: str, analyze: str = "ANALYZE, ") -> Any:
    from django.db import connection

    from todo_site.ownership.row_level_security import seeing_only

    with seeing_only(lambda: person), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({analyze}FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def in_database(plans: list[Any]) -> float:
    return float(sum(plan["Planning Time"] + plan["Execution Time"] for plan in plans))


def partitions(plan: dict[str, Any]) -> int:
    """Into how many partitions of one table a statement looks at most."""
    looked = {str(node.get("Relation Name")) for node in nodes(plan["Plan"])}
    return max(sum(re.fullmatch(rf"{table}_\d+", name) is not None for name in looked) for table in TABLES)


def report_pages(whole: dict[str, Any], divided: dict[str, Any]) -> int:
    """The table; and how many of its lines are not as they should be."""
    print("| tasks | page | database ms, whole | divided | the same page | partitions |")
    fails = 0
    for person, pages in whole.items():
        for page, (before, ms, _plans) in pages.items():
            after, ms_divided, plans_divided = divided[person][page]
            most, same = max(map(partitions, plans_divided)), before == after
            fails += most > 1 or not same
            print(
                f"| {MANY if person == 'person-0' else TASKS:,} | {re.sub('[0-9a-f-]{32,}', '…', page)}"
                f" | {ms:.2f} | {ms_divided:.2f} | {'yes' if same else 'NO'} | {most} |"
            )
    return fails


def write_all(person: str, other: str) -> int:
    """Each verb on the divided tables; the most partitions of a table that one of their statements looks into."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tasks.models import Task
    from todo_site.journal.models import Origin
    from todo_site.ownership.row_level_security import missing, seeing_only

    assert missing() == []
    tasks, task = Task.objects.for_user(person), Task(user_id=person, title="New")
    with CaptureQueriesContext(connection) as queries, seeing_only(lambda: person):
        tasks.add(task, Origin())
        tasks.edit(task.pk, {"title": "Other", "status": "pending"}, task.version, Origin())
        tasks.filter(pk=task.pk).set_status("completed", Origin())
        tasks.filter(pk=task.pk).discard(Origin())
        (restored,) = tasks.restore(task.pk, Origin())
        tasks.undo(restored.pk, Origin())
        tasks.erase(Origin())
    assert not tasks.exists()
    plans = [plan_of(row["sql"], person, "") for row in queries if re.search('"task(_event)?"', row["sql"])]
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM "user" WHERE id = %s', [other])  # the foreign keys take the rest along
    assert not Task.objects.for_user(other).exists()
    return max(map(partitions, plans))


if __name__ == "__main__":
    sys.exit(main())
