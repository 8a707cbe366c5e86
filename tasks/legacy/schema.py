"""The table ``task`` of the legacy backend, with any of its known schemas.

``migrate`` moves the old table aside, creates the new table as on an empty database, and copies the rows with one
INSERT. The schema of the new table does not depend on the old one. ``migrate tasks zero`` drops the new table with its
tasks, and restores the old one. Until then the old table is kept as ``before.task``, or as ``before_task`` on SQLite,
which has no schemas. Two tables are kept beside it:

- ``waiting`` has the new ids of the rows that were not copied, because their owner has no account.
- ``origin`` has what ``zero`` needs to restore the old table.
"""

# ruff: noqa: S608  the SQL consists of constants of this package

from __future__ import annotations

import sys
import unicodedata
from abc import ABC, abstractmethod
from functools import cache
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tasks.validators import BLANK_LETTERS

UNTITLED = "(untitled)"
UUID = "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"

MAX_SHOWN_OWNERS = 10

# The columns that are read from old tables.
TEXTS = ["id", "user_id", "title", "description", "status", "complete", "completed"]
TIMES = ["created_at", "updated_at"]

# Columns of converted_rows_sql(), with the text of the report.
CHANGES = {
    "is_blank": f'Blank titles, replaced by "{UNTITLED}"',
    "is_long": "Titles over 255 characters, truncated; the description starts with the full title",
    "is_renumbered": "IDs that were not UUIDs, replaced by UUIDs derived from them",
    "is_unknown": "Unknown statuses, set to pending",
    "is_undated": "Missing times, set to the time of the migration",
}


@cache
def visible_character_pattern() -> str:
    """Return a regular expression for one visible character, in a syntax that Python and PostgreSQL both read.

    Characters that Python does not know count as visible, so that no title is lost.
    """
    ranges: list[list[int]] = []
    for code in range(1, sys.maxunicode + 1):
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] in "MZ" or category in {"Cc", "Cf"} or char in BLANK_LETTERS:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "[^" + "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges) + "]"


class LegacyTable(ABC):
    """The table of the legacy backend, under the name where it is kept."""

    prefix: str  # of the names of the kept tables
    regex_operator: str

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def execute(self, sql: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            count: int = cursor.rowcount
            return count

    def fetch(self, sql: str) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            found: list[Any] = cursor.fetchall()
            return found

    def execute_results(self, sql: str) -> None:
        """Execute the statements that a query returns."""
        for (statement,) in self.fetch(sql):
            self.execute(statement)

    @abstractmethod
    def exists(self) -> bool:
        """Return whether there is a table ``task``. It is called before this site creates its own."""

    @abstractmethod
    def is_kept(self) -> bool:
        """Return whether a legacy table was migrated and is still kept."""

    @abstractmethod
    def is_name_taken(self) -> bool:
        """Return whether another table has the name under which the old table would be kept."""

    @abstractmethod
    def referring_tables(self) -> list[str]:
        """Return the names of other tables with a foreign key to the old table."""

    @abstractmethod
    def rename_away(self) -> None: ...

    @abstractmethod
    def rename_back(self) -> None: ...

    @abstractmethod
    def drop(self) -> None: ...

    @abstractmethod
    def old_columns(self) -> set[str]:
        """Return the names of the columns of the kept table."""

    @abstractmethod
    def time_sql(self, column: str) -> str:
        """Return the SQL for a column as a time in UTC."""

    @abstractmethod
    def uuid_sql(self, text: str) -> str:
        """Return the SQL for text as an id of this site."""

    def require_migratable(self) -> None:
        """Raise CommandError if the table cannot be migrated."""
        if self.is_name_taken():
            raise CommandError(
                f"The table {self.prefix}task already exists, but the legacy task table must be kept under this name. "
                "Rename one of them first."
            )
        if tables := self.referring_tables():
            raise CommandError(
                f"The legacy task table is referenced by a foreign key of {', '.join(tables)}, which would keep "
                "pointing to the old rows. Drop this foreign key first."
            )

    def old_rows_sql(self) -> str:
        """Return the query for the old rows, as text and times. Missing columns are NULL."""
        existing = self.old_columns()
        source = {name: name if name in existing else "NULL" for name in [*TEXTS, *TIMES]}
        columns = [f"CAST({source[name]} AS text) AS {name}" for name in TEXTS]
        columns += [f"{self.time_sql(source[name])} AS {name}" for name in TIMES]
        return f"SELECT {', '.join(columns)} FROM {self.prefix}task"

    def converted_rows_sql(self) -> str:
        """Return the query for the rows of the new table. Its columns ``is_...`` tell what changed in a row."""
        visible = visible_character_pattern()
        return f"""
            SELECT {self.uuid_sql("CASE WHEN is_renumbered THEN MD5('task/' || id) ELSE id END")} AS id, user_id,
                CASE WHEN is_blank THEN '{UNTITLED}' ELSE SUBSTR(title, 1, 255) END AS title,
                CASE WHEN is_long AND description <> '' THEN title || '\n\n' || description
                    WHEN is_long THEN title ELSE description END AS description,
                COALESCE(state, 'pending') AS status,
                COALESCE(created_at, CURRENT_TIMESTAMP) AS created_at,
                COALESCE(updated_at, CURRENT_TIMESTAMP) AS updated_at,
                is_blank, is_long, is_renumbered, state IS NULL AS is_unknown,
                created_at IS NULL OR updated_at IS NULL AS is_undated
            FROM (SELECT legacy.*, LENGTH(title) > 255 AS is_long,
                NOT id {self.regex_operator} '{UUID}' AS is_renumbered,
                NOT COALESCE(SUBSTR(title, 1, 255) {self.regex_operator} '{visible}', FALSE) AS is_blank,
                CASE WHEN LOWER(status) IN ('pending', 'completed') THEN LOWER(status)
                    WHEN LOWER(COALESCE(complete, completed)) IN ('true', '1') THEN 'completed'
                    WHEN status IS NULL AND COALESCE(complete, completed) IS NOT NULL THEN 'pending' END AS state
                FROM ({self.old_rows_sql()}) AS legacy) AS checked"""

    def insert_rows(self, suffix: str = "") -> int:
        """Copy the rows whose owner has an account. Return their number."""
        return self.execute(f"""
            INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
            SELECT legacy.id, owner.id, legacy.title, legacy.description, legacy.status,
                legacy.created_at, legacy.updated_at
            FROM ({self.converted_rows_sql()}) AS legacy
            JOIN "user" AS owner ON CAST(owner.id AS text) = legacy.user_id
            WHERE TRUE {suffix}""")

    def migrate(self) -> None:
        """Copy the rows whose owner has an account, and remember the others as waiting."""
        self.insert_rows()
        self.execute(f"""
            INSERT INTO {self.prefix}waiting SELECT id FROM ({self.converted_rows_sql()}) AS legacy
            WHERE NOT EXISTS (SELECT 1 FROM "user" AS owner WHERE CAST(owner.id AS text) = legacy.user_id)""")

    def copy_rows(self) -> int:
        """Copy the waiting rows whose owner has an account now. Tasks that a user has deleted since stay deleted."""
        with transaction.atomic(using=self.connection.alias):
            # A conflict is a task that its owner has imported from a file.
            copied = self.insert_rows(
                f"AND legacy.id IN (SELECT id FROM {self.prefix}waiting) ON CONFLICT (id) DO NOTHING"
            )
            self.execute(f"DELETE FROM {self.prefix}waiting WHERE id IN (SELECT id FROM task)")
        return copied

    def count_waiting(self) -> list[tuple[str | None, int]]:
        """Return the owners whose rows are waiting, and the number of rows of each."""
        return self.fetch(f"""
            SELECT legacy.user_id, COUNT(*) FROM ({self.converted_rows_sql()}) AS legacy
            JOIN {self.prefix}waiting USING (id)
            GROUP BY legacy.user_id ORDER BY 2 DESC, 1""")

    def build_report(self) -> str:
        """Return a report of the kept rows and the changes: numbers, and ids of owners without an account."""
        counts = ", ".join(f"COUNT(*) FILTER (WHERE {change})" for change in CHANGES)
        total, *numbers = self.fetch(f"SELECT COUNT(*), {counts} FROM ({self.converted_rows_sql()}) AS legacy")[0]
        lines = [f"The legacy task table is kept as {self.prefix}task. Rows: {total}"]
        lines += [f"{words}: {n}" for words, n in zip(CHANGES.values(), numbers, strict=True) if n]
        if others := sorted(self.old_columns() - {*TEXTS, *TIMES}):
            lines.append(f"Columns that exist only there: {', '.join(others)}")
        if waiting := self.count_waiting():
            owners = ", ".join(f"{owner or 'nobody'} ({n})" for owner, n in waiting[:MAX_SHOWN_OWNERS])
            more = f" and {len(waiting) - MAX_SHOWN_OWNERS} more" if len(waiting) > MAX_SHOWN_OWNERS else ""
            rows = sum(n for _, n in waiting)
            lines.append(f"Not copied because the owner has no account: {rows}, of {owners}{more}")
            lines.append("When an owner has an account, run: manage.py legacy_tasks bring")
        return "\n  ".join(lines)
