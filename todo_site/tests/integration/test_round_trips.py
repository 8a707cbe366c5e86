"""The cost of a request, measured without a clock: round trips, statements, query plans, function calls and bytes."""

from __future__ import annotations

import cProfile
import html
import json
import pstats
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from psycopg.pq import Trace

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry
from todo_site.ownership.row_level_security import scoped_to

OWNED = ("task", "task_event")
MAX_ROWS_SORTED = 100  # such as the titles of one page of entries
MAX_COST = 1500  # in the planner's units: a page of an index costs 50, walking a thousand entries of it 500
MANY = 100_000
FEW_COMPLETED = 500  # one in so many: whoever looks for them among all the tasks takes long
# Recorded, for a list of fifty tasks. Whoever makes them smaller writes the new figure here.
CALLS, BYTES = 10_200, 5_500

FILL = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT gen_random_uuid(), %s, 'Task ' || n, repeat('Some words. ', 10),
       CASE WHEN n %% %s = 0 THEN 'completed' ELSE 'pending' END,
       now() - n * interval '1 minute', now() - hashtext(n::text) %% 1000000 * interval '1 second'
FROM generate_series(1, %s) n
"""
FILL_JOURNAL = """
INSERT INTO task_event (id, user_id, number, task_id, verb, changes, at, staff, reason, request_id, hash)
SELECT gen_random_uuid(), user_id, row_number() OVER (), id, (array['create', 'delete'])[1 + row_number() OVER () %% 2],
       jsonb_build_object('title', jsonb_build_array(NULL, title)), now(), '', '', '', ''
FROM task WHERE user_id = %s
"""


def run_sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


# Round trips


@dataclass(frozen=True)
class Cost:
    """How often a request waited for the database, and how many statements it sent there."""

    round_trips: int
    statements: int


def cost_of(request: Callable[[], Any], status: int) -> Cost:
    """Counted in what libpq says that it sends and gets."""
    connection.ensure_connection()
    wire = connection.connection.pgconn
    with tempfile.TemporaryFile() as file:
        wire.trace(file.fileno())
        wire.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            answer = request()
        finally:
            wire.untrace()
        assert answer.status_code == status
        file.seek(0)
        messages = re.findall(r"^([FB])\t\d+\t(\w+)", file.read().decode(errors="replace"), re.MULTILINE)
    round_trips, asked = 0, False
    for direction, kind in messages:
        if direction == "F" and kind in {"Query", "Sync", "Flush"}:
            asked = True
        elif direction == "B" and asked:
            round_trips, asked = round_trips + 1, False
    return Cost(round_trips, sum(kind in {"Query", "Parse"} for _direction, kind in messages))


TASK_PAGES = [
    *("/", "/?status=all&sort=title", "/?status=all&sort=oldest", "/?q=nothing", "<task>", "<task>edit/", "/trash/"),
    *("/history/", "/tasks/new/", "/tasks/paste/", "/import/"),
]
PAGES = [*TASK_PAGES, "/settings/data/"]  # which asks the accounts for a password as well


def page_costs(client: Client, owner: str) -> dict[str, Cost]:
    task = Task.objects.for_user(owner).order_by("created_at")[0]
    address = f"/tasks/{task.pk}/"
    return {page: cost_of(partial(client.get, page.replace("<task>", address)), 200) for page in PAGES}


def change_costs(client: Client, owner: str) -> dict[str, Cost]:
    one, other, third, *more = Task.objects.for_user(owner).pending().order_by("created_at")[:5]
    edited = {"title": "Other", "status": "pending", "version": str(other.version)}
    picked = {"task": [str(task.pk) for task in more], "action": "delete"}
    changes = {
        "/tasks/new/": {"id": str(uuid.uuid4()), "title": "New"},
        f"/tasks/{one.pk}/status/": {"status": "completed"},
        f"/tasks/{other.pk}/edit/": edited,
        f"/tasks/{third.pk}/delete/": {},
        f"/trash/{third.pk}/restore/": {},
        "/tasks/bulk/": picked,
    }
    costs = [cost_of(partial(client.post, path, form), 303) for path, form in changes.items()]
    entry = JournalEntry.objects.for_user(owner).filter(task_id=one.pk).newest_first()[0].pk
    costs.append(cost_of(partial(client.post, f"/undo/{entry}/"), 303))
    return dict(zip(("create", "status", "edit", "delete", "restore", "bulk", "undo"), costs, strict=True))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_needs_two_round_trips_for_a_page_and_three_for_a_change(alice: User, bob: User, sign_in: Any) -> None:
    costs = []
    for user, count in ((alice, 10), (bob, 1000)):
        run_sql(FILL, user.id, 2, count)
        client = sign_in(user)
        client.get("/")
        pages, changes = page_costs(client, user.id), change_costs(client, user.id)
        assert {page: cost for page, cost in pages.items() if cost.round_trips > (2 if page in TASK_PAGES else 3)} == {}
        assert {change: cost for change, cost in changes.items() if cost.round_trips > 3} == {}
        costs.append(pages | changes)
    assert costs[0] == costs[1]


# Plans


@pytest.fixture
def many(alice: User) -> None:
    run_sql(FILL, alice.id, FEW_COMPLETED, MANY)
    run_sql(FILL_JOURNAL, alice.id)
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


# Calls and bytes


@pytest.fixture
def fifty(alice: User) -> None:
    Task.objects.for_user(alice.id).bulk_create(
        Task(user_id=alice.id, title=f"Task {n}", status="pending") for n in range(50)
    )


@pytest.mark.sqlite
@pytest.mark.usefixtures("fifty")
def test_calls_as_few_functions_for_a_list_as_when_it_was_recorded(alices: Client) -> None:
    alices.get("/")  # what is made once
    with cProfile.Profile() as profile:
        alices.get("/")
    calls = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    assert calls == pytest.approx(CALLS, rel=0.1)


@pytest.mark.sqlite
@pytest.mark.usefixtures("fifty")
def test_sends_a_list_in_few_bytes(alices: Client) -> None:
    page = alices.get("/", headers={"accept-encoding": "gzip, br"})
    assert page.headers["Content-Encoding"] == "br"
    assert len(page.content) < BYTES
