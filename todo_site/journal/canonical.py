"""The texts of values in journal entries."""

from __future__ import annotations

from datetime import UTC, datetime


def to_rfc3339(time: datetime) -> str:
    """Return a time in UTC with microseconds and "Z"."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
