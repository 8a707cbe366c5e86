"""SQL that does not name an owner, past the owned manager and the guard of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from todo_site.tests.owner_filter_guard import owner_filter_guard


@contextmanager
def without_guard() -> Iterator[None]:
    """Let the database be the only one who looks."""
    watched = connection.execute_wrappers
    connection.execute_wrappers = [wrapper for wrapper in watched if wrapper is not owner_filter_guard]
    try:
        yield
    finally:
        connection.execute_wrappers = watched


def sql(statement: str, *values: Any) -> list[Any]:
    """Run a statement past the owned manager; return the first column of its rows."""
    with without_guard(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else [cursor.rowcount]
