from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from todo_site.ownership.autodetector import OwnershipAutodetector

# auth_server/server.mjs uses the same number.
MIGRATION_LOCK = 8_031_966


class Command(migrate.Command):
    """Run one migration at a time: two that start together would create the same table twice."""

    autodetector = OwnershipAutodetector  # the same in makemigrations, or Django's own check reports commands.E001

    def handle(self, *args: Any, **options: Any) -> None:
        with migration_lock(options["database"]):
            super().handle(*args, **options)


@contextmanager
def migration_lock(alias: str) -> Iterator[None]:
    """Hold a PostgreSQL advisory lock in a transaction on a second connection.

    A session-level lock does not work through a pooler: the session is not bound to one connection.
    """
    connection: Any = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.Database.connect(**connection.get_connection_params()) as lock:
        lock.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        yield
