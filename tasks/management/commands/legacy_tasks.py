from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from tasks.legacy.schema import LegacyTable, legacy_table


class Command(BaseCommand):
    help = "Tells what migrate took over from the older backend, brings rows whose owner came later, drops the copy."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action")
        actions.add_parser("bring", help="bring over the tasks whose owner has an account by now")
        drop = actions.add_parser("drop", help="drop the copy of the older backend's table")
        drop.add_argument("--yes-drop-the-copy", action="store_true", help="do it, and do not only explain it")

    def handle(self, *args: Any, action: str | None, **options: Any) -> None:
        before = legacy_table(connection)
        if not before.is_kept():
            self.stdout.write("Nothing is kept of an older backend.")
        elif action == "bring":
            copied = before.copy_rows()
            self.stdout.write(f"Brought over: {copied}. Still waiting: {sum(n for _, n in before.waiting())}")
        elif action == "drop":
            self.drop(before, really=options["yes_drop_the_copy"])
        else:
            self.stdout.write(before.report())

    def drop(self, before: LegacyTable, *, really: bool) -> None:
        if really:
            before.drop()
            self.stdout.write(f"{before.prefix}task is dropped.")
            return
        self.stdout.write(before.report())
        self.stdout.write(
            "Nothing is dropped yet. After it, `migrate tasks zero` cannot bring the older backend's table back, and "
            "what was not brought over is lost. To drop the copy: manage.py legacy_tasks drop --yes-drop-the-copy"
        )
