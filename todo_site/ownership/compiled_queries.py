"""Queries that are compiled once. Building and compiling a query takes Django longer than PostgreSQL needs to run it.

A Parameter stands for each value that differs between requests. A page keeps a CompiledQuery for each of its shapes and
binds the values of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.models.expressions import Expression
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler


class Parameter(Expression):
    """A value of this field that is bound later. Unbound, every database refuses it."""

    def __init__(self, name: str, output_field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def db_value(self, values: dict[str, Any], connection: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


@dataclass(frozen=True)
class CompiledQuery:
    """The SQL of a queryset. Threads can share it."""

    queryset: models.QuerySet[Any, Any]
    compiler: SQLCompiler
    sql: str  # "" if the result is always empty
    params: tuple[Any, ...]

    @classmethod
    def from_queryset(cls, queryset: models.QuerySet[Any, Any]) -> Self:
        return cls.from_query(queryset, queryset.query)

    @classmethod
    def from_query(cls, queryset: models.QuerySet[Any, Any], query: Query) -> Self:
        """Return a query for the database and the rows of a queryset."""
        compiler = query.get_compiler(queryset.db)
        try:
            return cls(queryset, compiler, *compiler.as_sql())
        except EmptyResultSet:
            return cls(queryset, compiler, "", ())

    def bind(self, **values: Any) -> Self:
        """Return a copy with these values, for the connection of this thread."""
        compiler = copy(self.compiler)
        compiler.connection = connection = connections[self.queryset.db]
        params = (each.db_value(values, connection) if isinstance(each, Parameter) else each for each in self.params)
        try:
            return replace(self, compiler=compiler, params=tuple(params))
        except EmptyResultSet:  # a value that its column cannot have
            return replace(self, compiler=compiler, sql="")

    def send(self) -> Callable[[], list[Any]]:
        """Send the statement. Return what fetches its rows: in a pipeline, they are there only at its end."""
        if not self.sql:
            return list
        cursor = self.compiler.connection.cursor()
        cursor.execute(self.sql, self.params)
        if self.compiler.connection.vendor == "postgresql":
            return cursor.fetchall  # type: ignore[no-any-return]
        rows = cursor.fetchall()  # SQLite does not commit while rows of RETURNING are unread
        return lambda: rows

    def rows(self, fetch: Callable[[], list[Any]]) -> Iterable[Any]:
        """Return the instances, or the tuples of values_list()."""
        rows = self.compiler.results_iter([fetch()])
        if self.queryset._fields is not None:  # type: ignore[attr-defined]
            return map(tuple, rows)
        model = self.queryset.model
        names = [field.attname for field in model._meta.concrete_fields]
        return (model.from_db(self.queryset.db, names, row) for row in rows)
