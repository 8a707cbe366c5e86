"""Undo: the changes that revert entries of the journal."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from todo_site.journal.models import JournalEntry, State, Step


def build_undo_steps(entries: Iterable[JournalEntry], current: Mapping[uuid.UUID, State]) -> list[Step]:
    """Return the steps that revert the entries. ``current`` has the states of the tasks that are not in the trash.

    Entries that are already undone need no step. Raise CannotUndo if a newer change conflicts with an entry.
    """
    steps = []
    for entry in entries:
        if entry.task_id:
            state = current.get(entry.task_id)
            steps.append(Step(entry.task_id, state, entry.state_before(state), undoes=entry.pk))
    return [step for step in steps if step.before != step.after]
