from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from todo_site.ownership.autodetector import OwnershipAutodetector

# The number that auth_server/server.mjs locks too.
MIGRATION_LOCK = 8_031_966


class Command(migrate.Command):
    """Django's migrate, one at a time: several that start together would make the same table at once."""

    autodetector = OwnershipAutodetector  # the same in makemigrations, or Django's own check reports commands.E001

    def handle(self, *args: Any, **options: Any) -> None:
        with migration_lock(options["database"]):
            super().handle(*args, **options)


@contextmanager
def migration_lock(alias: str) -> Iterator[None]:
    """Hold PostgreSQL's advisory lock in a transaction of a second connection.

    A lock of the session would be lost, or left behind, where a pooler stands in between.
    """
    connection: Any = connections[alias]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.Database.connect(**connection.get_connection_params()) as lock:
        lock.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        yield
