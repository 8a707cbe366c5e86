"""Conflicting edits: a three-way comparison of what a form shows, what it sends, and the task as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from todo_site.journal.models import JournalEntry, State

from .state import get_version

if TYPE_CHECKING:
    from .models import Task


class EditConflict(Exception):
    """Raised when an edit conflicts with a newer change to the same field.

    ``task`` is the current task. ``merged`` is its state with the edit applied, including the conflicting ``fields``.
    """

    def __init__(self, task: Task, fields: list[str], merged: State) -> None:
        self.task, self.fields, self.merged = task, fields, merged


def merge_edit(task: Task, wanted: State, base: State | None) -> State:
    """Return the fields to change so that the task gets what the edit changed since ``base``.

    ``base`` is the state that the form showed, or None if it is unknown. Raise EditConflict if a field has a newer
    change with a different value.
    """
    current = task.to_state()
    differing = [field for field in wanted if wanted[field] != current[field]]
    edited = [field for field in differing if base is None or wanted[field] != base[field]]
    if conflicts := [field for field in edited if base is None or current[field] != base[field]]:
        merged = {field: (wanted if field in edited else current)[field] for field in wanted}
        raise EditConflict(task, conflicts, merged)
    return {field: wanted[field] for field in edited}


def find_base(task: Task, version: int | None, newest_first: Iterable[JournalEntry]) -> State | None:
    """Return the state of the task at a version, read back from its journal entries. Return None if it is unknown."""
    state = task.to_state()
    if get_version(state) == version:
        return state
    for entry in newest_first:
        if any(state[field] != after for field, (_, after) in entry.changes.items()):
            return None  # something changed the task without a journal entry
        state = {**state, **{field: before for field, (before, _) in entry.changes.items()}}
        if state["created_at"] is None:
            return None
        if get_version(state) == version:
            return state
    return None
