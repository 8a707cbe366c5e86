"""Django's PostgreSQL backend, with statements that travel together where their results can wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.db.backends.postgresql import base, features
from psycopg import Pipeline
from psycopg.pq import TransactionStatus


class DatabaseFeatures(features.DatabaseFeatures):
    can_return_rows_from_bulk_insert = False  # rows bring their ids, and need not wait for an answer


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    _pipeline: Pipeline | None = None
    scope: tuple[str, str] | None = (
        None  # whom the statements of this pipeline and transaction are for, once it was said
    )
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext  # entered whenever the server is waited for

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        raw = super().get_new_connection(conn_params)
        wait = raw.wait

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.waiting():
                return wait(*args, **kwargs)

        raw.wait = watched  # of what travels together nobody else knows when its answers are waited for
        return raw

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Send the statements within when the first of their results is read, and those after it at the end.

        An error appears there too, and the number of rows that a statement changed is not known before. What is read
        after the end, and not within, needs no journey of its own.
        """
        if self._pipeline is not None:
            yield self._pipeline
            return
        self.ensure_connection()
        raw, self.scope = self.connection, None  # Django drops the connection when it is lost
        try:
            with self.wrap_database_errors, raw.pipeline() as self._pipeline:
                yield self._pipeline
        finally:
            self._pipeline = self.scope = None
            if not self.in_atomic_block and raw.info.transaction_status == TransactionStatus.INERROR:
                raw.rollback()  # of a transaction that could not be committed

    # A transaction in a pipeline neither waits for its BEGIN nor for its COMMIT, as psycopg's own would. So psycopg
    # stays in autocommit; elsewhere it makes no difference.

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
        self.scope = None  # a savepoint takes along what was set since

    def _set_autocommit(self, autocommit: bool) -> None:
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
