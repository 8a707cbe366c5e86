"""Undo: the changes that revert entries of the journal, and the message that offers them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.utils.text import Truncator

from todo_site.journal.changes import Change
from todo_site.journal.models import JournalEntry, State

MAX_TITLE_IN_MESSAGE = 60  # messages travel in a cookie


@dataclass(frozen=True)
class Reversal:
    """A task before and after a change. None means that it does not exist."""

    task_id: uuid.UUID
    before: State | None
    after: State | None

    @property
    def title(self) -> str:
        return str((self.after or self.before or {}).get("title"))


def build_undo_steps(entries: Iterable[JournalEntry], current: Mapping[uuid.UUID, State]) -> list[Reversal]:
    """Return the steps that revert the entries. ``current`` has the states of the tasks that are not in the trash.

    Entries that are already undone need no step. Raise CannotUndo if a newer change conflicts with an entry.
    """
    steps = []
    for entry in entries:
        if entry.task_id:
            state = current.get(entry.task_id)
            steps.append(Reversal(entry.task_id, state, entry.state_before(state)))
    return [step for step in steps if step.before != step.after]


def add_undo_message(request: HttpRequest, text: str, change: Change | None = None) -> None:
    """Show the text on the next page, with a button that undoes the change unless it is empty."""
    messages.success(request, text, extra_tags=str(change.action) if change else "")


def truncate(title: str) -> str:
    return Truncator(title).chars(MAX_TITLE_IN_MESSAGE)
