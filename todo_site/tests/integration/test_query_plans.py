"""The query plans of pages with many tasks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import scoped_to
from todo_site.tests.integration.sample_rows import FILL, run_sql

OWNED = ("task", "task_event")
MAX_ROWS_SORTED = 100  # such as the titles of one page of entries
MAX_COST = 1500  # in the planner's units: a page of an index costs 50, walking a thousand entries of it 500
MANY = 100_000
FEW_COMPLETED = 500  # one in so many: whoever looks for them among all the tasks takes long
FILL_JOURNAL = """
INSERT INTO task_event (id, user_id, number, task_id, verb, changes, at, staff, reason, request_id, hash)
SELECT gen_random_uuid(), user_id, row_number() OVER (), id, (array['create', 'delete'])[1 + row_number() OVER () %% 2],
       jsonb_build_object('title', jsonb_build_array(NULL, title)), now(), '', '', '', ''
FROM task WHERE user_id = %s
"""


@pytest.fixture
def many(alice: User) -> None:
    run_sql("ALTER TABLE task DISABLE TRIGGER USER")  # FILL_JOURNAL makes the entries, half of them deletions
    run_sql(FILL, alice.id, FEW_COMPLETED, MANY)
    run_sql(FILL_JOURNAL, alice.id)
    run_sql("ALTER TABLE task ENABLE TRIGGER USER")
    run_sql("ANALYZE")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def faults(plan: dict[str, Any], *, looks_at_all: bool) -> list[str]:
    found = [] if looks_at_all or plan["Total Cost"] < MAX_COST else [f"costs {plan['Total Cost']}"]
    for node in nodes(plan):
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in OWNED:
            found.append(f"Seq Scan on {node['Relation Name']}")
        if "Sort" in node["Node Type"] and node["Plan Rows"] > MAX_ROWS_SORTED:
            found.append(f"{node['Node Type']} of {node['Plan Rows']} rows")
    return found


@pytest.mark.postgresql
@pytest.mark.usefixtures("many")
def test_uses_an_index_for_each_statement_of_each_page_with_many_tasks(alice: User, alices: Client) -> None:
    task = Task.objects.for_user(alice.id).order_by("created_at")[MANY // 2]
    lists = [f"/?status={status}&sort={sort}" for status in ("pending", "all") for sort in ("newest", "changed")]
    deep = [next_page(alices.get(page).text) for page in lists]
    pages = [*lists, *deep, "/?status=completed", "/?status=all&sort=title", "/?q=task+12"]
    pages += [f"/tasks/{task.pk}/", f"/tasks/{task.pk}/edit/", "/trash/?before=50000", "/history/?before=50000"]
    for page in pages:
        with CaptureQueriesContext(connection) as queries:
            assert alices.get(page).status_code == 200
        statements = [row["sql"] for row in queries if re.search(r'FROM "task(_event)?"', row["sql"])]
        assert statements, page
        for statement in statements:
            assert faults(plan_of(statement, alice.id), looks_at_all="q=" in page) == [], f"{page}: {statement}"


def next_page(text: str) -> str:
    (query,) = re.findall(r'rel="next" href="([^"]*)"', text)
    return f"/{html.unescape(query)}"


def plan_of(statement: str, owner: str) -> dict[str, Any]:
    quoted = f"'{owner}'"  # the owner_filter_guard knows it as a parameter
    explain = f"EXPLAIN (FORMAT JSON) {statement.replace('%', '%%').replace(quoted, '%s')}"
    with scoped_to(lambda: owner), connection.cursor() as cursor:
        cursor.execute(explain, [owner] * statement.count(quoted))
        (plan,) = cursor.fetchone()
    loaded: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return loaded
