"""The second layer of isolation: PostgreSQL's row-level security on every owned table.

The statements of a request run as the role ``todo_web``. It may use the owned tables and nothing else, and sees only
the rows of the user in ``app.user_id``. Both settings are sent in the same pipeline as each statement. Up to its end a
pipeline is one implicit transaction, so a LOCAL setting holds for exactly the statement beside it. This costs no round
trip, a pooler in transaction mode keeps one server for it, and nothing stays on the connection. The time limits of a
request are set the same way: migrations and staff have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

from .database.policies import ROLE
from .registry import names_owned_table

# Restore the settings of the session, whatever they are. SET LOCAL because the transaction goes on.
UNSET = """
SET LOCAL role = none; SET LOCAL app.user_id = '';
SET LOCAL statement_timeout TO DEFAULT; SET LOCAL lock_timeout TO DEFAULT
"""


def is_enabled() -> bool:
    return connection.vendor == "postgresql" and settings.ROW_LEVEL_SECURITY


def time_limits() -> dict[str, str]:
    """Return the time limits of a statement and of its wait for a lock, such as "5s". "0s" is no limit."""
    return {"statement_timeout": f"{settings.DB_STATEMENT_TIMEOUT}s", "lock_timeout": f"{settings.DB_LOCK_TIMEOUT}s"}


def is_scoped(database: Any) -> bool:
    """Return whether a scope sends the settings of a transaction before its first statement."""
    return any(isinstance(wrapper, RowLevelSecurityScope) for wrapper in database.execute_wrappers)


class RowLevelSecurityScope:
    """An execute_wrapper that shows statements one user's rows and limits their time.

    ``user_id`` is called when it is needed; "" is nobody, who sees nothing. With ``every_statement`` all statements
    run as the role, otherwise those that name an owned table: the session must be looked up outside.
    """

    def __init__(self, user_id: Callable[[], str], *, every_statement: bool) -> None:
        self.user_id = user_id
        self.every_statement = every_statement
        self.for_staff = False
        self.entered = False

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.applies_to(str(sql)):
            role, user_id = ROLE, self.user_id()
            self.entered = True
        elif self.entered and context["connection"].in_atomic_block:
            role, user_id = "none", ""  # a LOCAL setting of an earlier statement holds for the whole transaction
        else:
            if context["connection"].unsent_settings:
                context["connection"].send_settings()
            return execute(sql, params, many, context)
        database = context["connection"]
        if database.connection.info.transaction_status.name == "INERROR":
            return execute(sql, params, many, context)  # nothing but a ROLLBACK can be next
        with database.pipeline():
            # Set once, it holds for all statements of one transaction and one pipeline.
            if database.scope != (role, user_id) or database.unsent_settings:
                database.send_settings(**{"role": role, "app.user_id": user_id, **time_limits()})
                database.scope = role, user_id
            return execute(sql, params, many, context)

    def applies_to(self, sql: str) -> bool:
        return not self.for_staff and (self.every_statement or names_owned_table(sql))

    def exit(self) -> None:
        """Reset the role inside a transaction that goes on."""
        raw = connection.connection
        if self.entered and connection.in_atomic_block and raw.info.transaction_status.name == "INTRANS":
            raw.execute(UNSET)


@contextmanager
def scoped_to(user_id: Callable[[], str], *, every_statement: bool = True) -> Iterator[RowLevelSecurityScope]:
    """Show the statements within only the rows of this user. A streamed response needs it inside its generator."""
    scope = RowLevelSecurityScope(user_id, every_statement=every_statement)
    if not is_enabled():
        yield scope
        return
    with connection.execute_wrapper(scope):
        try:
            yield scope
        finally:
            scope.exit()
