from __future__ import annotations

from typing import Any

from . import legacy_tasks


class Command(legacy_tasks.Command):
    help = "Deprecated name of legacy_tasks."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write(self.style.WARNING("adoption is now legacy_tasks. This name will be removed."))
        super().handle(*args, **options)
