"""Django's SQLite backend, whose table remakes keep triggers and views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base, schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def _remake_table(self, *args: Any, **kwargs: Any) -> None:
        with self._without_triggers():
            super()._remake_table(*args, **kwargs)  # type: ignore[misc]

    @contextmanager
    def _without_triggers(self) -> Iterator[None]:
        """Drop all triggers and views, and create them again from the same text.

        A remake drops the old table, and with it its triggers, without a word. The rename that follows fails while a
        trigger of another table, or a view, names the table that does not exist at that moment.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY type DESC"
            )
            stored = cursor.fetchall()
        for kind, name, _sql in sorted(stored):  # triggers first: those of a view go with it
            self.execute(f"DROP {kind} {self.quote_name(name)}", params=None)
        yield  # an error rolls the migration back, and with it the DROPs
        for _kind, _name, sql in stored:
            self.execute(sql, params=None)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
