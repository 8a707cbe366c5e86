from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from todo_site import env

from .server_options import THREADS_PER_WORKER, worker_count

MAX_CONNECTIONS_SQL = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


@register(Tags.database)
def check_connections(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return todo_site.W001 if the site may open more connections than PostgreSQL accepts."""
    # A pooler has its own limit, which cannot be queried.
    is_pooled = env.text("DATABASE_URL_UNPOOLED", "") not in {"", env.text("DATABASE_URL", "")}
    if "default" not in (databases or []) or connection.vendor != "postgresql" or is_pooled:
        return []
    try:
        pool = connection.settings_dict["OPTIONS"].get("pool", {"max_size": THREADS_PER_WORKER})
        needed = worker_count() * pool["max_size"] + 2  # migrate uses a second one for its lock
        with connection.cursor() as cursor:
            cursor.execute(MAX_CONNECTIONS_SQL)
            (limit,) = cursor.fetchone()
    except (DatabaseError, ImproperlyConfigured):
        return []  # /readyz reports an outage; gunicorn reports a malformed setting
    if needed <= limit:
        return []
    words = f"The site can open {needed} connections, but PostgreSQL allows only {limit}."
    return [Warning(words, hint="Lower WEB_CONCURRENCY, or use a connection pooler.", id="todo_site.W001")]
