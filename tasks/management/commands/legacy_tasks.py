from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from tasks.legacy import LegacyTable, get_legacy_table


class Command(BaseCommand):
    help = "Report what migrate copied from the legacy backend, copy waiting rows, or drop the old table."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action")
        actions.add_parser("bring", help="bring over the tasks whose owner has an account by now")
        drop = actions.add_parser("drop", help="drop the copy of the older backend's table")
        drop.add_argument("--yes-drop-the-copy", action="store_true", help="do it, and do not only explain it")

    def handle(self, *args: Any, action: str | None, **options: Any) -> None:
        legacy = get_legacy_table(connection)
        if not legacy.is_kept():
            self.stdout.write("Nothing is kept of an older backend.")
        elif action == "bring":
            copied = legacy.copy_rows()
            self.stdout.write(f"Brought over: {copied}. Still waiting: {sum(n for _, n in legacy.count_waiting())}")
        elif action == "drop":
            self.drop(legacy, really=options["yes_drop_the_copy"])
        else:
            self.stdout.write(legacy.build_report())

    def drop(self, legacy: LegacyTable, *, really: bool) -> None:
        if really:
            legacy.drop()
            self.stdout.write(f"{legacy.prefix}task is dropped.")
            return
        self.stdout.write(legacy.build_report())
        self.stdout.write(
            "Nothing is dropped yet. After it, `migrate tasks zero` cannot bring the older backend's table back, and "
            "what was not brought over is lost. To drop the copy: manage.py legacy_tasks drop --yes-drop-the-copy"
        )
