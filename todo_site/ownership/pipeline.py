"""Several statements in one round trip to PostgreSQL, which often takes longer than the statements themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from django.db import connections, models

from .compiled_queries import CompiledQuery

if TYPE_CHECKING:  # do not import PostgreSQL's driver where the database is SQLite
    from todo_site.web.database.postgresql.base import DatabaseWrapper


@contextmanager
def pipeline(using: str) -> Iterator[None]:
    """Use DatabaseWrapper.pipeline() on PostgreSQL. SQLite has no round trips and no pipeline."""
    if connections[using].vendor != "postgresql":
        yield
        return
    with cast("DatabaseWrapper", connections[using]).pipeline():
        yield


def fetch_all_in_pipeline(*asked: models.QuerySet[Any, Any] | CompiledQuery) -> list[list[Any]]:
    """Return the results of each query, as instances or tuples of values_list(), in one round trip."""
    statements = [each if isinstance(each, CompiledQuery) else CompiledQuery.from_queryset(each) for each in asked]
    with pipeline(statements[0].queryset.db):
        fetches = [statement.send() for statement in statements]
    return [list(statement.rows(fetch)) for statement, fetch in zip(statements, fetches, strict=True)]
