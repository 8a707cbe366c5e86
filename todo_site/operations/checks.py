from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from todo_site import env

from .server_options import THREADS, workers

LIMIT = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


@register(Tags.database)
def check_connections(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """todo_site.W001: the site may open more connections than PostgreSQL will give it."""
    # Behind a pooler it is the pooler's limit that counts, and that cannot be asked for.
    is_pooled = env.text("DATABASE_URL_UNPOOLED", "") not in {"", env.text("DATABASE_URL", "")}
    if "default" not in (databases or []) or connection.vendor != "postgresql" or is_pooled:
        return []
    try:
        needed = workers() * THREADS + 2  # each thread keeps one; migrate has one for its work and one for its lock
        with connection.cursor() as cursor:
            cursor.execute(LIMIT)
            (limit,) = cursor.fetchone()
    except (DatabaseError, ImproperlyConfigured):
        return []  # a database that is away has no limit, and gunicorn names the setting that is malformed
    if needed <= limit:
        return []
    words = f"The site may open {needed} connections and PostgreSQL gives it {limit}."
    return [Warning(words, hint="Lower WEB_CONCURRENCY, or put a pooler in between.", id="todo_site.W001")]
