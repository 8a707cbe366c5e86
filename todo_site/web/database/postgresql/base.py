"""Django's PostgreSQL backend with pipelines: several statements in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from django.db.backends.postgresql import base, features, operations
from psycopg import Pipeline
from psycopg.pq import TransactionStatus

from todo_site.web.database.flush import users_first


class DatabaseFeatures(features.DatabaseFeatures):
    can_return_rows_from_bulk_insert = False  # rows have their ids before; RETURNING would wait for a result


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(
        self, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        deletes = [f"DELETE FROM {self.quote_name(table)}" for table in users_first(tables)]
        if not reset_sequences:
            return deletes
        sequences = [one for one in self.connection.introspection.sequence_list() if one["table"] in tables]
        return [*deletes, *self.sequence_reset_by_name_sql(style, sequences)]


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    _pipeline: Pipeline | None = None
    # The role and user that row-level security was set to, in the current pipeline and transaction.
    scope: tuple[str, str] | None = None
    # Settings of the transaction that the next statement brings with it.
    unsent_settings: dict[str, str]
    # Entered while a connection waits for the server. ServerTimingMiddleware sets it.
    measure_wait: Callable[[], AbstractContextManager[None]] = nullcontext

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unsent_settings = {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        raw = super().get_new_connection(conn_params)
        wait = partial(type(raw).wait, raw)  # not raw.wait, which measures for the last user of a pooled connection

        def measured_wait(*args: Any, **kwargs: Any) -> Any:
            with self.measure_wait():
                return wait(*args, **kwargs)

        raw.wait = measured_wait  # an execute_wrapper does not see when a pipeline waits for results
        return raw

    def _close(self) -> None:
        """Return the connection to its pool, if there is one. If it was lost, replace the idle ones too."""
        pool, is_lost = self.pool, self.connection is not None and self.connection.broken
        super()._close()  # type: ignore[misc]
        if pool and is_lost:
            pool.drain()

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Send the statements of the block together, when a result is read or at the end of the block.

        Errors and row counts are known only then. Results that are read after the block cost no round trip.
        """
        if self._pipeline is not None:
            yield self._pipeline
            return
        self.ensure_connection()
        raw, self.scope = self.connection, None  # Django sets self.connection to None when it is lost
        try:
            with self.wrap_database_errors, raw.pipeline() as self._pipeline:
                yield self._pipeline
        finally:
            self._pipeline = self.scope = None
            self.unsent_settings = {}
            if not self.in_atomic_block and raw.info.transaction_status == TransactionStatus.INERROR:
                raw.rollback()  # its COMMIT failed

    def set_local(self, values: dict[str, str]) -> None:
        """Set ``app.<name>`` up to the end of the transaction, or to the rollback of its savepoint."""
        self.unsent_settings |= {f"app.{name}": value for name, value in values.items()}

    def send_settings(self, **further: str) -> None:
        """Send what set_local() was given, and these settings, in one statement."""
        settings, self.unsent_settings = self.unsent_settings | further, {}
        calls = ", ".join(f"set_config('{name}', %s, true)" for name in settings)
        with self.wrap_database_errors:
            self.connection.execute(f"SELECT {calls}", list(settings.values()))

    # psycopg waits for the results of its own BEGIN and COMMIT, even in a pipeline. So psycopg stays in autocommit mode
    # and this class sends them as statements.

    def _start_transaction_under_autocommit(self) -> None:
        with self.wrap_database_errors:
            self.connection.execute("BEGIN")
        self.scope = None
        self.unsent_settings = {}

    def _commit(self) -> None:
        if self._pipeline is None:
            super()._commit()  # type: ignore[misc]
        else:
            self.connection.execute("COMMIT")
        self.scope = None
        self.unsent_settings = {}

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self.scope = None
        self.unsent_settings = {}

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self.scope = None  # the rollback reverts settings made since the savepoint
        self.unsent_settings = {}

    def _set_autocommit(self, autocommit: bool) -> None:
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
