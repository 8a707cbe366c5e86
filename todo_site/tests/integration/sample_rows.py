"""Rows in large numbers."""

from __future__ import annotations

from typing import Any

from django.db import connection

FILL = """
INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
SELECT gen_random_uuid(), %s, 'Task ' || n, repeat('Some words. ', 10),
       CASE WHEN n %% %s = 0 THEN 'completed' ELSE 'pending' END,
       now() - n * interval '1 minute', now() - hashtext(n::text) %% 1000000 * interval '1 second'
FROM generate_series(1, %s) n
"""


def run_sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
