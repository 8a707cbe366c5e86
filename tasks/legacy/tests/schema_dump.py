"""Everything that a database says of its own schema and rows, to be compared."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from todo_site.tests.sqlite import add_functions

# Each line: the table, the kind of thing, its name, and all that the catalogue knows of it.
CATALOGUE = """
SELECT relname, kind, name, definition FROM (
  SELECT attrelid, 'column', attname, concat_ws(' ', attnum, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'not null' END, NULLIF(attidentity::text, ''), pg_get_expr(adbin, adrelid))
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT conrelid, 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype <> 'n'
  UNION ALL
  SELECT indrelid, 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
  UNION ALL
  SELECT oid, 'relation', relname, concat_ws(' ', relkind, relpersistence, relrowsecurity, reloptions) FROM pg_class
) AS things (relid, kind, name, definition)
JOIN pg_class ON pg_class.oid = relid
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'S')
UNION ALL
SELECT typname, 'enum', enumlabel, enumsortorder::text FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
WHERE typnamespace = current_schema()::regnamespace
UNION ALL
SELECT nspname, 'schema', nspname, '' FROM pg_namespace WHERE nspname !~ '^pg_|^before$'
ORDER BY 1, 2, 3
"""


def connect(url: str) -> Any:
    if url.startswith("sqlite:"):
        database = sqlite3.connect(url.removeprefix("sqlite:///"), autocommit=True)
        add_functions(database)
        return closing(database)
    return psycopg.connect(url, autocommit=True, options="-c timezone=UTC")


def schema(url: str, where: str = "public") -> list[tuple[str, ...]]:
    """Everything that the catalogue says of one schema; of all of a database on SQLite."""
    with connect(url) as database:
        if url.startswith("sqlite:"):
            return list(database.execute("SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY 1, 2, 3"))
        database.execute(f"SET search_path = {where}")
        database.execute(f"SET search_path = {where}, public")
        found = database.execute(CATALOGUE).fetchall()
    return [tuple(text.replace(f"{where}.", "").replace("public.", "") for text in line) for line in found]


def without(things: list[tuple[str, ...]], *tables: str) -> list[tuple[str, ...]]:
    return [thing for thing in things if thing[0] not in tables]


def rows(url: str, table: str = "task") -> list[dict[str, Any]]:
    """All rows of a table, by id."""
    with connect(url) as database:
        cursor = database.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return sorted(found, key=lambda row: str(row["id"]))


def execute(url: str, *statements: str) -> None:
    with connect(url) as database:
        for statement in statements:
            database.execute(statement)
