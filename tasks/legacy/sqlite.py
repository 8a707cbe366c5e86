# ruff: noqa: S608  the SQL consists of constants of this package

from __future__ import annotations

from django.db import transaction

from .schema import LegacyTable


class SQLiteLegacyTable(LegacyTable):
    """The old table is copied and not renamed: a renamed table would keep the foreign key that protects accounts."""

    prefix = "before_"
    regex_operator = "REGEXP"

    def has_table(self, name: str) -> bool:
        return bool(self.fetch(f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{name}'"))

    def exists(self) -> bool:
        return self.has_table("task")

    def is_kept(self) -> bool:
        return self.has_table("before_origin")

    def is_name_taken(self) -> bool:
        return self.has_table("before_task")

    def referring_tables(self) -> list[str]:
        found = self.fetch("""
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
        self.execute_results("SELECT definition FROM before_origin WHERE kind = 'table'")
        self.execute("INSERT INTO task SELECT * FROM before_task")
        # Delete the rows of accounts that were deleted in the meantime, if the old table has a foreign key.
        self.execute("DELETE FROM task WHERE rowid IN (SELECT rowid FROM pragma_foreign_key_check('task'))")
        self.execute_results("SELECT definition FROM before_origin WHERE kind <> 'table'")
        self.drop()

    def drop(self) -> None:
        with transaction.atomic(using=self.connection.alias):
            for name in ("task", "waiting", "origin"):
                self.execute(f"DROP TABLE before_{name}")

    def old_columns(self) -> set[str]:
        return {name for (name,) in self.fetch("SELECT name FROM pragma_table_info('before_task')")}

    def time_sql(self, column: str) -> str:
        # Django writes times without microseconds in this form.
        return f"CASE WHEN SUBSTR({column}, 20) = '.000000' THEN SUBSTR({column}, 1, 19) ELSE {column} END"

    def uuid_sql(self, text: str) -> str:
        return f"LOWER(REPLACE({text}, '-', ''))"
