from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.utils.text import Truncator

from todo_site.journal.models import JournalEntry

MAX_TITLE_IN_MESSAGE = 60  # messages travel in a cookie


def add_undo_message(request: HttpRequest, text: str, entries: list[JournalEntry]) -> None:
    """Show the text on the next page, with a button that undoes the entries or their batch."""
    messages.success(request, text, extra_tags=str(entries[0].batch or entries[0].pk) if entries else "")


def truncate(title: str) -> str:
    return Truncator(title).chars(MAX_TITLE_IN_MESSAGE)
