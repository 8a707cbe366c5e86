from __future__ import annotations

from typing import Any

from . import check_isolation


class Command(check_isolation.Command):
    help = "Deprecated name of check_isolation."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write(self.style.WARNING("isolation is now check_isolation. This name will be removed."))
        super().handle(*args, **options)
