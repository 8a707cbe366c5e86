"""Round trips to the database for each page and each change."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from psycopg.pq import Trace

from tasks.models import Task
from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry
from todo_site.tests.integration.sample_rows import FILL, run_sql


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
UNDOING = {"restore", "undo"}  # which read an entry first
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
def test_needs_two_round_trips_for_a_page_and_for_a_change(alice: User, bob: User, sign_in: Any) -> None:
    costs = []
    for user, count in ((alice, 10), (bob, 1000)):
        run_sql(FILL, user.id, 2, count)
        client = sign_in(user)
        client.get("/")
        pages, changes = page_costs(client, user.id), change_costs(client, user.id)
        assert {page: cost for page, cost in pages.items() if cost.round_trips > (2 if page in TASK_PAGES else 3)} == {}
        assert {name: cost for name, cost in changes.items() if cost.round_trips > (3 if name in UNDOING else 2)} == {}
        costs.append(pages | changes)
    assert costs[0] == costs[1]
