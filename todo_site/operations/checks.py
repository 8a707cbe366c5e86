from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  Django's name
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
def check_prepared_statements(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return todo_site.E002 if statements are prepared and a pooler in front of the database mixes them up."""
    if "default" not in (databases or []) or not connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return []
    database: Any = connection
    driver, parameters = database.Database, database.get_connection_params()  # SQLite has another driver
    wanted = {name: value for name, value in parameters.items() if name not in {"context", "cursor_factory"}}
    wanted |= {"autocommit": True, "prepare_threshold": 0}
    try:
        with driver.connect(**wanted) as one, driver.connect(**wanted) as other:
            for n in range(4):
                # Each calls its statement the same. A pooler in transaction mode gives both one server connection.
                one.execute(f"SELECT %s::int + {n % 2}", [n])
                other.execute(f"SELECT %s::int - {n % 2}", [n])
    except (driver.errors.DuplicatePreparedStatement, driver.errors.InvalidSqlStatementName):
        words = "DB_PREPARED_STATEMENTS is on, but the connection pooler does not support prepared statements."
        hint = "Turn it off, or use PgBouncer 1.21 or newer with max_prepared_statements."
        return [Error(words, hint=hint, id="todo_site.E002")]
    except driver.Error:
        return []  # /readyz reports an outage
    return []


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
