from __future__ import annotations

import re

from django.db import transaction

from .schema import LegacyTable

# Save the schemas of the table and of the enum types that only it uses, and its foreign keys to accounts.
SAVE_ORIGIN = """
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


class PostgreSQLLegacyTable(LegacyTable):
    prefix = "before."
    regex_operator = "~"

    def exists(self) -> bool:
        return bool(self.fetch("SELECT FROM pg_class WHERE oid = to_regclass('task') AND relkind IN ('r', 'p')"))

    def is_kept(self) -> bool:
        return self.fetch("SELECT to_regclass('before.origin')") != [(None,)]

    def is_name_taken(self) -> bool:
        return self.fetch("SELECT to_regclass('before.task')") != [(None,)]

    def referring_tables(self) -> list[str]:
        found = self.fetch("""
            SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
            WHERE contype = 'f' AND confrelid = 'task'::regclass AND conrelid <> confrelid ORDER BY 1""")
        return [table for (table,) in found]

    def rename_away(self) -> None:
        self.execute("CREATE SCHEMA IF NOT EXISTS before")
        self.execute("CREATE TABLE before.waiting (id uuid PRIMARY KEY)")
        self.execute("CREATE TABLE before.origin (kind text, name text, definition text)")
        self.execute(SAVE_ORIGIN)
        self.drop_owner_foreign_keys()
        # Its indexes, constraints and sequence move with it, so that their names are free.
        self.execute("ALTER TABLE task SET SCHEMA before")
        self.execute_results("""
            SELECT format('ALTER TYPE %I.%I SET SCHEMA before', definition, name)
            FROM before.origin WHERE kind = 'type'""")
        # An account deleted between the INSERT and the new foreign key would make the migration fail.
        self.execute('LOCK TABLE "user" IN SHARE ROW EXCLUSIVE MODE')

    def drop_owner_foreign_keys(self) -> None:
        """Replace foreign keys that prevent the deletion of an account: its old rows are deleted with it."""
        for name, definition in self.fetch("""
            SELECT format('%I', name), definition FROM before.origin WHERE kind = 'constraint'"""):
            target = re.match(r"FOREIGN KEY \(.+?\) REFERENCES .+?\(.+?\)", definition)
            assert target, definition  # noqa: S101  pg_get_constraintdef() has this form
            self.execute(f"""
                ALTER TABLE task DROP CONSTRAINT {name},
                    ADD CONSTRAINT {name} {target[0]} ON DELETE CASCADE NOT VALID""")

    def rename_back(self) -> None:
        self.execute_results("""
            SELECT format('ALTER TABLE before.task DROP CONSTRAINT %1$I, ADD CONSTRAINT %1$I %2$s', name, definition)
            FROM before.origin WHERE kind = 'constraint'""")
        self.execute_results("""
            SELECT format('ALTER %s before.%I SET SCHEMA %I', kind, name, definition)
            FROM before.origin WHERE kind IN ('table', 'type')""")
        self.drop_origin()

    def drop(self) -> None:
        with transaction.atomic(using=self.connection.alias):
            self.execute("DROP TABLE before.task")
            self.execute_results("SELECT format('DROP TYPE before.%I', name) FROM before.origin WHERE kind = 'type'")
            self.drop_origin()

    def drop_origin(self) -> None:
        self.execute("DROP TABLE before.waiting, before.origin")
        if not self.fetch("SELECT FROM pg_depend WHERE refobjid = 'before'::regnamespace"):
            self.execute("DROP SCHEMA before")

    def old_columns(self) -> set[str]:
        return {
            name
            for (name,) in self.fetch("""
            SELECT attname FROM pg_attribute
            WHERE attrelid = 'before.task'::regclass AND attnum > 0 AND NOT attisdropped""")
        }

    def time_sql(self, column: str) -> str:
        # A time without a time zone is in that of the connection, which Django sets to UTC.
        return f"CAST({column} AS timestamptz)"

    def uuid_sql(self, text: str) -> str:
        return f"CAST({text} AS uuid)"
