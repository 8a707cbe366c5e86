from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from tasks.legacy import LegacyTable, get_legacy_table


class Command(BaseCommand):
    help = "Report what migrate copied from the legacy backend, copy waiting rows, or drop the old table."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action")
        actions.add_parser("bring", help="copy the tasks whose owner has an account now")
        drop = actions.add_parser("drop", help="drop the legacy table")
        drop.add_argument("--yes-drop-the-copy", action="store_true", help="confirm that it can be dropped")

    def handle(self, *args: Any, action: str | None, **options: Any) -> None:
        legacy = get_legacy_table(connection)
        if not legacy.is_kept():
            self.stdout.write("There is no legacy table.")
        elif action == "bring":
            copied = legacy.copy_rows()
            self.stdout.write(f"Copied: {copied}. Without an account: {sum(n for _, n in legacy.count_waiting())}")
        elif action == "drop":
            self.drop(legacy, really=options["yes_drop_the_copy"])
        else:
            self.stdout.write(legacy.build_report())

    def drop(self, legacy: LegacyTable, *, really: bool) -> None:
        if really:
            legacy.drop()
            self.stdout.write(f"{legacy.prefix}task was dropped.")
            return
        self.stdout.write(legacy.build_report())
        self.stdout.write(
            "Nothing was dropped. Once it is dropped, `migrate tasks zero` cannot restore the legacy table, and "
            "tasks that were not copied are lost. To drop it, run: manage.py legacy_tasks drop --yes-drop-the-copy"
        )
