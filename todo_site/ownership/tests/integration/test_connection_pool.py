"""Row-level security on connections that threads share through a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection, connections, transaction

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import scoped_to
from todo_site.ownership.tests.raw_sql import without_guard
from todo_site.web.database.postgresql.base import DatabaseWrapper

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def in_pool() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Run a function in a new thread whose connection comes from a pool of one."""
    settings = connection.settings_dict
    options = {**settings["OPTIONS"], "pool": {"min_size": 1, "max_size": 1, "timeout": 3}}
    pooled = {**settings, "OPTIONS": options, "CONN_MAX_AGE": 0}

    def with_pool(function: Callable[[], Any]) -> Any:
        connections["default"] = DatabaseWrapper(pooled)
        connection.ensure_connection()  # its guard is added here
        try:
            return function()
        finally:
            connection.close()

    def run(function: Callable[[], Any]) -> Any:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(with_pool, function).result()

    yield run
    DatabaseWrapper(pooled).close_pool()


def read() -> tuple[int, set[str], str, str]:
    """Return the connection, the titles that SQL without an owner finds, and what the connection was set to."""
    with without_guard(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_user::text, current_setting('app.user_id', true)")
        pid, role, user_id = cursor.fetchone()
        cursor.execute("SELECT title FROM task")
        return pid, {title for (title,) in cursor.fetchall()}, role, user_id or ""


def test_shows_each_thread_the_rows_of_its_own_user(
    alice: User, bob: User, in_pool: Callable[[Callable[[], Any]], Any]
) -> None:
    make_task(alice.id, title="Alice's")
    make_task(bob.id, title="Bob's")

    def read_as(user_id: str) -> Any:
        with scoped_to(lambda: user_id), transaction.atomic():
            return read()

    def fail_as(user_id: str) -> None:
        with suppress(ZeroDivisionError), scoped_to(lambda: user_id), transaction.atomic():
            read()
            raise ZeroDivisionError

    pid, *login = in_pool(read)
    assert login[0] == {"Alice's", "Bob's"}
    assert in_pool(lambda: read_as(alice.id)) == (pid, {"Alice's"}, "todo_web", alice.id)
    assert in_pool(read) == (pid, *login)
    in_pool(lambda: fail_as(alice.id))
    assert in_pool(lambda: read_as("")) == (pid, set(), "todo_web", "")
    assert in_pool(lambda: read_as(bob.id)) == (pid, {"Bob's"}, "todo_web", bob.id)
    assert in_pool(read) == (pid, *login)


def test_measures_the_wait_of_its_last_user_alone(in_pool: Callable[[Callable[[], Any]], Any]) -> None:
    measured = []

    @contextmanager
    def measure(name: str) -> Iterator[None]:
        measured.append(name)
        yield

    def select(name: str) -> None:
        connection.measure_wait = lambda: measure(name)  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    in_pool(lambda: select("first"))
    assert set(measured) == {"first"}
    measured.clear()
    in_pool(lambda: select("second"))
    assert set(measured) == {"second"}
