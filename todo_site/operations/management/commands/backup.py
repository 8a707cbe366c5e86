from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Copies the SQLite database to a new file while the site goes on running, and verifies the copy."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with opened(database_file()) as database:
            rows = copy_to_file(database, file)
        self.stdout.write(f"{file}: {len(rows)} tables with {sum(rows.values())} rows, verified.")


def database_file() -> Path:
    if connection.vendor != "sqlite":
        raise CommandError(
            "This is for SQLite. Back up PostgreSQL with pg_dump --format=custom and restore it with pg_restore."
        )
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:
        raise CommandError("The database is in memory: it has no file.")
    return Path(name)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A database that is there already, for reading. A file that is none is a CommandError."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True, timeout=10)) as database:
            yield database
    except sqlite3.Error as error:
        raise CommandError(f"{file} cannot be read: {error}.") from None


def copy_to_file(database: sqlite3.Connection, file: Path) -> dict[str, int]:
    """Copy a database to a new file with mode 600, whole or not at all; return how many rows each table has.

    Raises CommandError if the file is there already or the copy is not as its original.
    """
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            database.execute("BEGIN")  # from here on it shows one moment, whatever the site goes on writing
            rows = count_rows(database)
            database.backup(copy)
            database.rollback()
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without the -wal and -shm of a database in use
            verify(copy, partial)
            if count_rows(copy) != rows:
                raise CommandError(f"{partial} does not have all rows.")
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        os.link(partial, file)  # never over a file that is there
    except FileExistsError:
        raise CommandError(f"{file} is there already.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return rows


def verify(database: sqlite3.Connection, file: Path) -> None:
    found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise CommandError(f"{file} is damaged: {found}.")


def count_rows(database: sqlite3.Connection) -> dict[str, int]:
    tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in tables}
    count = "SELECT count(*) FROM {}"
    return {name: database.execute(count.format(table)).fetchone()[0] for name, table in quoted.items()}
