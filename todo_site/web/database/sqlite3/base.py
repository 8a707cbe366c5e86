"""Django's SQLite backend, with the functions of the journal's triggers. Its table remakes keep triggers and views."""

from __future__ import annotations

import getpass
import hashlib
import os
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db.backends.sqlite3 import base, operations, schema

from todo_site.web.database.flush import users_first


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


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        ordered = users_first(tables)
        return super().sql_flush(style, ordered, reset_sequences=reset_sequences, allow_cascade=allow_cascade)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.local_settings: dict[str, str] = {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        raw = super().get_new_connection(conn_params)
        register_functions(raw, self)
        raw.execute("PRAGMA recursive_triggers = ON")  # REPLACE fires the triggers of the rows that it deletes
        return raw

    def set_local(self, values: dict[str, str]) -> None:
        """Set ``app.<name>`` up to the end of the transaction, or to the rollback of a savepoint."""
        self.local_settings = {**self.local_settings, **{f"app.{name}": value for name, value in values.items()}}

    def _start_transaction_under_autocommit(self) -> None:
        super()._start_transaction_under_autocommit()  # type: ignore[misc]
        self.local_settings = {}

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            self.local_settings = {}

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self.local_settings = {}

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self.local_settings = {}


def register_functions(raw: Any, wrapper: DatabaseWrapper) -> None:
    """Register what the triggers of the journal call. A program that does not cannot write to an owned table."""
    weak = weakref.ref(wrapper)  # SQLite keeps its functions, and they would keep the connection, for ever

    def setting(name: str) -> str:
        connection = weak()
        # Outside a transaction nothing was set for this statement.
        return connection.local_settings.get(name, "") if connection and raw_in_transaction(connection) else ""

    person = f"database role {login_name()}"
    raw.create_function("journal_sha256", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True)
    raw.create_function("journal_setting", 1, setting)
    raw.create_function("journal_now", 0, lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))
    raw.create_function("journal_uuid", 0, lambda: uuid.uuid4().hex)
    raw.create_function("journal_person", 0, lambda: person)


def raw_in_transaction(wrapper: DatabaseWrapper) -> bool:
    return wrapper.connection is not None and wrapper.connection.in_transaction


def login_name() -> str:
    """Return the name of the operating system's user, or their number in a container that has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
