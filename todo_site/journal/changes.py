"""What a journal entry says of its origin: settings of the transaction that the database's triggers read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple, Self

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpRequest

from todo_site.ownership import checks as ownership
from todo_site.ownership.pipeline import pipeline
from todo_site.ownership.row_level_security import is_scoped

from . import checks

SETTINGS = ("action", "request_id", "staff", "reason", "verb", "undoes")


@dataclass(frozen=True)
class ChangeContext:
    """The request that makes a change and, unless the owner makes it, the member of staff and their reason.

    All entries of one action have the same ``action``: undo reverts them together.
    """

    request_id: str = ""
    staff: str = ""
    reason: str = ""
    action: uuid.UUID = field(default_factory=uuid.uuid4)

    @classmethod
    def from_request(cls, request: HttpRequest) -> Self:
        return cls(getattr(request, "id", ""))

    def with_action(self, action: uuid.UUID) -> Self:
        """Return the context with the id that a form carries: sent again, it continues the same action."""
        return replace(self, action=action)


class ChangedRow(NamedTuple):
    id: uuid.UUID
    title: str


@dataclass(frozen=True)
class Change:
    """The rows that an action changed, and the id that undoes it."""

    action: uuid.UUID
    rows: list[ChangedRow]

    def __bool__(self) -> bool:
        return bool(self.rows)


@contextmanager
def journalled(  # noqa: PLR0913  the settings of one transaction
    owner: str,
    using: str,
    context: ChangeContext,
    *,
    verb: str = "",
    undoes: uuid.UUID | None = None,
    lock: bool = False,
    single: bool = False,
) -> Iterator[None]:
    """Run the block in a transaction whose changes are journalled with this context.

    A ``single`` write that reads nothing needs no BEGIN on PostgreSQL: up to its end, a pipeline is one transaction.
    What reads before it writes needs ``lock``: other changes of the owner wait for it. On PostgreSQL, statements are
    sent together until a result is read. Inside another transaction each is sent by itself: an error must reach its
    own savepoint. SQLite has only one writer at a time, from BEGIN IMMEDIATE on.
    """
    connection: Any = connections[using]
    if connection.vendor != "postgresql":
        require_triggers(using)
    is_inner = connection.in_atomic_block
    values = {
        "user_id": owner,
        "action": str(context.action),
        "request_id": context.request_id,
        "staff": context.staff,
        "reason": context.reason,
        "verb": verb,
        "undoes": str(undoes or ""),
    }
    is_single = single and not is_inner and connection.vendor == "postgresql"
    with (
        nullcontext() if is_inner else pipeline(using),
        nullcontext() if is_single else transaction.atomic(using=using),
    ):
        set_local(connection, values)
        if lock:
            lock_head(using)
        yield
        if is_inner:  # the transaction goes on
            set_local(connection, dict.fromkeys(SETTINGS, ""))


@cache
def require_triggers(using: str) -> None:
    """Refuse the first change of a process if the database would not journal it. On PostgreSQL, /readyz reports it."""
    connection = connections[using]
    if problems := [*ownership.differences(connection), *checks.differences(connection)]:
        raise ImproperlyConfigured(f"The database would not journal this change. {'; '.join(problems)}.")


def set_local(connection: Any, values: dict[str, str]) -> None:
    connection.set_local(values)
    if connection.vendor == "postgresql" and not is_scoped(connection):
        connection.send_settings()


def lock_head(using: str) -> None:
    """Lock the journal of the owner in the settings up to the end of the transaction."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT journal_lock()")


def set_undoes(using: str, entry: uuid.UUID) -> None:
    """Say which entry the changes undo, inside journalled(), where it was read only now."""
    set_local(connections[using], {"undoes": str(entry)})
