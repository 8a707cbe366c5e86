"""Conversions of a task's state: its columns as text, as the journal and the importers keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from todo_site.journal.models import State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_FIELDS = ("created_at", "updated_at")


def state_to_fields(state: State) -> dict[str, Any]:
    """Return the values of a task's columns."""
    return {
        field: datetime.fromisoformat(value) if value and field in TIME_FIELDS else value
        for field, value in state.items()
    }


def get_version(state: State) -> int:
    """Return the version of a task: the time of its last change in microseconds since 1970."""
    changed_at = datetime.fromisoformat(str(state["updated_at"]))
    return (changed_at - EPOCH) // timedelta(microseconds=1)


def version_to_time(version: int) -> datetime:
    """Return the time of the last change of a task that has this version."""
    return EPOCH + timedelta(microseconds=version)
