"""The canonical form of journal entries: the bytes that are hashed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any


def to_rfc3339(time: datetime) -> str:
    """Return a time in UTC with microseconds and "Z"."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def hash_record(record: dict[str, Any], previous: str) -> str:
    """Return the hash of an entry, from its record and the previous entry's hash ("" for the first entry).

    It is the hexadecimal SHA-256 of JSON in ASCII with sorted keys and no spaces. Every change to an entry, and every
    entry added, removed or moved, changes all later hashes. ``static/site/verify_journal.py`` checks them.
    """
    text = json.dumps({**record, "previous": previous}, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
