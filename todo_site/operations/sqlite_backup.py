"""Copy a SQLite database to a file and back. All functions raise CommandError where that fails."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from django.core.management.base import CommandError
from django.db import connection

RESTORE_LOCK_TIMEOUT = 10.0  # seconds


def database_path() -> Path:
    if connection.vendor != "sqlite":
        raise CommandError(
            "This command supports only SQLite. For PostgreSQL, use pg_dump --format=custom and pg_restore."
        )
    name = str(connection.settings_dict["NAME"])
    if ":memory:" in name or "mode=memory" in name:
        raise CommandError("The database is in memory and has no file.")
    return Path(name)


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
            yield database
    except sqlite3.Error as error:
        raise CommandError(f"{path} cannot be read: {error}.") from None


def copy_to_file(database: sqlite3.Connection, path: Path) -> dict[str, int]:
    """Copy a database to a new file with mode 600 and verify it. Return the number of rows by table.

    No file is left behind if that fails. An existing file is never replaced.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            rows = copy_pages(database, copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file: a copied WAL database would add -wal and -shm
            check_copy(copy, partial, rows)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        os.link(partial, path)  # fails if the file exists, as a rename would not
    except FileExistsError:
        raise CommandError(f"{path} already exists.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return rows


def restore(backup: sqlite3.Connection, target: Path) -> Path | None:
    """Write a backup over the database in one transaction. Return the path of a copy of the previous content, if any.

    The file itself is not replaced: SQLite would apply the -wal of the previous file to a new one.
    """
    previous = None
    try:
        has_content = target.exists() and target.stat().st_size > 0
        if not target.exists():
            target.touch(mode=0o600)
        with closing(sqlite3.connect(target, isolation_level=None, timeout=RESTORE_LOCK_TIMEOUT)) as database:
            # Locks the file until close(): nobody can write between the copy of the previous database and the restore.
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("BEGIN IMMEDIATE")
            database.execute("COMMIT")
            if has_content:
                time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
                previous = target.with_name(f"{target.name}.before-restore-{time}")
                copy_to_file(database, previous)
            check_copy(database, target, copy_pages(backup, database))
    except sqlite3.OperationalError as error:
        raise CommandError(f"{target} cannot be written: {error}. If the site is running, stop it first.") from None
    except sqlite3.DatabaseError as error:
        raise CommandError(f"{target} is damaged: {error}. Move it and its -wal and -shm files away.") from None
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}.") from None
    return previous


def copy_pages(source: sqlite3.Connection, target: sqlite3.Connection) -> dict[str, int]:
    """Overwrite the target with the source. Return the number of rows by table in the source."""
    source.execute("BEGIN")  # count and copy one snapshot while the site writes
    rows = count_rows(source)
    source.backup(target)
    source.rollback()
    return rows


def check_copy(database: sqlite3.Connection, path: Path, rows: dict[str, int]) -> None:
    check_integrity(database, path)
    if count_rows(database) != rows:
        raise CommandError(f"{path} lacks rows of the original.")


def check_integrity(database: sqlite3.Connection, path: Path) -> None:
    result = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if result != "ok":
        raise CommandError(f"{path} is damaged: {result}.")


def count_rows(database: sqlite3.Connection) -> dict[str, int]:
    tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in tables}
    count = "SELECT count(*) FROM {}"
    return {name: database.execute(count.format(table)).fetchone()[0] for name, table in quoted.items()}
