"""Entries that no changed row makes."""

from __future__ import annotations

import uuid

from django.db import connections

from .changes import ChangeContext, journalled

NOTE = """
INSERT INTO journal_note (id, at, salt, user_id, table_name, task_id, verb, changes)
VALUES (journal_uuid(), journal_now(), journal_uuid(), %s, 'task', %s, %s, '{}')
"""


def record_view(owner: str, using: str, row_id: uuid.UUID | None, context: ChangeContext) -> None:
    """Append an entry: a member of the staff viewed a task, or the list without an id."""
    connection = connections[using]
    with journalled(owner, using, context), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT journal_note('look', %s)", [row_id])
        else:
            cursor.execute(NOTE, [owner, row_id and row_id.hex, "look"])
