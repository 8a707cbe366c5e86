"""Taking over the table ``task`` of the older backend, whatever it looks like.

The old table moves aside, the new one is made as on an empty database, and one INSERT brings the rows over: so the
schema is the same wherever the site started. ``migrate tasks zero`` drops the new table, with all that was written
since, and puts the old one back as it was. Until then it is kept in the schema ``before`` (``before.task``); on SQLite,
which has no schemas, as ``before_task``. Beside it are kept:

- ``waiting``: the new ids of the rows that were not brought over, because their owner has no account;
- ``origin``: what ``zero`` needs to put everything back.
"""

# ruff: noqa: S608  the SQL is put together from nothing but this module's own texts

from __future__ import annotations

import re
import sys
import unicodedata
from abc import ABC, abstractmethod
from functools import cache, partial
from typing import Any

from django.core.management.base import CommandError
from django.db import migrations, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tasks.validators import BLANK_LETTERS

FOREIGN_KEY = "fk_task_user"
UNTITLED = "(untitled)"
UUID = "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"

SHOWN_OWNERS = 10

# What is read of old tables. Of these columns those that are missing are NULL.
TEXTS = ["id", "user_id", "title", "description", "status", "complete", "completed"]
TIMES = ["created_at", "updated_at"]

# What may have to be changed: the column of ``LegacyTable.changed()`` that says so, and the words for it.
CHANGES = {
    "is_blank": f'Blank titles, now "{UNTITLED}"',
    "is_long": "Titles over 255 characters, now cut; the description begins with the whole title",
    "is_renumbered": "Ids that were no UUIDs, now UUIDs made from them",
    "is_unknown": "Unknown states, now pending",
    "is_undated": "Missing times, now the time of the take-over",
}


class CreateTask(migrations.CreateModel):
    """CreateModel that takes over the older backend's table, and whose foreign key has a settled name and no delay."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        before = legacy_table(schema_editor.connection)
        # Where sqlmigrate only collects the SQL, nothing may move.
        is_legacy = not schema_editor.collect_sql and before.exists()
        if is_legacy:
            before.refuse_what_would_break()
            before.rename_away()
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        name_foreign_key(schema_editor)
        if is_legacy:
            before.migrate()
            # Said however quiet migrate is: the rows that wait need somebody to know of them.
            tell = partial(print, f"\n{before.report()}")
            transaction.on_commit(tell, using=schema_editor.connection.alias)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        super().database_backwards(app_label, schema_editor, from_state, to_state)
        before = legacy_table(schema_editor.connection)
        if not schema_editor.collect_sql and before.is_kept():
            before.rename_back()


def name_foreign_key(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in schema_editor.deferred_sql:
        is_foreign_key = getattr(statement, "template", "") == schema_editor.sql_create_fk
        if is_foreign_key and statement.references_table("task"):
            statement.parts["name"] = FOREIGN_KEY
            statement.parts["deferrable"] = ""


@cache
def visible_character() -> str:
    """A regular expression, in Python's and PostgreSQL's language alike, for one character that can be seen.

    Characters that Python does not know yet count as seen: rather a title too many than one lost.
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
    """The older backend's table, kept aside, on one database."""

    prefix: str  # of the names of what is kept
    matches: str  # the operator for regular expressions

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def execute(self, sql: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            count: int = cursor.rowcount
            return count

    def rows(self, sql: str) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            found: list[Any] = cursor.fetchall()
            return found

    def execute_all(self, sql: str) -> None:
        """Run the statements that a query returns."""
        for (statement,) in self.rows(sql):
            self.execute(statement)

    @abstractmethod
    def exists(self) -> bool:
        """Whether a table ``task`` is there, which this site cannot have made: it is about to."""

    @abstractmethod
    def is_kept(self) -> bool:
        """Whether something was taken over and is still kept."""

    @abstractmethod
    def name_is_taken(self) -> bool: ...

    @abstractmethod
    def referring_tables(self) -> list[str]:
        """Other tables with a foreign key to the old table."""

    @abstractmethod
    def rename_away(self) -> None: ...

    @abstractmethod
    def rename_back(self) -> None: ...

    @abstractmethod
    def drop(self) -> None: ...

    @abstractmethod
    def old_columns(self) -> set[str]:
        """The names of the columns of the table that is kept."""

    @abstractmethod
    def as_time(self, column: str) -> str: ...

    @abstractmethod
    def as_uuid(self, text: str) -> str: ...

    def refuse_what_would_break(self) -> None:
        if self.name_is_taken():
            raise CommandError(
                f"There is a table {self.prefix}task already, where the older backend's task would be kept: "
                "rename one of them first."
            )
        if tables := self.referring_tables():
            raise CommandError(
                f"The older backend's task is referred to by a foreign key of {', '.join(tables)}, "
                "which would go on pointing at the old rows: drop that foreign key first."
            )

    def old_rows(self) -> str:
        """The query for the old rows, whatever columns they have, as texts and times."""
        there = self.old_columns()
        source = {name: name if name in there else "NULL" for name in [*TEXTS, *TIMES]}
        columns = [f"CAST({source[name]} AS text) AS {name}" for name in TEXTS]
        columns += [f"{self.as_time(source[name])} AS {name}" for name in TIMES]
        return f"SELECT {', '.join(columns)} FROM {self.prefix}task"

    def changed(self) -> str:
        """The query for the old rows as the new table has them, and for what had to be changed."""
        return f"""
            SELECT {self.as_uuid("CASE WHEN is_renumbered THEN MD5('task/' || id) ELSE id END")} AS id, user_id,
                CASE WHEN is_blank THEN '{UNTITLED}' ELSE SUBSTR(title, 1, 255) END AS title,
                CASE WHEN is_long AND description <> '' THEN title || '\n\n' || description
                    WHEN is_long THEN title ELSE description END AS description,
                COALESCE(state, 'pending') AS status,
                COALESCE(created_at, CURRENT_TIMESTAMP) AS created_at,
                COALESCE(updated_at, CURRENT_TIMESTAMP) AS updated_at,
                is_blank, is_long, is_renumbered, state IS NULL AS is_unknown,
                created_at IS NULL OR updated_at IS NULL AS is_undated
            FROM (SELECT was.*, LENGTH(title) > 255 AS is_long, NOT id {self.matches} '{UUID}' AS is_renumbered,
                NOT COALESCE(SUBSTR(title, 1, 255) {self.matches} '{visible_character()}', FALSE) AS is_blank,
                CASE WHEN LOWER(status) IN ('pending', 'completed') THEN LOWER(status)
                    WHEN LOWER(COALESCE(complete, completed)) IN ('true', '1') THEN 'completed'
                    WHEN status IS NULL AND COALESCE(complete, completed) IS NOT NULL THEN 'pending' END AS state
                FROM ({self.old_rows()}) AS was) AS judged"""

    def insert(self, suffix: str = "") -> int:
        """Bring over the rows whose owner has an account."""
        return self.execute(f"""
            INSERT INTO task (id, user_id, title, description, status, created_at, updated_at)
            SELECT was.id, owner.id, was.title, was.description, was.status, was.created_at, was.updated_at
            FROM ({self.changed()}) AS was JOIN "user" AS owner ON CAST(owner.id AS text) = was.user_id
            WHERE TRUE {suffix}""")

    def migrate(self) -> None:
        self.insert()
        self.execute(f"""
            INSERT INTO {self.prefix}waiting SELECT id FROM ({self.changed()}) AS was
            WHERE NOT EXISTS (SELECT 1 FROM "user" AS owner WHERE CAST(owner.id AS text) = was.user_id)""")

    def copy_rows(self) -> int:
        """Bring over the rows whose owner has appeared since; those that a person deleted since stay deleted."""
        with transaction.atomic(using=self.connection.alias):
            # What is there already came by an import of its owner's.
            copied = self.insert(f"AND was.id IN (SELECT id FROM {self.prefix}waiting) ON CONFLICT (id) DO NOTHING")
            self.execute(f"DELETE FROM {self.prefix}waiting WHERE id IN (SELECT id FROM task)")
        return copied

    def waiting(self) -> list[tuple[str | None, int]]:
        """The owners whose rows were not brought over, and how many each has."""
        return self.rows(f"""
            SELECT was.user_id, COUNT(*) FROM ({self.changed()}) AS was JOIN {self.prefix}waiting USING (id)
            GROUP BY was.user_id ORDER BY 2 DESC, 1""")

    def report(self) -> str:
        """What is kept, and what had to be changed; counts only, but for the ids of owners who are not there."""
        counts = ", ".join(f"COUNT(*) FILTER (WHERE {change})" for change in CHANGES)
        total, *numbers = self.rows(f"SELECT COUNT(*), {counts} FROM ({self.changed()}) AS was")[0]
        lines = [f"The older backend's task is kept as {self.prefix}task. Its rows: {total}"]
        lines += [f"{words}: {n}" for words, n in zip(CHANGES.values(), numbers, strict=True) if n]
        if others := sorted(self.old_columns() - {*TEXTS, *TIMES}):
            lines.append(f"Columns that are only there: {', '.join(others)}")
        if waiting := self.waiting():
            owners = ", ".join(f"{owner or 'nobody'} ({n})" for owner, n in waiting[:SHOWN_OWNERS])
            more = f" and {len(waiting) - SHOWN_OWNERS} more" if len(waiting) > SHOWN_OWNERS else ""
            rows = sum(n for _, n in waiting)
            lines.append(f"Not brought over, as the owner has no account: {rows}, of {owners}{more}")
            lines.append("Once an owner has an account: manage.py legacy_tasks bring")
        return "\n  ".join(lines)


class PostgreSQL(LegacyTable):
    prefix = "before."
    matches = "~"

    def exists(self) -> bool:
        return bool(self.rows("SELECT FROM pg_class WHERE oid = to_regclass('task') AND relkind IN ('r', 'p')"))

    def is_kept(self) -> bool:
        return self.rows("SELECT to_regclass('before.origin')") != [(None,)]

    def name_is_taken(self) -> bool:
        return self.rows("SELECT to_regclass('before.task')") != [(None,)]

    def referring_tables(self) -> list[str]:
        found = self.rows("""
            SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
            WHERE contype = 'f' AND confrelid = 'task'::regclass AND conrelid <> confrelid ORDER BY 1""")
        return [table for (table,) in found]

    def rename_away(self) -> None:
        self.execute("CREATE SCHEMA IF NOT EXISTS before")
        self.execute("CREATE TABLE before.waiting (id uuid PRIMARY KEY)")
        self.execute("CREATE TABLE before.origin (kind text, name text, definition text)")
        self.execute(REMEMBER)
        self.drop_owner_foreign_keys()
        # Its indexes, constraints and sequence go along, so that no name is taken twice.
        self.execute("ALTER TABLE task SET SCHEMA before")
        self.execute_all("""
            SELECT format('ALTER TYPE %I.%I SET SCHEMA before', definition, name)
            FROM before.origin WHERE kind = 'type'""")
        # An account that went between the INSERT and the new foreign key would fail the migration.
        self.execute('LOCK TABLE "user" IN SHARE ROW EXCLUSIVE MODE')

    def drop_owner_foreign_keys(self) -> None:
        """Where the old foreign key forbade to delete an account that has tasks, let its kept rows go with it."""
        for name, definition in self.rows("""
            SELECT format('%I', name), definition FROM before.origin WHERE kind = 'constraint'"""):
            target = re.match(r"FOREIGN KEY \(.+?\) REFERENCES .+?\(.+?\)", definition)
            assert target, definition  # noqa: S101  the form of pg_get_constraintdef
            self.execute(f"""
                ALTER TABLE task DROP CONSTRAINT {name},
                    ADD CONSTRAINT {name} {target[0]} ON DELETE CASCADE NOT VALID""")

    def rename_back(self) -> None:
        self.execute_all("""
            SELECT format('ALTER TABLE before.task DROP CONSTRAINT %1$I, ADD CONSTRAINT %1$I %2$s', name, definition)
            FROM before.origin WHERE kind = 'constraint'""")
        self.execute_all("""
            SELECT format('ALTER %s before.%I SET SCHEMA %I', kind, name, definition)
            FROM before.origin WHERE kind IN ('table', 'type')""")
        self.drop_rest()

    def drop(self) -> None:
        with transaction.atomic(using=self.connection.alias):
            self.execute("DROP TABLE before.task")
            self.execute_all("SELECT format('DROP TYPE before.%I', name) FROM before.origin WHERE kind = 'type'")
            self.drop_rest()

    def drop_rest(self) -> None:
        self.execute("DROP TABLE before.waiting, before.origin")
        if not self.rows("SELECT FROM pg_depend WHERE refobjid = 'before'::regnamespace"):
            self.execute("DROP SCHEMA before")

    def old_columns(self) -> set[str]:
        return {
            name
            for (name,) in self.rows("""
            SELECT attname FROM pg_attribute
            WHERE attrelid = 'before.task'::regclass AND attnum > 0 AND NOT attisdropped""")
        }

    def as_time(self, column: str) -> str:
        # One without a zone is read in the connection's own, which Django sets to UTC.
        return f"CAST({column} AS timestamptz)"

    def as_uuid(self, text: str) -> str:
        return f"CAST({text} AS uuid)"


# Where the table and the enumerations that only it uses are, and its foreign keys that stop an account's deletion.
REMEMBER = """
    INSERT INTO before.origin
    SELECT 'table', relname, nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = 'task'::regclass
    UNION ALL
    SELECT 'type', typname, nspname FROM pg_type JOIN pg_namespace ON pg_namespace.oid = typnamespace
    WHERE typtype = 'e' AND pg_type.oid IN (SELECT atttypid FROM pg_attribute WHERE attrelid = 'task'::regclass)
        AND pg_type.oid NOT IN (SELECT atttypid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE attrelid <> 'task'::regclass AND relkind NOT IN ('i', 'I'))
    UNION ALL
    SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND conrelid = 'task'::regclass AND confrelid = '"user"'::regclass AND confdeltype <> 'c'"""


class SQLite(LegacyTable):
    """Copies and does not rename: a renamed table keeps its foreign key, which would forbid to delete an account."""

    prefix = "before_"
    matches = "REGEXP"

    def has_table(self, name: str) -> bool:
        return bool(self.rows(f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{name}'"))

    def exists(self) -> bool:
        return self.has_table("task")

    def is_kept(self) -> bool:
        return self.has_table("before_origin")

    def name_is_taken(self) -> bool:
        return self.has_table("before_task")

    def referring_tables(self) -> list[str]:
        found = self.rows("""
            SELECT DISTINCT name FROM sqlite_master JOIN pragma_foreign_key_list(name) AS key
            WHERE type = 'table' AND LOWER(key."table") = 'task' AND name <> 'task' ORDER BY 1""")
        return [table for (table,) in found]

    def rename_away(self) -> None:
        self.execute("CREATE TABLE before_waiting (id text PRIMARY KEY)")
        self.execute("""
            CREATE TABLE before_origin AS SELECT type AS kind, name, sql AS definition FROM sqlite_master
            WHERE tbl_name = 'task' AND sql IS NOT NULL""")
        self.execute("CREATE TABLE before_task AS SELECT * FROM task")
        self.execute("DROP TABLE task")

    def rename_back(self) -> None:
        self.execute_all("SELECT definition FROM before_origin WHERE kind = 'table'")
        self.execute("INSERT INTO task SELECT * FROM before_task")
        # Those of accounts deleted meanwhile, where the old table has a foreign key that says so.
        self.execute("DELETE FROM task WHERE rowid IN (SELECT rowid FROM pragma_foreign_key_check('task'))")
        self.execute_all("SELECT definition FROM before_origin WHERE kind <> 'table'")
        self.drop()

    def drop(self) -> None:
        with transaction.atomic(using=self.connection.alias):
            for name in ("task", "waiting", "origin"):
                self.execute(f"DROP TABLE before_{name}")

    def old_columns(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM pragma_table_info('before_task')")}

    def as_time(self, column: str) -> str:
        # As Django writes a time without microseconds.
        return f"CASE WHEN SUBSTR({column}, 20) = '.000000' THEN SUBSTR({column}, 1, 19) ELSE {column} END"

    def as_uuid(self, text: str) -> str:
        return f"LOWER(REPLACE({text}, '-', ''))"


def legacy_table(connection: BaseDatabaseWrapper) -> LegacyTable:
    return PostgreSQL(connection) if connection.vendor == "postgresql" else SQLite(connection)
