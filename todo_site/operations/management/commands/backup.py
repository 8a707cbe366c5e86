from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from todo_site.operations.sqlite_backup import copy_to_file, database_path, open_read_only


class Command(BaseCommand):
    help = "Copy the SQLite database to a new file, and verify the copy. The site can keep running."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with open_read_only(database_path()) as database:
            rows = copy_to_file(database, file)
        self.stdout.write(f"{file}: {len(rows)} tables with {sum(rows.values())} rows, verified.")
