"""Statements that travel together: the way to PostgreSQL and back takes longer than most of what is asked there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from django.db import connections, models

from .compiled_queries import CompiledQuery

if TYPE_CHECKING:  # where the database is SQLite, starting does not wait for PostgreSQL's driver
    from todo_site.web.database.postgresql.base import DatabaseWrapper


@contextmanager
def pipeline(using: str) -> Iterator[None]:
    """As DatabaseWrapper.pipeline(). SQLite is at hand: there each statement is answered at once."""
    if connections[using].vendor != "postgresql":
        yield
        return
    with cast("DatabaseWrapper", connections[using]).pipeline():
        yield


def fetch_all_in_pipeline(*asked: models.QuerySet[Any, Any] | CompiledQuery) -> list[list[Any]]:
    """What each of these finds, instances or the tuples of values_list(), all asked for in one round trip."""
    statements = [each if isinstance(each, CompiledQuery) else CompiledQuery.from_queryset(each) for each in asked]
    with pipeline(statements[0].queryset.db):
        cursors = [statement.send() for statement in statements]
    return [list(statement.rows(cursor)) for statement, cursor in zip(statements, cursors, strict=True)]
