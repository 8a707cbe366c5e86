"""The script that users download, run on the journal of a user as their export shows it."""

from __future__ import annotations

import json
import runpy
from typing import Any

from django.conf import settings

from todo_site.better_auth.models import User
from todo_site.journal.models import JournalEntry, JournalHead

SCRIPT = settings.BASE_DIR / "static" / "site" / "verify_journal.py"
VERIFY = runpy.run_path(str(SCRIPT))


def exported(user: User) -> list[dict[str, Any]]:
    """Return the entries as they are after a journey through JSON."""
    entries = JournalEntry.objects.for_user(user.id).order_by("number")
    found: list[dict[str, Any]] = json.loads(json.dumps([entry.to_export() for entry in entries]))
    return found


def problems(user: User) -> str:
    """Return what is wrong with the chain up to the head, or an empty string."""
    head = JournalHead.objects.for_user(user.id).get()
    entries = exported(user)
    assert len(entries) == head.number
    return str(VERIFY["check"](entries, head.hash))
