from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.migrations.loader import MigrationLoader

from .backup import copy_to_file, count_rows, database_file, opened, verify

PATIENCE = 10.0  # seconds in which what others do with the database has to end


class Command(BaseCommand):
    help = "Puts what `backup` wrote in the place of the SQLite database, and keeps the present one beside it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        target = database_file()
        with opened(file) as backup:
            verify(backup, file)
            missing = check_migrations(backup, file)
            kept = replace(target, backup)
        if kept:
            self.stdout.write(f"The database as it was is kept in {kept}.")
        self.stdout.write(f"Restored {target} from {file}.")
        if missing:
            self.stdout.write("It is from before the latest migrations: run manage.py migrate.")


def check_migrations(backup: sqlite3.Connection, file: Path) -> bool:
    """Whether migrations are yet to run on it. A database that is not this site's, or a newer one's, is refused."""
    try:
        applied = set(backup.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.OperationalError:
        applied = set()
    if ("tasks", "0001_initial") not in applied:
        raise CommandError(f"{file} is not a database of this site: it lacks its migrations.")
    loader = MigrationLoader(None)
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    if unknown := sorted(applied - set(loader.disk_migrations) - replaced):
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        raise CommandError(
            f"{file} is from a newer version of this site, whose migrations are not known here: {names}."
        )
    return not set(loader.graph.nodes) <= applied


def replace(target: Path, backup: sqlite3.Connection) -> Path | None:
    """Write a backup over the database in one transaction; return the copy of what was there, None for nothing.

    The file stays the same one: in a file that takes its place, SQLite would go on with the old one's -wal.
    """
    kept = None
    try:
        present = target.exists() and target.stat().st_size > 0
        if not target.exists():
            target.touch(mode=0o600)
        with closing(sqlite3.connect(target, isolation_level=None, timeout=PATIENCE)) as database:
            # From the first statement to close() nobody else reads or writes: all that was saved is in the copy.
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("BEGIN IMMEDIATE")
            database.execute("COMMIT")
            if present:
                time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
                kept = target.with_name(f"{target.name}.before-restore-{time}")
                copy_to_file(database, kept)
            backup.execute("BEGIN")
            rows = count_rows(backup)
            backup.backup(database)
            backup.rollback()
            verify(database, target)
            if count_rows(database) != rows:
                raise CommandError(f"{target} does not have all rows.")
    except sqlite3.OperationalError as error:
        raise CommandError(f"{target} cannot be written: {error}. Is the site stopped?") from None
    except sqlite3.DatabaseError as error:
        raise CommandError(f"{target} is damaged: {error}. Move it away, and its -wal and -shm too.") from None
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}.") from None
    return kept
