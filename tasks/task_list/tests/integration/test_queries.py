"""The queries of the task list: their number and their plans."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from tasks.task_list.pagination import SORTS
from tasks.task_list.tests.pages import link, numbers, page
from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.raw_sql import sql

pytestmark = pytest.mark.django_db


@pytest.mark.postgresql  # a thousand tasks take their time, and nothing here is about SQLite
@pytest.mark.parametrize("q", ["", "many"])
def test_stops_counting_at_a_thousand(alice: User, alices: Client, q: str) -> None:
    tasks = Task.objects.for_user(alice.id)
    tasks.bulk_create(Task(user_id=alice.id, title="many") for _ in range(1000))
    make_task(alice.id, title="many", status="completed")
    assert numbers(page(alices, q=q)) == ["1,000", "1", "1,000+"]
    make_task(alice.id, title="many")
    html = page(alices, q=q)
    assert numbers(html) == ["1,000+", "1", "1,000+"]
    assert "(1,000+) - To-do</title>" in html


# A search that finds more than a page says by one statement more how many there are.
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("query", "expected"),
    [("", [3, 3]), ("?status=all&sort=title", [3, 3]), ("?q=number&sort=changed", [3, 4]), ("?q=nothing", [3, 3])],
)
def test_runs_no_more_statements_for_more_tasks(alice: User, alices: Client, query: str, expected: list[int]) -> None:
    counts = []
    for more in (10, 990):
        Task.objects.for_user(alice.id).bulk_create(
            Task(user_id=alice.id, title=f"Number {n}", status=["pending", "completed"][n % 2]) for n in range(more)
        )
        with CaptureQueriesContext(connection) as queries:
            assert alices.get(f"/{query}").status_code == 200
        counts.append(len(queries))
    assert counts == expected


@pytest.mark.postgresql
def test_uses_the_index_of_the_owner_with_row_level_security(
    alice: User, bob: User, sign_in: Callable[[User], Client]
) -> None:
    carol = make_user(name="Carol", email="carol@example.org")
    for user, count in ((alice, 20_000), (bob, 20_000), (carol, 5_000)):
        sql(
            "INSERT INTO task (id, user_id, title, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), %s, 'Task ' || n, (array['pending', 'completed'])[1 + n %% 2],"
            " now() - n * interval '1 minute', now() - hashtext(n::text) * interval '1 second'"
            " FROM generate_series(1, %s) n ORDER BY hashtext(n::text)",
            user.id,
            count,
        )
    sql("ANALYZE task")
    client = sign_in(alice)
    statements = []
    for sort in SORTS:
        for status in ("pending", "completed", "all"):
            address = f"/?status={status}&sort={sort}"
            following = link(client.get(address).text, "next")
            for query in (address, following, f"{address}&q=task+12", f"{address}&q=nothing"):
                with CaptureQueriesContext(connection) as queries:
                    client.get(query)
                statements += [row["sql"] for row in queries if 'FROM "task"' in row["sql"]]
    assert len(statements) >= 4 * 3 * 4
    with scoped_to(lambda: alice.id), connection.cursor() as cursor:
        for statement in statements:
            owner = f"'{alice.id}'"  # the owner_filter_guard knows it as a parameter
            explain = f"EXPLAIN {statement.replace('%', '%%').replace(owner, '%s')}"
            cursor.execute(explain, [alice.id] * statement.count(owner))
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert re.search(r"Index (Only )?Scan (Backward )?using ix_task_user_", plan), plan
            assert "Seq Scan" not in plan, plan
            if "STRPOS" not in statement:  # a search that seems to find few tasks reads them in the order of the table
                assert "Sort" not in plan, plan
