from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.migrations.loader import MigrationLoader

from todo_site.operations.sqlite_backup import check_integrity, database_path, open_read_only, restore


class Command(BaseCommand):
    help = "Restore the SQLite database from a backup, and keep a copy of the current database."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        target = database_path()
        with open_read_only(file) as backup:
            check_integrity(backup, file)
            needs_migrate = check_migrations(backup, file)
            previous = restore(backup, target)
        if previous:
            self.stdout.write(f"The database as it was is kept in {previous}.")
        self.stdout.write(f"Restored {target} from {file}.")
        if needs_migrate:
            self.stdout.write("The backup is older than the latest migrations. Run manage.py migrate.")


def check_migrations(backup: sqlite3.Connection, file: Path) -> bool:
    """Return whether `migrate` must run on it. Raise CommandError if a newer version or another program made it."""
    try:
        applied = set(backup.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.OperationalError:
        applied = set()
    if ("better_auth", "0001_initial") not in applied:
        raise CommandError(f"{file} is not a database of this site: its migrations are missing.")
    loader = MigrationLoader(None)
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    if unknown := sorted(applied - set(loader.disk_migrations) - replaced):
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        raise CommandError(f"{file} was made by a newer version of this site. Unknown migrations: {names}.")
    return not set(loader.graph.nodes) <= applied
