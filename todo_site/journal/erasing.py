"""Erasing one person's data: all rows of the tables that erasing empties, and the journal itself."""

from __future__ import annotations

from django.db import connections

from todo_site.ownership.registry import Ownership, erased_models

from .changes import ChangeContext, journalled
from .notes import NOTE

STATEMENT_TIMEOUT = "60s"  # erasing is one statement, whatever its size


def erase(owner: str, using: str, context: ChangeContext) -> None:
    """Delete all rows of a person in one transaction. The database refuses it without the entry ``erase``."""
    tables = [model._meta.db_table for model in erased_models() if not Ownership.from_model(model).read_only]
    connection = connections[using]
    quoted = [connection.ops.quote_name(table) for table in tables]
    with journalled(owner, using, context), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT])
            cursor.execute("SELECT journal_erase(%s, %s::text[]::regclass[])", [owner, quoted])
            return
        cursor.execute(NOTE, [owner, None, "erase"])
        for table in quoted:
            cursor.execute(f"DELETE FROM {table} WHERE user_id = %s", [owner])
        cursor.execute("DELETE FROM task_event WHERE user_id = %s AND verb <> 'erase'", [owner])
        cursor.execute("DELETE FROM task_event WHERE user_id = %s", [owner])
        cursor.execute("DELETE FROM journal_head WHERE user_id = %s", [owner])
