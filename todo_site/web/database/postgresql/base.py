"""Django's PostgreSQL backend with pipelines: several statements in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from django.db.backends.postgresql import base, features
from psycopg import Pipeline
from psycopg.pq import TransactionStatus


class DatabaseFeatures(features.DatabaseFeatures):
    can_return_rows_from_bulk_insert = False  # rows have their ids before; RETURNING would wait for a result


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    _pipeline: Pipeline | None = None
    # The role and user that row-level security was set to, in the current pipeline and transaction.
    scope: tuple[str, str] | None = None
    # Entered while a connection waits for the server. ServerTimingMiddleware sets it.
    measure_wait: Callable[[], AbstractContextManager[None]] = nullcontext

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
            if not self.in_atomic_block and raw.info.transaction_status == TransactionStatus.INERROR:
                raw.rollback()  # its COMMIT failed

    # psycopg waits for the results of its own BEGIN and COMMIT, even in a pipeline. So psycopg stays in autocommit mode
    # and this class sends them as statements.

    def _start_transaction_under_autocommit(self) -> None:
        with self.wrap_database_errors:
            self.connection.execute("BEGIN")
        self.scope = None

    def _commit(self) -> None:
        if self._pipeline is None:
            super()._commit()  # type: ignore[misc]
        else:
            self.connection.execute("COMMIT")
        self.scope = None

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self.scope = None

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self.scope = None  # the rollback reverts settings made since the savepoint

    def _set_autocommit(self, autocommit: bool) -> None:
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
