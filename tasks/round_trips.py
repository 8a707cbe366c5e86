"""Statements that travel together: the way to PostgreSQL and back takes longer than most of what is asked there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connections, models
from django.db.backends.utils import CursorWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import CURSOR

from todo_site.postgresql.base import DatabaseWrapper


@contextmanager
def pipelined(using: str) -> Iterator[None]:
    """As DatabaseWrapper.pipelined(). SQLite is at hand: there each statement is answered at once."""
    if connections[using].vendor != "postgresql":
        yield
        return
    with cast(DatabaseWrapper, connections[using]).pipelined():
        yield


def fetch_together(*querysets: models.QuerySet[Any, Any]) -> list[list[Any]]:
    """What each of these finds, instances or the tuples of values_list(), all asked for in one round trip."""
    compilers = [queryset.query.get_compiler(queryset.db) for queryset in querysets]
    with pipelined(querysets[0].db):
        cursors = [compiler.execute_sql(CURSOR) for compiler in compilers]
    return [list(found(*each)) for each in zip(querysets, compilers, cursors, strict=True)]


def found(queryset: models.QuerySet[Any, Any], compiler: SQLCompiler, cursor: CursorWrapper | None) -> Iterable[Any]:
    if cursor is None:  # nothing can be found, and nobody was asked
        return []
    with cursor:
        rows = compiler.results_iter([cursor.fetchall()])
    if queryset._fields is not None:  # type: ignore[attr-defined]
        return map(tuple, rows)
    names = [field.attname for field in queryset.model._meta.concrete_fields]
    return (queryset.model.from_db(queryset.db, names, row) for row in rows)
